"""One HTTP/1.1 answer, read from the bytes that came."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

LONGEST_HEAD: Final = 64 * 1024
LONGEST_BODY: Final = 16 * 1024 * 1024
_status_line: Final = re.compile(rb"HTTP/1\.([01]) (\d{3})(?: [^\r\n]*)?\r\n").match
_length: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n").search  # these three in lower case
_is_chunked: Final = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked").search
_is_closing: Final = re.compile(rb"\r\nconnection:[^\r\n]*close").search
_chunk_line: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r\n").match


class Answer(NamedTuple):
    """One answer; `head` is status line and headers as they came."""

    status: int
    head: bytes
    body: bytes

    def headers(self) -> Mapping[str, str]:
        """Return the headers by lower-case name; of repeated ones the last."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if ":" in line)
        return {name.lower(): value.strip() for name, _, value in pairs}


def parse_answer(data: bytes, *, at_end: bool) -> tuple[Answer, bytes, bool] | None:
    """Return the first whole answer in `data`, what follows it, and whether the connection may be kept.

    None when more must come. `at_end` says that nothing more will come.

    Raises:
        ValueError: it is not HTTP, or longer than any answer has reason to be.
    """
    while True:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > LONGEST_HEAD or at_end:
                raise ValueError("no head")
            return None
        head = data[: end + 2]
        status_line = _status_line(head)
        if status_line is None:
            raise ValueError("no status line")
        status = int(status_line[2])
        if status >= 200:  # noqa: PLR2004 - what is below announces the answer proper
            break
        data = data[end + 4 :]
    lower = head.lower()
    framed = _body_of(lower, status, data[end + 4 :], at_end=at_end)
    if framed is None:
        return None
    body, rest, is_framed = framed
    keeps_alive = is_framed and status_line[1] == b"1" and _is_closing(lower) is None
    return Answer(status, head, body), rest, keeps_alive


def _body_of(head: bytes, status: int, data: bytes, *, at_end: bool) -> tuple[bytes, bytes, bool] | None:
    """Return the body, the rest, and whether the body said itself where it ends; None when more must come.

    `head` is in lower case.
    """
    if status in (204, 304):
        return b"", data, True
    if len(data) > LONGEST_BODY:
        raise ValueError("the body is too long")
    if _is_chunked(head):
        whole = _join_chunks(data)
        framed = None if whole is None else (*whole, True)
    elif length := _length(head):
        size = int(length[1])
        if size > LONGEST_BODY:
            raise ValueError("the body is too long")
        framed = (data[:size], data[size:], True) if len(data) >= size else None
    else:
        return (data, b"", False) if at_end else None
    if framed is None and at_end:
        raise ValueError("the body is torn")
    return framed


def _join_chunks(data: bytes) -> tuple[bytes, bytes] | None:
    parts: list[bytes] = []
    while True:
        line = _chunk_line(data)
        if line is None:
            if len(data) > LONGEST_HEAD or (b"\r\n" in data):
                raise ValueError("no chunk")
            return None
        size = int(line[1], 16)
        start = line.end()
        if size == 0:
            return _after_trailers(parts, data[start:])
        if len(data) < start + size + 2:
            return None
        chunk, data = data[start : start + size], data[start + size :]
        if not data.startswith(b"\r\n"):
            raise ValueError("a chunk is longer than it says")
        parts.append(chunk)
        data = data[2:]


def _after_trailers(parts: list[bytes], data: bytes) -> tuple[bytes, bytes] | None:
    if data.startswith(b"\r\n"):
        return b"".join(parts), data[2:]
    _, end, rest = data.partition(b"\r\n\r\n")
    return (b"".join(parts), rest) if end else None
