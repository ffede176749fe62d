"""What words say about a service: a grade from -2 to 2, or which way they lean, or nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from care.surveys.replies.tokens import NUMERALS, Token, number_word

GRADES: Final = {"worst": -2, "bad": -1, "middling": 0, "good": 1, "best": 2}
_TURNED: Final = frozenset({*GRADES, "very", "rather", "slight", "neg", "at_all"})
_MOST_UNKNOWN: Final = 4
_HEARD: Final = frozenset(
    {"neg", "nothing", "at_all", "very", "rather", "slight", "never_before", "so_much", "more", "less"}
)
_MORE: Final = frozenset({"more"})
_NAYS: Final = frozenset({"neg", "nothing"})
_FELT: Final = frozenset({"label", "feels"})
_ALL, _ONE, _NOTHING = 2, 1, 0
"""What a judgement is about: the service, one person or thing, or nothing that is named."""
_BEFORE_NAMES: Final = ("with", "by", "to")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`grade`: what the words are worth, None where that is not sure. `leaning`: 1, -1 or 0, as far as can be told."""

    grade: int | None = None
    leaning: int = 0
    mixed: bool = False
    is_of_all: bool = False  # the service or what somebody feels about it is judged, not one thing


NO_VERDICT: Final = Verdict()


@dataclass(frozen=True, slots=True)
class _Judged:
    """One judgement: its grade (None: turned into something unsure), which way, and how firmly it stands."""

    grade: int | None
    leaning: int
    is_label: bool
    is_firm: bool
    about: int = 0


def weigh(tokens: Sequence[Token]) -> Verdict:
    """Return what the words of a text come to; they have to agree."""
    found: list[_Judged] = []
    unknown = 0
    anchored = False
    has_trouble = has_contrast = False
    for clause in _spoken(tokens):
        met = frozenset[str]().union(*(token.meanings for token in clause))
        strange = sum(token.is_unknown for token in clause) - _ends_in_a_name(clause)
        judged = [] if met.isdisjoint(GRADES) else _judge_clause(clause, met, strange)
        found += judged
        unknown += strange
        anchored = anchored or any(one.is_label for one in judged) or ("subject" in met and bool(judged))
        has_trouble = has_trouble or "trouble" in met
        has_contrast = has_contrast or "but" in met
    if not found:
        return Verdict(leaning=-1 if has_trouble else 0)
    leanings = {one.leaning for one in found}
    if len(leanings) > 1 or any(one.grade is None for one in found):
        lean = -1 if -1 in leanings else 1
        return Verdict(leaning=lean, mixed=len(leanings) > 1)
    leaning = leanings.pop()
    found = [one for one in found if one.about != _ONE]
    labels = [one for one in found if one.is_label]
    if leaning >= 0 and (has_trouble or (has_contrast and not labels)) and not (labels and has_contrast):
        return Verdict(leaning=-1 if has_trouble else leaning, mixed=True)
    if not found or not all(one.is_firm for one in found) or (not anchored and unknown):
        return Verdict(leaning=leaning)
    grades = [one.grade for one in labels or found if one.grade is not None]
    return Verdict(grade=max(grades, key=abs), leaning=leaning, is_of_all=any(one.about == _ALL for one in found))


def counts_something(tokens: Sequence[Token]) -> bool:
    """Tell whether a number stands in a text that rates by words: "five minutes, brilliant" praises the speed."""
    return any(_is_number(token) or _is_counting_word(tokens, index) for index, token in enumerate(tokens))


def _is_number(token: Token) -> bool:
    return token.value is not None or (token.text[-1:].isdecimal() and "count" in token.meanings)


def _is_counting_word(tokens: Sequence[Token], index: int) -> bool:
    token, after = tokens[index], tokens[index + 1 : index + 2]
    if token.text[0] in NUMERALS:
        return "count" in token.meanings
    return number_word(token) is not None and bool(after) and "count" in after[0].meanings


