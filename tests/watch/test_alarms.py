"""An incident is opened once, told once, and over once, whoever looks, however often, across restarts."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from care.base.database import read, write
from care.base.errands import Errands
from care.base.errors import UnavailableError
from care.delivery.prepare import MENDING
from care.delivery.tables import incarnation, job_run
from care.schedule import ALL_JOBS, WATCH_JOBS, raise_alarms, run_due_jobs, stand_in
from care.watch.alerts import deaf_places, send_alerts
from care.watch.book_store import keep_verdict
from care.watch.incidents import CALM, closed_incidents, judge, open_incidents
from care.watch.rules import Facts
from care.watch.tables import alert, incident
from tests.delivery.test_dispatcher import greet
from tests.house import House, build_house
from tests.reports.ledger import make_message
from tests.watch.receiver import Receiver, receiver

MINUTE = timedelta(minutes=1)
LOW = Facts(free_mib=100, least_mib=1024)
FINE = Facts()


@pytest.fixture
def ear() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture
def told(house: House, ear: Receiver) -> House:
    """A house whose alerts go to the ear."""
    return build_house(house.folder, house.engine, house.clock, ALERTS__URLS=ear.url)


def meet(house: House, facts: Facts, *, after: timedelta = timedelta(0)) -> None:
    """Let the time pass, then judge."""
    house.clock.advance(after)
    with write(house.engine) as conn:
        judge(conn, facts, now=house.clock.now())


def tell(house: House, *ears: Receiver) -> int:
    urls = [each.url for each in ears]
    return send_alerts(house.engine, urls, clock=house.clock, zone="Asia/Shanghai", sender="care test")


def standing(house: House) -> list[str]:
    with read(house.engine) as conn:
        return [each.rule for each in open_incidents(conn, house.clock.now())]


class TestIncidents:
    def test_go_on_until_it_is_calm(self, house: House) -> None:
        """Seen again and again it is one; gone for a moment it is still that one; over after three minutes."""
        meet(house, LOW)
        for facts in (LOW, FINE, LOW, LOW, FINE):
            meet(house, facts, after=MINUTE)
        assert standing(house) == ["disk"]
        meet(house, FINE, after=CALM)
        assert standing(house) == []
        with read(house.engine) as conn:
            (one,) = closed_incidents(conn, house.clock.now() - timedelta(days=1))
        assert (one.rule, one.closed_at) == ("disk", house.clock.now())
        meet(house, LOW, after=MINUTE)
        assert standing(house) == ["disk"]
        with read(house.engine) as conn:
            assert conn.execute(sa.select(sa.func.count()).select_from(incident)).scalar() == 2

    def test_too_short_to_count_leave_no_trace(self, house: House) -> None:
        """A channel closed for a minute is none; for five it is."""
        closed = Facts(closed_channels={"sms": 3})
        meet(house, closed)
        assert standing(house) == []
        meet(house, FINE, after=MINUTE)
        with read(house.engine) as conn:
            assert conn.execute(sa.select(incident)).all() == []
        meet(house, closed)
        meet(house, closed, after=5 * MINUTE)
        assert standing(house) == ["channel"]

    def test_are_one_however_many_look_at_once(self, house: House) -> None:
        """Eight processes open it, and eight close it."""
        with ThreadPoolExecutor(8) as crowd:
            list(crowd.map(lambda _: meet(house, LOW), range(8)))
        meet(house, LOW)
        house.clock.advance(CALM)
        with ThreadPoolExecutor(8) as crowd:
            list(crowd.map(lambda _: meet(house, FINE), range(8)))
        with read(house.engine) as conn:
            (row,) = conn.execute(sa.select(incident)).all()
        assert (row.open_key, row.closed_at) == (None, house.clock.now())


class TestAlerts:
    def test_tell_once_that_it_began_and_once_that_it_is_over(self, house: House, ear: Receiver) -> None:
        """By a real post; nothing is told twice, also by another process."""
        meet(house, LOW)
        assert tell(house, ear) == 1
        assert tell(house, ear) == 0
        meet(house, LOW, after=MINUTE)
        assert tell(house, ear) == 0
        meet(house, FINE, after=CALM)
        assert tell(house, ear) == 1
        assert tell(house, ear) == 0
        assert ear.titles == ["The disk is nearly full (open)", "The disk is nearly full (over)"]
        assert [post["type"] for post in ear.posts] == ["failure", "success"]
        assert "100 MiB are left on the disk" in ear.posts[0]["message"]
        assert "Since 2026-09-25 10:00 (Asia/Shanghai)" in ear.posts[0]["message"]
        assert "docs/on-call.md" in ear.posts[0]["message"]

    def test_try_a_deaf_address_again(self, house: House, ear: Receiver) -> None:
        """Ever more rarely; whoever took it is not told again because another did not."""
        meet(house, LOW)
        ear.status = 500
        with receiver() as other, capture_logs() as said:
            assert tell(house, ear, other) == 1
            assert tell(house, ear, other) == 0
            house.clock.advance(MINUTE)
            assert tell(house, ear, other) == 0
            ear.status = 200
            house.clock.advance(MINUTE)
            assert tell(house, ear, other) == 0, "the pause has doubled"
            house.clock.advance(MINUTE)
            assert tell(house, ear, other) == 1
            assert (len(ear.posts), len(other.posts)) == (1, 1)
        assert [each["event"] for each in said] == ["alert.not_taken", "alert.not_taken"]
        assert "a-token" not in str(said)

    def test_tell_only_the_end_when_the_beginning_was_not_taken(self, house: House, ear: Receiver) -> None:
        """A message of what is no more would wake somebody for nothing."""
        meet(house, LOW)
        ear.status = 500
        tell(house, ear)
        meet(house, FINE, after=CALM)
        ear.status = 200
        house.clock.advance(timedelta(hours=1))
        assert tell(house, ear) == 1
        assert ear.titles == ["The disk is nearly full (over)"]

    def test_tell_nobody_of_what_is_long_over(self, house: House, ear: Receiver) -> None:
        """An address that was deaf for weeks is not told of every incident of these weeks when it hears again."""
        ear.status = 500
        for _ in range(2):
            meet(house, LOW)
            tell(house, ear)
            meet(house, FINE, after=CALM)
            tell(house, ear)
            house.clock.advance(timedelta(days=5))
        ear.status = 200
        meet(house, LOW)
        tell(house, ear)
        assert ear.titles == ["The disk is nearly full (open)"]

    def test_name_the_addresses_that_are_deaf(self, house: House, ear: Receiver) -> None:
        """For the doctor: once it did not take one, until it does."""
        meet(house, LOW)
        ear.status = 500
        with receiver() as other:
            urls = [other.url, ear.url]

            def deaf() -> list[int]:
                house.clock.advance(10 * MINUTE)
                tell(house, other, ear)
                with read(house.engine) as conn:
                    return deaf_places(conn, urls, house.clock.now())

            assert [deaf(), deaf()] == [[], [2]]
            ear.status = 200
            assert deaf() == []

    def test_tell_each_once_however_many_send_at_once(self, house: House, ear: Receiver) -> None:
        """Two leaders for a moment, four processes: one post."""
        meet(house, LOW)
        with ThreadPoolExecutor(4) as crowd:
            assert sum(crowd.map(lambda _: tell(house, ear), range(4))) == 1
        assert len(ear.posts) == 1

    def test_keep_no_address_in_the_database(self, house: House, ear: Receiver) -> None:
        """Tokens are part of it."""
        meet(house, LOW)
        tell(house, ear)
        with read(house.engine) as conn:
            assert "hook" not in str(conn.execute(sa.select(alert)).all())

    def test_without_the_extra_say_what_to_install(
        self, house: House, ear: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The incident is kept all the same."""
        import sys

        monkeypatch.setitem(sys.modules, "apprise", None)
        meet(house, LOW)
        with pytest.raises(UnavailableError, match=r"care\[alerts\]"):
            tell(house, ear)
        assert standing(house) == ["disk"]


