"""Bounces in plain words: which address they speak of, and what was said about it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from care.inbound.bounces.phrases import any_of
from care.inbound.bounces.wordings import plain_text, wordings

MOST_RECIPIENTS = 50
_MOST_LINES = 400
_LONGEST_LINE = 600
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]"
_DOMAIN = r"[A-Za-z0-9.\-]{0,252}[A-Za-z0-9]"
_ADDRESS = re.compile(rf"(?<![A-Za-z0-9.=/])(\"[^\"@\n]{{1,64}}\"@{_DOMAIN}|{_ATOM}{{1,64}}@{_DOMAIN})")
_copy_begins = any_of(
    r"this is a copy of (the|your) (message|headers)",
    r"below (this line )?is a copy",
    r"(the )?(original|returned|unsent|rejected|bounced|undelivered) (message|mail|e-?mail|letter) "
    r"(follows?|header|text|content|is|attached)",
    r"(the )?(original|returned|unsent|rejected|bounced|undelivered) (message|mail|e-?mail|letter)[\s\-:=*.]*$",
    r"(message|mail) (header|headers|text|body|content|source)s? (follow|of)",
    r"included is a copy|original mail as follows",
    r"(your|the) (original )?(message|mail) (headers? )?(follows|is (attached|included|enclosed|below|as follows))",
    r"headers? of (the|your) (original )?(message|mail)",
    r"---+ ?(original|forwarded|returned) (message|mail)",
    r"content-type: message/rfc822|return-path: ?<|received: ?(from|by|\()",
    r"begin (original )?message|first \d+ (lines|bytes)|copy of (the )?(original )?(message|mail)",
).match
_RULE = " \t>*|.-=_#~+"
_NOT_A_RECIPIENT = any_of(
    r"^\s*(from|sender|reply-to|message-id|return-path|mail from|errors-to|subject|in-reply-to|references)\s*:",
    r"^\s*(date|cc|received|x-[\w-]{1,40}|dkim-\S{1,40}|list-\S{1,40})\s*:",
    r"mail from:|envelope-from|message-?id|originator|mailto:|sender\b.{0,12}$",
)
_asks_to_write = any_of(r"contact|postmaster for|forward(ed)? (this|it) to|please (send|write|e-?mail|report)").search
_greets = any_of(
    r"\s*(hello|hi|dear|hallo|guten tag|bonjour|estimad[oa]|hola|gentile|prezad[oa]|geachte|beste) \S{1,300}@\S+\s*$",
    r"\s*\S{1,300}@[\w.-]{1,253}?(您好|你好|様)\S{0,2}\s*$",
).match
_opens = any_of(  # the reader is named there, not yet who was not reached
    r"\s*(hello|hi|dear|hallo|guten tag|bonjour|estimad[oa]|hola|gentile|prezad[oa]|geachte|beste|уважаемы[йе])\b",
    r"\s*(尊敬的|您好|你好)",
).match
_sent_by = re.compile(
    r"(?<!generated )\b(from|proveniente da|inviato da|von|sent by|enviado por|envoyé par|от)\s{1,4}<?$", re.IGNORECASE
).search
_SAYS_RECIPIENT = any_of(
    r"recipient|rcpt to|(following|failed|bounced) address|addressed to|intended for|user:",
    r"unable to deliver|undeliverable|could not be delivered|not be reached",
    r"delivery (to|failed)|deliver (your |the )?(mail|message) to",
    r"unknown|no such|not found|rejected",
)
_AT_START = re.compile(r"^[\s>*\-#\d.)|]{0,12}<?([^\s<>]{1,320}@[^\s<>:,;]{1,253})>?\s*(:|$|\.\.\.|\(|-|\[|\.{0,1}$)")
_SERVER_WORD = re.compile(
    r"(?<!\d)[245]\d\d[ \-](?!\d)|#?[245]\.\d\.\d|said:|responded|reason|error|<<<", re.IGNORECASE
)
_X400 = re.compile(r"^smtp=", re.IGNORECASE)  # an older way to write an address
_NEXT_TALK = re.compile(r"(while talking|\.\.\. while talking|>>>|\d{3}[ \-])", re.IGNORECASE)
_OURS = re.compile(
    r"^(mailer-daemon|postmaster|mail-daemon|daemon|root|noreply|no-reply|bounce-?admin)@", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """An address that a bounce says was not reached, and the words about it."""

    address: str
    diagnosis: str


def notice_of(text: str) -> str:
    """Return what the mail system wrote itself: the text before the copy of the returned mail."""
    kept: list[str] = []
    is_told = False
    for number, line in enumerate(text.splitlines()[:_MOST_LINES]):
        line = line[:_LONGEST_LINE]  # noqa: PLW2901 - bounded
        if number and _begins_copy(line, is_told=is_told):
            break
        kept.append(line)
        is_told = is_told or ("@" in line and not _opens(line))
    return "\n".join(kept)


def _begins_copy(line: str, *, is_told: bool) -> bool:
    """Tell whether the copy begins; a heading over its few facts is none where nobody was named yet."""
    bare = line.lstrip(_RULE)
    if _copy_begins(line) or _copy_begins(bare):
        return True
    return is_told and wordings("copy-begins").begin(plain_text(bare))


def copy_of(text: str) -> str:
    """Return the rest: the returned mail or its headers."""
    return text[len(notice_of(text)) :][:20_000]


def mentions(notice: str, *, not_them: Sequence[str]) -> list[Mention]:
    """Return the addresses a notice most probably speaks of; `not_them` are those of sender and mail system."""
    lines = notice.splitlines()
    foreign = {address.lower() for address in not_them}
    ranked: dict[str, tuple[int, int]] = {}
    context = ""
    for at, line in enumerate(lines):
        for address, rank in _ranked(line, context):
            if address.lower() in foreign or _OURS.match(address):
                continue
            known = ranked.get(address.lower())
            if known is None or rank < known[0]:
                ranked[address.lower()] = (rank, at)
        if line.strip():
            context = line
    if not ranked:
        return mentions(notice, not_them=()) if foreign and _has_sure(lines) else []
    best = min(rank for rank, _ in ranked.values())
    chosen = [(at, address) for address, (rank, at) in ranked.items() if rank == best][:MOST_RECIPIENTS]
    chosen.sort(key=itemgetter(0))
    if best >= _WEAK:
        chosen = chosen[:1]
    starts = [at for at, _ in chosen]
    return [
        Mention(address=_as_written(lines[at], address), diagnosis=_words(lines, at, starts)) for at, address in chosen
    ]


_WEAK = 2


def _has_sure(lines: Sequence[str]) -> bool:
    return any(rank == 0 for line in lines for _, rank in _ranked(line, ""))


def _ranked(line: str, context: str) -> list[tuple[str, int]]:
    """Return the addresses of a line, each with how surely it is a recipient: 0 is surest."""
    start = _AT_START.match(line)
    if "@" not in line or _greets(line) or (start is None and _NOT_A_RECIPIENT.search(line)):
        return []
    asked = None if start is not None else _asks_to_write(line)
    told_of = line[: asked.start()] if asked else line
    named = [match for match in _ADDRESS.finditer(told_of) if not _sent_by(line[: match.start()][-40:])]
    found = [_X400.sub("", match[1].strip(".'")) for match in named]
    ranks = []
    for address in found[:20]:
        if start is not None and address in start[1]:
            rank = 0
        elif _SAYS_RECIPIENT.search(line):
            rank = 1
        elif _SAYS_RECIPIENT.search(context):
            rank = _WEAK
        else:
            rank = _WEAK + 1
        ranks.append((address, rank))
    return ranks


def _as_written(line: str, address: str) -> str:
    found = re.search(re.escape(address), line, re.IGNORECASE)
    return found[0] if found else ""


def _words(lines: Sequence[str], at: int, starts: Sequence[int]) -> str:
    """Return what is said about the address of a line: from there up to the next one's."""
    later = [start for start in starts if start > at]
    end = min(later) if later else len(lines)
    if len(starts) > 1:
        end = next((n for n in range(at + 1, end) if _NEXT_TALK.match(lines[n])), end)
    said = "\n".join(lines[at:end])
    if _SERVER_WORD.search(said) or len(starts) > 1:
        return said
    return "\n".join(lines)
