"""What words say about a service: a grade from -2 to 2, or which way they lean, or nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from care.surveys.replies.tokens import Token

GRADES: Final = {"worst": -2, "bad": -1, "middling": 0, "good": 1, "best": 2}
_TURNED: Final = frozenset({*GRADES, "very", "rather", "slight", "neg", "at_all"})
_MOST_UNKNOWN: Final = 4
_BEFORE_NAMES: Final = ("with", "by", "to")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`grade`: what the words are worth, None where that is not sure. `leaning`: 1, -1 or 0, as far as can be told."""

    grade: int | None = None
    leaning: int = 0
    mixed: bool = False


NO_VERDICT: Final = Verdict()


@dataclass(frozen=True, slots=True)
class _Judged:
    """One judgement: its grade (None: turned into something unsure), which way, and how firmly it stands."""

    grade: int | None
    leaning: int
    is_label: bool
    is_firm: bool


def weigh(tokens: Sequence[Token]) -> Verdict:
    """Return what the words of a text come to; they have to agree."""
    found: list[_Judged] = []
    unknown = 0
    anchored = False
    has_trouble = has_contrast = False
    for clause in _clauses(tokens):
        judged, strange, subject = _judge_clause(clause)
        found += judged
        unknown += strange
        anchored = anchored or any(one.is_label for one in judged) or (subject and bool(judged))
        has_trouble = has_trouble or any("trouble" in token.meanings for token in clause)
        has_contrast = has_contrast or any("but" in token.meanings for token in clause)
    if not found:
        return Verdict(leaning=-1 if has_trouble else 0)
    leanings = {one.leaning for one in found}
    if len(leanings) > 1 or any(one.grade is None for one in found):
        lean = -1 if -1 in leanings else 1
        return Verdict(leaning=lean, mixed=len(leanings) > 1)
    leaning = leanings.pop()
    labels = [one for one in found if one.is_label]
    if leaning >= 0 and (has_trouble or (has_contrast and not labels)) and not (labels and has_contrast):
        return Verdict(leaning=-1 if has_trouble else leaning, mixed=True)
    if not all(one.is_firm for one in found) or (not anchored and unknown):
        return Verdict(leaning=leaning)
    grades = [one.grade for one in labels or found if one.grade is not None]
    return Verdict(grade=max(grades, key=abs), leaning=leaning)


def _clauses(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Yield what stands between signs, and before and after a "but"."""
    start = 0
    for index, token in enumerate(tokens):
        if token.is_end or token.new_line or "but" in token.meanings:
            if index > start:
                yield tokens[start:index]
            start = index + 1 if token.is_end else index
    if len(tokens) > start:
        yield tokens[start:]


def _judge_clause(clause: Sequence[Token]) -> tuple[list[_Judged], int, bool]:
    """Return (judgements, unknown words, whether a subject of ours is named) of one clause."""
    subject = any("subject" in token.meanings for token in clause)
    unknown = sum(token.is_unknown for token in clause) - _ends_in_a_name(clause)
    is_firm = 2 * unknown <= min(2 * _MOST_UNKNOWN, len(clause) - unknown)
    judged: list[_Judged] = []
    before = _Before()
    at_all = "at_all" in clause[-1].meanings
    for index, token in enumerate(clause):
        grade = _grade_of(token, clause[index + 1] if index + 1 < len(clause) else None)
        if grade is None:
            before.hear(token.meanings)
        elif "faint" not in token.meanings or (not unknown and (subject or before.says_anything)):
            turned, leaning = before.turn(grade, at_all=at_all)
            judged.append(_Judged(turned, leaning, "label" in token.meanings, is_firm))
            before = _Before()
    if before.negated and judged:
        judged[-1] = _Judged(None, judged[-1].leaning, is_label=False, is_firm=False)
    return judged, unknown, subject


def _ends_in_a_name(clause: Sequence[Token]) -> bool:
    """Tell whether the last word is somebody's name: "impressed with Dave"."""
    return len(clause) > 2 and clause[-1].is_unknown and clause[-2].text in _BEFORE_NAMES  # noqa: PLR2004 - a verdict


@dataclass(slots=True)
class _Before:
    """The small words heard before a judgement, and what they make of it."""

    negated: bool = False
    strong: bool = False  # "very not", "not at all"
    very: bool = False
    softened: bool = False

    @property
    def says_anything(self) -> bool:
        return self.negated or self.very or self.softened

    def hear(self, meanings: frozenset[str]) -> None:
        if "neg" in meanings and not meanings & {"thanks", "not_resolved"}:
            self.negated, self.strong, self.very = not self.negated, self.strong or self.very, False
        elif "at_all" in meanings:
            self.strong = True
        elif "very" in meanings:
            self.very = True
        elif meanings & {"rather", "slight"}:
            self.softened = True

    def turn(self, grade: int, *, at_all: bool) -> tuple[int | None, int]:
        """Return (grade, leaning): "not very happy" is -1, "very unhappy" is -2, "not terrible" is nothing sure."""
        leaning = (grade > 0) - (grade < 0)
        strong = self.strong or at_all
        if not self.negated:
            is_moved = abs(grade) == 1 and (self.very or (strong and grade < 0))
            return (grade * 2 if is_moved else grade), leaning
        if grade == 1:
            return (-2 if strong else -1), -1
        if grade == -1 and not self.very and not strong:
            return 1, 1
        return None, -leaning or -1


def _grade_of(token: Token, after: Token | None) -> int | None:
    """Return the grade of a word; "好" before a judgement only says "very"."""
    meanings = token.meanings
    is_degree = bool(meanings & {"very", "rather"}) and after is not None
    is_cut_off = "closing" in meanings and after is not None and "ending" not in after.meanings
    if "harmless" in meanings or is_cut_off or (is_degree and after is not None and after.meanings & _TURNED):
        return None
    return next((grade for name, grade in GRADES.items() if name in meanings), None)
