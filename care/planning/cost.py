"""Parts and cost of what would go by SMS, from the texts as each customer would get them.

Up to `EXACT_UP_TO` recipients every text is rendered. Above that every set gives a sample, drawn by the household's
lot, and parts are reckoned up per set, language and country.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from care.base.errors import CareError
from care.base.vocabulary import Channel
from care.campaigns.occasion import OccasionFacts
from care.campaigns.rendering import Renderer, RenderError
from care.customers.tables import contact_point, customer, suppression
from care.messages.model import MessageStatus
from care.planning.forecast import Cell, beside_the_ledger, first_channel, still_to_go
from care.planning.permission import silences
from care.planning.selection import OwedSet

EXACT_UP_TO = 10_000
LEAST_SAMPLE = 50

Stratum = tuple[str, str | None]
"""Country and language: within one set the texts of a stratum are of much the same length."""


@dataclass(frozen=True, kw_only=True)
class Pricing:
    """How messages are put into words and paid: everything of the operator's that parts and cost depend on."""

    renderer: Renderer
    locale: str
    timezone: str
    currency: str
    prices: Mapping[str, Decimal]  # per part and country, in major units
    country_of: Callable[[str, str], str]  # number and the customer's country -> where the number lives
    home: str  # country of the operator


@dataclass(kw_only=True)
class Tally:
    """Parts and cost of some recipients; `unpriced` are countries without a price, `problems` templates that fail."""

    recipients: int = 0  # by SMS
    rendered: int = 0
    parts: float = 0.0
    abroad: float = 0.0  # of the parts: those to other countries than the operator's
    cost: Decimal = Decimal(0)
    unpriced: set[str] = field(default_factory=set)
    problems: dict[str, int] = field(default_factory=dict)

    @property
    def parts_each(self) -> float:
        """Return the parts of one message; 1 where no text could be rendered."""
        return self.parts / self.recipients if self.recipients and self.parts else 1.0

    @property
    def is_exact(self) -> bool:
        """Tell whether every text was rendered."""
        return self.rendered == self.recipients

    def add(self, other: "Tally") -> None:
        """Take another tally in."""
        self.recipients += other.recipients
        self.rendered += other.rendered
        self.parts += other.parts
        self.abroad += other.abroad
        self.cost += other.cost
        self.unpriced |= other.unpriced
        for problem, count in other.problems.items():
            self.problems[problem] = self.problems.get(problem, 0) + count


