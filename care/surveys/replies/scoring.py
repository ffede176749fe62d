"""The answer to the question that is open: a digit, a word that is worth one, a reason, or why it is neither."""

from dataclasses import replace
from typing import Final

from care.surveys.replies.answers import ease_grade, menu_digits, several, yes_or_no
from care.surveys.replies.choosing import NO_NUMBER, Choice, choose
from care.surveys.replies.model import Flag, Kind, Reading, Reply, Stage
from care.surveys.replies.scales import Scale
from care.surveys.replies.taken_back import hangs_on_an_if
from care.surveys.replies.text import Text
from care.surveys.replies.verdicts import Verdict, counts_something, weigh
from care.surveys.replies.wishes import needs_a_person, side_flags

_UNCLEAR: Final = Reading(kind=Kind.UNCLEAR)
_EASE: Final = frozenset({"ease_good", "ease_best"})
_BLOCKS: Final = frozenset({"question", "conditional", "unreal", "mock", "harmless", "plain", "no_marks"})


def read_answer(reply: Reply, text: Text, scale: Scale) -> Reading:
    """Return the answer to the question of this stage, never a guess."""
    if reply.stage is Stage.REASON_MENU:
        return _menu(reply, text, scale)
    if reply.stage is Stage.REASON:
        return _reason(reply, text, scale)
    if scale.name == "reason4":
        return _menu(reply, text, scale)
    if scale.words == "yes":
        return _yes_or_no(text, scale)
    if scale.digits > 1:
        return _several(text, scale)
    return _score(text, scale)


def _score(text: Text, scale: Scale) -> Reading:
    if "no_marks" in text.met and not text.has_digit:
        if scale.holds(0) and (not text.unknown or _begins_with_nought(text)):
            return _scored(0, scale, derived=True)
        return Reading(kind=Kind.UNCLEAR, alert=True, flags=(Flag.OUT_OF_RANGE, Flag.NEGATIVE))
    choice = choose(text.tokens, text.met, scale)
    if choice is not NO_NUMBER:
        return _from_number(choice, text, scale)
    grade = ease_grade(text.tokens, text.met, scale.words) if scale.words == "ease" else None
    if grade is not None and grade in scale.points:
        return _scored(scale.points[grade], scale, derived=True)
    return _from_words(text, scale)


def _begins_with_nought(text: Text) -> bool:
    """Tell whether the first clause is 零分."""
    return "zero" in text.tokens[0].meanings and len(text.tokens) > 1 and text.tokens[1].is_end


def _from_number(choice: Choice, text: Text, scale: Scale) -> Reading:
    """Return the score of a digit, unless the words around it say that it is not meant so."""
    beside = side_flags(text)
    if choice.score is None:
        flags = tuple(dict.fromkeys((*choice.flags, *beside)))
        return Reading(kind=Kind.UNCLEAR, flags=flags, alert=choice.alert or needs_a_person(beside))
    is_open = "conditional" in text.met and Flag.CORRECTION not in choice.flags
    if is_open and hangs_on_an_if(text.tokens, choice.place, text.met):
        return Reading(kind=Kind.UNCLEAR, flags=(Flag.CONDITIONAL,))
    others = tuple(token for index, token in enumerate(text.tokens) if not choice.place[0] <= index <= choice.place[1])
    if others and _contradicts(choice.score, others, text, scale):
        return Reading(kind=Kind.UNCLEAR, flags=(Flag.CONTRADICTION,), alert=True)
    return _scored(choice.score, scale, derived=choice.derived, flags=(*choice.flags, *beside))


def _contradicts(score: int, others: tuple[object, ...], text: Text, scale: Scale) -> bool:
    """Tell whether the words lean to the other side of the middle than the digit."""
    side = scale.side_of(score)
    if side == 0:
        return False
    verdict = weigh(others)  # type: ignore[arg-type]
    if side > 0 and score != scale.best and "deduct" in text.met:  # why it is one less
        return "mock" in text.met
    if side > 0:
        firm = verdict.grade is not None and verdict.grade < 0
        strong = "worst" in text.met or (score == scale.best and "furious" in text.met)
        return firm or (verdict.leaning < 0 and not verdict.mixed and strong) or "mock" in text.met
    praise = (verdict.grade or 0) > 0 or (verdict.leaning > 0 and not verdict.mixed and "best" in text.met)
    return praise and not text.met & {"trouble", "not_resolved", "but"}


def _from_words(text: Text, scale: Scale) -> Reading:
    """Return the point that a judgement in words is worth; only on scales whose points have names."""
    met, beside = text.met, side_flags(text)
    verdict = weigh(text.tokens)
    sure = verdict.grade is not None and not met & _BLOCKS and not text.asks
    if sure and "not_resolved" in met and (verdict.leaning >= 0 or (verdict.grade == -1 and "label" not in met)):
        sure = False
    if sure and verdict.leaning > 0 and "dead" in met and "resolved" not in met:  # "lovely, now the phone is dead too"
        sure = False
    if sure and not verdict.is_of_all and counts_something(text.tokens):
        sure = False
    if sure and verdict.grade in scale.points and scale.words == "verdict":
        return _scored(scale.points[verdict.grade or 0], scale, derived=True, flags=beside)
    return _unsure(text, verdict)


