"""Differences that last: open until they are mended or accepted, and hiding nothing that comes after them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.errors import UnavailableError
from care.delivery.channels.sandbox import SandboxGateway
from care.delivery.registry import outbox_dir
from care.watch.book_store import keep_pages, kept_pages
from care.watch.provider_books import BookState, ProviderPage
from tests.cli.desk import Desk
from tests.cli.test_books_again import (
    A_DAY,
    BOOKS,
    DAY,
    an_hour_later,
    greet_and_sleep,
    incidents,
    put_back,
    take_away,
    told,
    turn,
    verdicts,
)
from tests.house import House, build_house
from tests.watch.receiver import Receiver, receiver


@pytest.fixture
def ear() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture
def house(tmp_path: Path, engine: sa.Engine, clock: VirtualClock, ear: Receiver) -> House:
    """A house whose alerts go to the ear."""
    return build_house(tmp_path, engine, clock, ALERTS__URLS=ear.url)


@pytest.fixture
def greeted(desk: Desk) -> Desk:
    """Two customers were greeted, two had not agreed; it is eight o'clock the next morning."""
    greet_and_sleep(desk)
    return desk


def sent(desk: Desk) -> Path:
    """Return the sandbox provider's own list of SMS."""
    return outbox_dir(desk.house.services.settings) / "sms.jsonl"


def forget_one_there(desk: Desk) -> bytes:
    """Delete a message at the provider, and return its whole list as it was."""
    before = sent(desk).read_bytes()
    sent(desk).write_bytes(before.splitlines(keepends=True)[0])
    return before


def send_by_hand(desk: Desk, ref: str) -> None:
    """Let somebody send from the same account, past us."""
    line = json.loads(sent(desk).read_bytes().splitlines()[0])
    with sent(desk).open("ab") as file:
        file.write(json.dumps(line | {"ref": ref, "message_id": 999}).encode() + b"\n")


def page_of(desk: Desk) -> ProviderPage:
    with read(desk.engine) as conn:
        (page,) = (page for page in kept_pages(conn, first=DAY, last=DAY) if page.channel == "sms")
    return page


class TestOverAWeek:
    def test_is_no_end(self, greeted: Desk, ear: Receiver) -> None:
        """Nobody mended it: it stays open after the last look that care takes by itself, until somebody has."""
        rows = take_away(greeted)
        before = forget_one_there(greeted)
        turn(greeted)
        incidents(greeted)
        greeted.house.clock.advance(9 * A_DAY)
        turn(greeted)
        assert incidents(greeted).keys() == {"books", "provider_books"}
        put_back(greeted, rows)
        assert greeted(*BOOKS).code == 1, "the provider's list as it was compared last"
        assert incidents(greeted).keys() == {"provider_books"}
        sent(greeted).write_bytes(before)
        assert greeted(*BOOKS, "--provider").code == 0
        assert incidents(greeted) == {}
        assert [each.partition(" ")[0] for each in told(ear)] == ["(open)", "(open)", "(over)", "(over)"]


class TestAProviderThatIsSilent:
    def test_is_told_beside_a_difference_that_lasts(self, greeted: Desk, ear: Receiver) -> None:
        """Another day's list cannot be had: told once, though no number is larger for it."""
        forget_one_there(greeted)
        turn(greeted)
        incidents(greeted)
        silent = replace(page_of(greeted), day=DAY + A_DAY, state=BookState.FAILED, missing_there=(), differences=0)
        with write(greeted.engine) as conn:
            keep_pages(conn, [silent])
        incidents(greeted)
        an_hour_later(greeted)
        assert len(told(ear)) == 2
        assert str(DAY + A_DAY) in told(ear)[1]