def sampling(cells: Sequence[Cell], *, exact_up_to: int = EXACT_UP_TO) -> Callable[[int], int]:
    """Return a function from a set's recipients to its step: 1 renders every text, n every n-th customer's."""
    total = sum(cell.count for cell in cells if goes_by_sms(cell))

    def step(recipients: int) -> int:
        if total <= exact_up_to:
            return 1
        wanted = max(LEAST_SAMPLE, recipients * exact_up_to // total)
        return max(1, recipients // wanted)

    return step


def goes_by_sms(cell: Cell) -> bool:
    """Tell whether the cell's messages are to be sent, as SMS."""
    return cell.would_go and cell.channel is Channel.SMS


def stratum_of(cell: Cell) -> Stratum:
    """Return whose texts are like those of a cell."""
    return cell.country, cell.locale


def tally_set(
    conn: sa.Connection, owed: OwedSet, cells: Sequence[Cell], pricing: Pricing, *, step: int
) -> dict[Stratum, Tally]:
    """Return parts and cost of one set by country and language, rendered for every `step`-th customer."""
    strata: dict[Stratum, int] = {}
    for cell in cells:
        if goes_by_sms(cell):
            key = stratum_of(cell)
            strata[key] = strata.get(key, 0) + cell.count
    if not strata:
        return {}
    seen: dict[Stratum, Tally] = {}
    for row in _recipients(conn, owed, step):
        tally = seen.setdefault((row["country"], row["locale"]), Tally())
        _count(tally, owed, row, pricing)
    return _reckoned_up(strata, seen)


def _reckoned_up(strata: Mapping[Stratum, int], seen: Mapping[Stratum, Tally]) -> dict[Stratum, Tally]:
    """Return what each stratum comes to by its own sample, or by that of the whole set where it has none."""
    whole, result = Tally(), dict[Stratum, Tally]()
    for tally in seen.values():
        whole.add(tally)
    for key, count in strata.items():
        sample = seen.get(key, whole)
        factor = count / sample.rendered if sample.rendered else 0
        result[key] = Tally(
            recipients=count,
            rendered=seen[key].rendered if key in seen else 0,
            parts=sample.parts * factor,
            abroad=sample.abroad * factor,
            cost=sample.cost * Decimal(factor),
            unpriced=sample.unpriced,
            problems={problem: round(n * factor) for problem, n in sample.problems.items()},
        )
    return result


def _recipients(conn: sa.Connection, owed: OwedSet, step: int) -> Iterator[Mapping[str, Any]]:
    """Yield customers who are still to be sent an SMS, with `owed_occasion`, `owed_address` and what is spoken of.

    The columns of what is spoken of are prefixed.
    """
    rows = owed.rows().subquery("owed")
    query = (
        sa.select(
            *customer.c,
            rows.c.occasion.label("owed_occasion"),
            _address(owed).label("owed_address"),
        )
        .select_from(beside_the_ledger(owed, rows))
        .where(rows.c.status == str(MessageStatus.PLANNED), first_channel(owed) == str(Channel.SMS), still_to_go())
    )
    told = owed.due.spoken_of
    if told is not None:
        query = query.add_columns(*(column.label(f"subject_{column.name}") for column in told.c))
        query = query.join(told, told.c.external_id == rows.c.subject)
    if step > 1:
        query = query.where(customer.c.draw % step == 0)
    for row in conn.execute(query).mappings():
        yield dict(row)


def _address(owed: OwedSet) -> sa.ScalarSelect[str]:
    silenced = (
        sa.exists()
        .where(suppression.c.address_hash == contact_point.c.address_hash, silences(owed.campaign.purpose))
        .correlate(contact_point)
    )
    mine = sa.and_(contact_point.c.customer_id == customer.c.id, contact_point.c.channel == str(Channel.SMS))
    first = sa.select(contact_point.c.address).where(mine, sa.not_(silenced)).order_by(contact_point.c.position)
    return first.limit(1).correlate(customer).scalar_subquery()


def _count(tally: Tally, owed: OwedSet, row: Mapping[str, Any], pricing: Pricing) -> None:
    tally.recipients += 1
    tally.rendered += 1
    try:
        rendered = pricing.renderer.render(owed.campaign, Channel.SMS, _facts(owed, row, pricing))
    except RenderError as error:
        missing = ", ".join(error.missing)
        problem = f"template {error.template}/{error.locale}: {f'missing {missing}' if missing else error.problem}"
        tally.problems[problem] = tally.problems.get(problem, 0) + 1
        return
    except CareError as error:
        tally.problems[str(error)] = tally.problems.get(str(error), 0) + 1
        return
    tally.parts += rendered.parts
    country = pricing.country_of(row["owed_address"], row["country"])
    if country != pricing.home:
        tally.abroad += rendered.parts
    price = pricing.prices.get(country)
    if price is None:
        tally.unpriced.add(country)
    else:
        tally.cost += price * rendered.parts


def _facts(owed: OwedSet, row: Mapping[str, Any], pricing: Pricing) -> OccasionFacts:
    subject = {name.removeprefix("subject_"): value for name, value in row.items() if name.startswith("subject_")}
    return OccasionFacts(
        occasion=row["owed_occasion"],
        occasion_on=owed.occasion_on,
        locale=row["locale"] or pricing.locale,
        zone=row["timezone"] or pricing.timezone,
        currency=pricing.currency,
        customer=row,
        subject=subject or None,
    )
