"""`docs/conversation.md`, written from the list of moves."""

from collections.abc import Iterator, Mapping
from typing import Final

from care.surveys.conversation.model import Heard, Lot, Move
from care.surveys.conversation.moves import MOVES, UNASKED
from care.surveys.model import Stage

_MEANS: Final[Mapping[Stage, str]] = {
    Stage.INVITED: "the overall question is open",
    Stage.ASKING: "result, timeliness or attitude is open, in this order; after a recommendation, the reason in words",
    Stage.REASON: "asked why it was bad: a digit of the menu, or words",
    Stage.PERSON: "not understood twice: waits in the inbox; a score still counts",
    Stage.DONE: "nothing more is asked; a correction still counts",
    Stage.OPTED_OUT: "wants no more messages, or no more surveys",
    Stage.CLOSED: "the time for answers is over, or a refusal was taken back; a score counts, a late one is marked",
}
_LOTS: Final[Mapping[Lot, str]] = {
    Lot.DONE: "nothing is said",
    Lot.INBOX: "a person reads it",
    Lot.OPT_OUT: "the ban of the country's policy, confirmed once",
    Lot.NO_SURVEYS: "a ban of surveys alone, confirmed once",
    Lot.OPT_IN: "the ban is lifted",
    Lot.HELP: "`help_reply`",
    Lot.NOT_OURS: "keywords, else a person",
}
_BEFORE: Final = """# The conversation by text message

An invitation opens a question for one phone; what the customer writes moves it along these arrows, and nothing else
does. This page is written from `care/surveys/conversation/moves.py`: `make docs`. What words mean is told in
[replies.md](replies.md).

- **Overall first**, so that one digit is a valid answer; then result, timeliness, attitude. `5454` answers all four in
  this order.
- **Other surveys have one question**: how easy it was (1 to 7), whether they would recommend us (0 to 10, then why, in
  words), how an open complaint is dealt with (5 to 1). Low is 2 of 5, 3 of 7 or 6 of 10, and below. What is about no
  finished job asks for the reason in words (`survey_low_why`), without the menu; "not solved" is then a wish to be
  called ([further surveys](further-surveys.md)).
- **The next question comes at once**, at any hour: it answers the customer's own message.
- **One question is open per phone.** A second invitation waits until the first is answered, at most a day, and no
  longer than its own time, its promises and contact hours allow, less an hour; then the newer one has the phone, and
  the older is answered by its reference ("A12 4"). Its own reminder never waits.
- **Whoever wrote anything back is not reminded**, understood or not; what a machine wrote does not count.
- **At most one thing is said for each message**, and each question is asked again once at most. Then a person reads
  it: `care inbox list`, `care surveys answers set`.
- **Answers after the time** (7 days) are kept and marked late; after 14 days a person reads them.
- **A correction** ("sorry, meant 5") replaces the score it speaks of; the earlier row is kept.
- **A score beside a danger, a wish or a refusal** is kept, and nothing more is asked.
- **"No surveys" silences surveys alone**, as the same wish on the page does; any other refusal what the country's
  policy says, offers and greetings too. The confirmation names what is silenced.
- **A refusal that is taken back** asks nothing anew, but a score that comes after it counts and is thanked.
- **A reply to another message** goes there: words after a notice or a greeting, and a lone digit after an offer, are
  no answers to the survey.
- **Who was told a time is called by then**: `cases.call_back_hours` says how many working hours that is.

Everything happens in the transaction that stores the message: a crash loses nothing, and a message that comes twice
changes nothing.
"""


def markdown_page() -> str:
    """Return the page: the diagram, then every move with what is said and which case is opened."""
    return "\n".join([_BEFORE, *_diagram(), "", *_stages(), "", *_table(), ""])


def _diagram() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> invited"
    for stage in _MEANS:
        arrows: dict[Stage, list[str]] = {}
        for heard, move in MOVES[stage].items():
            if move.to is not None and move.to is not stage:
                arrows.setdefault(move.to, []).append(heard.value)
        for target, words in arrows.items():
            yield f"    {stage} --> {target}: {' / '.join(words)}"
    for stage in (Stage.INVITED, Stage.ASKING, Stage.REASON, Stage.PERSON):
        yield f"    {stage} --> closed: time over"
    yield "```"


def _stages() -> Iterator[str]:
    yield "| stage | means |"
    yield "|---|---|"
    yield from (f"| `{stage}` | {words} |" for stage, words in _MEANS.items())


def _table() -> Iterator[str]:
    yield "| heard | where | then | said | case |"
    yield "|---|---|---|---|---|"
    for heard in Heard:
        places: dict[Move, list[str]] = {}
        for stage in _MEANS:
            if heard in MOVES[stage]:
                places.setdefault(MOVES[stage][heard], []).append(f"`{stage}`")
        if heard in UNASKED:
            places.setdefault(UNASKED[heard], []).append("nothing asked")
        for move, stages in places.items():
            yield f"| {heard.value} | {', '.join(stages)} | {_then(move)} | {_said(move)} | {_case(move)} |"


def _then(move: Move) -> str:
    return f"`{move.to}`" if move.to else "stays"


def _said(move: Move) -> str:
    if not move.say:
        return _LOTS[move.lot]
    return move.say.strip("()") if move.say.startswith("(") else f"`{move.say}`"


def _case(move: Move) -> str:
    return f"`{move.case}`" if move.case else "–"