def _spoken(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Yield the clauses that say something; praise that is asked in scorn says nothing where another follows."""
    start = next((index + 1 for index, token in enumerate(tokens) if token.text == "?"), 0)
    is_scorned = 0 < start < len(tokens) and any("label" in token.meanings for token in tokens[start:])
    yield from _clauses(tokens[start:] if is_scorned else tokens)


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


def _judge_clause(clause: Sequence[Token], met: frozenset[str], unknown: int) -> list[_Judged]:
    """Return the judgements of one clause; `met` are the meanings of all its words."""
    is_firm = 2 * unknown <= min(2 * _MOST_UNKNOWN, len(clause) - unknown)
    judged: list[_Judged] = []
    before = _Before()
    of_one = False
    at_all = "at_all" in clause[-1].meanings
    for index, token in enumerate(clause):
        grade = _grade_of(token, clause[index + 1] if index + 1 < len(clause) else None)
        of_one = of_one or "part" in token.meanings
        if grade is not None and "more" in token.meanings:
            before.hear(_MORE)
        if grade is None:
            before.hear(token.meanings)
        elif "faint" not in token.meanings or (not unknown and ("subject" in met or before.says_anything)):
            turned, leaning = before.turn(grade, at_all=at_all)
            if _is_counted(clause, index):
                turned = None
            of_one = of_one or _describes(clause, index)
            about = _ALL if "whole" in met or token.meanings & _FELT else _ONE if of_one else _NOTHING
            judged.append(_Judged(turned, leaning, "label" in token.meanings, is_firm, about))
            before = _Before()
    if before.negated and judged:
        judged[-1] = _Judged(None, judged[-1].leaning, is_label=False, is_firm=False, about=judged[-1].about)
    return judged


def _describes(clause: Sequence[Token], index: int) -> bool:
    """Tell whether one person or thing follows an English judgement: "lovely guy"."""
    after = clause[index + 1 : index + 2]
    return bool(after) and "part" in after[0].meanings and not after[0].is_chinese


def _is_counted(clause: Sequence[Token], index: int) -> bool:
    """Tell whether a count stands right before a judgement: 100个不满意."""
    for place in range(index - 1, max(-1, index - 5), -1):
        if clause[place].value is not None:
            return place < index - 1
        if not clause[place].meanings & {"neg", "very", "count"}:
            return False
    return False


def _ends_in_a_name(clause: Sequence[Token]) -> bool:
    """Tell whether the last word is somebody's name: "impressed with Dave"."""
    return len(clause) > 2 and clause[-1].is_unknown and clause[-2].text in _BEFORE_NAMES  # noqa: PLR2004 - a verdict


@dataclass(slots=True)
class _Before:
    """The small words heard before a judgement, and what they make of it."""

    negated: bool = False
    strong: bool = False  # "very not", "not at all"
    emphatic: bool = False  # "at all"
    very: bool = False
    softened: bool = False
    never: bool = False
    compared: int = 0  # 1: "more", -1: "less"

    @property
    def says_anything(self) -> bool:
        return self.negated or self.very or self.softened

    def hear(self, meanings: frozenset[str]) -> None:
        if meanings.isdisjoint(_HEARD):
            return
        if meanings & _NAYS and not meanings & {"thanks", "not_resolved"}:
            self.negated, self.strong, self.very = not self.negated, self.strong or self.very, False
        elif "at_all" in meanings:
            self.emphatic = True
        elif "very" in meanings:
            self.very = True
        elif meanings & {"rather", "slight"}:
            self.softened = True
        self.never = self.never or "never_before" in meanings
        if "more" in meanings or (self.never and "so_much" in meanings):
            self.compared = 1
        elif "less" in meanings:
            self.compared = -1

    def turn(self, grade: int, *, at_all: bool) -> tuple[int | None, int]:
        """Return (grade, leaning): "not very happy" is -1, "very unhappy" is -2, "not terrible" is nothing sure."""
        leaning = (grade > 0) - (grade < 0)
        if self.compared:
            way = leaning * self.compared
            return (2 * way if self.negated and way else None), way  # "couldn't be less happy" is -2
        emphatic = self.emphatic or at_all
        strong = self.strong or emphatic
        if not self.negated:
            is_moved = abs(grade) == 1 and (self.very or (strong and grade < 0))
            return (grade * 2 if is_moved else grade), leaning
        if grade == 1:
            return (-2 if strong else -1), -1
        if grade == -1 and not self.very and (emphatic or not strong):
            return 1, 1
        return None, -leaning or -1


def _grade_of(token: Token, after: Token | None) -> int | None:
    """Return the grade of a word; "好" before a judgement only says "very"."""
    meanings = token.meanings
    if meanings.isdisjoint(GRADES):
        return None
    is_degree = bool(meanings & {"very", "rather"}) and after is not None
    is_cut_off = "closing" in meanings and after is not None and "ending" not in after.meanings
    if "harmless" in meanings or is_cut_off or (is_degree and after is not None and after.meanings & _TURNED):
        return None
    return next((grade for name, grade in GRADES.items() if name in meanings), None)
