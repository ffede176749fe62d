"""A real message to oneself: the text a customer would get, sent to an address of one's own, outside the ledger."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.base.errors import AnswerIsNoError
from care.base.ids import random_token
from care.base.settings import Settings
from care.base.vocabulary import Channel, Purpose
from care.campaigns.rendering import Rendered
from care.customers.addresses import AddressHasher, normalise_email, normalise_phone
from care.customers.suppressions import active_suppressions
from care.delivery.channels.base import Outgoing, Result
from care.delivery.routes import Routes

VALID_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Where a proof goes."""

    channel: Channel
    address: str


def recipient_of(raw: str, country: str) -> Recipient:
    """Return channel and normalised address: an e-mail address has an '@', anything else is a number.

    Raises:
        InputError: if it is neither.
    """
    if "@" in raw:
        return Recipient(channel=Channel.EMAIL, address=normalise_email(raw))
    return Recipient(channel=Channel.SMS, address=normalise_phone(raw, country))


def require_welcome(conn: sa.Connection, recipient: Recipient, *, hasher: AddressHasher, settings: Settings) -> None:
    """Refuse what no message may do either: write to a silenced address, or outside a trial's list.

    Raises:
        AnswerIsNoError: with the reason and what to do.
    """
    listed = settings.trial.only_to
    if listed is not None and recipient.address not in listed:
        raise AnswerIsNoError("the address is not in trial.only_to. Add it there, or end the trial")
    bans = active_suppressions(
        conn, [hasher.hash(recipient.channel, recipient.address)], channel=str(recipient.channel)
    )
    if bans:
        fix = "Use another address, or send START from it"
        raise AnswerIsNoError(f"the address gets nothing from us ({bans[0].reason}). {fix}")


async def send_proof(
    rendered: Rendered,
    recipient: Recipient,
    *,
    purpose: Purpose,
    template: str,
    routes: Routes,
    settings: Settings,
    now: datetime,
) -> Result:
    """Hand one text to the provider and return its answer; nothing is written to the ledger."""
    domain = settings.email.bounce_domain or settings.email.sender.rpartition("@")[2].rstrip(">")
    outgoing = Outgoing(
        attempt_id=0,
        message_id=0,
        token=random_token(),
        to=recipient.address,
        body=rendered.text,
        valid_until=now + VALID_FOR,
        sender=settings.senders.get(purpose, "") if recipient.channel is Channel.SMS else "",
        subject=rendered.subject,
        html=rendered.html,
        message_ref=f"<proof.{uuid.uuid4().hex}@{domain}>",
        locale=rendered.locale,
        template=template,
    )
    gateway = routes.primary(recipient.channel)
    await gateway.open()
    try:
        return await gateway.send(outgoing)
    finally:
        await gateway.close()


async def what_to_do(routes: Routes, channel: Channel) -> str:
    """Return which setting a provider that took nothing has to be mended at, and how."""
    gateway = routes.primary(channel)
    await gateway.open()
    try:
        return await gateway.check() or "Ask: care doctor"
    finally:
        await gateway.close()
