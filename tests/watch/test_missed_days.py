"""Days that nobody compared, because the house stood still, are compared when it is back."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from care import bookkeeping
from care.base.database import read, write
from care.base.errands import Errands
from care.bookkeeping import check_books
from care.delivery.incarnation import begin_incarnation
from care.delivery.routes import Routes
from care.messages import store as ledger
from care.schedule import WATCH_JOBS, raise_alarms, run_due_jobs
from care.watch.book_store import keep_verdict, kept_pages
from care.watch.incidents import open_incidents
from care.watch.tables import ledger_book
from tests.house import House
from tests.watch.test_provider_books import Provider

TODAY = date(2026, 9, 25)
HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def live_since(house: House, days: int) -> None:
    """Let the first process of the house have begun so many days ago."""
    with write(house.engine) as conn:
        begin_incarnation(conn, "leader", house.clock.now() - timedelta(days=days))


def settle(house: House, *days: int) -> None:
    """Let days have been found right already."""
    with write(house.engine) as conn:
        for each in days:
            keep_verdict(conn, ago(each), balance=True, words="fine", now=house.clock.now())


def lose(house: House, days: int) -> None:
    """Let somebody have been intended on a day and have no row."""
    with write(house.engine) as conn:
        ledger.add_intended(
            conn, campaign_id="birthday", occasion_on=ago(days), leg="main", count=1, now=house.clock.now()
        )


def look(house: House) -> None:
    check_books(house.services, house.clock.now(), None)


def verdicts(house: House) -> dict[date, bool]:
    with read(house.engine) as conn:
        return {row.day: row.balance for row in conn.execute(sa.select(ledger_book).order_by(ledger_book.c.day))}


def incidents(house: House) -> dict[str, str]:
    raise_alarms(house.services, house.clock.now(), None)
    with read(house.engine) as conn:
        return {each.rule: each.words for each in open_incidents(conn, house.clock.now())}


def provider_of(house: House, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Let the house send through a provider that keeps a list."""
    acme = Provider()
    monkeypatch.setattr(house.services, "gateways", lambda: Routes((acme,)), raising=False)
    return acme


