"""Suspects are rendered in a process of their own, with limits; what kills it fails by name and alone."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.base.vocabulary import Channel
from care.delivery.apart import Apart
from care.delivery.claiming import Claimer
from care.delivery.incarnation import begin_incarnation, recover
from care.delivery.turns import Turns
from care.messages.store import claim_due
from care.messages.tables import message
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import House

POISON = """\
import os, signal, time
from care.delivery import prepare

healthy = prepare.Preparer.prepare

def fatal(self, claimed, now):
    if claimed.customer["external_id"] == {who!r}:
        {act}
    return healthy(self, claimed, now)

prepare.Preparer.prepare = fatal
"""
ACTS = {
    "os.kill(os.getpid(), signal.SIGKILL)": "rendering ended with SIGKILL",
    "os._exit(3)": "rendering ended with exit 3",
    "exec('while True: pass')": "rendering ended with more than 1 s of work",
    "pow(3, 10**9)": "rendering ended with more than 1 s of work",  # one call, deaf to Python's own signals
    "time.sleep(600)": "rendering ended with more than 5 s of waiting",
    "bytearray(10**9)": "rendering ended with more than 256 MiB of memory",
}


def suspect(house: House) -> None:
    """Let a sender die with everything in hand."""
    now = house.clock.now()
    with write(house.engine) as conn:
        number = begin_incarnation(conn, "dispatch", now)
        claim_due(conn, owner=number, lane=5, now=now, lease_until=now + timedelta(minutes=1), limit=500)
        recover(conn, 0, dead=[number], now=now)


def boxes() -> dict[Channel, Postbox]:
    return {Channel.SMS: Postbox(), Channel.EMAIL: Postbox(Channel.EMAIL)}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the processes that were started for suspects, once each."""
    seen: list[int] = []
    ready = Apart._ready_process

    def look(self: Apart):
        process = ready(self)
        if process is not None and process.pid not in seen:
            seen.append(process.pid)
        return process

    monkeypatch.setattr(Apart, "_ready_process", look)
    return seen


class TestSuspects:
    def test_say_the_same_as_if_rendered_here(self, house: House, started: list[int]) -> None:
        """One process for all of them, the same texts, mails included."""
        greet(house, 3, locale="en")
        suspect(house)
        apart = boxes()
        assert house.dispatch(apart) == 3
        assert len(started) == 1

        with write(house.engine) as conn:
            conn.execute(sa.update(message).values(status="planned", strikes=0))
        here = boxes()
        assert house.dispatch(here) == 3
        assert len(started) == 1
        for channel in Channel:
            assert [out.body for out in apart[channel].taken] == [out.body for out in here[channel].taken]

    @pytest.mark.parametrize("act", ACTS)
    @pytest.mark.timeout(120)
    def test_that_kill_fail_by_name_and_alone(
        self, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str
    ) -> None:
        """Whatever it does to its process, the sender lives and the others are told."""
        if house.engine.dialect.name != "sqlite":
            pytest.skip("rendering asks no database")
        greet(house, 4)
        suspect(house)
        place = tmp_path / "poison"
        place.mkdir()
        with house.engine.connect() as conn:
            who = conn.execute(sa.text("SELECT external_id FROM customer ORDER BY id LIMIT 1 OFFSET 1")).scalar()
        (place / "sitecustomize.py").write_text(POISON.format(who=who, act=act), encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(place))

        assert house.dispatch(boxes()) == 3
        (failed,) = house.messages(status="failed")
        assert failed.reason.startswith(ACTS[act])

    def test_outlive_a_kill_by_chance(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Their process is killed once while each is rendered: it is asked again, and nobody fails."""
        greet(house, 4)
        suspect(house)
        ask, killed = Apart._ask, set[bytes]()

        def kill_first(process, line: bytes, seconds: float) -> bytes:
            if b"campaign_id" in line and line not in killed:
                killed.add(line)
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
            return ask(process, line, seconds)

        monkeypatch.setattr(Apart, "_ask", staticmethod(kill_first))
        assert house.dispatch(boxes()) == 4
        assert len(killed) == 4

    def test_find_their_process_started_while_others_go_first(self, house: House) -> None:
        """A life that takes suspects over starts it at once and does not wait; who is none is claimed meanwhile."""
        greet(house, 2)
        suspect(house)
        with write(house.engine) as conn:
            conn.execute(sa.update(message).where(message.c.id == house.messages()[1].id).values(strikes=0))
        work = house.services.work()
        work.apart.start()
        assert work.apart.is_loading
        claimer = Claimer(work, Turns(house.clock.monotonic), lambda _one: None)
        taken = [claimer.claim(owner, None) for owner in (7, 8)]
        assert [[one.message.strikes for one in some] for some in taken] == [[0], [1]]
        assert not work.apart.is_loading
        work.close()

    def test_wait_where_no_process_starts(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """That is not their fault: they are held, with the reason, and go later."""
        greet(house, 1)
        suspect(house)
        with monkeypatch.context() as broken:
            broken.setattr("care.delivery.apart._COMMAND", ("/bin/false",))
            assert house.dispatch(boxes()) == 0
        assert house.statuses() == {"held: the process that renders suspects does not start": 1}
        house.clock.advance(timedelta(minutes=5))
        assert house.dispatch(boxes()) == 1
