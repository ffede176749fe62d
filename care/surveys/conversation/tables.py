"""What each reply was read as, what was answered, and what a person says it meant."""

import sqlalchemy as sa

from care.base.database import Instant, metadata
from care.inbound.tables import inbound_message

survey_reply = sa.Table(
    "survey_reply",
    metadata,
    sa.Column("inbound_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("session_id", sa.BigInteger),  # NULL where nothing was asked
    sa.Column("question", sa.String(16)),  # that was open when it came
    sa.Column("scale", sa.String(16), nullable=False),
    sa.Column("stage", sa.String(16), nullable=False),  # of the conversation, when it came
    sa.Column("locale", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),  # read as: score, comment, opt_out …
    sa.Column("score", sa.SmallInteger),  # as typed, of the open question
    sa.Column("flags", sa.String(120), nullable=False, server_default=""),
    sa.Column("said", sa.String(64)),  # template of our answer
    sa.Column("ref", sa.String(64)),  # that our answer names: the ticket, else the case
    sa.Column("call_by", Instant),  # that our answer promises
    sa.Column("read_at", Instant, nullable=False),
    sa.Column("meant", sa.String(16)),  # what a person says it meant: score, opt_out, unclear …
    sa.Column("meant_score", sa.SmallInteger),
    sa.Column("meant_by", sa.String(64)),
    sa.Column("meant_at", Instant),
    sa.Index("ix_survey_reply_session_id", "session_id"),
    sa.Index("ix_survey_reply_meant_at", "meant_at"),
)
"""One row for each message that the conversation took."""

spoken_of = (
    sa.select(
        inbound_message.c.provider_ref.label("external_id"),
        inbound_message.c.answer.label("text"),
        inbound_message.c.address_hash,
        survey_reply.c.ref,
        survey_reply.c.call_by,
    )
    .select_from(inbound_message.outerjoin(survey_reply, survey_reply.c.inbound_id == inbound_message.c.id))
    .subquery("spoken_of")
)
"""What an answer of ours speaks of: a person's words, the address that wrote, the ticket and the promised call."""
