"""What an answer of ours speaks of, as the sender looks it up."""

import sqlalchemy as sa

from care.inbound.tables import inbound_message
from care.surveys.tables import survey_reply

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
