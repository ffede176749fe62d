"""What a diagnosis means: one data table, `reasons.tsv`, read from the top; when in doubt, never hard.

Columns of the table:

- `match`: `text` (a pattern in the words of the server), `words` (a list of `wordings.tsv`), `pair` (two lists, joined
  by a plus, or three: the second is said of the first, the third of the second), `said` (the server's own enhanced
  status), `code` (the same or else the report's, or the beginning of one that ends in a dot), `reply` (the beginning of
  its reply code)
- `pattern`: what to look for, in lower case; with `words` and `pair` the names of lists
- `kind`: `hard`, `soft`, `at-rcpt` (hard if the server said it about the address itself: a code 5.1.x, or an answer to
  RCPT), `quoted` (hard also where nobody tells when, if a server's answer is quoted or the failure called permanent),
  `at-5.1` (hard with a code 5.1.x only) or `even-late` (hard even after the content: some look only then)
- `reason`: our name for it
- `code`: the code of `error_classes.tsv` that stands for the reason; a hard one always stands for a dead address

A server that refuses "for now" never makes a hard bounce. One that took the recipient and refused the mail itself was
filtering, whatever its words.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Final

from care.inbound.bounces.model import Kind, Verdict
from care.inbound.bounces.stages import is_at_rcpt, is_late, is_own_word, is_policy, names_rcpt
from care.inbound.bounces.wordings import pairs, plain_text, without_doubts, without_salutation, without_words, wordings

TABLE: Final = "reasons.tsv"
LONGEST_DIAGNOSIS: Final = 1_500
LONGEST_STAGE: Final = 3_000
_STAGE_KEPT: Final = LONGEST_STAGE - 100
UNCLEAR: Final = Verdict(kind=Kind.SOFT, reason="unclear", error_code="5.0.0")

_ENHANCED = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_REPLY = re.compile(r"(?<![\d.:/\-])([45][0-57]\d)(?=[ \-#:<\"']|$)")
_ANSWER = re.compile(f"{_REPLY.pattern}|{_ENHANCED.pattern}")
_MADE_OF_REPLY: Final = {"550": "5.1.1", "551": "5.1.6", "553": "5.1.3"}
_ADDRESS = re.compile(r"[^\s<>\"(\[:\x80-\U0010ffff]{1,100}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}", re.ASCII)
_PARAGRAPH_ENDS = re.compile(r"\n[ \t]*\n")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_BARE: Final = 3
_LONG_LINE: Final = 50
_VAGUE: Final = ("unclear", "refused")
_LINK = re.compile(r"\b(?:https?://|www\.)\S+")
_WRAPPED = re.compile(r"5\.1\.0 - Unknown address error \(?'?(\d{3}[-'].*)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What a server said about one recipient; `status` is the report's own code, `stage` the words about when.

    `is_hearsay` tells that "no such user" proves little from whom it comes.
    """

    text: str
    status: str = ""
    stage: str = ""
    is_hearsay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """The codes of a diagnosis: the one that counts, the server's own enhanced one, its reply.

    `telling` is the code that counts, empty where a relay only made it of the reply. `sentences` are the words without
    the bare ones, in plain text and without what is only supposed.
    """

    code: str
    own_code: str
    reply: str
    telling: str
    is_hearsay: bool
    sentences: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    match: str
    pattern: str
    seen: re.Pattern[str] | None
    kind: str
    reason: str
    code: str


@cache
def reason_rows() -> Sequence[_Row]:
    """Return the table in its order."""
    text = resources.files("care.inbound.bounces").joinpath(TABLE).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [
        _Row(
            match=row["match"],
            pattern=row["pattern"],
            seen=re.compile(row["pattern"]) if row["match"] == "text" else None,
            kind=row["kind"],
            reason=row["reason"],
            code=row["code"],
        )
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    ]


