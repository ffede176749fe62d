"""Which words to add so that replies are read as a person says they were meant."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from care.surveys.replies.lexicon import Entry, Lexicon, extend_lexicon, key_of
from care.surveys.replies.model import Kind, Reading, Reply
from care.surveys.replies.normalise import normalise
from care.surveys.replies.pieces import split_pieces
from care.surveys.replies.read import read_reply
from care.surveys.replies.scales import scale_named

LONGEST_PHRASE: Final = 5
"""Pieces (words, or Chinese letters); longer ones are sentences, which nobody else writes again."""
_LONGEST_TEXT: Final = 24
_GRADES: Final = {2: "best", 1: "good", 0: "middling", -1: "bad", -2: "worst"}
_MEANINGS: Final = {Kind.OPT_OUT: "whole_stop", Kind.HELP: "help_alone"}
_ACKNOWLEDGED: Final = "acknowledgement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A stored reply, and what a person says it meant: a kind, a score on its scale, or an acknowledgement."""

    id: int
    reply: Reply
    meant: str
    score: int | None = None

    def is_met_by(self, reading: Reading) -> bool:
        """Tell whether a reading says what was meant."""
        if self.meant == _ACKNOWLEDGED:
            return _ACKNOWLEDGED in reading.flags
        return reading.kind.value == self.meant and (self.score is None or reading.score == self.score)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One phrase to add to a list, which reply taught it, and which stored replies it would change."""

    meaning: str
    language: str
    phrase: str
    lesson: int
    changes: tuple["Change", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A stored reply that would be read in another way."""

    id: int
    before: str
    after: str


def propose(lessons: Sequence[Lesson], lexicon: Lexicon) -> Iterator[Proposal]:
    """Yield the shortest phrase for each lesson that the lists do not know yet, one after the other laid on top."""
    known = lexicon
    for lesson in lessons:
        if lesson.is_met_by(read_reply(lesson.reply, known)):
            continue
        found = _phrase_for(lesson, known)
        if found is not None:
            known = extend_lexicon(known, [_entry(found)])
            yield found


def changes(replies: Sequence[tuple[int, Reply]], before: Lexicon, after: Lexicon) -> tuple[Change, ...]:
    """Return which stored replies a change of the lists would read in another way."""
    found = ((id_, read_reply(reply, before), read_reply(reply, after)) for id_, reply in replies)
    return tuple(
        Change(id=id_, before=_spell(old), after=_spell(new))
        for id_, old, new in found
        if (old.kind, old.score) != (new.kind, new.score)
    )


def with_proposals(lexicon: Lexicon, proposals: Sequence[Proposal]) -> Lexicon:
    """Return the lists with the proposed phrases."""
    return extend_lexicon(lexicon, [_entry(proposal) for proposal in proposals])


def _phrase_for(lesson: Lesson, known: Lexicon) -> Proposal | None:
    meaning = _meaning_of(lesson)
    if meaning is None:
        return None
    for phrase in _phrases(lesson.reply.text):
        language = "en" if phrase.isascii() else "zh"
        proposal = Proposal(meaning=meaning, language=language, phrase=phrase, lesson=lesson.id)
        if lesson.is_met_by(read_reply(lesson.reply, extend_lexicon(known, [_entry(proposal)]))):
            return proposal
    return None


def _meaning_of(lesson: Lesson) -> str | None:
    """Return the list that says it; None where the scale has no words for the point."""
    if lesson.meant == _ACKNOWLEDGED:
        return "ack"
    if lesson.meant != Kind.SCORE:
        return _MEANINGS.get(Kind(lesson.meant)) if lesson.meant in set(Kind) else None
    grades = {point: grade for grade, point in scale_named(lesson.reply.scale).points.items()}
    grade = grades.get(lesson.score if lesson.score is not None else -1)
    return None if grade is None else _GRADES[grade]


def _phrases(text: str) -> Iterator[str]:
    """Yield the runs of pieces of a text that could be a phrase, short ones first; digits are no words."""
    pieces = split_pieces(normalise(text))[:_LONGEST_TEXT]
    for length in range(1, LONGEST_PHRASE + 1):
        for start in range(len(pieces) - length + 1):
            run = pieces[start : start + length]
            if any(piece.isdecimal() for _, piece in run):
                continue
            phrase = "".join(blank + piece for blank, piece in run).strip()
            if len(phrase) > 1 and any(letter.isalpha() for letter in phrase) and key_of(phrase):
                yield phrase


def _entry(proposal: Proposal) -> Entry:
    return Entry(proposal.meaning, proposal.language, (proposal.phrase,))


def _spell(reading: Reading) -> str:
    return reading.kind.value if reading.score is None else f"{reading.kind.value} {reading.score}"
