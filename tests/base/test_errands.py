"""Errands never hold anybody up, and never run twice at a time."""

import sqlite3
import threading

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from care.base.errands import Errands
from care.base.errors import UnavailableError


class TestErrands:
    def test_on_the_spot_give_their_errors_to_the_caller(self) -> None:
        """Done when the call returns; an error does not leave the errand at work for ever."""
        errands, done = Errands(), list[int]()

        def fail() -> None:
            raise UnavailableError("somebody: no answer")

        assert errands.run("x", lambda: done.append(1))
        with pytest.raises(UnavailableError):
            errands.run("x", fail)
        assert errands.run("x", lambda: done.append(2))
        assert done == [1, 2]

    def test_beside_delay_nobody(self) -> None:
        """The call returns while the errand waits; the same errand is not begun again meanwhile, another is."""
        errands, go, done = Errands(beside=True), threading.Event(), threading.Event()

        def wait() -> None:
            go.wait(10)
            done.set()

        assert errands.run("slow", wait)
        assert not errands.run("slow", wait)
        other = threading.Event()
        assert errands.run("other", other.set)
        assert other.wait(10)
        go.set()
        assert done.wait(10)

    def test_beside_outlive_an_error(self) -> None:
        """What fails is at rest again."""
        errands, tried = Errands(beside=True), threading.Semaphore(0)

        def fail() -> None:
            tried.release()
            raise ValueError

        errands.run("x", fail)
        assert tried.acquire(timeout=10)
        while not errands.run("x", fail):
            pass
        assert tried.acquire(timeout=10)


class TestTheLog:
    """Of an errand that failed beside: which, why in words, and the place where nobody foresaw it."""

    def failed(self, error: Exception) -> dict[str, object]:
        errands = Errands(beside=True)

        def fail() -> None:
            raise error

        with capture_logs() as said:
            errands.run("books", fail)
            while not errands.run("books", lambda: None):
                pass
        return next(each for each in said if each["event"] == "errand.failed")

    def test_says_what_a_person_can_act_on_in_its_own_words(self) -> None:
        """The first line; no trace beside it."""
        said = self.failed(UnavailableError("twilio: no answer. Try again later\nmore"))
        assert said == {
            "event": "errand.failed",
            "log_level": "error",
            "errand": "books",
            "problem": "twilio: no answer. Try again later",
        }

    def test_says_what_the_database_wants(self) -> None:
        """Not only the name of the error."""
        broken = sa.exc.OperationalError("SELECT 1", {}, sqlite3.OperationalError("database is locked"))
        assert str(self.failed(broken)["problem"]).startswith("the database ")

    def test_says_where_it_was_raised(self) -> None:
        """As `job.failed` does: the kind, and the place for whoever looks after the program."""
        said = self.failed(KeyError("x"))
        assert isinstance(said["exc_info"], KeyError)
        assert "problem" not in said
        assert said["exc_info"].__traceback__ is not None, "the log shows its frames"
