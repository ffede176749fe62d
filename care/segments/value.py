"""The monthly ranking: who is in the top share of their customer type, and who stays in one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
import structlog

from care.base.database import bigint_key, insert
from care.customers.tables import customer
from care.segments.book import SegmentBook
from care.segments.fields import STANDARD, TOP_PERCENT
from care.segments.model import Rule, Share, band_key
from care.segments.tables import customer_value, segment_member, value_run

log = structlog.get_logger()

CHUNK = 10_000
"""Customers per writing transaction, so that nobody waits long for the lock."""
GROWTH = 1.25
"""So many times the customers of the last ranking, and it no longer speaks for them."""
MEASURES = {field.name: customer.c[field.column] for field in STANDARD if TOP_PERCENT in field.allowed}

_scratch = sa.MetaData()
_rank = sa.Table(
    "value_rank",
    _scratch,
    sa.Column("customer_id", bigint_key(), primary_key=True, autoincrement=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("out_of", sa.Integer, nullable=False),
    sa.Column("percent", sa.Integer, nullable=False),
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A ranked group with hysteresis that some rule uses: its members are remembered from month to month."""

    measure: str
    share: Share

    @property
    def key(self) -> str:
        """Return the name the members are remembered under."""
        return band_key(self.measure, self.share)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesComputed:
    """What one run did: ranked customers per measure, members per band."""

    ranked: dict[str, int]
    members: dict[str, int]


def bands_of(book: SegmentBook, rules: Iterable[Rule] = ()) -> tuple[Band, ...]:
    """Return every band with hysteresis that the segments, or rules outside the book, mention."""
    leaves = [leaf for rule in (*(segment.rule for segment in book), *rules) for leaf in book.leaves(rule)]
    bands = {
        Band(measure=leaf.field, share=leaf.value)
        for leaf in leaves
        if leaf.operator == TOP_PERCENT and leaf.value.leave > leaf.value.enter
    }
    return tuple(sorted(bands, key=lambda band: band.key))


def compute_values(
    engine: sa.Engine, *, as_of: date, now: datetime, bands: Iterable[Band] = (), chunk: int = CHUNK
) -> ValuesComputed:
    """Rank active customers by each measure within their customer type, and settle who is in each band.

    Customers without a figure are left out; equal figures rank by id. Ranks are worked out in a temporary table
    without a lock and taken over in short transactions of `chunk` customers. Running it again, also after a crash
    half-way, gives the same result. Bands that no rule uses any more are forgotten.
    """
    bands = tuple(bands)
    ranked: dict[str, int] = {}
    with engine.connect() as connection:
        for measure in MEASURES:
            mine = [band for band in bands if band.measure == measure]
            with _ranking(connection, measure) as count:
                ranked[measure] = count
                for span in _spans(connection, chunk):
                    _take_over(connection, measure, mine, span, as_of=as_of, now=now)
        with _transaction(connection, write=True):
            members = _finish(connection, bands, as_of=as_of, now=now, ranked=max(ranked.values(), default=0))
    log.info("segments.values.computed", as_of=as_of.isoformat(), ranked=ranked, members=members)
    return ValuesComputed(ranked=ranked, members=members)


def values_are_stale(connection: sa.Connection, as_of: date) -> bool:
    """Tell whether customers are to be ranked on the day of `as_of`.

    That is once a month, and again when an import has brought the first figures or many new customers since.
    """
    last = connection.execute(sa.select(value_run).order_by(value_run.c.as_of.desc()).limit(1)).one_or_none()
    if last is None or last.as_of < as_of.replace(day=1):
        return True
    if _newest_customer(connection) > last.newest_customer_id * GROWTH:
        return True
    return last.ranked == 0 and _has_figures(connection)


def awaits_ranking(connection: sa.Connection, book: SegmentBook, rules: Iterable[Rule], as_of: date) -> bool:
    """Tell whether one of the rules asks for a top share of customers who are to be ranked first."""
    asks = any(leaf.operator == TOP_PERCENT for rule in rules for leaf in book.leaves(rule))
    return asks and values_are_stale(connection, as_of)


def _newest_customer(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.max(customer.c.id))).scalar() or 0


def _has_figures(connection: sa.Connection) -> bool:
    some = sa.or_(*(figure.is_not(None) for figure in MEASURES.values()))
    anyone = sa.select(customer.c.id).where(some, customer.c.status == "active", customer.c.erased_at.is_(None))
    return connection.execute(anyone.limit(1)).first() is not None


@contextmanager
def _transaction(connection: sa.Connection, *, write: bool) -> Iterator[None]:
    connection.execution_options(care_write=write)
    with connection.begin():
        yield


@contextmanager
def _ranking(connection: sa.Connection, measure: str) -> Iterator[int]:
    """Fill the temporary table with the ranks of one measure; it lives as long as the block."""
    with _transaction(connection, write=False):
        _rank.create(connection)
        connection.execute(sa.insert(_rank).from_select([column.name for column in _rank.c], _ranks(measure)))
        count = connection.execute(sa.select(sa.func.count()).select_from(_rank)).scalar_one()
    try:
        yield count
    finally:
        with _transaction(connection, write=False):
            _rank.drop(connection)


