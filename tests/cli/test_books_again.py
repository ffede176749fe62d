"""Books that were right and are not any more: found the next morning, or by whoever looks, and told."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care import bookkeeping
from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.errors import SettingsError
from care.bootstrap import Services
from care.delivery.registry import outbox_dir
from care.messages.tables import message
from care.schedule import WATCH_JOBS, raise_alarms, run_due_jobs
from care.watch.alerts import Alert, send_alerts, tell_again
from care.watch.book_store import keep_pages, kept_pages
from care.watch.incidents import CALM, open_incidents
from care.watch.provider_books import BookState
from care.watch.tables import incident, ledger_book, provider_book
from tests.cli.desk import Desk
from tests.house import House, build_house
from tests.watch.receiver import Receiver, receiver

DAY = date(2026, 9, 25)
BOOKS = ("books", "--date", DAY.isoformat())
HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def ear() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture
def house(tmp_path: Path, engine: sa.Engine, clock: VirtualClock, ear: Receiver) -> House:
    """A house whose alerts go to the ear."""
    return build_house(tmp_path, engine, clock, ALERTS__URLS=ear.url)


def greet_and_sleep(desk: Desk) -> None:
    """Greet two customers, while two have not agreed, and wait until eight o'clock the next morning."""
    for name in ("C1", "C2"):
        desk.customer(name)
        desk.customer(f"{name}-no", consents=())
    desk.greet()
    desk.house.clock.advance(timedelta(hours=21))


@pytest.fixture
def checked(desk: Desk) -> Desk:
    """Two customers were greeted, two had not agreed, and the next morning the books were right; it is eight o'clock."""
    greet_and_sleep(desk)
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


def told(ear: Receiver) -> list[str]:
    """Return what was told of the books: the titles' last words, and what was found."""
    about = [post for post in ear.posts if "books" in post["title"] or "list" in post["title"]]
    return [f"{post['title'].rpartition(' ')[2]} {post['message'].splitlines()[0]}" for post in about]


