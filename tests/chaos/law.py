"""The law of conservation: what the provider really took, against what a sender says.

The accept log of the provider is the only truth here. Of everyone who was to be told the sender must say either that
it is done, and then it is, or by name that it is not, or that it is in doubt. Nobody may be told twice, but for what
is to arrive at least once: one copy more, and only of what was in doubt.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from care.base.vocabulary import Delivery

SAID_SENT = frozenset({"accepted", "sent", "delivered", "undelivered", "unconfirmed"})
"""Statuses that claim that the provider has it."""

SAID_OPEN = frozenset({"planned", "held", "sending"})
SAID_NEVER = frozenset({"failed", "skipped", "expired", "cancelled"})
IN_DOUBT = "unknown"


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What one run came to, in messages."""

    planned: int
    accepted: int  # by the provider, each counted once
    copies: int  # beyond the first
    forbidden: int  # copies that the class of the message does not allow
    lost: int  # nobody took it, and the sender has no row or says it is sent
    denied: int  # the provider took it, and the sender says it never went
    doubt: int  # `unknown`: listed by name, sent or not
    open: int
    named: Counter[str] = field(default_factory=Counter)  # ended without having gone, by status

    @property
    def balances(self) -> bool:
        """Tell whether planned = sent + doubt + open + named, with nothing lost, denied or doubled against its class."""
        return not (self.lost or self.denied or self.forbidden)

    def __str__(self) -> str:
        named = "".join(f", {count} {status}" for status, count in sorted(self.named.items()))
        return (
            f"{self.planned} planned, {self.accepted} taken, {self.copies} copies, {self.lost} lost, "
            f"{self.denied} denied, {self.doubt} in doubt, {self.open} open{named}"
        )


def tally(
    everyone: Mapping[str, Delivery],
    taken: Counter[str],
    standing: Mapping[str, str],
    doubted: Collection[str] = (),
) -> Tally:
    """Hold a sender's word against the accept log.

    `everyone` says by address what class the message is of; `taken` and `standing` speak of addresses too, the
    latter is the sender's status of each; `doubted` are those of which any try was ever in doubt.
    """
    doubled = {to: count - 1 for to, count in taken.items() if count > 1}
    may_wait = {to for to in doubted if everyone.get(to) is Delivery.AT_LEAST_ONCE}
    return Tally(
        planned=len(everyone),
        accepted=len(taken),
        copies=sum(doubled.values()),
        forbidden=sum(max(0, extra - allowed_copies(everyone.get(to), to in doubted)) for to, extra in doubled.items()),
        lost=sum(1 for to in everyone if to not in taken and standing.get(to) in {None, *SAID_SENT}),
        denied=sum(1 for to in taken if _denies(standing.get(to), may_wait=to in may_wait)),
        doubt=sum(1 for status in standing.values() if status == IN_DOUBT),
        open=sum(1 for status in standing.values() if status in SAID_OPEN),
        named=Counter(status for to, status in standing.items() if to not in taken and status in SAID_NEVER),
    )


def allowed_copies(delivery: Delivery | None, was_in_doubt: bool) -> int:
    """Return how many copies beyond the first a message of this class may have."""
    return int(delivery is Delivery.AT_LEAST_ONCE and was_in_doubt)


def _denies(status: str | None, *, may_wait: bool) -> bool:
    """Tell whether a sender's word is wrong about what the provider has.

    What must arrive and was in doubt may wait for one more try, as nobody could tell.
    """
    return status is None or status in SAID_NEVER or (status in SAID_OPEN and not may_wait)
