"""What the follow-up gives to the rooms below: the tables that occasions speak of."""

from collections.abc import Mapping

import sqlalchemy as sa

from care.customers.tables import subscription
from care.surveys.conversation.tables import spoken_of
from care.surveys.occasion import PREFIX, asked_ticket
from care.surveys.telling import told_case

SUBJECTS: Mapping[str, sa.FromClause] = {
    "subscription_end": subscription,
    "inbound": spoken_of,
    "case": told_case,
    PREFIX: asked_ticket,
}
"""By the word before the first ':' of a message's occasion."""
