"""Books that were right and are not any more: found the next morning, or by whoever looks, and told."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from care import watchers
from care.base.database import read, write
from care.base.errors import SettingsError
from care.bootstrap import Services
from care.messages.tables import message
from care.schedule import WATCH_JOBS, raise_alarms, run_due_jobs
from care.watch.incidents import CALM, open_incidents
from care.watch.tables import ledger_book, provider_book
from tests.cli.desk import Desk

DAY = date(2026, 9, 25)
BOOKS = ("books", "--date", DAY.isoformat())
HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def checked(desk: Desk) -> Desk:
    """Two customers were greeted, two had not agreed, and the next morning the books were right; it is eight o'clock."""
    for name in ("C1", "C2"):
        desk.customer(name)
        desk.customer(f"{name}-no", consents=())
    desk.greet()
    desk.house.clock.advance(timedelta(hours=21))
    turn(desk)
    assert verdicts(desk) == {DAY: True}
    assert incidents(desk) == {}
    return desk


def turn(desk: Desk) -> None:
    """Let the daemon's jobs of the watch have their turn."""
    run_due_jobs(desk.house.services, WATCH_JOBS)


def verdicts(desk: Desk) -> dict[date, bool]:
    with read(desk.engine) as conn:
        return {row.day: row.balance for row in conn.execute(sa.select(ledger_book))}


def compared_at(desk: Desk) -> object:
    with read(desk.engine) as conn:
        return conn.execute(sa.select(provider_book.c.checked_at).where(provider_book.c.day == DAY).limit(1)).scalar()


def incidents(desk: Desk) -> dict[str, str]:
    """Return what is open of the books after the alarms had their turn, calm enough for what is over to end."""
    house = desk.house
    for pause in (timedelta(0), CALM):
        house.clock.advance(pause)
        raise_alarms(house.services, house.clock.now(), None)
    with read(house.engine) as conn:
        standing = open_incidents(conn, house.clock.now())
    return {each.rule: each.words for each in standing if "books" in each.rule}


def take_away(desk: Desk, count: int = 1) -> list[dict[str, object]]:
    """Delete messages that were skipped, and return them."""
    with write(desk.engine) as conn:
        skipped = sa.select(message).where(message.c.status == "skipped").order_by(message.c.id).limit(count)
        rows = [dict(row) for row in conn.execute(skipped).mappings()]
        conn.execute(sa.delete(message).where(message.c.id.in_([row["id"] for row in rows])))
    return rows


def put_back(desk: Desk, rows: list[dict[str, object]]) -> None:
    with write(desk.engine) as conn:
        conn.execute(sa.insert(message), rows)


