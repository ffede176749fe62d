"""Answers are kept until they are written, and what a crash would find open is never more than one group."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from care.base.clock import VirtualClock
from care.base.vocabulary import Channel
from care.delivery.pace import group_size
from care.delivery.record import Answer
from care.delivery.recorder import Recorder
from care.messages.model import MessageStatus
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import build_house

PACE = 500
BROKEN = sa.exc.OperationalError("", None, Exception("the disk is full"))


def answer(number: int) -> Answer:
    return cast(Answer, number)  # the recorder looks at none


class Book:
    """What was written alone; the next times in `fails` it cannot be."""

    def __init__(self) -> None:
        self.pages: list[Sequence[Any]] = []
        self.fails = 0
        self.begun, self.may_go_on = asyncio.Event(), asyncio.Event()
        self.may_go_on.set()

    async def write(self, answers: Sequence[Answer]) -> None:
        self.begun.set()
        await self.may_go_on.wait()
        if self.fails:
            self.fails -= 1
            raise BROKEN
        self.pages.append(list(answers))


class TestTheRecorder:
    def test_lends_what_waits_to_a_transaction_that_is_begun_anyway(self) -> None:
        """It is written with it, once; what comes meanwhile waits for the next."""

        async def play() -> None:
            book = Book()
            recorder = Recorder(book.write)
            recorder.take(answer(1))
            recorder.take(answer(2))
            async with recorder.lend() as answers:
                assert list(answers) == [1, 2]
                recorder.take(answer(3))
                assert recorder.is_busy
            await recorder.close(asyncio.create_task(recorder.run()))
            assert book.pages == [[3]]
            assert not recorder.is_busy

        asyncio.run(play())

    def test_takes_back_what_could_not_be_written(self) -> None:
        """In its order, and alone from then on: an answer may be the cause, and sending need not suffer from it."""

        async def play() -> None:
            book = Book()
            recorder = Recorder(book.write)
            recorder.take(answer(1))
            with pytest.raises(sa.exc.OperationalError):
                async with recorder.lend():
                    recorder.take(answer(2))
                    raise BROKEN
            async with recorder.lend() as answers:
                assert list(answers) == []
            running = asyncio.create_task(recorder.run())
            await recorder.wait_for_all(60)
            assert book.pages == [[1, 2]]
            recorder.take(answer(3))
            async with recorder.lend() as answers:
                assert list(answers) == [3]
            await recorder.close(running)

        asyncio.run(play())

    def test_takes_nothing_back_that_was_written_before_an_error(self) -> None:
        """The intents after it could not be journalled, say: a refusal recorded twice would count twice."""

        async def play() -> None:
            recorder = Recorder(Book().write)
            recorder.take(answer(1))
            with pytest.raises(sa.exc.OperationalError):
                async with recorder.lend() as answers:
                    answers.clear()
                    raise BROKEN
            assert not recorder.is_busy

        asyncio.run(play())

    def test_tells_of_trouble_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It tries again each second; the sender says when the database is back."""
        monkeypatch.setattr("care.delivery.recorder.AGAIN_SECONDS", 0)

        async def play() -> None:
            book = Book()
            recorder = Recorder(book.write)
            running = asyncio.create_task(recorder.run())
            for number in range(2):
                book.fails = 3
                recorder.take(answer(number))
                await recorder.wait_for_all(60)
            await recorder.close(running)

        with capture_logs() as said:
            asyncio.run(play())
        assert [line["event"] for line in said] == ["dispatch.record_failed"] * 2

    def test_lends_nothing_while_a_group_is_written(self) -> None:
        """Each answer is in one pair of hands."""

        async def play() -> None:
            book = Book()
            book.may_go_on.clear()
            recorder = Recorder(book.write)
            running = asyncio.create_task(recorder.run())
            recorder.take(answer(1))
            recorder.hurry()
            await book.begun.wait()
            recorder.take(answer(2))
            async with recorder.lend() as answers:
                lent = list(answers)
            book.may_go_on.set()
            await recorder.close(running)
            assert (lent, book.pages) == ([], [[1], [2]])

        asyncio.run(play())


@contextmanager
def most_open(engine: sa.Engine) -> Iterator[list[int]]:
    """Gather, at each commit, how many messages have an intent and no outcome from then on."""
    found = [0]

    def look(conn: sa.Connection) -> None:
        count = conn.exec_driver_sql("SELECT count(*) FROM attempt WHERE outcome = 'intent'")
        found[0] = max(found[0], count.scalar_one())

    sa.event.listen(engine, "commit", look)
    try:
        yield found
    finally:
        sa.event.remove(engine, "commit", look)


class TestADispatcher:
    def test_never_has_more_than_one_group_between_intent_and_outcome(
        self, tmp_path: Path, engine: sa.Engine, clock: VirtualClock
    ) -> None:
        """An answer that is not written yet counts as open, too: a crash would not know it."""
        house = build_house(tmp_path, engine, clock, SMS__RATE_PER_SECOND=str(PACE))
        greet(house, 480)  # as many as may leave within a second of its pace: the clock stands still

        with most_open(engine) as found:
            assert house.dispatch({Channel.SMS: Postbox(Channel.SMS)}) == 480

        assert 0 < found[0] <= group_size(PACE)
        assert {row.status for row in house.messages()} == {str(MessageStatus.ACCEPTED)}


class TestAGroup:
    @pytest.mark.parametrize(
        ("rate", "parts"), [(0.2, 1), (1, 2), (10, 20), (16, 32), (50, 100), (128, 256), (129, 256), (2_000, 256)]
    )
    def test_is_two_seconds_of_sending_and_256_parts_at_most(self, rate: float, parts: int) -> None:
        """At the usual 10 SMS a second a crash leaves 20 in doubt at most."""
        assert group_size(rate) == parts
