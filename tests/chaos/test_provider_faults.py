"""Rows 3 and 4: a provider that fails before and after it accepts, and receipts in any order."""

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care.base.database import metadata, open_engine, write
from care.base.vocabulary import Channel, Purpose
from care.delivery.channels.base import Outgoing, Result
from care.delivery.incarnation import recover
from care.delivery.model import Claimed, Contact, Prepared, Ready
from care.delivery.receipts import apply_receipts
from care.delivery.record import Answer, record_answers
from care.messages.model import Outcome
from care.messages.tables import attempt, message
from tests.chaos.conftest import Figures, Scale, SetStage
from tests.chaos.stage import Stage
from tests.delivery.ledger_rows import AT, receipt_of, reset_to_one_accepted

BEFORE = ("500", "503", "cut")
AFTER = ("500-after", "503-after", "lost-reply")
REFUSALS = ("429", "21614")


def rates(each: float) -> dict[str, float]:
    """Return how often each fault comes; a tenth of all in doubt, and the provider would be closed as row 19 plays."""
    return {**dict.fromkeys((*BEFORE, *AFTER), each), **dict.fromkeys(REFUSALS, 0.06)}


pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


class TestAFailingProvider:
    @pytest.mark.crash
    def test_brings_only_the_uncertain_into_doubt(self, stage: SetStage, scale: Scale, figures: Figures):
        """429 and refusals never; errors and silence do, and the receipt tells who has it after all."""
        people = scale.of(200, 2_000)
        script = {"create_rates": rates(scale.of(0.03, 0.008))}
        with stage(people, script, SMS__RATE_PER_SECOND="500") as stood, stood.made.running("web"):
            stood.drain(600)
            stood.hear(120)
            faults = stood.twilio.report()["faults"]
            found, doubted, still = stood.check(), ever_in_doubt(stood), found_in(stood, "unknown")
            refused = stood.ask("SELECT count(*) FROM attempt WHERE outcome = 'refused'")[0][0]
        drawn = sum(faults.values())
        before, after = sum(faults.get(name, 0) for name in BEFORE), sum(faults.get(name, 0) for name in AFTER)
        figures.show(
            3,
            f"{drawn} faults in {people} calls",
            f"at most {before + after} ever in doubt, {before} still",
            f"{doubted} ever, {still} still, {found}",
        )
        assert min(before, after) > 0
        assert before <= doubted <= before + after  # a receipt may come before our own call gives up
        assert still == before
        assert refused == sum(faults.get(name, 0) for name in REFUSALS) > 0


def ever_in_doubt(stood: Stage) -> int:
    return int(stood.ask("SELECT count(*) FROM move WHERE status = 'unknown'")[0][0])


def found_in(stood: Stage, status: str) -> int:
    return stood.made.statuses().get(status, 0)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Connection]:
    """One message on its way, in a transaction that is never committed."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('order') / 'care.db'}")
    with write(engine) as conn:
        metadata.create_all(conn)
        reset_to_one_accepted(conn)
        lease = {"lease_owner": 1, "lease_until": AT, "sent_at": None}
        conn.execute(sa.update(message).values(status="sending", **lease))
        conn.execute(sa.update(attempt).values(outcome="intent", provider_ref=None))
        yield conn
    engine.dispose()


def answer() -> Answer:
    """What our own call brought: accepted."""
    claimed = Claimed(
        id=1,
        campaign_id="birthday",
        occasion="birthday:solar-2026",
        customer_id=1,
        leg="main",
        purpose=Purpose.GREETING,
        due_at=AT,
        use_by=AT + timedelta(seconds=1),
        attempts=0,
        occasion_on=AT.date(),
    )
    contact = Contact(channel=Channel.SMS, address="", address_hash="h" * 32)
    words = {"text": "", "subject": "", "html": "", "parts": 1, "locale": "", "template": "", "country": ""}
    prepared = Prepared(message=claimed, contact=contact, **words)
    outgoing = Outgoing(attempt_id=1, message_id=1, token="t" * 22, to="", body="", valid_until=AT)
    ready = Ready(prepared=prepared, outgoing=outgoing, leaves_at=0.0, leave_by=0.0)
    return Answer(ready=ready, result=Result(attempt_id=1, outcome=Outcome.ACCEPTED, provider_ref="SM1"), at=AT)


EVENTS = ("answer", "death", "queued", "sent", "delivered", "undelivered", "read")


def happen(conn: sa.Connection, event: str, hours: int) -> None:
    """Let one thing happen, each an hour after the one before."""
    now, dice = AT + timedelta(hours=hours), random.Random(1)
    if event == "answer":
        record_answers(conn, [answer()], now=now, dice=dice)
    elif event == "death":
        recover(conn, 0, dead=[1], now=now)
    else:
        apply_receipts(conn, [receipt_of(event)], now=now, dice=dice)


@contextmanager
def taken_back(conn: sa.Connection) -> Iterator[None]:
    point = conn.begin_nested()
    yield
    point.rollback()


def end_of(conn: sa.Connection, events: tuple[str, ...]) -> tuple[str, str, str | None]:
    """Return the status, and what the attempt says."""
    with taken_back(conn):
        for hours, event in enumerate(events):
            happen(conn, event, hours)
        status = conn.execute(sa.select(message.c.status)).scalar_one()
        made = conn.execute(sa.select(attempt.c.outcome, attempt.c.provider_ref)).one()
    return status, made.outcome, made.provider_ref


class TestAnyOrderOfEvents:
    def test_ends_in_one_state(self, ledger: sa.Connection, scale: Scale, figures: Figures):
        """Our answer, the sender's death and receipts, some doubled: every order of them gives the same end."""
        orders, most = 0, scale.of(5, 6)

        @given(st.lists(st.sampled_from(EVENTS), min_size=2, max_size=most))
        @settings(
            max_examples=scale.of(40, 150),
            deadline=None,
            derandomize=not scale.is_long,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def every_order(events: list[str]) -> None:
            nonlocal orders
            asked = set(itertools.permutations(events))
            orders += len(asked)
            assert len({end_of(ledger, order) for order in asked}) == 1, sorted(events)

        every_order()
        figures.show(4, f"{orders} orders of up to {most} events", "one state each", "one state each")


class TestTheOrderThatComesFirst:
    def test_is_not_the_only_one_that_is_looked_at(self, ledger: sa.Connection):
        """The comparison sees more than nothing: with and without a receipt the ends differ."""
        assert end_of(ledger, ("answer",)) != end_of(ledger, ("answer", "delivered"))
        assert end_of(ledger, ("death",)) != end_of(ledger, ("death", "answer"))
