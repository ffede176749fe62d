"""Where the sample operator's customers live, and which telephone numbers they have."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from care.demo.dice import Dice

SANDBOX_MARK = "55"
"""Numbers that end in this and five digits fail on demand in the sandbox; nobody gets one by chance."""

_TAIL = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One country: its share of the customers, its language, zones with weights, areas, numbers by zone."""

    country: str
    share: float
    language: str
    zones: Mapping[str, float]
    areas: tuple[str, ...]
    prefixes: Mapping[str, tuple[str, ...]]  # first digits of E.164 by zone, "" for all zones; none: e-mail only
    free_digits: int = 0  # digits after the prefix

    @property
    def has_doubtful_zones(self) -> bool:
        """Tell whether the country alone does not tell the zone."""
        return len(self.zones) > 1


_US = (
    ("America/New_York", 0.6, ("212", "347", "646", "718", "917")),
    ("America/Los_Angeles", 0.4, ("213", "310", "415", "510", "619")),
)

MARKETS = (
    Market(
        country="CN",
        share=0.62,
        language="zh-CN",
        zones={"Asia/Shanghai": 1.0},
        areas=("中心区", "东区", "南区", "西区", "北区"),
        prefixes={"": tuple(f"+86{head}" for head in ("135", "136", "138", "139", "150", "158", "186", "187", "188"))},
        free_digits=8,
    ),
    Market(
        country="TW",
        share=0.17,
        language="zh-TW",
        zones={"Asia/Taipei": 1.0},
        areas=("中心區", "東區", "南區", "北區"),
        prefixes={"": ("+886912", "+886921", "+886933", "+886955", "+886988")},
        free_digits=6,
    ),
    Market(
        country="HK",
        share=0.05,
        language="zh-TW",
        zones={"Asia/Hong_Kong": 1.0},
        areas=("港島", "九龍", "新界"),
        prefixes={"": ("+852612", "+852912", "+852932")},
        free_digits=5,
    ),
    Market(
        country="SG",
        share=0.04,
        language="en",
        zones={"Asia/Singapore": 1.0},
        areas=("Central", "East", "North"),
        prefixes={"": ("+65812", "+65912")},
        free_digits=5,
    ),
    Market(
        country="US",
        share=0.08,
        language="en",
        zones={zone: weight for zone, weight, _ in _US},
        areas=("North", "South", "Downtown"),
        prefixes={zone: tuple(f"+1{code}55501" for code in codes) for zone, _, codes in _US},
        free_digits=2,
    ),
    Market(
        country="GB",
        share=0.04,
        language="en",
        zones={"Europe/London": 1.0},
        areas=("North", "South", "Riverside"),
        prefixes={},
    ),
)
"""The numbers 555-0100 to 555-0199 of the United States belong to nobody, so the customers there share them out, and
whoever comes too late has e-mail only. Britain's numbers for stories are not taken for valid ones: e-mail only. The
other countries keep none apart; numbers there are drawn at random, and the demo's channels send nothing.
"""

_FEW = 2


class NumberBook:
    """Hands out telephone numbers, each once."""

    def __init__(self, dice: Dice) -> None:
        """Draw from `dice`, so that the same seed gives the same numbers."""
        self._dice = dice
        self._taken: set[str] = set()
        self._listed: dict[str, deque[str]] = {}

    def draw(self, market: Market, zone: str) -> str:
        """Return a number nobody has yet, '' where there is none left."""
        prefixes = market.prefixes.get(zone) or market.prefixes.get("")
        if not prefixes:
            return ""
        if market.free_digits <= _FEW:
            return self._next_listed(zone, prefixes, market.free_digits)
        while True:
            digits = f"{self._dice.randrange(10**market.free_digits):0{market.free_digits}}"
            number = self._dice.choice(prefixes) + digits
            if number not in self._taken and not number[-_TAIL:].startswith(SANDBOX_MARK):
                self._taken.add(number)
                return number

    def _next_listed(self, zone: str, prefixes: tuple[str, ...], digits: int) -> str:
        if zone not in self._listed:
            every = [f"{prefix}{n:0{digits}}" for prefix in prefixes for n in range(10**digits)]
            self._dice.shuffle(every)
            self._listed[zone] = deque(every)
        return self._listed[zone].popleft() if self._listed[zone] else ""
