"""Every legal move of a conversation: the only list, from which the diagram is drawn."""

from collections.abc import Mapping
from typing import Final

from care.surveys.conversation.model import NEXT_QUESTION, Heard, Lot, Move
from care.surveys.model import CaseReason, Stage

S, H, C = Stage, Heard, CaseReason

_EVERYWHERE: Final[Mapping[Heard, Move]] = {
    H.DANGER: Move(say="danger_ack", case=C.DANGER),
    H.DATA_REQUEST: Move(say="data_request_ack", case=C.DATA_REQUEST),
    H.CANCELLATION: Move(say="cancel_service_ack", case=C.CANCELLATION),
    H.WRONG_NUMBER: Move(to=S.CLOSED, say="wrong_number_ack", case=C.WRONG_NUMBER),
    H.OPT_OUT: Move(to=S.OPTED_OUT, lot=Lot.OPT_OUT),
    H.NO_SURVEYS: Move(to=S.OPTED_OUT, lot=Lot.NO_SURVEYS),
    H.HELP: Move(lot=Lot.HELP),
    H.MACHINE: Move(),
}
"""What means the same whether or not something was asked."""

_ASKED: Final[Mapping[Heard, Move]] = {
    **_EVERYWHERE,
    H.NOT_SOLVED: Move(say="not_resolved_reopened", case=C.NOT_SOLVED),
    H.CALL_BACK: Move(say="call_back_ack", case=C.CALL_BACK),
    H.ACKNOWLEDGED: Move(),
    H.OPT_IN: Move(lot=Lot.OPT_IN),
    H.ELSEWHERE: Move(lot=Lot.NOT_OURS),
}
_SCORED: Final[Mapping[Heard, Move]] = {
    **_ASKED,
    H.GOOD: Move(to=S.ASKING, say=NEXT_QUESTION),
    H.LAST: Move(to=S.DONE, say="survey_thanks"),
    H.LOW: Move(to=S.REASON, say="survey_low_apology", case=C.LOW_SCORE),
    H.UNCLEAR: Move(say="(once more)", is_reprompt=True),
    H.UNCLEAR_AGAIN: Move(to=S.PERSON, lot=Lot.INBOX),
}
_CORRECTED: Final[Mapping[Heard, Move]] = {
    H.LOWERED: Move(to=S.REASON, say="survey_low_apology", case=C.LOW_SCORE),
}

MOVES: Final[Mapping[Stage, Mapping[Heard, Move]]] = {
    S.INVITED: _SCORED,
    S.ASKING: {**_SCORED, **_CORRECTED, H.MENDED: Move(), H.REASON: Move(to=S.DONE, say="survey_thanks")},
    S.REASON: {
        **_ASKED,
        H.REASON: Move(to=S.DONE, say="survey_low_reason_thanks"),
        H.NOT_SOLVED: Move(to=S.DONE, say="not_resolved_reopened", case=C.NOT_SOLVED),
        H.MENDED: Move(to=S.ASKING, say=NEXT_QUESTION),
        H.LOWERED: Move(),
    },
    S.PERSON: {**_SCORED, H.UNCLEAR: Move(lot=Lot.INBOX), H.UNCLEAR_AGAIN: Move(lot=Lot.INBOX)},
    S.DONE: {**_ASKED, **_CORRECTED, H.MENDED: Move(say="survey_thanks")},
    S.CLOSED: {
        **_ASKED,
        H.GOOD: Move(say="survey_thanks"),
        H.LAST: Move(say="survey_thanks"),
        H.LOW: Move(say="survey_low_reason_thanks", case=C.LOW_SCORE),
    },
    S.OPTED_OUT: {**_EVERYWHERE, H.OPT_IN: Move(to=S.CLOSED, lot=Lot.OPT_IN)},
}
"""A score beside a wish or a danger is kept, and nothing more is asked: then `DONE` is where it goes."""

UNASKED: Final[Mapping[Heard, Move]] = {heard: move for heard, move in _EVERYWHERE.items() if heard is not H.HELP}
"""Moves of a number that was asked nothing; questions go to a person."""

OTHERWISE: Final = Move(lot=Lot.NOT_OURS)
"""What is in no list waits for whoever hears it next: a keyword, else a person."""