def classify(diagnosis: Diagnosis) -> Verdict:
    """Return what a diagnosis means; every diagnosis means something."""
    diagnosis = _unwrapped(diagnosis)
    written = diagnosis.text[:LONGEST_DIAGNOSIS].lower()
    text = " ".join(written.split())
    heard = _heard(diagnosis, text)
    bare = _LINK.sub(" ", _ADDRESS.sub(" ", without_salutation(written)))
    words = bare.replace("\u2019", "'").replace("_", " ")
    heard = replace(heard, sentences=without_doubts(plain_text(_sentences(words))))
    stage = " ".join(f"{diagnosis.stage[:LONGEST_STAGE]} {words}".lower().split())
    verdicts = [_verdict(said, heard, stage) for said in _nearest_first(words)]
    clear = next((each for each in verdicts if each.reason not in _VAGUE), verdicts[0])
    return clear if not is_probable(clear) else next((each for each in verdicts if each.kind is Kind.HARD), clear)


def is_probable(verdict: Verdict) -> bool:
    """Tell whether a mailbox may well be unknown, and plain words elsewhere would settle it."""
    return verdict.kind is Kind.SOFT and verdict.reason in ("no-such-mailbox", "unavailable")


def _nearest_first(words: str) -> Sequence[str]:
    """Return the paragraph of a server's answer, then what follows as well, then all: footers speak of other things."""
    answer = _ANSWER.search(words)
    if answer is None:
        return (" ".join(words.split()),)
    rest = words[answer.start() :]
    answered = _PARAGRAPH_ENDS.split(rest, 1)[0]
    if _WORD.search(answered) is None:  # a bare code below its reason
        answered = _PARAGRAPH_ENDS.split(words[: answer.end()])[-1]
    told = (" ".join(said.split()) for said in (answered, rest, words))
    return tuple(dict.fromkeys(told))  # mostly they are the same


def _sentences(words: str) -> str:
    """Return a text without lines of a few bare words, unless they end the line before."""
    lines = words.splitlines()
    whole = (
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if len(_WORD.findall(line)) > _BARE or len(before) > _LONG_LINE
    )
    return "\n".join(whole)


def _verdict(said: str, heard: _Heard, stage: str) -> Verdict:
    plain = plain_text(said)
    sure = without_doubts(plain)  # what is only supposed makes nobody dead
    rows = iter(reason_rows())
    row = next((row for row in rows if _fits(row, said, plain if row.kind == "soft" else sure, heard)), None)
    first = _meaning(row, heard, stage) if row else UNCLEAR
    if not is_probable(first) or _is_for_now(heard) or is_late(stage):
        return first
    plainer = (row for row in rows if row.match in ("words", "pair") and _fits(row, said, sure, heard))
    meanings = (_meaning(row, heard, stage) for row in plainer)
    return next((each for each in meanings if each.kind is Kind.HARD), first)


def _meaning(row: _Row, heard: _Heard, stage: str) -> Verdict:
    kind = _kind(row, heard, stage)
    return Verdict(kind=kind, reason=row.reason, error_code=row.code if kind is Kind.HARD else _softened(row))


def is_echo(diagnosis: Diagnosis) -> bool:
    """Tell whether the report's status says nothing but the server's reply: some relays make 5.1.1 of every 550."""
    text = " ".join(diagnosis.text[:LONGEST_DIAGNOSIS].split()).lower()
    heard = _heard(diagnosis, text)
    return heard.code != heard.telling


def has_answer(text: str) -> bool:
    """Tell whether a text quotes what a server answered, with its code."""
    return _ANSWER.search(" ".join(text[:LONGEST_STAGE].split())) is not None


def code_of(diagnosis: Diagnosis) -> str:
    """Return the enhanced status: the server's own word before the report's, a telling one before a vague one."""
    said = _ENHANCED.findall(" ".join(diagnosis.text[:LONGEST_DIAGNOSIS].split()))
    reported = _ENHANCED.findall(diagnosis.status)
    codes = [*said, *reported]
    return next((code for code in codes if not code.endswith(".0.0")), codes[0] if codes else "")