class TestTheNextMorning:
    def test_finds_what_was_lost_since(self, checked: Desk) -> None:
        """Added up once more each morning for a week, without asking the provider; mended, the next turn ends it."""
        before = compared_at(checked)
        rows = take_away(checked)
        checked.house.clock.advance(HOUR)
        turn(checked)
        assert incidents(checked) == {}, "once each morning is enough"
        checked.house.clock.advance(A_DAY)
        turn(checked)
        assert verdicts(checked)[DAY] is False
        assert incidents(checked)["books"].startswith(f"the books of {DAY} do not balance")
        assert compared_at(checked) == before
        put_back(checked, rows)
        checked.house.clock.advance(HOUR)
        turn(checked)
        assert verdicts(checked)[DAY] is True
        assert incidents(checked) == {}

    def test_adds_up_a_week_and_no_more(self, checked: Desk) -> None:
        """The eighth day back is the last."""
        checked.house.clock.advance(7 * A_DAY)
        turn(checked)
        take_away(checked)
        checked.house.clock.advance(A_DAY)
        turn(checked)
        assert verdicts(checked)[DAY] is True

    def test_does_it_once(self, checked: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """The sums of a week are no work for each hour."""
        added = list[date]()
        real = watchers.add_up

        def noted(services: Services, day: date) -> None:
            added.append(day)
            real(services, day)

        monkeypatch.setattr(watchers, "add_up", noted)
        for _ in range(4):
            checked.house.clock.advance(HOUR)
            turn(checked)
        assert added == []
        checked.house.clock.advance(A_DAY)
        turn(checked)
        checked.house.clock.advance(HOUR)
        turn(checked)
        assert added == [DAY + A_DAY, DAY]


class TestWhoeverLooks:
    def test_opens_the_incident_and_ends_it(self, checked: Desk) -> None:
        """Exit 1 and the alarm knows; exit 0 and it is over, and the day is compared once more."""
        before = compared_at(checked)
        rows = take_away(checked)
        assert checked(*BOOKS).code == 1
        assert incidents(checked)["books"].startswith(f"the books of {DAY} do not balance")
        put_back(checked, rows)
        assert checked(*BOOKS).code == 0
        assert incidents(checked) == {}
        checked.house.clock.advance(HOUR)
        turn(checked)
        assert verdicts(checked)[DAY] is True
        assert compared_at(checked) == checked.house.clock.now() != before

    def test_names_the_days_that_are_wrong(self, checked: Desk) -> None:
        """Of several days only those whose own books are wrong; the others keep their verdict."""
        checked.house.clock.advance(A_DAY)
        turn(checked)
        rows = take_away(checked)
        assert checked("books").code == 1
        assert verdicts(checked) == {DAY: False, DAY + A_DAY: True}
        put_back(checked, rows)
        assert checked("books").code == 0
        assert verdicts(checked) == {DAY + A_DAY: True}

    def test_of_a_good_day_does_not_take_its_morning(self, desk: Desk) -> None:
        """A day found right before its morning, or found wrong and mended, is compared with the provider all the same."""
        desk.customer("C1", consents=())
        desk.greet()
        assert desk(*BOOKS).code == 0
        assert verdicts(desk) == {}
        rows = take_away(desk)
        assert desk(*BOOKS).code == 1
        desk.house.clock.advance(HOUR)
        put_back(desk, rows)
        turn(desk)
        assert verdicts(desk) == {}, "today's is added up again, and not compared before its morning"
        desk.house.clock.advance(timedelta(hours=20))
        turn(desk)
        assert verdicts(desk) == {DAY: True}
        assert compared_at(desk) == desk.house.clock.now()

    def test_leaves_older_days_to_whoever_asks(self, checked: Desk) -> None:
        """What no alarm looks at any more is printed, and opens nothing."""
        checked.house.clock.advance(9 * A_DAY)
        take_away(checked)
        assert checked(*BOOKS).code == 1
        assert "books" not in incidents(checked)

    def test_is_told_even_where_nothing_can_be_written(self, checked: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """The books are printed, exit 1, and a line says that no alarm knows."""
        take_away(checked)

        def refuse(*_: object) -> None:
            raise sa.exc.OperationalError("x", None, ValueError("attempt to write a readonly database"))

        monkeypatch.setattr(watchers, "keep_found", refuse)
        answer = checked(*BOOKS)
        assert answer.code == 1
        assert "care: no alarm knows of this: the database may not be written" in answer.err
        assert "The books do NOT balance" in answer.err


class TestOwnVerdict:
    def test_does_not_wait_for_the_provider(self, checked: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is wrong in the ledger is an incident although the comparison breaks; the day is no less undone for it."""

        def broken(*_: object) -> None:
            raise SettingsError("sms.account_sid: not set")

        checked.house.clock.advance(A_DAY)
        rows = take_away(checked)
        with monkeypatch.context() as patch:
            patch.setattr(watchers, "compare_with_providers", broken)
            turn(checked)
        assert verdicts(checked) == {DAY: False}, "yesterday was right, and still wants its comparison"
        assert f"the books of {DAY} do not balance" in incidents(checked)["books"]
        put_back(checked, rows)
        checked.house.clock.advance(HOUR)
        turn(checked)
        assert verdicts(checked) == {DAY: True, DAY + A_DAY: True}
        assert incidents(checked) == {}

    def test_is_kept_on_the_first_morning_too(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """A mistake in the program while it compares, of a kind nobody foresaw, is no reason to forget the sums."""

        def broken(*_: object) -> None:
            raise KeyError("sid")

        desk.customer("C1", consents=())
        desk.greet()
        take_away(desk)
        desk.house.clock.advance(timedelta(hours=20))
        monkeypatch.setattr(watchers, "compare_with_providers", broken)
        turn(desk)
        assert verdicts(desk) == {DAY: False}
