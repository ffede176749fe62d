"""Tables of follow-ups, conversations, answers and cases."""

from enum import StrEnum

import sqlalchemy as sa

from care.base.database import Instant, bigint_key, metadata
from care.surveys.model import AnswerChannel, CaseReason, FollowUpState, Question, Stage, Survey


def _one_of(column: str, words: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


follow_up = sa.Table(
    "follow_up",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("external_id", sa.String(64), nullable=False, unique=True),  # of the resolution: T-881:r1
    sa.Column("resolution_id", sa.ForeignKey("ticket_resolution.id", ondelete="CASCADE"), nullable=False, unique=True),
    sa.Column("ticket_id", sa.BigInteger, nullable=False),
    sa.Column("customer_id", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("campaign_id", sa.String(64)),  # that asks; NULL where none does
    sa.Column("resolved_at", Instant, nullable=False),
    sa.Column("due_at", Instant),  # when the invitation is due
    sa.Column("commitment", sa.String(32), nullable=False),  # name of the promise that counts from the resolution
    sa.Column("deadline_at", Instant, nullable=False),  # of that promise
    sa.Column("call_deadline_at", Instant),  # of the promise that counts from the customer's first call
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("reason", sa.String(64)),  # why exempt, why a phone task
    sa.Column("merged_into", sa.BigInteger),  # id of the follow-up that stands for it
    sa.Column(
        "is_late", sa.Boolean, nullable=False, server_default=sa.false()
    ),  # covered after the deadline, or not yet
    sa.Column("is_call_late", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("invite_message_id", sa.BigInteger),
    sa.Column("covered_at", Instant),  # invited, call recorded, merged or exempt: what deadlines look at
    sa.Column("invited_at", Instant),
    sa.Column("delivered_at", Instant),
    sa.Column("reminded_at", Instant),
    sa.Column("answered_at", Instant),
    sa.Column("closed_at", Instant),
    sa.Column("state_at", Instant, nullable=False),
    sa.Column("is_capped", sa.Boolean, nullable=False, server_default=sa.true()),  # one question in 30 days
    sa.Column("remind_at", Instant),
    sa.Column("survey", sa.String(16), nullable=False, server_default=Survey.TICKET),  # what is asked about it
    sa.CheckConstraint(_one_of("state", FollowUpState), name="state"),
    sa.CheckConstraint(_one_of("survey", Survey), name="survey"),
    sa.CheckConstraint("state NOT IN ('exempt', 'phone_task') OR reason IS NOT NULL", name="reason"),
    sa.CheckConstraint("(state = 'merged') = (merged_into IS NOT NULL)", name="merged"),
    sa.Index("ix_follow_up_state", "state", "due_at"),
    sa.Index("ix_follow_up_customer_id", "customer_id", "resolved_at"),
    sa.Index("ix_follow_up_due_at", "due_at"),
    sa.Index("ix_follow_up_remind_at", "remind_at"),
    sa.Index("ix_follow_up_ticket_id", "ticket_id"),
    sa.Index("ix_follow_up_merged_into", "merged_into"),
    sa.Index("ix_follow_up_state_at", "state_at"),
    sa.Index("ix_follow_up_resolved_at", "resolved_at"),
    sa.Index("ix_follow_up_invite_message_id", "invite_message_id"),
)
"""One row per resolution that a promise covers, in exactly one state."""

phone_task = sa.Table(
    "phone_task",
    metadata,
    sa.Column("follow_up_id", sa.ForeignKey("follow_up.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("call_by", Instant, nullable=False),
    sa.Column("exported_at", Instant),
    sa.Column("done_at", Instant),
    sa.Column("outcome", sa.String(32)),  # answered, not_reached, refused
)

survey_session = sa.Table(
    "survey_session",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("survey", sa.String(16), nullable=False),
    sa.Column("campaign_id", sa.String(64), nullable=False),
    sa.Column("message_id", sa.BigInteger, nullable=False, unique=True),  # the invitation
    sa.Column("follow_up_id", sa.BigInteger),  # NULL where it is about no ticket
    sa.Column("customer_id", sa.BigInteger, nullable=False),
    sa.Column("channel", sa.String(8), nullable=False),
    sa.Column("address_hash", sa.String(32), nullable=False),
    sa.Column("locale", sa.String(16), nullable=False),
    sa.Column("scale", sa.String(16), nullable=False),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("question", sa.String(16)),  # the one that is open
    sa.Column("reprompts", sa.SmallInteger, nullable=False, server_default="0"),  # of the open question
    sa.Column("opened_at", Instant, nullable=False),  # when the invitation left
    sa.Column("asked_at", Instant, nullable=False),  # when the open question was asked
    sa.Column("expires_at", Instant, nullable=False),  # answers after it are late
    sa.Column("late_until", Instant, nullable=False),  # answers after it are not counted at all
    sa.Column("ended_at", Instant),
    sa.CheckConstraint(_one_of("stage", Stage), name="stage"),
    sa.CheckConstraint(_one_of("survey", Survey), name="survey"),
    sa.Index("ix_survey_session_address_hash", "address_hash", "opened_at"),
    sa.Index("ix_survey_session_follow_up_id", "follow_up_id"),
    sa.Index("ix_survey_session_customer_id", "customer_id", "opened_at"),
)
"""One conversation, begun by an invitation."""

survey_answer = sa.Table(
    "survey_answer",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("session_id", sa.BigInteger),  # NULL where a person asked
    sa.Column("follow_up_id", sa.BigInteger),
    sa.Column("customer_id", sa.BigInteger, nullable=False),
    sa.Column("survey", sa.String(16), nullable=False),
    sa.Column("question", sa.String(16), nullable=False),
    sa.Column("scale", sa.String(16)),
    sa.Column("score", sa.SmallInteger),  # the best is the highest, whatever the scale asked for
    sa.Column("raw", sa.SmallInteger),  # as typed
    sa.Column("comment", sa.Text),
    sa.Column("derived", sa.Boolean, nullable=False, server_default=sa.false()),  # said in words, not typed
    sa.Column("is_late", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("channel", sa.String(8), nullable=False),
    sa.Column("source", sa.String(80), nullable=False),  # inbound:17, web:…, import:FILE:LINE
    sa.Column("by", sa.String(64)),  # who typed it in, for phone and paper
    sa.Column("at", Instant, nullable=False),
    sa.Column("superseded_at", Instant),  # the customer corrected it
    sa.UniqueConstraint("source", "question", "survey", name="uq_survey_answer_source"),
    sa.CheckConstraint(_one_of("question", Question), name="question"),
    sa.CheckConstraint(_one_of("channel", AnswerChannel), name="channel"),
    sa.CheckConstraint("score IS NOT NULL OR comment IS NOT NULL", name="says_something"),
    sa.Index("ix_survey_answer_session_id", "session_id"),
    sa.Index("ix_survey_answer_follow_up_id", "follow_up_id"),
    sa.Index("ix_survey_answer_at", "at"),
)
"""Append-only; a corrected answer keeps its row, with `superseded_at`."""

survey_case = sa.Table(
    "survey_case",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("reason", sa.String(16), nullable=False),
    sa.Column("customer_id", sa.BigInteger),
    sa.Column("follow_up_id", sa.BigInteger),
    sa.Column("session_id", sa.BigInteger),
    sa.Column("inbound_id", sa.BigInteger),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("due_at", Instant, nullable=False),  # the customer was told: called by then
    sa.Column("owner", sa.String(64)),
    sa.Column("taken_at", Instant),
    sa.Column("escalated_at", Instant),
    sa.Column("closed_at", Instant),
    sa.Column("outcome", sa.String(24)),  # solved, explained, compensated, not_reached, no_fault …
    sa.Column("note", sa.Text),
    sa.Column("recontact_at", Instant),  # when the customer is asked again whether all is well now
    sa.Column("recontacted_at", Instant),
    sa.CheckConstraint(_one_of("reason", CaseReason), name="reason"),
    sa.CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="outcome"),
    sa.Index("ix_survey_case_open", "closed_at", "due_at"),
    sa.Index("ix_survey_case_customer_id", "customer_id"),
    sa.Index("ix_survey_case_follow_up_id", "follow_up_id"),
)
"""What a person has to settle. One open case per customer and reason and follow-up."""

improvement = sa.Table(
    "improvement",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("theme", sa.String(64), nullable=False),  # what customers said
    sa.Column("measure", sa.Text, nullable=False),  # what was done about it
    sa.Column("area", sa.String(64)),
    sa.Column("kind", sa.String(32)),
    sa.Column("in_force_on", sa.Date, nullable=False),  # before and after are told apart by it
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("by", sa.String(64), nullable=False),
)
"""Measures taken after customers had spoken, for "you said, we did" and for judging them."""

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
