"""Errands never hold anybody up, and never run twice at a time."""

import threading

import pytest

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