def _ranks(measure: str) -> sa.Select[tuple[int, int, int, int]]:
    value, kind = MEASURES[measure], customer.c.customer_type
    place = sa.func.row_number().over(partition_by=kind, order_by=(value.desc(), customer.c.id))
    count = sa.func.count().over(partition_by=kind)
    numbered = (
        sa.select(customer.c.id, place.label("rank"), count.label("out_of"))
        .where(value.is_not(None), customer.c.status == "active", customer.c.erased_at.is_(None))
        .subquery()
    )
    percent = (numbered.c.rank * 100 + numbered.c.out_of - 1) // numbered.c.out_of
    return sa.select(numbered.c.id, numbered.c.rank, numbered.c.out_of, percent.label("percent"))


def _spans(connection: sa.Connection, chunk: int) -> Iterator[tuple[int, int]]:
    """Return ranges of customer ids `(after, last)` that together hold every customer."""
    after = 0
    while True:
        ahead = sa.select(customer.c.id).where(customer.c.id > after).order_by(customer.c.id).limit(chunk).subquery()
        with _transaction(connection, write=False):
            last = connection.execute(sa.select(sa.func.max(ahead.c.id))).scalar()
        if last is None:
            return
        yield after, last
        after = last


def _take_over(
    connection: sa.Connection,
    measure: str,
    bands: Iterable[Band],
    span: tuple[int, int],
    *,
    as_of: date,
    now: datetime,
) -> None:
    """Write the ranks of one range of customers and settle its members, in one short transaction."""
    with _transaction(connection, write=True):
        connection.execute(_upsert_ranks(connection, measure, span, as_of=as_of, now=now))
        mine = sa.and_(customer_value.c.measure == measure, customer_value.c.customer_id.in_(_unranked_in(span)))
        connection.execute(sa.delete(customer_value).where(mine))
        for band in bands:
            _settle(connection, band, span, as_of=as_of)


def _ranked_in(span: tuple[int, int], *more: sa.ColumnElement[bool]) -> sa.Select[tuple[int]]:
    """Return the ranked customers of a range who are still there: one may have been deleted meanwhile."""
    still_there = sa.select(customer.c.id).where(_within(customer.c.id, span))
    return sa.select(_rank.c.customer_id).where(
        _within(_rank.c.customer_id, span), _rank.c.customer_id.in_(still_there), *more
    )


def _unranked_in(span: tuple[int, int], *allowed: sa.ColumnElement[bool]) -> sa.Select[tuple[int]]:
    """Return the customers of a range who have no rank, or none that is `allowed`."""
    ranked = sa.exists().where(_rank.c.customer_id == customer.c.id, *allowed).correlate(customer)
    return sa.select(customer.c.id).where(_within(customer.c.id, span), sa.not_(ranked))


def _within(column: sa.ColumnElement[int], span: tuple[int, int]) -> sa.ColumnElement[bool]:
    return sa.and_(column > span[0], column <= span[1])


def _upsert_ranks(
    connection: sa.Connection, measure: str, span: tuple[int, int], *, as_of: date, now: datetime
) -> sa.Executable:
    stamps = {"as_of": sa.literal(as_of, sa.Date), "computed_at": sa.literal(now, customer_value.c.computed_at.type)}
    ranks = ("rank", "out_of", "percent")
    rows = _ranked_in(span).add_columns(
        sa.literal(measure, sa.String), *(_rank.c[name] for name in ranks), *stamps.values()
    )
    statement = insert(connection, customer_value).from_select(["customer_id", "measure", *ranks, *stamps], rows)
    changed = {name: statement.excluded[name] for name in (*ranks, *stamps)}
    upsert: sa.Executable = statement.on_conflict_do_update(index_elements=["customer_id", "measure"], set_=changed)
    return upsert


def _settle(connection: sa.Connection, band: Band, span: tuple[int, int], *, as_of: date) -> None:
    """Let those go who fell below the share for leaving, and take those in who rank within the share for entering."""
    leaving = _unranked_in(span, _rank.c.percent <= band.share.leave)
    mine = sa.and_(segment_member.c.segment == band.key, segment_member.c.customer_id.in_(leaving))
    connection.execute(sa.delete(segment_member).where(mine))
    entering = _ranked_in(span, _rank.c.percent <= band.share.enter).add_columns(
        sa.literal(band.key, sa.String), sa.literal(as_of, sa.Date)
    )
    into = insert(connection, segment_member).from_select(["customer_id", "segment", "since"], entering)
    connection.execute(into.on_conflict_do_nothing())


def _finish(
    connection: sa.Connection, bands: Iterable[Band], *, as_of: date, now: datetime, ranked: int
) -> dict[str, int]:
    """Forget bands that no rule uses, record the run, and return the members per band."""
    keys = [band.key for band in bands]
    connection.execute(sa.delete(segment_member).where(segment_member.c.segment.not_in(keys)))
    figures = {"computed_at": now, "ranked": ranked, "newest_customer_id": _newest_customer(connection)}
    run = insert(connection, value_run).values(as_of=as_of, **figures)
    connection.execute(run.on_conflict_do_update(index_elements=["as_of"], set_=figures))
    counted = connection.execute(
        sa.select(segment_member.c.segment, sa.func.count().label("members")).group_by(segment_member.c.segment)
    )
    return dict.fromkeys(keys, 0) | {row.segment: row.members for row in counted}
