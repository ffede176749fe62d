"""What the ticket system is told: signed, again until it is taken, and given up by name."""

import base64
import hashlib
import hmac
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.inbound.events.outgoing import (
    NOBODY,
    Fate,
    Told,
    forget_untold,
    list_webhooks,
    send_again,
    tell,
    untold,
)
from care.inbound.events.outgoing_sending import BATCH, Receiver, send_due
from care.inbound.events.outgoing_wire import FIRST_WAIT, LONGEST_WAIT, body_of, headers_of, wait_after
from care.inbound.events.store import issued_by_us
from care.inbound.events.tables import outgoing_webhook
from tests.inbound.events.ticket_system import TicketSystem, ticket_system

SECRET = b"a secret of exactly thirty bytes"


@pytest.fixture
def system() -> Iterator[TicketSystem]:
    with ticket_system() as found:
        yield found


def told(engine: sa.Engine, clock: VirtualClock, count: int = 1) -> list[str]:
    with write(engine) as conn:
        return [tell(conn, Told.CASE_OPENED, {"case": n}, now=clock.now()) for n in range(count)]


def send(engine: sa.Engine, system: TicketSystem, clock: VirtualClock, **changed: Any) -> int:
    limits = {"timeout": timedelta(seconds=2), "give_up_after": timedelta(days=5)}
    receiver = Receiver(url=system.url, secret=SECRET, **{**limits, **changed})
    return send_due(engine, receiver, clock=clock, dice=random.Random(7))


def rows(engine: sa.Engine) -> list[Any]:
    with read(engine) as conn:
        return list(conn.execute(sa.select(outgoing_webhook).order_by(outgoing_webhook.c.id)))


class TestSigning:
    def test_is_what_the_specification_says(self) -> None:
        """The example of the specification, worked out by hand."""
        at = datetime(2026, 9, 25, 2, tzinfo=UTC)
        headers = headers_of("msg_1", b'{"a":1}', secret=SECRET, at=at)
        signed = f"msg_1.{int(at.timestamp())}.".encode() + b'{"a":1}'
        wanted = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{wanted}"
        assert headers["webhook-timestamp"] == str(int(at.timestamp()))

    @given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
    def test_covers_the_same_bytes_at_every_try(self, data: dict[str, str]) -> None:
        """A payload that went through the database gives the body it gave before."""
        assert body_of(json.loads(body_of(data))) == body_of(data)

    @given(st.integers(1, 10_000), st.integers(0, 2**32))
    def test_waits_longer_each_time_but_never_for_ever(self, tries: int, seed: int) -> None:
        """Half to all of the doubled wait, at most three hours."""
        wait = wait_after(tries, random.Random(seed))
        ceiling = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(tries - 1, 20))
        assert ceiling / 2 <= wait <= ceiling


