"""Standard output and error whose reader may go away, as `head` does after its lines, or was never there."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO, cast


class Stream:
    """A text stream that takes what is written also when nobody reads it any more.

    A command goes on to its end then: what it does is done, and its exit code is its own.
    """

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream` while it has a reader."""
        self._stream, self.has_reader = stream, True

    def write(self, text: str) -> int:
        """Write a text, to nowhere where nobody reads."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        """Pass on what has been written."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._give_up()

    def __getattr__(self, name: str) -> Any:
        """Be the stream in everything else."""
        return getattr(self._stream, name)

    def _give_up(self) -> None:
        self.has_reader = False
        with suppress(OSError):  # what the stream still holds is lost with the reader
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextmanager
def patient_streams() -> Iterator[None]:
    """Make output and errors patient, whatever whoever started us gave or closed."""
    given = sys.stdout, sys.stderr
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        sys.stdout, sys.stderr = (cast(TextIO, Stream(stream or nowhere)) for stream in given)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            sys.stdout, sys.stderr = given


def has_reader() -> bool:
    """Tell whether somebody may still read our output; what would go on for ever ends when nobody does."""
    return bool(getattr(sys.stdout, "has_reader", True))
