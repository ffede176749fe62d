"""Words fit to be sent: no control or direction-changing characters, no line that a value could begin."""

import re
import unicodedata
from typing import Final

_SPACES: Final = re.compile(r"\s+")
_KEPT: Final = frozenset("\u200c\u200d")  # joiners: without them Persian, Hindi and many emoji fall apart
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def plain(text: str) -> str:
    """Return one line without control, bidirectional, private and surrogate characters; spaces at the ends go.

    Any run of white space, line breaks included, becomes one space.
    """
    if text.isprintable() and text[:1] != " " and text[-1:] != " ":
        return text
    spaced = _SPACES.sub(" ", text)
    words = "".join(char for char in spaced if char in _KEPT or unicodedata.category(char) not in _DROPPED)
    return _SPACES.sub(" ", words).strip()
