"""A person answers what waits in the inbox; the words go out through the ledger."""

from datetime import datetime

import sqlalchemy as sa

from care.base.database import write
from care.base.errors import AnswerIsNoError, InputError
from care.inbound import store
from care.inbound.replies import plan_reply

LONGEST_ANSWER = 1_000
TEMPLATE = "answer"


class InboxError(AnswerIsNoError):
    """This inbound message cannot be answered."""


def answer_inbound(engine: sa.Engine, inbound_id: int, *, text: str, by: str, zone: str, now: datetime) -> int:
    """Answer one inbound message with `text` and return the id of the message that carries it.

    `zone` is the operator's. The answer is due at once and expires after half an hour.

    Raises:
        InputError: the text is empty or longer than an SMS may be.
        InboxError: no such message, answered already, or nobody we know has the number.
    """
    words = text.strip()
    if not words or len(words) > LONGEST_ANSWER:
        raise InputError(f"--text: needs 1 to {LONGEST_ANSWER} characters, has {len(words)}. Write a shorter answer")
    with write(engine) as conn:
        inbound = store.find_inbound(conn, inbound_id)
        if inbound is None:
            raise InboxError(f"inbox: no message {inbound_id}. See: care inbox list --all")
        if inbound.customer_id is None:
            raise InboxError(
                f"inbox: message {inbound_id} is from a number that no customer has. Import the customer, or call back"
            )
        if not store.note_answer(conn, inbound_id, by=by, at=now, text=words):
            raise InboxError(f"inbox: message {inbound_id} was answered before. See: care inbox list --all")
        planned = plan_reply(
            conn,
            inbound_id=inbound_id,
            provider_ref=inbound.provider_ref,
            customer_id=inbound.customer_id,
            template=TEMPLATE,
            zone=zone,
            now=now,
        )
        assert planned is not None, "an inbound message is answered once"
        return planned
