"""What a recipient chooses on the page behind an unsubscribe link: less, nothing, or everything again."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from care.base.vocabulary import Purpose
from care.customers.consents import record_consent
from care.customers.model import SuppressionReason, SuppressionScope
from care.customers.suppressions import lift_opt_out, suppress_hash
from care.customers.tables import customer
from care.delivery.links import UnsubscribeClaim
from care.inbound import store

SOURCE = "web"


class Choice(StrEnum):
    """One button of the page."""

    MARKETING = "marketing"  #: no more greetings and offers
    SURVEY = "survey"  #: no more surveys
    ALL = "all"  #: nothing any more, service notices included
    RESUME = "resume"  #: greetings, offers and surveys again


_SCOPES = {
    Choice.MARKETING: SuppressionScope.MARKETING,
    Choice.SURVEY: SuppressionScope.SURVEY,
    Choice.ALL: SuppressionScope.ALL,
}
_PURPOSES = {
    Choice.MARKETING: (Purpose.GREETING, Purpose.OFFER),
    Choice.SURVEY: (Purpose.SURVEY,),
    Choice.ALL: (Purpose.GREETING, Purpose.OFFER, Purpose.SURVEY),
    Choice.RESUME: (Purpose.GREETING, Purpose.OFFER, Purpose.SURVEY),
}


def one_click(claim: UnsubscribeClaim) -> Choice:
    """Return what the one click of a mail program means: no more of the kind of mail it was made on."""
    return Choice.SURVEY if claim.purpose == Purpose.SURVEY else Choice.MARKETING


def choose(conn: sa.Connection, claim: UnsubscribeClaim, choice: Choice, *, wording: str, now: datetime) -> None:
    """Carry out a choice for the address of a link; `wording` is the sentence that was clicked, kept as evidence.

    Choosing twice changes nothing. Bounces and complaints stay whatever is chosen.
    """
    store.lock_addresses(conn, [claim.address_hash])
    if choice is Choice.RESUME:
        lift_opt_out(conn, address_hash=claim.address_hash, channel=claim.channel, now=now, by=SOURCE)
    else:
        suppress_hash(
            conn,
            address_hash=claim.address_hash,
            channel=claim.channel,
            scope=_SCOPES[choice],
            reason=SuppressionReason.OPT_OUT,
            source=SOURCE,
            now=now,
        )
    if not _is_known(conn, claim.customer_id):
        return  # erased since: the ban holds without them
    for purpose in _PURPOSES[choice]:
        record_consent(
            conn,
            customer_id=claim.customer_id,
            purpose=purpose,
            channel=claim.channel,
            given=choice is Choice.RESUME,
            at=now,
            source=SOURCE,
            wording=wording,
            now=now,
        )


def locale_of(conn: sa.Connection, customer_id: int) -> str | None:
    """Return the language a customer has chosen, None if none or erased."""
    return conn.execute(sa.select(customer.c.locale).where(customer.c.id == customer_id)).scalar()


def _is_known(conn: sa.Connection, customer_id: int) -> bool:
    known = sa.select(customer.c.id).where(customer.c.id == customer_id, customer.c.erased_at.is_(None))
    return conn.execute(known).first() is not None
