"""From what a reply was read as to what it means for the conversation, given where that stands."""

import re
import unicodedata
from typing import Final

from care.surveys.conversation.model import Heard, Said, Standing
from care.surveys.conversation.questions import next_question, question_before
from care.surveys.model import DIMENSIONS, Question, Stage
from care.surveys.replies.model import Flag, Kind, Reading
from care.surveys.replies.scales import scale_named

_DIGITS: Final = re.compile(r"\d+")
_KINDS: Final = {
    Kind.IGNORE: Heard.MACHINE,
    Kind.OPT_OUT: Heard.OPT_OUT,
    Kind.OPT_IN: Heard.OPT_IN,
    Kind.HELP: Heard.HELP,
}
_EXITS: Final = (
    (Flag.SAFETY, Heard.DANGER),
    (Flag.WRONG_NUMBER, Heard.WRONG_NUMBER),
    (Flag.DATA_REQUEST, Heard.DATA_REQUEST),
    (Flag.CANCEL_SERVICE, Heard.CANCELLATION),
    (Flag.NOT_RESOLVED, Heard.NOT_SOLVED),
    (Flag.CALL_BACK, Heard.CALL_BACK),
    (Flag.COMPLAINT, Heard.CALL_BACK),
)
_NOT_SOLVED_IN_MENU: Final = 3
_NEED_A_CALL: Final = frozenset({Flag.NOT_RESOLVED, Flag.CALL_BACK, Flag.COMPLAINT})
_CAN_BE_CORRECTED: Final = (Stage.ASKING, Stage.REASON, Stage.DONE)


def exit_of(reading: Reading) -> Heard | None:
    """Return the way out that a reply takes, whatever was asked; None where it takes none."""
    if reading.kind in _KINDS:
        return _KINDS[reading.kind]
    return next((heard for flag, heard in _EXITS if flag in reading.flags), None)


def answers_in(reading: Reading, standing: Standing, text: str) -> tuple[Said, ...]:
    """Return the scores of a reply and the questions they answer; nothing where none is sure."""
    survey, comment = standing.survey, reading.comment or None
    if survey is None or reading.score is None or standing.stage is Stage.OPTED_OUT:
        return ()
    if isinstance(reading.score, tuple):
        points = [(q, p) for q, p in zip(DIMENSIONS, reading.score, strict=False) if p is not None]
    else:
        asked = _corrected_question(standing) if is_correction(reading, standing, text) else standing.question
        if asked is None or (standing.stage in (Stage.REASON, Stage.DONE) and Flag.CORRECTION not in reading.flags):
            return ()
        points = [(asked, reading.score)]
    scale = scale_named(standing.scale)
    return tuple(
        Said(
            question=question,
            score=scale.low + scale.high - point if scale.best_is_low else point,
            raw=None if reading.derived else point,
            comment=comment if index == 0 else None,
            derived=reading.derived,
        )
        for index, (question, point) in enumerate(points)
    )


def heard_score(answers: tuple[Said, ...], reading: Reading, standing: Standing, text: str) -> Heard:
    """Return what scores mean: one low one is enough for an apology."""
    scale = scale_named(standing.scale)
    typed = (scale.low + scale.high - (said.score or 0) if scale.best_is_low else said.score for said in answers)
    is_low = any(point in scale.alarming for point in typed)
    if is_correction(reading, standing, text):
        return Heard.LOWERED if is_low else Heard.MENDED
    if is_low:
        return Heard.LOW
    assert standing.survey is not None
    given = {*standing.scores, *(said.question for said in answers)}
    return Heard.GOOD if next_question(standing.survey, given) else Heard.LAST


def is_correction(reading: Reading, standing: Standing, text: str) -> bool:
    """Tell whether a score replaces one given before: "sorry, 5"; "4, no, 5" corrects only itself."""
    if Flag.CORRECTION not in reading.flags or standing.stage not in _CAN_BE_CORRECTED:
        return False
    return standing.stage is not Stage.ASKING or len(_DIGITS.findall(unicodedata.normalize("NFKC", text))) <= 1


def hear_reason(reading: Reading) -> tuple[Heard, tuple[Said, ...]]:
    """Return what an answer to "what was the reason" means, and how it is written down."""
    points = reading.score if isinstance(reading.score, tuple) else (reading.score,)
    said = tuple(
        Said(question=Question.REASON, score=point, raw=point, comment=reading.comment or None)
        for point in points[:1]
        if point is not None
    )
    if _NOT_SOLVED_IN_MENU in points or Flag.NOT_RESOLVED in reading.flags:
        return Heard.NOT_SOLVED, said or _words(reading)
    return Heard.REASON, said or _words(reading)


def hear_words(reading: Reading, standing: Standing) -> tuple[Heard, tuple[Said, ...]]:
    """Return what an answer in words means where no menu was offered: who needs a call is promised one, once."""
    is_promised = standing.stage is Stage.REASON
    heard = Heard.REASON if is_promised or not _NEED_A_CALL & set(reading.flags) else Heard.CALL_BACK
    return heard, _words(reading, Question.REASON if is_promised else Question.COMMENT)


def _words(reading: Reading, question: Question = Question.REASON) -> tuple[Said, ...]:
    if not reading.comment or Flag.DECLINED in reading.flags:
        return ()
    return (Said(question=question, comment=reading.comment),)


def _corrected_question(standing: Standing) -> Question | None:
    """Return the question whose answer is taken back: the one answered last."""
    assert standing.survey is not None
    if standing.stage is Stage.ASKING and standing.question is not None:
        return question_before(standing.survey, standing.question)
    given = [question for question in DIMENSIONS if question in standing.scores] or list(standing.scores)
    return given[-1] if given else None
