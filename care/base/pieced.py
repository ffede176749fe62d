"""A text that knows its pieces, so that what is the same for everybody need not be worked on for everybody."""

from collections.abc import Sequence
from typing import Self


class Pieced(str):
    """A text like any other, and besides the pieces it was joined from: words of its author and values in turn."""

    __slots__ = ("pieces",)
    pieces: Sequence[str]

    @classmethod
    def joined(cls, pieces: Sequence[str]) -> Self:
        """Return the text of all pieces."""
        text = cls("".join(pieces))
        text.pieces = pieces
        return text
