"""What customers wrote, from Twilio's list of messages."""

import re
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Any, Final

from twilio.rest import Client

from care.delivery.channels.base import CustomerMessage

_PAGE: Final = 1_000
_LAST: Final = 20
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
    """Return what came in for a service or a number of ours, also where the list does not name the service."""
    found = [each async for each in _back_to(start, await client.messages.stream_async(page_size=_PAGE))]
    nameless = {each.to for each in found if each.messaging_service_sid not in senders} - senders
    mine = senders | {number for number in nameless if await _sends_for(client, number, senders)}
    return [each for each in found if each.messaging_service_sid in senders or each.to in mine]


async def _sends_for(client: Client, number: str, senders: frozenset[str]) -> bool:
    """Tell whether a service of ours sends from a number: what left from it last shows it, however long ago."""
    last = await client.messages.stream_async(from_=number, limit=_LAST, page_size=_LAST)
    return any([each.messaging_service_sid in senders async for each in last])


async def _back_to(start: datetime, listed: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Yield what came in of a list, which begins with the newest, back to `start`.

    Newest by when it left: what was created long before stands in the midst of what came in meanwhile.
    """
    async for each in listed:
        came_in = each.direction == "inbound"
        at = each.date_created if came_in else each.date_sent
        if at is not None and at < start:
            return
        if came_in and at is not None:
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
