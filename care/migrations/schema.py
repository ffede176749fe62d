"""Every table of the product in one metadata: what the migrations must add up to."""

import sqlalchemy as sa

import care.customers.tables
import care.customers.tickets.tables
import care.delivery.tables
import care.inbound.events.tables
import care.inbound.tables
import care.messages.tables
import care.migrations.tables
import care.planning.tables
import care.segments.tables
import care.surveys.conversation.tables
import care.surveys.tables
import care.watch.tables  # noqa: F401 - each import registers its tables
from care.base.database import metadata


def full_metadata() -> sa.MetaData:
    """Return the metadata after every `tables.py` has registered itself."""
    return metadata
