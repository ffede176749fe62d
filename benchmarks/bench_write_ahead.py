"""P6: the full protocol against the same pipeline without write-ahead.

    python benchmarks/bench_write_ahead.py [--messages N] [--rounds N]

The reference is our own dispatcher, which judges, claims, paces and records with the same statements, but nothing of a
group is durable before it leaves: its transaction stays open until answers come, and attempts are written then, with
their outcome, at one stroke. A crash would lose them without a trace; it exists only to be measured. Rounds take turns.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa

from benchmarks import world as worlds
from benchmarks.bench_dispatch import sms_settings
from benchmarks.measure import SINK_FACTOR, Row, Spent, compare, in_turn, rate, say, table, timed
from benchmarks.sinks import ceiling, sink
from care.base.hot import Hot
from care.bootstrap import Services
from care.delivery import claiming, committing, doorkeeper, intent, life, record
from care.delivery.committing import Committer
from care.delivery.dispatcher import Dispatcher
from care.delivery.doorkeeper import Choice, News
from care.delivery.intent import commit_intents
from care.delivery.lanes import Lane
from care.delivery.model import Prepared, Ready
from care.delivery.process import settle_memory
from care.delivery.record import Answer
from care.messages.intents import Intent
from care.messages.model import Outcome
from care.messages.tables import attempt, message

P6 = {"must": 0.7, "stretch": 0.9}
_WRITE = Hot(
    sa.insert(attempt).inline(),
    each=("id", "message_id", "n", "token", "address_hash", "parts", "body_digest", "provider_ref", "done_at"),
    common=("channel", "provider", "account", "incarnation", "outcome", "intent_at"),
)
_COUNT = message.c.attempts + 1


class LateLedger:
    """Keeps what would have been written before the send until the answer is there."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._conn: sa.Connection | None = None
        self._last_id = 0
        self._open: dict[int, tuple[Intent, dict[str, Any]]] = {}

    def begun(self) -> sa.Connection:
        """Return the transaction that is open, or begin one; it is not committed before the next `write`."""
        if self._conn is None:
            self._conn = self._engine.connect()
            self._conn.execution_options(care_write=True)
            self._conn.begin()
        return self._conn

    @contextmanager
    def write(self, _engine: sa.Engine) -> Iterator[sa.Connection]:
        """Write, and make durable with it whatever was left open."""
        conn = self.begun()
        try:
            yield conn
            conn.commit()
        finally:
            conn.close()
            self._conn = None

    def keep(
        self,
        conn: sa.Connection,
        rows: Sequence[Intent],
        *,
        channel: str,
        provider: str,
        incarnation: int,
        now: datetime,
        account: str | None = None,
    ) -> dict[int, int]:
        """Give attempts their numbers and keep them in memory; stands for `write_intents`."""
        if not self._last_id:
            self._last_id = conn.execute(sa.select(sa.func.coalesce(sa.func.max(attempt.c.id), 0))).scalar_one()
        shared = {"channel": str(channel), "provider": provider, "account": account}
        shared |= {"incarnation": incarnation, "intent_at": now}
        made = {}
        for row in rows:
            self._last_id += 1
            made[row[0]] = self._last_id
            self._open[self._last_id] = (row, shared)
        return made

    def write_attempts(self, conn: sa.Connection, answers: Sequence[Answer], others: Sequence[Answer]) -> None:
        """Write attempts with their outcome; stands for closing those that were written before."""
        assert not others, "the sink takes everything"
        groups: dict[int, tuple[dict[str, Any], list[Any]]] = {}
        for answer in answers:
            row, shared = self._open.pop(answer.result.attempt_id)
            made = (answer.result.attempt_id, *row, answer.result.provider_ref, answer.at)
            groups.setdefault(id(shared), (shared, []))[1].append(made)
        for shared, rows in groups.values():
            _WRITE.many(conn, rows, outcome=str(Outcome.ACCEPTED), **shared)