def an_hour_later(desk: Desk, hours: int = 1) -> None:
    for _ in range(hours):
        desk.house.clock.advance(HOUR)
        turn(desk)
        incidents(desk)


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
        real = bookkeeping.add_up

        def noted(services: Services, day: date) -> None:
            added.append(day)
            real(services, day)

        monkeypatch.setattr(bookkeeping, "add_up", noted)
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
        assert verdicts(checked)[DAY] is True
        assert "books" not in incidents(checked)

    def test_is_told_even_where_nothing_can_be_written(self, checked: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """The books are printed, exit 1, and a line says that no alarm knows."""
        take_away(checked)

        def refuse(*_: object) -> None:
            raise sa.exc.OperationalError("x", None, ValueError("attempt to write a readonly database"))

        monkeypatch.setattr(bookkeeping, "keep_found", refuse)
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
            patch.setattr(bookkeeping, "compare_with_providers", broken)
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
        monkeypatch.setattr(bookkeeping, "compare_with_providers", broken)
        turn(desk)
        assert verdicts(desk) == {DAY: False}


class TestMoreOfIt:
    def test_is_told_and_the_same_is_not(self, checked: Desk, ear: Receiver) -> None:
        """One row is lost, then a second: two alerts in hours of looking, and one all-clear."""
        rows = take_away(checked)
        checked(*BOOKS)
        an_hour_later(checked, 3)
        assert [each.rpartition("Found: ")[2] for each in told(ear)] == [f"{DAY} difference 1"]
        rows += take_away(checked)
        an_hour_later(checked, 3)
        assert [each.rpartition("Found: ")[2] for each in told(ear)][1:] == [f"{DAY} difference 2"]
        put_back(checked, rows)
        an_hour_later(checked)
        assert [each.partition(" ")[0] for each in told(ear)] == ["(open)", "(open)", "(over)"]

    def test_is_told_of_another_kind_and_of_another_day(self, checked: Desk, ear: Receiver) -> None:
        """A status without evidence beside a row that is lost; then a day that nothing was wrong with."""
        take_away(checked)
        checked(*BOOKS)
        incidents(checked)
        with write(checked.engine) as conn:
            one = sa.select(sa.func.min(message.c.id)).where(message.c.status == "delivered").scalar_subquery()
            conn.execute(sa.update(message).where(message.c.id == one).values(status="failed", reason="by_hand"))
        an_hour_later(checked)
        assert f"{DAY} unproven 1" in told(ear)[-1]
        checked.house.clock.advance(A_DAY)
        an_hour_later(checked)
        count = len(told(ear))
        with write(checked.engine) as conn:
            conn.execute(sa.update(message).where(message.c.status == "skipped").values(occasion_on=DAY + A_DAY))
        assert checked("books", "--date", str(DAY + A_DAY)).code == 1
        incidents(checked)
        assert len(told(ear)) == count + 1
        assert f"{DAY + A_DAY} difference 1" in told(ear)[-1]

    def test_is_not_told_when_there_is_less(self, checked: Desk, ear: Receiver) -> None:
        """Half of it mended wakes nobody; half of it lost again does."""
        rows = take_away(checked, 2)
        checked(*BOOKS)
        incidents(checked)
        put_back(checked, rows[:1])
        an_hour_later(checked)
        assert len(told(ear)) == 1
        take_away(checked)
        an_hour_later(checked)
        assert len(told(ear)) == 2

    def test_is_told_of_a_providers_list(self, checked: Desk, ear: Receiver) -> None:
        """A message deleted at the provider does not hide one that somebody else sent; nor does silence tell it anew."""
        file = outbox_dir(checked.house.services.settings) / "sms.jsonl"
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(lines[0])
        checked(*BOOKS, "--provider")
        incidents(checked)
        an_hour_later(checked, 2)
        assert len(told(ear)) == 1
        with write(checked.engine) as conn:
            (page,) = (page for page in kept_pages(conn, first=DAY, last=DAY) if page.is_wrong)
            silent = replace(page, state=BookState.FAILED, unknown_here=(), missing_there=(), differences=0)
            keep_pages(conn, [silent])
        incidents(checked)
        an_hour_later(checked)
        assert len(told(ear)) == 1
        foreign = json.dumps(json.loads(lines[0]) | {"ref": "SBforeign", "message_id": 999}) + "\n"
        file.write_bytes(lines[0] + foreign.encode())
        an_hour_later(checked, 2)
        assert len(told(ear)) == 2
        assert "1 there that we do not know, 1 of ours that it does not know" in told(ear)[1]

    def test_is_none_where_an_earlier_version_opened_it(self, checked: Desk, ear: Receiver) -> None:
        """It has been told; what comes after the upgrade is told."""
        take_away(checked)
        checked(*BOOKS)
        incidents(checked)
        with write(checked.engine) as conn:
            conn.execute(sa.update(incident).values(parts=sa.null()))
        an_hour_later(checked)
        assert len(told(ear)) == 1
        take_away(checked)
        an_hour_later(checked)
        assert len(told(ear)) == 2

    def test_is_not_lost_while_somebody_is_being_told(self, checked: Desk) -> None:
        """It grew while the first alert was on its way: the second is on its way as well."""
        take_away(checked)
        checked(*BOOKS)
        house, bodies = checked.house, list[str]()
        incidents(checked)
        with read(house.engine) as conn:
            (one,) = (each.id for each in open_incidents(conn, house.clock.now()) if each.rule == "books")

        def tell(each: Alert) -> bool:
            if "The books" in each.title:
                bodies.append(each.body)
                if len(bodies) == 1:
                    with write(house.engine) as conn:
                        tell_again(conn, one, now=house.clock.now())
            return True

        for _ in range(3):
            send_alerts(house.engine, ["json://x"], clock=house.clock, zone="UTC", sender="care", tell=tell)
        assert len(bodies) == 2
