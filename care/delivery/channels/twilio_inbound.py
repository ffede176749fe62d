"""What customers wrote, from Twilio's list of messages."""

import re
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Any, Final

from twilio.rest import Client

from care.delivery.channels.base import CustomerMessage

_PAGE: Final = 1_000
_is_number = re.compile(r"\+?\d+").fullmatch
_is_service = re.compile(r"MG[0-9a-fA-F]{32}").fullmatch


async def inbound_messages(
    client: Client, senders: Collection[str], start: datetime, end: datetime
) -> AsyncIterator[CustomerMessage]:
    """Yield what came in for these numbers and Messaging Services from `start` up to `end`.

    A number is asked for by itself. Twilio cannot filter by service: with one, the whole list is read back to `start`.
    """
    start = start.replace(microsecond=0)  # Twilio's instants are whole seconds
    if any(map(_is_service, senders)):
        found = await _of_services(client, frozenset(senders), start)
    else:
        found = [each for number in sorted(filter(_is_number, senders)) for each in await _to(client, number, start)]
    for each in found:
        if each.date_created < end:
            yield _message_of(each)


async def _to(client: Client, number: str, start: datetime) -> list[Any]:
    return [each async for each in _back_to(start, await client.messages.stream_async(to=number, page_size=_PAGE))]


async def _of_services(client: Client, senders: frozenset[str], start: datetime) -> list[Any]:
    """Return what came in for a service or a number of ours; a service's numbers are seen from what it sent."""
    numbers, found = set(senders), list[Any]()
    async for each in _back_to(start, await client.messages.stream_async(page_size=_PAGE), everything=True):
        if each.direction == "inbound":
            found.append(each)
        elif each.messaging_service_sid in senders:
            numbers.add(each.from_)
    return [each for each in found if each.messaging_service_sid in senders or each.to in numbers]


async def _back_to(start: datetime, listed: AsyncIterator[Any], *, everything: bool = False) -> AsyncIterator[Any]:
    """Yield a list, which begins with the newest, back to `start`; what we sent only with `everything`."""
    async for each in listed:
        if each.date_created is not None and each.date_created < start:
            return
        if each.date_created is not None and (everything or each.direction == "inbound"):
            yield each


def _message_of(instance: Any) -> CustomerMessage:
    form = {
        "MessageSid": instance.sid,
        "SmsSid": instance.sid,
        "AccountSid": instance.account_sid,
        "From": instance.from_,
        "To": instance.to,
        "Body": instance.body or "",
        "NumMedia": instance.num_media,
        "NumSegments": instance.num_segments,
        "MessagingServiceSid": instance.messaging_service_sid,
    }
    return CustomerMessage(
        sid=instance.sid,
        at=instance.date_created,
        form={name: str(value) for name, value in form.items() if value is not None},
    )
