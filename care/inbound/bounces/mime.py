"""A mail as a list of plain parts, in bounded time and memory whatever the mail is.

Bounces are the most malformed mails there are, and anybody may send one. So this reads what is there instead of what
should be there: so many bytes, so many parts, so many headers, and no recursion.
"""

import binascii
import codecs
import quopri
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from functools import cached_property

from care.inbound.bounces.wordings import has_foreign_words

MOST_BYTES = 512 * 1024
"""Reports come before the copy of the mail they are about, so the rest is never needed."""

MOST_PARTS = 64
MOST_HEADERS = 200
LONGEST_HEADER = 4_000
LONGEST_TEXT = 128 * 1024
_DEEPEST = 8
_LONGEST_LETTER = 4

_FIELD = re.compile(rb"([!-9;-~]{1,80})[ \t]*:(.*)", re.DOTALL)
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_CHARSET = re.compile(r'charset\s*=\s*"?([\w.:-]{1,40})', re.IGNORECASE)
_ENCODED = re.compile(r"=\?[^?\s]{1,40}\?[bqBQ]\?[^?\s]{0,200}\?=")
_NOT_TEXT = re.compile(rb"[\x00\x01-\x08\x0e-\x1a\x1c-\x1f]")
_OFTEN_UNTOLD = (
    *("gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "windows-1251", "koi8-r", "iso-8859-2"),
    *("iso-8859-7", "windows-1255", "windows-1256"),
)
_NO_LETTERS = re.compile(r"[\x80-\x9f]")
_OF_WINDOWS = {at: letter for at in range(0x80, 0xA0) if (letter := bytes([at]).decode("windows-1252", "ignore"))}
"""What a mail means that says iso-8859-1, or nothing, and has these."""

_SAFE_CODECS = re.compile(
    r"(utf|iso|latin|ascii|us-ascii|windows|cp|gb|big5|euc|shift|sjis|koi8|mac|ks_c|tis|viscii|hz)", re.IGNORECASE
)


@dataclass(frozen=True)
class Headers:
    """Header fields in their order; the first of several alike counts."""

    fields: Sequence[tuple[str, str]]

    def get(self, name: str) -> str:
        """Return a header's first value with folds undone, '' if there is none."""
        return next((value for key, value in self.fields if key == name), "")

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.fields if key == name]


@dataclass(frozen=True)
class Part:
    """One leaf of a mail; `is_inside` tells that it belongs to an enclosed mail."""

    headers: Headers
    kind: str  # text/plain
    body: bytes
    is_inside: bool = False

    @cached_property
    def text(self) -> str:
        """The body as text, with LF line ends; what cannot be decoded is replaced."""
        raw = _undo_transfer(self.body, self.headers.get("content-transfer-encoding"))[:LONGEST_TEXT]
        charset = _CHARSET.search(self.headers.get("content-type"))
        text = _decode(_NOT_TEXT.sub(b" ", raw), charset[1] if charset else "")
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        return lines.translate(_OF_WINDOWS) if _NO_LETTERS.search(lines) else lines


@dataclass(frozen=True)
class Mail:
    """A mail: its headers and its leaves in order."""

    headers: Headers
    parts: Sequence[Part]


def read_mail(raw: bytes) -> Mail:
    """Return the parts of a mail; never raises, whatever the bytes are."""
    raw = raw[:MOST_BYTES]
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]
    headers, body = _split_head(raw.lstrip(b"\r\n"))
    return Mail(headers=headers, parts=list(_leaves(headers, body)))


def _leaves(headers: Headers, body: bytes) -> Iterator[Part]:
    """Yield leaves in the order of the mail; enclosed mails are opened too."""
    waiting: list[tuple[Headers, bytes, int, bool]] = [(headers, body, 0, False)]
    seen = 0
    while waiting and seen < MOST_PARTS:
        head, content, depth, is_inside = waiting.pop()
        kind = _kind_of(head)
        inner: list[tuple[Headers, bytes, int, bool]] = []
        if depth < _DEEPEST and kind.startswith("multipart/"):
            inner = [(*_split_head(piece), depth + 1, is_inside) for piece in _pieces(head, content)]
        elif depth < _DEEPEST and kind in ("message/rfc822", "message/global"):
            opened = _split_head(_undo_transfer(content, head.get("content-transfer-encoding")).lstrip(b"\r\n"))
            yield Part(headers=head, kind="message/rfc822", body=content[:LONGEST_TEXT], is_inside=is_inside)
            seen += 1
            inner = [(*opened, depth + 1, True)]
        if inner:
            waiting.extend(reversed(inner[: MOST_PARTS - seen]))
            continue
        kind = "text/plain" if kind.startswith("multipart/") else kind  # a boundary that never comes
        yield Part(headers=head, kind=kind, body=content, is_inside=is_inside)
        seen += 1


