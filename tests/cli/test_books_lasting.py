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
from care.delivery.registry import outbox_dir
from care.watch.book_store import keep_pages, kept_pages
from care.watch.provider_books import BookState, ProviderPage
from tests.cli.desk import Desk
from tests.cli.test_books_again import A_DAY, BOOKS, DAY, an_hour_later, incidents, put_back, take_away, told, turn
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
    for name in ("C1", "C2"):
        desk.customer(name)
        desk.customer(f"{name}-no", consents=())
    desk.greet()
    desk.house.clock.advance(timedelta(hours=21))
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
        for _ in range(10):
            greeted.house.clock.advance(A_DAY)
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