def _unsure(text: Text, verdict: Verdict) -> Reading:
    """Return what can be said of a text without a score."""
    met, flags = text.met, list(side_flags(text))
    negative = verdict.leaning < 0 or bool(met & {"unhappy", "mock", "swear", "not_resolved", "complaint"})
    if "conditional" in met:
        flags.append(Flag.CONDITIONAL)
    if "question" in met or text.asks:
        flags.append(Flag.QUESTION)
    if "neutral" not in met and "happy" not in met and met & _EASE:
        flags.append(Flag.POSITIVE)
    if "interested" in met:
        flags.append(Flag.INTERESTED)
    if negative:
        flags.append(Flag.NEGATIVE)
    elif verdict.leaning > 0 or met & {"happy", "resolved"}:
        flags.append(Flag.POSITIVE)
    elif "neutral" in met:
        flags.append(Flag.NEUTRAL)
    elif _only_acknowledges(text):
        flags.append(Flag.ACKNOWLEDGEMENT)
    elif not flags and text.unknown > 1:
        flags.append(Flag.COMMENT)
    alert = negative or Flag.CALL_BACK in flags or Flag.INTERESTED in flags or needs_a_person(tuple(flags))
    return Reading(kind=Kind.UNCLEAR, alert=alert, flags=tuple(flags))


def _only_acknowledges(text: Text) -> bool:
    return bool(text.met & {"ack", "thanks"}) and not text.unknown


def _yes_or_no(text: Text, scale: Scale) -> Reading:
    answer = yes_or_no(text.tokens, text.met)
    if answer is None:
        numbers = [token.value for token in text.tokens if token.value is not None]
        alone = len(numbers) == 1 and len(text.tokens) == 1
        return Reading(kind=Kind.UNCLEAR, flags=(Flag.OUT_OF_RANGE,)) if alone else _unsure(text, weigh(text.tokens))
    reading = _scored(answer, scale)
    return replace(reading, flags=(Flag.NOT_RESOLVED,)) if answer == 0 else reading


def _several(text: Text, scale: Scale) -> Reading:
    """Return a point for each question; a lone digit answers the last one, which asks about everything."""
    points = several(text.tokens, text.met, scale)
    if points is not None:
        return Reading(kind=Kind.SCORE, score=points, alert=not scale.alarming.isdisjoint(points))
    choice = choose(text.tokens, text.met, scale)
    is_lone = sum(token.value is not None for token in text.tokens) < 2  # noqa: PLR2004 - "5 5 5" leaves one out
    if choice.score is not None and is_lone and len(text.tokens) <= _SHORT_ANSWER:
        score = (*[None] * (scale.digits - 1), choice.score)
        return Reading(kind=Kind.SCORE, score=score, derived=True, alert=choice.score in scale.alarming)
    if text.has_digit:
        return Reading(kind=Kind.UNCLEAR, flags=(Flag.INCOMPLETE,))
    return _unsure(text, weigh(text.tokens))


def _menu(reply: Reply, text: Text, scale: Scale) -> Reading:
    chosen = menu_digits(text.tokens, scale)
    if chosen:
        return Reading(kind=Kind.SCORE, score=chosen[0] if len(chosen) == 1 else chosen)
    if chosen == () and len(text.tokens) == 1:
        return Reading(kind=Kind.UNCLEAR, flags=(Flag.OUT_OF_RANGE,))
    return _comment(reply, text)


def _reason(reply: Reply, text: Text, scale: Scale) -> Reading:
    """Return the reason; a text that is only a score, or corrects one, still counts as that."""
    bare = text.has_digit and not text.unknown and len(text.tokens) <= _SHORT_ANSWER
    if bare or "correction" in text.met:
        choice = choose(text.tokens, text.met, scale)
        if choice.score is not None:
            return replace(_scored(choice.score, scale, derived=choice.derived), flags=choice.flags)
    return _comment(reply, text)


def _comment(reply: Reply, text: Text) -> Reading:
    flags = side_flags(text)
    if "declined" in text.met and not text.unknown and len(text.tokens) <= _SHORT_ANSWER:
        return Reading(kind=Kind.COMMENT, flags=(Flag.DECLINED,))
    alert = Flag.SAFETY in flags or Flag.COMPLAINT in flags
    return Reading(kind=Kind.COMMENT, comment=reply.text.strip(), flags=flags, alert=alert)


_SHORT_ANSWER: Final = 4


def _scored(score: int, scale: Scale, *, derived: bool = False, flags: tuple[Flag, ...] = ()) -> Reading:
    alert = score in scale.alarming or needs_a_person(flags)
    return Reading(kind=Kind.SCORE, score=score, derived=derived, alert=alert, flags=flags)
