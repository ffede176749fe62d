"""One reply to one turn of the conversation, by the list of moves; nothing here knows a database or a clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from care.surveys.conversation.hearing import answers_in, exit_of, hear_reason, hear_words, heard_score
from care.surveys.conversation.model import NEXT_QUESTION, Heard, Lot, Move, Said, Standing, Turn
from care.surveys.conversation.moves import MOVES, OTHERWISE, UNASKED
from care.surveys.conversation.questions import (
    TEMPLATES,
    asks_in_words,
    next_question,
    question_left,
    reprompt_of,
    worded_for,
)
from care.surveys.conversation.refusing import refuses_only_questions
from care.surveys.model import DIMENSIONS, Question, Stage, Survey
from care.surveys.replies.model import Flag, Kind, Reading, Reply
from care.surveys.replies.model import Stage as Asked

Read = Callable[[Reply], Reading]
_ONCE_EACH: Final = 1
_OF_A_SURVEY: Final = (Heard.NOT_SOLVED, Heard.CALL_BACK)
_CORRECTED: Final = (Heard.LOWERED, Heard.MENDED)
_OVER: Final = (Stage.OPTED_OUT, Stage.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A reply as it came: its words, the customer's language, and what is open (see `replies.model.Reply`)."""

    text: str
    lang: str
    context: Mapping[str, Any]


def take_turn(standing: Standing, letter: Letter, read: Read) -> tuple[Turn, Reading]:
    """Return what a reply leads to, and what it was read as."""
    reading = _read(standing, letter, read)
    heard, answers = _hear(standing, reading, letter)
    return _turn(standing, heard, answers), reading


def _read(standing: Standing, letter: Letter, read: Read) -> Reading:
    """Read a reply as an answer to what is open; where words are asked for, a correction of the score comes first."""

    def ask(stage: Asked, scale: str) -> Reading:
        return read(Reply(text=letter.text, scale=scale, stage=stage, lang=letter.lang, context=letter.context))

    if standing.survey is None:
        return ask(Asked.NONE, standing.scale)
    if standing.stage is Stage.OPTED_OUT:
        wanted = ask(Asked.OPTED_OUT, standing.scale)
        return wanted if wanted.kind is not Kind.UNCLEAR else ask(Asked.NONE, standing.scale)
    if _asks_why(standing):
        return _read_reason(standing, ask)
    reading = ask(Asked.SCORE, standing.scale)
    if standing.survey is Survey.TICKET and reading.kind is Kind.UNCLEAR and standing.question is DIMENSIONS[0]:
        four = ask(Asked.SCORE, "csat5x4")
        if isinstance(four.score, tuple) and None not in four.score and not four.derived:
            return four
    return reading


def _read_reason(standing: Standing, ask: Callable[[Asked, str], Reading]) -> Reading:
    again = ask(Asked.REASON, standing.scale)
    if again.kind is Kind.SCORE and Flag.CORRECTION in again.flags:
        return again
    plain = ask(Asked.SCORE, standing.scale)
    if Flag.ACKNOWLEDGEMENT in plain.flags:
        return plain
    return again if asks_in_words(standing.survey) else ask(Asked.REASON_MENU, "reason4")


def _asks_why(standing: Standing) -> bool:
    """Tell whether words are asked for: the reason of a low score, or of any."""
    return standing.stage is Stage.REASON or (standing.stage is Stage.ASKING and standing.question is Question.COMMENT)


def _hear(standing: Standing, reading: Reading, letter: Letter) -> tuple[Heard, tuple[Said, ...]]:
    way_out = exit_of(reading)
    if way_out is Heard.OPT_OUT and refuses_only_questions(letter.text):
        way_out = Heard.NO_SURVEYS
    if way_out is Heard.NOT_SOLVED and asks_in_words(standing.survey):
        way_out = Heard.CALL_BACK  # no finished job is asked about that could be opened again
    if _asks_why(standing) and Flag.CORRECTION not in reading.flags:
        return _hear_reason(standing, reading, way_out)
    answers = answers_in(reading, standing, letter.text) if reading.kind in (Kind.SCORE, Kind.OPT_OUT) else ()
    if way_out in _OF_A_SURVEY and not answers and _is_elsewhere(reading, letter):
        return Heard.ELSEWHERE, ()
    if way_out is not None:
        return way_out, answers
    if answers:
        return heard_score(answers, reading, standing, letter.text), answers
    return _hear_words(standing, reading, letter), ()


def _hear_reason(standing: Standing, reading: Reading, way_out: Heard | None) -> tuple[Heard, tuple[Said, ...]]:
    if Flag.ACKNOWLEDGEMENT in reading.flags:
        return Heard.ACKNOWLEDGED, ()
    if way_out in (None, *_OF_A_SURVEY) and reading.kind in (Kind.SCORE, Kind.COMMENT):
        if asks_in_words(standing.survey):
            return hear_words(reading, standing)
        return hear_reason(reading)
    return way_out or Heard.ELSEWHERE, ()


def _hear_words(standing: Standing, reading: Reading, letter: Letter) -> Heard:
    if Flag.ACKNOWLEDGEMENT in reading.flags:
        return Heard.ACKNOWLEDGED
    if reading.kind is Kind.SCORE or Flag.AMBIGUOUS in reading.flags or _is_elsewhere(reading, letter):
        return Heard.ELSEWHERE
    return Heard.UNCLEAR_AGAIN if standing.reprompts >= _ONCE_EACH else Heard.UNCLEAR


def _is_elsewhere(reading: Reading, letter: Letter) -> bool:
    """Tell whether words belong to the message that was sent last, which asked something else."""
    last_out = str(letter.context.get("last_out") or "").partition(":")[0]
    return bool(last_out) and reading.about == last_out


def _turn(standing: Standing, heard: Heard, answers: tuple[Said, ...]) -> Turn:
    moves = UNASKED if standing.survey is None else MOVES[standing.stage]
    move = moves.get(heard, OTHERWISE)
    if move.lot is Lot.NOT_OURS:
        answers = ()
    stage = _stage_after(standing, heard, move, answers)
    question, say = standing.question, worded_for(standing.survey, move.say)
    if move.say == NEXT_QUESTION and standing.survey is not None:
        question = next_question(standing.survey, {*standing.scores, *(said.question for said in answers)})
        stage, say = (Stage.DONE, "survey_thanks") if question is None else (stage, TEMPLATES[question])
    elif heard is Heard.OPT_IN and move.to is Stage.CLOSED and standing.survey is not None:
        question = question_left(standing.survey, standing.scores)
    elif stage in (Stage.DONE, Stage.REASON, Stage.OPTED_OUT) or move.to is Stage.CLOSED:
        question = None
    if move.is_reprompt:
        say = reprompt_of(standing.survey)
    # A score that is corrected leads away from a question and back to it: it was asked once more all the same.
    moved_on = question is not standing.question and heard not in _CORRECTED
    return Turn(
        heard=heard,
        stage=stage,
        question=question,
        reprompts=0 if moved_on else standing.reprompts + move.is_reprompt,
        lot=move.lot,
        say=say,
        case=move.case,
        answers=answers,
    )


def _stage_after(standing: Standing, heard: Heard, move: Move, answers: tuple[Said, ...]) -> Stage:
    if move.to is not None:
        return move.to
    is_wish = answers and heard not in (Heard.GOOD, Heard.LAST, Heard.LOW, Heard.MENDED, Heard.LOWERED)
    return Stage.DONE if is_wish and standing.stage not in _OVER else standing.stage