def _kind_of(headers: Headers) -> str:
    return headers.get("content-type").partition(";")[0].strip().lower() or "text/plain"


def _pieces(headers: Headers, body: bytes) -> list[bytes]:
    """Return the parts between the boundary lines; none if the boundary never occurs."""
    found = _BOUNDARY.search(headers.get("content-type"))
    boundary = (found[1] or found[2]).strip() if found else ""
    if not boundary:
        return []
    mark = b"--" + boundary.encode("latin-1", "replace")
    pieces = (b"\n" + body).split(b"\n" + mark, MOST_PARTS)[1:]
    return [piece.partition(b"\n")[2] for piece in pieces if not piece.startswith(b"--")]


def _split_head(raw: bytes) -> tuple[Headers, bytes]:
    """Return header fields and body; a mail that does not begin with a header is all body."""
    fields: list[tuple[str, list[bytes]]] = []
    at, end, room = 0, len(raw), 0
    while at < end:
        cut = raw.find(b"\n", at)
        stop = end if cut < 0 else cut
        line = raw[at : min(stop, at + LONGEST_HEADER)].rstrip(b"\r")
        if not line.strip() and raw[at:stop].strip() == b"":
            at = stop + 1
            break
        if line[:1] in b" \t" and fields:
            if room > 0:
                fields[-1][1].append(line)
                room -= len(line) + 1
        elif found := _FIELD.match(line):
            fields.append((found[1].decode("ascii").lower(), [found[2]]))
            room = LONGEST_HEADER
        else:
            break  # the body begins without an empty line
        at = stop + 1
        if len(fields) > MOST_HEADERS:
            fields.pop()
    return Headers([(name, _value(pieces)) for name, pieces in fields]), raw[at:]


def _value(pieces: Sequence[bytes]) -> str:
    joined = b" ".join(piece.strip() for piece in pieces)[:LONGEST_HEADER]
    return _decode(_NOT_TEXT.sub(b" ", joined), "")


def plain_words(value: str) -> str:
    """Return a header value with its encoded words decoded."""
    return _ENCODED.sub(lambda found: _word(found[0]), value) if "=?" in value else value


def _word(encoded: str) -> str:
    try:
        pieces = decode_header(encoded)
    except (HeaderParseError, ValueError):
        return encoded
    return "".join(_decode(raw, charset or "") if isinstance(raw, bytes) else raw for raw, charset in pieces)


def _undo_transfer(body: bytes, encoding: str) -> bytes:
    word = encoding.strip().lower()
    if word == "base64":
        kept = re.sub(rb"[^A-Za-z0-9+/]", b"", body.partition(b"\n--")[0])
        whole = kept if len(kept) % 4 != 1 else kept[:-1]  # a lone letter holds no byte
        try:
            return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
        except binascii.Error:
            return body
    return quopri.decodestring(body) if word == "quoted-printable" else body


def _decode(raw: bytes, charset: str) -> str:
    if b"\x1b$" in raw or b"\x1b(" in raw:
        charset = "iso-2022-jp"
    for name in (charset, "utf-8"):
        if name and _SAFE_CODECS.match(name):
            try:
                return codecs.decode(raw, name)
            except UnicodeDecodeError as error:
                if error.start > len(raw) - _LONGEST_LETTER:  # cut within its last letter
                    return raw[: error.start].decode(name, "replace")
            except (LookupError, ValueError, AssertionError):
                continue
    return raw.decode("utf-8", "replace") if raw.count(b"\xef\xbf\xbd") else _guessed(raw)


def _guessed(raw: bytes) -> str:
    """Return a text whose charset nobody told: read so that it has words a mail system uses, else as Latin."""
    for name in _OFTEN_UNTOLD:
        try:
            text = raw.decode(name)
        except UnicodeDecodeError:
            continue
        if not _NO_LETTERS.search(text) and has_foreign_words(text):
            return text
    return raw.decode("latin-1")
