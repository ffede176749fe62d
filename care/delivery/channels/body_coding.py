"""Bodies of mails in their transfer encoding: sound lines (see `smtp_wire.is_sound`) of at most 76 characters.

A text that knows its pieces is encoded piece by piece, so what is the same for everybody is encoded once. Each piece
begins on a line of its own: a soft line break, which readers take out, ends the one before.
"""

import re
from binascii import b2a_base64, b2a_qp
from typing import Final, Literal

from care.base.errors import InputError
from care.base.pieced import Pieced
from care.delivery.channels.smtp_wire import is_sound

Coding = Literal["quoted-printable", "base64"]

CRLF: Final = b"\r\n"
_LINE: Final = 76  #: characters of a base64 line
_SOFT_BREAK: Final = b"=\r\n"
_MOSTLY_FOREIGN: Final = 6  # with more than one byte in six outside ASCII, base64 is the shorter one
_MOST_KNOWN: Final = 2_048  #: pieces that are kept; then keeping begins anew
_DOTS_IN_A_LINE: Final = 25
_one_too_long: Final = re.compile(rb"^(.{74,})(=20|=09)$", re.MULTILINE)
_leading_dots: Final = re.compile(rb"^\.+", re.MULTILINE)


def coding_for(content: str) -> Coding:
    """Return the encoding that makes the shorter mail."""
    raw = content.encode("utf-8", "replace")
    foreign = sum(byte > 127 for byte in raw)  # noqa: PLR2004 - outside ASCII
    return "base64" if foreign * _MOSTLY_FOREIGN > len(raw) else "quoted-printable"


class BodyEncoder:
    """Encodes bodies and keeps the pieces it has encoded, until there are too many."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def encode(self, content: str, coding: Coding) -> bytes:
        """Return a body without a line end after its last line.

        Line ends, whatever they were, become CRLF; what UTF-8 cannot say becomes a question mark.

        Raises:
            InputError: a line came out that no mail may hold.
        """
        if "\r" in content:
            content = content.replace("\r\n", "\n").replace("\r", "\n")
        if coding == "base64":
            return _base64(content)
        if not isinstance(content, Pieced):
            return _quoted_piece(content).removesuffix(_SOFT_BREAK)
        known, learn = self._known, self._learn
        return b"".join([known.get(piece) or learn(piece) for piece in content.pieces]).removesuffix(_SOFT_BREAK)

    def _learn(self, piece: str) -> bytes:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        encoded = self._known[piece] = _quoted_piece(piece)
        return encoded


def _base64(content: str) -> bytes:
    encoded = b2a_base64(content.replace("\n", "\r\n").encode("utf-8", "replace"), newline=False)
    return CRLF.join([encoded[at : at + _LINE] for at in range(0, len(encoded), _LINE)])


def _quoted_piece(piece: str) -> bytes:
    """Return whole lines; the last one ends as in the piece, or else in a soft break.

    The extra character holds the place of the soft break in the last line.

    Raises:
        InputError: a line came out that no mail may hold, which must never leave.
    """
    raw = piece.encode("utf-8", "replace")
    if not raw:
        return b""
    encoded = b2a_qp(raw, istext=True) if raw.endswith(b"\n") else b2a_qp(raw + b"~", istext=True)[:-1] + b"=\n"
    if b"=20\n" in encoded or b"=09\n" in encoded:  # binascii gives a space at the end of a line no room of its own
        encoded = _one_too_long.sub(rb"\1=\n\2", encoded)
    if encoded.startswith(b".") or b"\n." in encoded:
        encoded = _leading_dots.sub(_quoted_dots, encoded)
    lines = encoded.replace(b"\n", CRLF)
    if not is_sound(lines):
        raise InputError("the body of a mail holds a line that no mail may hold")
    return lines


def _quoted_dots(found: re.Match[bytes]) -> bytes:
    """Return dots that do not look like the end of a mail, on lines of their own so that none becomes too long."""
    full, rest = divmod(len(found[0]), _DOTS_IN_A_LINE)
    return (b"=2E" * _DOTS_IN_A_LINE + b"=\n") * full + (b"=2E" * rest + b"=\n") * bool(rest)
