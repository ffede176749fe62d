"""A customer's text message arrives at one of the account's numbers."""

from typing import Any

import phonenumbers

from care.campaigns.sms_parts import count_parts
from care.simulators.twilio.accounts import Account
from care.simulators.twilio.model import Record
from care.simulators.twilio.optout import CONFIRMATIONS, Word, keyword_of


async def receive(account: Account, *, sender: str, to: str, body: str) -> dict[str, Any]:
    """Let `sender` write `body` to the account's number `to`; return sid, webhook status and answer.

    Keywords block or free the sender and are confirmed, then the inbound webhook is posted. Without an inbound
    URL nothing is kept, as with a Messaging Service that has none.
    """
    word = keyword_of(body)
    service = _service_of(account, sender, to)
    if word is not None:
        account.opt_outs.apply(word, sender, frozenset({to, service or to}))
    url = account.settings.inbound_url
    if url is None:
        _confirm(account, word, sender, to, service)
        return {"sid": None, "status": None, "body": ""}
    record = _record(account, to=to, sender=sender, service=service, body=body, direction="inbound")
    record.status, record.segments = "received", count_parts(body).parts if body else 1
    record.sent_at = record.created_at
    account.store.add(record)
    _confirm(account, word, sender, to, service)
    reply = await account.courier.post(url, _form(account, record, word))
    return {"sid": record.sid, "status": reply.status, "body": reply.body}


def _service_of(account: Account, customer: str, number: str) -> str | None:
    """Return the Messaging Service that owns `number`, or that last wrote to the customer from it."""
    for sid, owned in account.settings.services.items():
        if owned == number:
            return sid
    sent = account.store.newest_first(customer)
    return next((each.service for each in sent if each.sender == number and each.service), None)


def _record(account: Account, *, to: str, sender: str, service: str | None, body: str, direction: str) -> Record:
    now = account.clock.now()
    return Record(
        number=account.store.next_number(),
        sid=account.store.new_sid("SM"),
        to=to,
        sender=sender,
        service=service,
        body=body,
        direction=direction,
        status="queued",
        segments=count_parts(body).parts if body else 1,
        created_at=now,
        updated_at=now,
    )


def _confirm(account: Account, word: Word | None, customer: str, number: str, service: str | None) -> None:
    """Send the confirmation that Twilio writes itself; it is no accepted request."""
    if word is None:
        return
    record = _record(
        account, to=customer, sender=number, service=service, body=CONFIRMATIONS[word], direction="outbound-reply"
    )
    account.store.add(record)
    account.carrier.take(record)


def _form(account: Account, record: Record, word: Word | None) -> dict[str, str]:
    form = {
        "ToCountry": _country(record.to),
        "ToState": "",
        "SmsMessageSid": record.sid,
        "NumMedia": "0",
        "ToCity": "",
        "FromZip": "",
        "SmsSid": record.sid,
        "FromState": "",
        "SmsStatus": "received",
        "FromCity": "",
        "Body": record.body,
        "FromCountry": _country(record.sender or ""),
        "To": record.to,
        "ToZip": "",
        "NumSegments": str(record.segments),
        "MessageSid": record.sid,
        "AccountSid": account.settings.account_sid,
        "From": record.sender or "",
        "ApiVersion": "2010-04-01",
    }
    if record.service:
        form["MessagingServiceSid"] = record.service
    if word is not None and account.settings.advanced_opt_out:
        form["OptOutType"] = word
    return form


def _country(number: str) -> str:
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    except phonenumbers.NumberParseException:
        return ""
