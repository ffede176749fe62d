"""A campaign as the rest of the house sees it: audience, occasion, template, channels, limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from care.base.vocabulary import DELIVERIES, Channel, Delivery, Purpose
from care.campaigns.occasion import Occasion
from care.segments.model import Rule

MAIN_LEG = "main"
REMINDER_LEG = "reminder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """Who is left out on purpose, so that the effect can be measured: a share of households per group."""

    share: float  # 0.0 .. 1.0
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign file, checked.

    `id` never changes and keys the ledger; `name` may. `digest` changes with anything that alters what is sent.
    """

    id: str
    name: str
    title: Mapping[str, str]
    owner: str
    purpose: Purpose
    audience: Rule
    occasion: Occasion
    channels: tuple[Channel, ...]
    template: str
    use_within: timedelta
    reminder: str = ""  # template of the second word, where the occasion has one
    on_every_channel: bool = False  # one leg per channel instead of the first that reaches
    spread: timedelta | None = None  # over how long due times lie; None: what the rate needs, zero: not at all
    holdout: Holdout | None = None
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # name -> locale -> words ("" = any)
    delivery: Delivery | None = None  # None: the purpose's own
    path: Path | None = None
    digest: str = ""

    @property
    def delivery_class(self) -> Delivery:
        """Return what may be risked for a message whose answer was lost."""
        return self.delivery or DELIVERIES[self.purpose][0]

    @property
    def legs(self) -> tuple[tuple[str, tuple[Channel, ...]], ...]:
        """Return each leg with the channels it may use, in order."""
        if self.on_every_channel:
            return tuple((str(channel), (channel,)) for channel in self.channels)
        return ((MAIN_LEG, self.channels),)

    def channels_on(self, leg: str) -> tuple[Channel, ...]:
        """Return the channels that a leg may use, in order."""
        return dict(self.legs).get(leg, self.channels) if self.on_every_channel else self.channels

    def on_leg(self, leg: str) -> "Campaign":
        """Return the campaign with the words of a leg: a reminder has a template of its own."""
        return replace(self, template=self.reminder) if leg == REMINDER_LEG and self.reminder else self
