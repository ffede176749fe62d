"""What a plan is made of: one campaign leg on one local day, and the whole."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from care.base.vocabulary import Channel
from care.campaigns.model import Campaign
from care.messages.model import MessageStatus
from care.planning.admission import Admission
from care.planning.collisions import Collisions
from care.planning.cost import Tally
from care.planning.forecast import Cell, Withdrawal
from care.reports.plan_closed import Closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """What takes the room that a promise would need: so many parts of one campaign on the same sender."""

    campaign: str
    day: date | None  # None: of several days, or of a file that is not there; it waits in the ledger
    parts: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Whether what a day puts on one sender fits into the hours before its deadlines."""

    channel: Channel
    sender: str  # '' is the channel's own
    admission: Admission
    hours: str  # allowed on the day of the deadline: 08:00-21:00
    zone: str  # of those hours; '' where several must agree
    closed: Sequence[Closed] = ()  # times without a carrier in which some of it would have left
    beside: Sequence[Neighbour] = ()  # what takes the room of a refused promise that would fit alone, the most first


@dataclass(kw_only=True)
class PlanDay:
    """One campaign leg on one local day."""

    campaign: Campaign
    leg: str
    day: date
    qualify: int = 0  # everyone it is owed to, whether they may be written to or not
    new: int = 0  # rows the planner would add
    changed: int = 0  # unsent rows that an edit of the file would change
    by_status: Counter[MessageStatus] = field(default_factory=Counter)  # as the planner would enter them
    new_by_status: Counter[MessageStatus] = field(default_factory=Counter)  # of the new ones only
    skips: Counter[str] = field(default_factory=Counter)  # by reason; `late` are those whose time has passed
    to_send: Counter[Channel] = field(default_factory=Counter)  # still to go, by the channel tried first
    done: int = 0  # in the ledger and sent, or at their end
    tally: Tally = field(default_factory=Tally)
    start: datetime | None = None
    finish: datetime | None = None
    margin: timedelta | None = None  # least time between the last part and the end of use
    too_late: int = 0  # messages for which there would be no time
    judged: list[Judged] = field(default_factory=list)  # one per sender
    zoneless: int = 0  # customers without a time zone


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the next days would bring, day by day and campaign by campaign."""

    first: date
    last: date
    made_at: datetime
    days: Sequence[PlanDay]
    withdrawals: Sequence[Withdrawal]
    collisions: Collisions
    cells: Sequence[Cell]
    cancelled: Sequence[Campaign] = ()  # by hand: nothing of them is planned
    crowded: Sequence[tuple[PlanDay, Sequence[str]]] = ()  # fit as long as these campaigns wait for approval

    @property
    def tally(self) -> Tally:
        """Return parts and cost of all days."""
        whole = Tally()
        for day in self.days:
            whole.add(day.tally)
        return whole

    @property
    def new(self) -> int:
        """Return how many messages the planner would add."""
        return sum(day.new for day in self.days)
