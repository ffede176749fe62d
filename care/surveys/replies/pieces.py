"""A text in its smallest pieces: a number, a word, one Chinese letter, one sign."""

import re
from typing import Final

_PIECE: Final = re.compile(
    r"(\s*)("
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"  # a number, also 1,580
    r"|\[[㐀-鿿ok]{1,3}\]"  # a picture by its name
    r"|[:;=]['-]?[)(|d](?![a-z])|\^_?\^|<3|\(:|\):"  # a face of signs
    r"|[㐀-鿿]"
    r"|[^\W\d_㐀-鿿]+(?:'[^\W\d_㐀-鿿]+)*"  # a word
    r"|\S)"
)


def split_pieces(text: str) -> list[tuple[str, str]]:
    """Return (blank before it, piece) for each piece of a normalised text."""
    return _PIECE.findall(text)