class TestSending:
    def test_tells_once(self, engine: sa.Engine, clock: VirtualClock, system: TicketSystem) -> None:
        """Taken is taken; the receiver can check the signature."""
        ids = told(engine, clock, 3)
        assert send(engine, system, clock) == 3
        clock.advance(timedelta(days=1))
        assert send(engine, system, clock) == 0

        assert sorted(system.ids) == sorted(ids)
        for heard in system.heard:
            signed = f"{heard.id}.{heard.headers['webhook-timestamp']}.".encode() + heard.body
            wanted = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
            assert heard.headers["webhook-signature"] == f"v1,{wanted}"
            assert json.loads(heard.body)["type"] == "case.opened"

    @pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
    def test_comes_again_with_the_same_id(
        self, engine: sa.Engine, clock: VirtualClock, system: TicketSystem, status: int
    ) -> None:
        """A refusal is tried again later, not at once; the body is the same, the signature is of the new time."""
        ids = told(engine, clock)
        system.answers = [status, 200]
        assert send(engine, system, clock) == 0
        assert send(engine, system, clock) == 0
        assert len(system.heard) == 1
        assert rows(engine)[0].problem == f"answered {status}"
        clock.advance(timedelta(minutes=1))
        assert send(engine, system, clock) == 1

        first, second = system.heard
        assert (first.id, second.id) == (ids[0], ids[0])
        assert first.body == second.body
        assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
        assert rows(engine)[0].problem is None

    def test_follows_nobody_elsewhere(self, engine: sa.Engine, clock: VirtualClock, system: TicketSystem) -> None:
        """A redirect is a refusal: what is signed goes to the address of the settings and nowhere else."""
        told(engine, clock)
        system.answers = [302]
        with ticket_system() as other:
            system.location = other.url
            assert send(engine, system, clock) == 0
            assert other.heard == []

    def test_waits_for_nobody_who_hangs(self, engine: sa.Engine, clock: VirtualClock, system: TicketSystem) -> None:
        """One time-out for all that are due; then later again."""
        told(engine, clock, BATCH + 1)
        system.hangs.set()
        assert send(engine, system, clock, timeout=timedelta(seconds=1.5)) == 0
        assert len(system.heard) == BATCH
        assert {row.problem for row in rows(engine)} == {"no answer in time", None}

    def test_outlives_a_receiver_that_is_away(self, engine: sa.Engine, clock: VirtualClock) -> None:
        """Nobody listens: the word for it is kept, and no address."""
        told(engine, clock)
        with ticket_system() as gone:
            pass
        assert send(engine, gone, clock) == 0
        (row,) = rows(engine)
        assert row.problem == "ClientConnectorError"
        assert (row.done_at, row.tries) == (None, 1)

    def test_gives_up_by_name(self, engine: sa.Engine, clock: VirtualClock, system: TicketSystem) -> None:
        """After the days of the settings; that is counted for the alarm, and the row stays."""
        told(engine, clock)
        system.answers = [500]
        for _ in range(60):
            send(engine, system, clock)
            clock.advance(timedelta(hours=3))
        (row,) = rows(engine)
        assert row.given_up_at is not None
        assert timedelta(days=5) <= row.given_up_at - row.created_at <= timedelta(days=5, hours=6)
        assert row.problem == "answered 500"
        tries = row.tries
        assert send(engine, system, clock) == 0
        assert rows(engine)[0].tries == tries
        with read(engine) as conn:
            since = clock.now() - row.given_up_at + timedelta(seconds=1)
            assert untold(conn, now=clock.now(), older_than=timedelta(hours=1), lately=since) == (0, 1)

    def test_is_sent_again_when_a_person_says_so(
        self, engine: sa.Engine, clock: VirtualClock, system: TicketSystem
    ) -> None:
        """Under the same id with the same body, for as long as a new one; what was not given up stays as it is."""
        ids, began = told(engine, clock, 2), clock.now()
        system.answers = [500, 200, 500]
        send(engine, system, clock)
        clock.advance(timedelta(days=6))
        send(engine, system, clock)
        (lost,) = [row.webhook_id for row in rows(engine) if row.given_up_at]
        with write(engine) as conn:
            assert send_again(conn, [*ids, "msg_x"], now=clock.now()) == [lost]
            assert send_again(conn, None, now=clock.now()) == []
            assert untold(conn, now=clock.now(), older_than=timedelta(hours=1), lately=timedelta(days=1)) == (0, 0)
        system.answers = [503, 200]
        assert send(engine, system, clock) == 0
        clock.advance(timedelta(minutes=1))
        assert send(engine, system, clock) == 1

        bodies = {heard.body for heard in system.heard if heard.id == lost}
        assert len(bodies) == 1
        with read(engine) as conn:
            assert issued_by_us(conn, ids) == dict.fromkeys(ids, began)
            found = {one["id"]: (one["state"], one["decided_at"]) for one in list_webhooks(conn, Fate.DONE, limit=9)}
        assert found == dict.fromkeys(ids, ("done", began))

    def test_counts_what_waits(self, engine: sa.Engine, clock: VirtualClock, system: TicketSystem) -> None:
        """An hour without being taken."""
        told(engine, clock, 2)
        for minutes, waiting in ((59, 0), (2, 2)):
            clock.advance(timedelta(minutes=minutes))
            with read(engine) as conn:
                found = untold(conn, now=clock.now(), older_than=timedelta(hours=1), lately=timedelta(days=1))
            assert found == (waiting, 0)

    def test_keeps_nothing_for_nobody(self, engine: sa.Engine, clock: VirtualClock, system: TicketSystem) -> None:
        """Without an address nothing piles up, and what was decided then is not told later."""
        told(engine, clock, 2)
        with write(engine) as conn:
            assert forget_untold(conn, now=clock.now()) == 2
        assert send(engine, system, clock) == 0
        assert {row.problem for row in rows(engine)} == {NOBODY}

    def test_is_never_told_what_was_not_decided(self, engine: sa.Engine, clock: VirtualClock) -> None:
        """A transaction that fails takes its webhook with it."""
        with pytest.raises(ZeroDivisionError), write(engine) as conn:
            tell(conn, Told.TICKET_REOPEN, {"case": 1}, now=clock.now())
            _ = 1 // 0
        assert rows(engine) == []


PROGRAM = """
import os, random, sys
from datetime import UTC, datetime, timedelta
from care.base.clock import SystemClock
from care.base.database import open_engine
from care.inbound.events.outgoing_sending import Receiver, send_due
sys.stdin.readline()
to = Receiver(url=sys.argv[2], secret=b"s" * 32, timeout=timedelta(seconds=5), give_up_after=timedelta(days=5))
send_due(open_engine(sys.argv[1]), to, clock=SystemClock(), dice=random.Random(1))
"""


@pytest.mark.crash
class TestKilled:
    def test_between_sending_and_noting_it_is_told_again(
        self, sqlite_engine: sa.Engine, system: TicketSystem, clock: VirtualClock
    ) -> None:
        """SIGKILL with the request in the receiver's hand; the next round tells it with the same id."""
        ids = told(sqlite_engine, clock)
        url = sqlite_engine.url.render_as_string(hide_password=False)
        command = [sys.executable, "-c", PROGRAM, url, system.url]
        with subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ}) as sender:
            system.kills = sender.pid
            assert sender.stdin is not None
            sender.stdin.write(b"go\n")
            sender.stdin.flush()
            assert sender.wait(60) == -9
        system.kills = None
        assert system.ids == ids
        (row,) = rows(sqlite_engine)
        assert row.done_at is None
        assert row.tries == 1
        clock.set(rows(sqlite_engine)[0].wake_at)
        assert send(sqlite_engine, system, clock) == 1
        assert system.ids == ids * 2