class TestAccepted:
    def test_is_no_alarm_until_there_is_more(self, greeted: Desk, ear: Receiver) -> None:
        """Of the provider's list by reference: what somebody sends tomorrow from the same account differs again."""
        forget_one_there(greeted)
        send_by_hand(greeted, "SBhand")
        turn(greeted)
        incidents(greeted)
        answer = greeted(*BOOKS, "--accept", "a colleague wrote from the console")
        assert (answer.code, answer.err) == (0, "")
        assert page_of(greeted).words == "2 handed over, 2 on its list; 2 accepted"
        an_hour_later(greeted, 2)
        assert incidents(greeted) == {}
        assert [each.partition(" ")[0] for each in told(ear)] == ["(open)", "(over)"]
        send_by_hand(greeted, "SBother")
        assert greeted(*BOOKS, "--provider").code == 1
        assert page_of(greeted).unknown_here == ("SBother",)
        assert "provider_books" in incidents(greeted)

    def test_is_kept_with_its_reason_and_who_gave_it(self, greeted: Desk) -> None:
        """For good, in a list that people and programs read."""
        take_away(greeted)
        assert greeted.run(*BOOKS, "--accept", "deleted in a repair", CARE_USER="anna").code == 0
        (row,) = (json.loads(line) for line in greeted("incidents", "--all", "--json").out.splitlines())
        assert (row["title"], row["words"]) == (
            "A difference was accepted",
            f"{DAY} by ops:anna: deleted in a repair (difference 1)",
        )

    def test_holds_for_our_own_sums_day_by_day(self, greeted: Desk) -> None:
        """One row that is lost for good; the second one is told, and so is one of another day."""
        turn(greeted)
        take_away(greeted)
        greeted(*BOOKS)
        assert "books" in incidents(greeted)
        answer = greeted(*BOOKS, "--accept", "deleted in a repair")
        assert answer.code == 0
        assert answer.out.splitlines()[-1].endswith(
            "1 of 1 page does not balance. All of it was accepted: care incidents --all"
        )
        found = json.loads(greeted("books", "--json").out)
        assert (found["balance"], found["accepted"]) == (False, True)
        an_hour_later(greeted)
        assert incidents(greeted) == {}
        take_away(greeted)
        assert greeted("books").code == 1
        assert f"{DAY} difference 2" in incidents(greeted)["books"]

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--date", str(DAY), "--accept", " "), "give the reason"),
            (("--accept", "all of it"), "only of one day"),
            (("--date", str(DAY), "--days", "3", "--accept", "all of it"), "only of one day"),
            (("--date", str(DAY), "--accept", "nothing is wrong"), "nothing differs on"),
        ],
    )
    def test_wants_one_day_a_reason_and_something_that_differs(
        self, greeted: Desk, words: tuple[str, ...], said: str
    ) -> None:
        """Nobody accepts what nobody has looked at."""
        turn(greeted)
        answer = greeted("books", *words)
        assert answer.code in (1, 2)
        assert said in answer.err

    @pytest.mark.parametrize(
        ("words", "what"),
        [
            (("campaigns", "send-proof", "birthday"), "a proof of birthday by sms"),
            (("provider", "verify", "--count", "1"), "1 to verify the list of sandbox"),
        ],
    )
    def test_is_by_itself_what_care_sends_outside_the_ledger(
        self, greeted: Desk, words: tuple[str, ...], what: str
    ) -> None:
        """It goes by the same account: no difference, and the record says who sent it."""
        greeted.house.clock.advance(-timedelta(hours=20))
        assert greeted(*words, "--to", "+8613800000099").code == 0
        greeted.house.clock.advance(timedelta(hours=20))
        turn(greeted)
        assert page_of(greeted).words == "2 handed over, 3 on its list; 1 accepted"
        assert incidents(greeted) == {}
        assert what in greeted("incidents", "--all").out


class TestToday:
    def test_is_asked_again_each_hour_where_somebody_compared_it(
        self, desk: Desk, ear: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The list could not be had at noon: an alarm until it can be, not until tomorrow; and the day is not done."""

        async def silent(*_: object) -> None:
            raise UnavailableError("sandbox: no usable answer. Try again later")

        desk.customer("C1")
        desk.greet()
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "open", silent)
            assert desk(*BOOKS, "--provider").code == 1
            assert "provider_books" in incidents(desk)
        an_hour_later(desk)
        assert incidents(desk) == {}
        assert (page_of(desk).state, verdicts(desk)) == (BookState.BALANCED, {})