def _unwrapped(diagnosis: Diagnosis) -> Diagnosis:
    """Return what the server said where a relay put it after words of its own about every refused recipient."""
    found = _WRAPPED.search(diagnosis.text[:LONGEST_DIAGNOSIS])
    if found is None:
        return diagnosis
    stage = f"{diagnosis.stage[:_STAGE_KEPT]} in reply to RCPT"
    return Diagnosis(text=found[1], stage=stage, is_hearsay=diagnosis.is_hearsay)


def _heard(diagnosis: Diagnosis, text: str) -> _Heard:
    code, found, own = code_of(diagnosis), _REPLY.search(text), _ENHANCED.search(text)
    own_code, reply = own[1] if own else "", found[1] if found else ""
    is_made = not own_code and _MADE_OF_REPLY.get(reply) == code
    return _Heard(
        code=code,
        own_code=own_code,
        reply=reply,
        telling="" if is_made else code,
        is_hearsay=diagnosis.is_hearsay,
    )


def _fits(row: _Row, words: str, plain: str, heard: _Heard) -> bool:
    if row.seen is not None:
        return row.seen.search(words) is not None and (row.kind != "quoted" or row.seen.search(plain) is not None)
    if row.match == "words":
        return wordings(row.pattern).are_in(plain)
    if row.match == "pair":
        named, said, *how = row.pattern.split("+")
        spoken_of = without_words(how[0], plain) if how else plain  # "at the user's request" speaks of no user
        return pairs(named, said).are_in(spoken_of) and all(pairs(said, each).are_in(plain) for each in how)
    if row.match == "reply":
        return bool(heard.reply) and not heard.code and heard.reply.startswith(row.pattern)
    code = heard.own_code if row.match == "said" else heard.telling
    return code == row.pattern or (row.pattern.endswith(".") and code.startswith(row.pattern))


def _kind(row: _Row, heard: _Heard, stage: str) -> Kind:
    code = heard.telling if row.kind == "at-5.1" else heard.code
    if row.kind == "soft" or _is_for_now(heard):
        return Kind.SOFT
    if row.kind == "even-late" or code.startswith("5.1."):
        return Kind.HARD
    if is_late(stage):
        return Kind.SOFT
    if row.kind == "hard" and not (heard.is_hearsay and row.reason == "no-such-mailbox"):
        return Kind.HARD
    return Kind.HARD if row.kind != "at-5.1" and _is_about_address(row, heard, stage) else Kind.SOFT


def _is_about_address(row: _Row, heard: _Heard, stage: str) -> bool:
    """Tell whether "no such user" was meant of the address, and nothing beside it says otherwise."""
    is_about_us = row.kind != "hard" and is_policy(heard.code) and not names_rcpt(stage)
    is_about_room = heard.reply == "552" and not heard.own_code
    if is_about_us or is_about_room:
        return False
    is_meant = is_at_rcpt(stage, is_hearsay=heard.is_hearsay)
    if row.kind == "quoted" and not heard.is_hearsay and not is_meant:
        is_whole = row.match == "words" and not heard.reply and wordings(row.pattern).are_in(heard.sentences)
        is_meant = is_own_word(stage, reply=heard.reply, code=heard.code, is_whole=is_whole)
    return is_meant and not wordings("suspended").are_in(without_doubts(plain_text(stage)))


def _is_for_now(heard: _Heard) -> bool:
    """Tell whether the server asked for another try; its own reply counts more than a report's code."""
    return heard.reply.startswith("4") or (heard.code.startswith("4") and not heard.reply.startswith("5"))


def _softened(row: _Row) -> str:
    """Return the code of a row that turned out soft: a dead address is then only a probable one."""
    return row.code if row.kind == "soft" else "5.1.0"
