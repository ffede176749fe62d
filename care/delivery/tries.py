"""What the tries of one message have been, as far as it decides what follows."""

import sqlalchemy as sa

from care.base.vocabulary import Channel
from care.delivery.channels.base import ErrorClass
from care.messages.model import Outcome
from care.messages.tables import attempt


def own_tries(conn: sa.Connection, message_id: int) -> int:
    """Count the tries that failed for the message's own sake, not for a token or a line of ours, or a want of room."""
    ours = attempt.c.error_class.in_([str(ErrorClass.CONFIG), str(ErrorClass.TRANSPORT)])
    no_room = sa.and_(attempt.c.error_class == str(ErrorClass.CAPACITY), attempt.c.outcome == str(Outcome.REFUSED))
    mine = sa.select(sa.func.count()).where(
        attempt.c.message_id == message_id,
        attempt.c.outcome != str(Outcome.ABANDONED),
        sa.or_(attempt.c.error_class.is_(None), sa.not_(sa.or_(ours, no_room))),
    )
    return int(conn.execute(mine).scalar_one())


def tries_alike(conn: sa.Connection, message_id: int, channel: Channel, error_class: ErrorClass) -> int:
    """Count the tries on a channel that failed in the same way."""
    mine = sa.select(sa.func.count()).where(
        attempt.c.message_id == message_id,
        attempt.c.channel == str(channel),
        attempt.c.error_class == str(error_class),
    )
    return int(conn.execute(mine).scalar_one())


def spend_channel(conn: sa.Connection, message_id: int, channel: Channel) -> None:
    """Note that this channel will not be tried again for the message."""
    mine = sa.and_(attempt.c.message_id == message_id, attempt.c.channel == str(channel))
    conn.execute(sa.update(attempt).where(mine).values(spent=True))
