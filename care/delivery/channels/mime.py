"""Mails as bytes: a skeleton made once per template and sender, and per recipient only what differs.

Building a message object per mail costs two milliseconds; joining these bytes costs some microseconds. No
header can be smuggled in: every value that reaches a header is either checked against its own grammar or encoded.
"""

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Final

from care.base.errors import InputError
from care.base.ids import digest
from care.delivery.channels.body_coding import CRLF, BodyEncoder, Coding, coding_for
from care.delivery.channels.smtp_wire import Mail, is_sound

_WORD_BYTES: Final = 45  #: UTF-8 bytes of one encoded word, which must stay below 76 characters
_PLAIN_SUBJECT: Final = 66  #: longest subject that stands in one line as it is
_LONGEST_ADDRESS: Final = 254
_LONGEST_HEADER: Final = 990

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9._+=-]{1,200}(@[A-Za-z0-9.-]{1,200})?")
_URL: Final = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'()*+;=%-]+")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{0,64}")


class MailError(InputError):
    """A mail cannot be built: an address, id or link that no header may hold. Says which, never its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Skeleton:
    """What all mails of one template, locale and sender share."""

    coding: Coding
    head: bytes  # the headers after the variable ones, and all up to the text
    middle: bytes  # between text and HTML; empty for a mail of text alone
    end: bytes


class MailComposer:
    """Builds mails of one sender."""

    def __init__(self, sender: str, *, feedback_sender: str = "care") -> None:
        """`sender` is `care@example.com` or `Brand <care@example.com>`; `feedback_sender` ends the Feedback-ID.

        Raises:
            MailError: the sender is not one address.
        """
        name, address = parseaddr(sender)
        if not _is_address(address) or not _NAME.fullmatch(feedback_sender):
            raise MailError(
                "the sender is not an e-mail address. Write it as care@example.com or Brand <care@example.com>"
            )
        self._from = b"From: " + _sender_words(name, address)
        self._domain = address.rpartition("@")[2]
        self._feedback = feedback_sender
        self._skeletons: dict[tuple[str, str, bool], _Skeleton] = {}
        self._bodies = BodyEncoder()

    def compose(
        self,
        *,
        to: str,
        subject: str,
        text: str,
        html: str,
        message_id: str,
        date: datetime,
        unsubscribe_url: str = "",
        template: str = "",
        locale: str = "",
    ) -> Mail:
        """Return a whole mail with CRLF line ends, plain text first; without `html` it is text alone.

        `message_id` with or without `<>`; the sender's domain is added where it has none. `date` is aware.
        Control characters in the subject become spaces.

        Raises:
            MailError: `to`, `message_id`, `unsubscribe_url`, `template` or `locale` could break a header.
        """
        key = (template, locale, bool(html))
        skeleton = self._skeletons.get(key)
        if skeleton is None:
            skeleton = self._skeletons[key] = self._make_skeleton(key, text + html)
        headers = [
            self._from,
            _to_header(to),
            b"Subject: " + subject_words(subject),
            _date_header(date.replace(microsecond=0)),
            self._message_id(message_id),
        ]
        if unsubscribe_url:
            headers += _unsubscribe_headers(unsubscribe_url)
        head = CRLF.join(headers)
        if not is_sound(head):
            raise MailError("the headers of a mail hold a line that no mail may hold")
        encode, coding = self._bodies.encode, skeleton.coding
        parts = [head, skeleton.head, encode(text, coding)]
        if html:
            parts += [skeleton.middle, encode(html, coding)]
        parts += [skeleton.end]
        return Mail(CRLF.join(parts))

    def _make_skeleton(self, key: tuple[str, str, bool], content: str) -> _Skeleton:
        template, locale, has_html = key
        if not (_NAME.fullmatch(template) and _NAME.fullmatch(locale)):
            raise MailError("the template or locale of a mail has characters that no header may hold")
        coding = coding_for(content)
        common = ["Auto-Submitted: auto-generated"]
        if template:
            common.append(f"Feedback-ID: {template}:{locale}:{self._feedback}")
        common.append("MIME-Version: 1.0")
        if not has_html:
            head = [*common, *_part_headers("plain", coding), ""]
            return _Skeleton(coding=coding, head=_lines(head), middle=b"", end=b"")
        # "=_" never occurs in quoted-printable or base64, so no content can end a part
        boundary = f"=_{digest(f'{template} {locale} {self._domain}')[:24]}"
        kind = f'Content-Type: multipart/alternative; boundary="{boundary}"'
        head = [*common, kind, "", f"--{boundary}", *_part_headers("plain", coding), ""]
        middle = [f"--{boundary}", *_part_headers("html", coding), ""]
        return _Skeleton(coding=coding, head=_lines(head), middle=_lines(middle), end=_lines([f"--{boundary}--", ""]))

    def _message_id(self, given: str) -> bytes:
        words = given.removeprefix("<").removesuffix(">")
        found = _MESSAGE_ID.fullmatch(words)
        if found is None:
            raise MailError("the id of a mail has characters that Message-ID may not hold")
        return (f"Message-ID: <{words}>" if found.group(1) else f"Message-ID: <{words}@{self._domain}>").encode()


def subject_words(subject: str) -> bytes:
    """Return a subject as it stands in the header: plain ASCII as it is, all else in folded encoded words."""
    if subject.isascii() and subject.isprintable() and len(subject) <= _PLAIN_SUBJECT and "=?" not in subject:
        plain = subject.strip()
        if "  " not in plain:
            return plain.encode()
    words = " ".join("".join(char if char.isprintable() else " " for char in subject).split())
    return _encoded_words(words)


def _encoded_words(words: str) -> bytes:
    """Return RFC 2047 encoded words, each of whole characters and its own line."""
    raw, found, start = words.encode("utf-8", "replace"), [], 0
    while start < len(raw):
        end = min(start + _WORD_BYTES, len(raw))
        while end < len(raw) and raw[end] & 0xC0 == 0x80:  # noqa: PLR2004 - a byte inside a UTF-8 character
            end -= 1
        found.append(b"=?utf-8?b?" + base64.b64encode(raw[start:end]) + b"?=")
        start = end
    return b"\r\n ".join(found)


def _sender_words(name: str, address: str) -> bytes:
    words = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    if not words:
        return address.encode()
    if words.isascii() and "=?" not in words and len(words) <= _PLAIN_SUBJECT:
        try:
            return str(Address(words, addr_spec=address)).encode()
        except (HeaderParseError, ValueError, IndexError):
            pass
    return _encoded_words(words) + b"\r\n <" + address.encode() + b">"


def _is_address(address: str) -> bool:
    return len(address) <= _LONGEST_ADDRESS and "=?" not in address and _ADDRESS.fullmatch(address) is not None


def _to_header(to: str) -> bytes:
    """Return the To header; a domain in other scripts travels in its ASCII form."""
    if not to.isascii():
        local, _, domain = to.rpartition("@")
        try:
            to = f"{local}@{domain.encode('idna').decode()}"
        except UnicodeError:
            to = ""
    if not _is_address(to):
        raise MailError("the address of a customer cannot stand in a mail header. Correct it in the customer's record")
    return b"To: " + to.encode()


def _unsubscribe_headers(url: str) -> list[bytes]:
    """Return the headers of RFC 8058, each in one line: folding them has broken signatures."""
    if not _URL.fullmatch(url) or len(url) > _LONGEST_HEADER:
        raise MailError("the unsubscribe link cannot stand in a mail header. Check operator.public_url")
    found = [b"List-Unsubscribe: <" + url.encode() + b">"]
    if url.startswith("https://"):
        found.append(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    return found


@lru_cache(maxsize=64)
def _date_header(date: datetime) -> bytes:
    return b"Date: " + format_datetime(date).encode()


def _part_headers(kind: str, coding: Coding) -> list[str]:
    return [f"Content-Type: text/{kind}; charset=utf-8", f"Content-Transfer-Encoding: {coding}"]


def _lines(lines: list[str]) -> bytes:
    return "\r\n".join(lines).encode()