class LateCommitter(Committer):
    """Its intents are not durable before they leave: they wait until the next answers are written."""

    def __init__(self, committer: Committer, ledger: LateLedger) -> None:
        super().__init__(committer._work, committer._doors, committer._life)  # noqa: SLF001 - the reference is ours inside out
        self._ledger = ledger

    def commit(
        self,
        group: list[Prepared],
        lane: Lane,
        choice: Choice,
        answers: list[Answer],
        news: News | None,
    ) -> tuple[list[Ready] | None, float]:
        """Write answers with all that was left open, then leave the next group open."""
        if answers:
            self.write_answers(answers, news)
        clock, conn = self._work.clock, self._ledger.begun()
        outcome = commit_intents(
            conn,
            group,
            rules=self._work.rules,
            lane=lane,
            incarnation=self._life.number,
            now=clock.now(),
            monotonic=clock.monotonic(),
        )
        self._doors.committed(conn, group[0], choice, outcome.ready)
        return outcome.ready, 0.0


class WithoutWriteAhead(Dispatcher):
    """The same dispatcher with that committer."""

    def __init__(self, work: Any, ledger: LateLedger) -> None:
        super().__init__(work)
        self._committer = LateCommitter(self._committer, ledger)


@contextmanager
def late(engine: sa.Engine) -> Iterator[LateLedger]:
    """Let the dispatcher of this process write late."""
    ledger = LateLedger(engine)
    counted = record._accepted | {"attempts": _COUNT, "channel": "sms"}  # noqa: SLF001 - the reference is ours inside out
    accept = Hot(
        sa.update(message).where(record.among(message.c.id, "ids"), record._in_work).values(counted)  # noqa: SLF001
    )
    with (
        mock.patch.object(committing, "write", ledger.write),
        mock.patch.object(claiming, "write", ledger.write),
        mock.patch.object(doorkeeper, "write", ledger.write),
        mock.patch.object(life, "write", ledger.write),
        mock.patch.object(intent, "write_intents", ledger.keep),
        mock.patch.object(intent, "count_attempts", return_value=None),
        mock.patch.object(record, "_close_attempts", ledger.write_attempts),
        mock.patch.object(record, "_ACCEPT", accept),
    ):
        yield ledger


def dispatch_all(services: Services, count: int, *, ahead: bool) -> Spent:
    """Dispatch everything that is due, with intents written ahead or without."""
    worlds.make_due_again(services)
    work = services.work()
    settle_memory(work)
    sent = []

    def dispatch(made: Dispatcher) -> None:
        with asyncio.Runner(loop_factory=worlds.fast_loop()) as runner:
            sent.append(runner.run(made.run(asyncio.Event(), until_idle=True)))

    if ahead:
        spent = timed(lambda: dispatch(Dispatcher(work)))
    else:
        with late(services.engine) as ledger:
            spent = timed(lambda: dispatch(WithoutWriteAhead(work, ledger)))
    assert sent == [count], f"{sent} of {count} sent"
    check_same_end(services, count)
    return spent


def check_same_end(services: Services, count: int) -> None:
    """See that both leave the same ledger: every message accepted at its first attempt, which has its reference."""
    told = worlds.count_messages(services.engine, message.c.status == "accepted", message.c.attempts == 1)
    closed = sa.select(sa.func.count()).where(attempt.c.outcome == "accepted", attempt.c.provider_ref.is_not(None))
    with services.engine.connect() as conn:
        assert (told, conn.execute(closed).scalar_one()) == (count, count)


def measure(count: int, rounds: int, *, url: str = "") -> Row:
    """Return P6 on SQLite, or on the empty PostgreSQL database at `url`."""
    name = "PostgreSQL" if url else "SQLite"
    with sink("http") as port, worlds.world(channel="sms", settings=sms_settings(port), url=url) as services:
        worlds.add_customers(services, count)
        assert worlds.plan_now(services) == count
        say(f"P6 on {name}: {count:,} SMS with and without write-ahead")
        found = in_turn(
            rounds,
            lambda: dispatch_all(services, count, ahead=True),
            lambda: dispatch_all(services, count, ahead=False),
        )
        alone = ceiling("http", port)
    c = compare(found)
    return Row(
        row="P6",
        work=f"the full protocol, SMS, one process, {name}, uvloop",
        ours=rate(count, c.ours),
        reference=f"without write-ahead: {rate(count, c.reference)}",
        ratio=c.ratio,
        cpu_ratio=c.cpu_ratio,
        sink=f"{alone:,.0f}/s",
        is_sink_bound=alone < SINK_FACTOR * count / min(c.ours.wall, c.reference.wall),
        **P6,
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(table([measure(given.messages, given.rounds)]))


if __name__ == "__main__":
    main()