class TestMissedDays:
    def test_are_added_up_after_an_outage(self, house: House) -> None:
        """From Tuesday to Friday nobody looked: each day gets its verdict, and the incident names the wrong ones."""
        live_since(house, 30)
        settle(house, *range(4, 9))
        lose(house, 3)
        lose(house, 2)
        look(house)
        assert {day: ok for day, ok in verdicts(house).items() if day > ago(4)} == {
            ago(3): False,
            ago(2): False,
            ago(1): True,
        }
        assert incidents(house)["books"].startswith(f"the books of {ago(3)}, {ago(2)} do not balance")

    def test_are_held_against_the_provider_too(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """What somebody sent while the house slept is found on its day, and every day is named."""
        acme = provider_of(house, monkeypatch)
        live_since(house, 30)
        for days in range(1, 9):
            acme.add(f"X{days}", house.clock.now() - timedelta(days=days))
        for _ in range(4):
            look(house)
            house.clock.advance(HOUR)
        with read(house.engine) as conn:
            pages = kept_pages(conn, first=ago(8), last=TODAY)
        assert [(page.day, page.unknown_here) for page in pages] == [(ago(n), (f"X{n}",)) for n in range(8, 0, -1)]
        words = incidents(house)["provider_books"]
        assert all(str(ago(days)) in words for days in range(1, 9)), words
        assert f"care books --date {ago(8)} --provider" in words

    def test_come_a_few_at_a_time_the_latest_first(self, house: House) -> None:
        """A long outage keeps the job busy for three days a turn; a day of which most can still be mended goes first."""
        live_since(house, 30)
        lose(house, 1)  # wrong, so looked at again each time: it must not take the place of those never looked at
        seen = []
        for _ in range(4):
            look(house)
            seen.append(min(verdicts(house)))
            house.clock.advance(HOUR)
        assert seen == [ago(3), ago(6), ago(8), ago(8)]
        assert verdicts(house) == {ago(n): n != 1 for n in range(1, 9)}

    def test_do_not_reach_back_before_the_house(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the account sent before is somebody else's: no verdict, no page, no alarm."""
        acme = provider_of(house, monkeypatch)
        acme.add("X", house.clock.now() - timedelta(days=3))
        look(house)
        assert verdicts(house) == {}
        live_since(house, 0)
        look(house)
        assert verdicts(house) == {}
        house.clock.advance(2 * A_DAY)
        look(house)
        assert list(verdicts(house)) == [TODAY, TODAY + A_DAY]
        assert incidents(house).keys() == {"leader"}  # which slept for two days

    def test_leave_out_the_hours_before_the_house(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """On the first day the account may have been another system's until noon."""
        acme = provider_of(house, monkeypatch)
        live_since(house, 1)
        acme.add("DAYS_BEFORE", house.clock.now() - 2 * A_DAY)
        acme.add("BEFORE", house.clock.now() - A_DAY - HOUR)
        acme.add("SINCE", house.clock.now() - A_DAY + HOUR)
        look(house)
        with read(house.engine) as conn:
            (page,) = kept_pages(conn, first=ago(1), last=ago(1))
        assert page.unknown_here == ("SINCE",)
        acme.messages.pop("SINCE")
        bookkeeping.compare_with_providers(house.services, ago(2))
        assert "provider_books" in incidents(house)
        bookkeeping.compare_with_providers(house.services, ago(1))
        house.clock.advance(HOUR)
        assert "provider_books" not in incidents(house), "nor the days before, on demand"

    def test_begin_by_the_operators_clock(self, house: House) -> None:
        """A house begun at 23:00 UTC began the next day in Shanghai."""
        with write(house.engine) as conn:
            begin_incarnation(conn, "leader", datetime.fromisoformat("2026-09-22T23:00:00Z"))
        look(house)
        assert list(verdicts(house)) == [ago(2), ago(1)]

    def test_are_those_that_a_backup_forgot(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put back by three days, the house asks the provider about what it sent since, and says what it does not know."""
        acme = provider_of(house, monkeypatch)
        live_since(house, 30)
        settle(house, *range(3, 9))  # as the backup has them
        acme.add("SENT", house.clock.now() - timedelta(days=2))
        look(house)
        assert list(verdicts(house)) == [ago(n) for n in range(8, 0, -1)]
        assert incidents(house)["provider_books"].startswith(f"acme sms {ago(2)}: ")

    def test_do_not_wait_for_one_that_cannot_be_opened(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """One broken day is told as an error, and the others are looked at all the same."""
        real: Callable[..., None] = bookkeeping.add_up
        live_since(house, 3)
        settle(house, 3)

        def broken(services: object, day: date, **more: object) -> None:
            if day == ago(1):
                raise sa.exc.OperationalError("x", None, ValueError("torn page"))
            real(services, day, **more)

        monkeypatch.setattr(bookkeeping, "add_up", broken)
        with pytest.raises(sa.exc.OperationalError):
            look(house)
        assert list(verdicts(house)) == [ago(3), ago(2)]

    def test_are_told_where_nobody_can_compare_them(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """The errand fails beside the job, which ends well each hour: by ten somebody knows, also through midnight."""

        def broken(*_: object) -> None:
            raise KeyError("sid")

        class Beside(Errands):
            def run(self, name: str, work: Callable[[], object]) -> bool:
                self._quietly(name, work)  # as a daemon's, but ended when it returns
                return True

        house.services.errands = Beside()
        monkeypatch.setattr(bookkeeping, "compare_with_providers", broken)
        live_since(house, 1)
        house.clock.advance(-4 * HOUR)
        known = []
        for _ in range(24):
            run_due_jobs(house.services, tuple(job for job in WATCH_JOBS if job.name == "books"))
            known.append("uncompared" in incidents(house))
            house.clock.advance(HOUR)
        assert known == [False] * 4 + [True] * 20
        monkeypatch.undo()
        look(house)
        house.clock.advance(HOUR)
        assert "uncompared" not in incidents(house)

    def test_stay_an_alarm_as_long_as_they_are_looked_at(self, house: House) -> None:
        """The oldest day that is compared is one that the alarm sees."""
        live_since(house, 30)
        settle(house, *range(1, 8))
        lose(house, 8)
        look(house)
        assert str(ago(8)) in incidents(house)["books"]
