"""Scripted faults: what goes wrong, how often, or exactly when; seeded, so that a run can be repeated."""

import random
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from care.simulators.twilio.catalogue import FAILURES, Failure

#: Faults of a create request that are not a refusal; the package's docstring explains them.
KINDS: Final = frozenset(
    {"ok", "429", "500", "500-after", "503", "503-after", "cut", "lost-reply", "hang", "slow-reply", "late"}
)
_REPORTED: Final = 10_000

T = TypeVar("T")


class ScriptError(ValueError):
    """A script cannot be used; the text says which key and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackFaults:
    """What happens to webhooks on their way; the first three are probabilities."""

    lose: float = 0.0
    duplicate: float = 0.0
    shuffle: float = 0.0  # of a message: its callbacks are kept back and arrive in another order
    delay_seconds: tuple[float, float] | None = None  # each on its own, so they overtake each other


@dataclass(slots=True, kw_only=True)
class Script:
    """Faults to come; `Script()` is a provider without any."""

    seed: int = 0
    create: deque[str] = field(default_factory=deque)  # for the next creates, one each
    create_rates: dict[str, float] = field(default_factory=dict)
    outcomes: deque[int] = field(default_factory=deque)  # for the next accepted: an error code, or 0
    outcome_rates: dict[int, float] = field(default_factory=dict)
    hang_seconds: float = 5.0  # of `hang`, `slow-reply` and `late`
    max_in_flight: int | None = None  # more requests at a time are answered 429
    callbacks: CallbackFaults = field(default_factory=CallbackFaults)


class Faults:
    """Draws faults from a script and reports what it drew."""

    def __init__(self, script: Script) -> None:
        """Start the script's own random numbers."""
        self.script = script
        self.random = random.Random(script.seed)  # noqa: S311 - repeatable faults, no secret
        self.drawn: Counter[str] = Counter()
        self.log: list[tuple[int, str]] = []  # (request, fault), the first 10,000

    def next_create(self, request: int) -> str:
        """Return the fault of a create request, `ok` for none; `request` is its number for the report."""
        script = self.script
        if script.create:
            fault = script.create.popleft()
        elif script.create_rates:
            fault = self._draw(script.create_rates, "ok")
        else:
            return "ok"
        if fault != "ok":
            self.report(request, fault)
        return fault

    def next_outcome(self) -> Failure | None:
        """Return why the message just accepted will not arrive, None if it will."""
        script = self.script
        if script.outcomes:
            code = script.outcomes.popleft()
        elif script.outcome_rates:
            code = self._draw(script.outcome_rates, 0)
        else:
            return None
        return FAILURES.get(code)

    def report(self, request: int, fault: str) -> None:
        """Count a fault that happened."""
        self.drawn[fault] += 1
        if len(self.log) < _REPORTED:
            self.log.append((request, fault))

    def happens(self, probability: float) -> bool:
        """Throw the dice."""
        return probability > 0 and self.random.random() < probability

    def _draw(self, rates: Mapping[T, float], default: T) -> T:
        point = self.random.random()
        for choice, rate in rates.items():
            point -= rate
            if point < 0:
                return choice
        return default