class TestTheJob:
    def test_tells_of_books_that_do_not_balance(self, told: House, ear: Receiver) -> None:
        """From a day's verdict to the post, and the all-clear when it balances again."""
        services, day = told.services, told.clock.now().date() - timedelta(days=1)

        def verdict(*, balance: bool) -> None:
            with write(told.engine) as conn:
                keep_verdict(conn, day, balance=balance, words="1 of 1 page", now=told.clock.now())

        verdict(balance=False)
        for _ in range(3):
            raise_alarms(services, told.clock.now(), None)
            told.clock.advance(MINUTE)
        verdict(balance=True)
        for _ in range(5):
            raise_alarms(services, told.clock.now(), None)
            told.clock.advance(MINUTE)
        assert ear.titles == ["The books do not balance (open)", "The books do not balance (over)"]
        assert f"care books --date {day}" in ear.posts[0]["message"]

    def test_finds_every_trouble_in_the_ledger(self, told: House) -> None:
        """One row each: overdue, in doubt, held for a closed channel, a dead sender, a job that never ends."""
        now = told.clock.now()
        hour = timedelta(hours=1)
        with write(told.engine) as conn:
            make_message(conn, due_at=now - hour, wake_at=now - hour, planned_at=now - 2 * hour)
            make_message(conn, status="unknown", status_at=now - hour)
            make_message(conn, status="held", reason="channel_closed:sms: no byte left", wake_at=now + 10 * MINUTE)
            life = {"role": "dispatch", "host": "h", "pid": 1, "started_at": now - hour, "seen_at": now - hour}
            conn.execute(sa.insert(incarnation).values(life))
            conn.execute(
                sa.insert(job_run), [{"name": "plan", "last_at": now - hour}, {"name": "watch", "last_at": now}]
            )
        raise_alarms(told.services, now, None)
        told.clock.advance(5 * MINUTE)
        raise_alarms(told.services, told.clock.now(), None)
        assert sorted(standing(told)) == ["channel", "in_doubt", "jobs", "not_sending", "sender"]

    def test_tells_once_of_messages_that_wait_for_a_broken_file(self, told: House, ear: Receiver) -> None:
        """As the sender holds them, until the file is mended; also while they come up again and are held anew."""
        greet(told, 2)
        told.write_campaign("id: [")
        self.watch(told, 2 * MENDING)
        assert {row.status for row in told.messages()} == {"held"}
        assert ear.titles == ["Messages wait for a broken file (open)"]
        words = "the campaign's file is broken: 2 messages wait. See: care campaigns check"
        assert ear.posts[0]["message"].startswith(words)
        told.write_campaign()
        self.watch(told, MENDING + CALM + MINUTE)
        assert {row.status for row in told.messages()} == {"accepted"}
        assert ear.titles[1:] == ["Messages wait for a broken file (over)"]

    def watch(self, house: House, span: timedelta) -> None:
        """Send and look around each minute, as a leader at work does."""
        for _ in range(span // MINUTE):
            with write(house.engine) as conn:
                conn.execute(sa.delete(job_run))
                conn.execute(sa.insert(job_run), [{"name": j.name, "last_at": house.clock.now()} for j in ALL_JOBS])
            house.dispatch(house.services.gateways())
            raise_alarms(house.services, house.clock.now(), None)
            house.clock.advance(MINUTE)

    def test_is_patient_with_what_was_planned_late(self, told: House) -> None:
        """Customers imported at half past ten are due since ten: that the next minute sends them is no incident."""
        now = told.clock.now()
        with write(told.engine) as conn:
            late = make_message(conn, due_at=now - 30 * MINUTE, wake_at=now - 30 * MINUTE)
        raise_alarms(told.services, now, None)
        assert standing(told) == []
        told.clock.advance(MINUTE)
        with write(told.engine) as conn:
            conn.execute(sa.text("UPDATE message SET status = 'accepted' WHERE id = :id"), {"id": late})
        for _ in range(5):
            raise_alarms(told.services, told.clock.now(), None)
            told.clock.advance(MINUTE)
        with read(told.engine) as conn:
            assert conn.execute(sa.select(incident)).all() == []

    def test_is_done_by_others_when_no_leader_ticks(self, told: House, ear: Receiver) -> None:
        """A web process of its own tells that the leader is gone; while one ticks it leaves that to it."""
        now = told.clock.now()
        stand_in(told.services, now)
        with write(told.engine) as conn:
            conn.execute(sa.insert(job_run).values(name="watch", last_at=now))
        stand_in(told.services, now + 5 * MINUTE)
        assert ear.posts == []
        told.clock.advance(6 * MINUTE)
        stand_in(told.services, told.clock.now())
        assert ear.titles == ["No leader is at work (open)"]
        assert ear.posts[0]["message"].startswith("no leader has been at work for 6 minutes")

    def test_is_not_held_up_by_a_deaf_address(self, told: House, ear: Receiver) -> None:
        """While the address hangs, ticks go on; when it answers, it is told once."""
        ear.open.clear()
        told.services.errands = Errands(beside=True)
        with write(told.engine) as conn:
            make_message(conn, status="unknown", status_at=told.clock.now() - timedelta(hours=1))
        for _ in range(3):
            assert "alarms" in run_due_jobs(told.services, WATCH_JOBS)
            told.clock.advance(MINUTE)
        assert ear.posts == []
        assert "errand-alerts" in [thread.name for thread in threading.enumerate()]
        ear.open.set()
        for thread in threading.enumerate():
            if thread.name.startswith("errand-"):
                thread.join(20)
        assert ear.titles == ["Messages are in doubt (open)"]

    def test_says_nothing_of_any_person(self, told: House, ear: Receiver) -> None:
        """What is posted holds counts, days and rules."""
        with write(told.engine) as conn:
            make_message(conn, status="unknown", status_at=told.clock.now() - timedelta(hours=1))
        raise_alarms(told.services, told.clock.now(), None)
        post: dict[str, Any] = ear.posts[0]
        assert post["message"].splitlines()[0] == "1 messages may or may not have gone"
