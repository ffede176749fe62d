"""How many parts a text message is sent, and billed, as."""

import re
from typing import Final, Literal, NamedTuple

from gsmcodecs import GSMCHARMAPS

Encoding = Literal["GSM-7", "UCS-2"]

GSM_SINGLE: Final = 160  #: septets in a lone part
GSM_CHAINED: Final = 153  #: septets in a part of a chain; the header takes the other seven
UCS_SINGLE: Final = 70  #: UTF-16 units in a lone part
UCS_CHAINED: Final = 67  #: UTF-16 units in a part of a chain

_ESCAPE: Final = 0x1B
_BASIC: Final = frozenset(
    chr(point) for septet, point in GSMCHARMAPS[0]["locking"]["decode"].items() if septet != _ESCAPE
)
_EXTENDED: Final = frozenset(map(chr, GSMCHARMAPS[0]["singleShift"]["decode"].values())) - _BASIC


def _one_of(characters: frozenset[str]) -> str:
    return "[" + "".join(map(re.escape, sorted(characters))) + "]"


_all_basic: Final = re.compile(f"{_one_of(_BASIC)}*").fullmatch
_all_gsm: Final = re.compile(f"{_one_of(_BASIC | _EXTENDED)}*").fullmatch
_extended: Final = re.compile(_one_of(_EXTENDED))


class SmsCount(NamedTuple):
    """What one text costs on the air."""

    encoding: Encoding
    parts: int  # what the carrier bills
    units: int  # septets for GSM-7 (an extension character is two), UTF-16 units for UCS-2


def count_parts(text: str) -> SmsCount:
    """Return in how many parts `text` is sent, and in which alphabet.

    A lone part holds 160 septets, or 70 UTF-16 units once one character (any Chinese one) lies outside the
    GSM alphabet; parts of a chain hold 153 or 67. Two septets of one extension character, and two units of one
    surrogate pair, stay in the same part.

    Raises:
        ValueError: if `text` is empty.

    Source: 3GPP TS 23.038 (alphabet), TS 23.040 (concatenation).
    """
    if not text:
        raise ValueError("an empty text has no parts")
    if _all_basic(text):
        return SmsCount("GSM-7", _plain_parts(len(text), GSM_SINGLE, GSM_CHAINED), len(text))
    if _all_gsm(text):
        return _count_extended(text)
    return _count_ucs(text)


def costly_characters(text: str) -> list[tuple[int, str]]:
    """Return (index, character) of what makes `text` dearer than plain GSM-7.

    In a UCS-2 text these are the characters outside the GSM alphabet; in a GSM-7 text those that take two
    septets. Indexes count Python characters from 0.
    """
    outside = [(i, char) for i, char in enumerate(text) if char not in _BASIC and char not in _EXTENDED]
    return outside or [(found.start(), found.group()) for found in _extended.finditer(text)]


def _plain_parts(units: int, single: int, chained: int) -> int:
    return 1 if units <= single else -(-units // chained)


def _count_extended(text: str) -> SmsCount:
    units = len(text) + sum(map(text.count, _EXTENDED))
    if units <= GSM_SINGLE:
        return SmsCount("GSM-7", 1, units)
    septets = text
    for char in _EXTENDED:
        septets = septets.replace(char, "\x1b" + char)
    parts = start = 0
    while start < units:
        end = start + GSM_CHAINED
        if end < units and septets[end - 1] == "\x1b":
            end -= 1
        start, parts = end, parts + 1
    return SmsCount("GSM-7", parts, units)


def _count_ucs(text: str) -> SmsCount:
    encoded = text.encode("utf-16-be", "surrogatepass")
    units = len(encoded) // 2
    if units == len(text) or units <= UCS_SINGLE:
        return SmsCount("UCS-2", _plain_parts(units, UCS_SINGLE, UCS_CHAINED), units)
    parts = start = 0
    while start < units:
        end = start + UCS_CHAINED
        if end < units and _splits_pair(encoded, end):
            end -= 1
        start, parts = end, parts + 1
    return SmsCount("UCS-2", parts, units)


def _splits_pair(encoded: bytes, unit: int) -> bool:
    """Tell whether a cut before `unit` would part a high surrogate from its low one."""
    high, low = encoded[2 * unit - 2], encoded[2 * unit]
    return 0xD8 <= high <= 0xDB and 0xDC <= low <= 0xDF  # noqa: PLR2004 - the surrogate ranges of UTF-16
