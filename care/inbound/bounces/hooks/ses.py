"""Amazon SES: events in messages of SNS. One topic is believed, and no address that a request names is ever asked."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.delivery.mail_ids import claimed_message_refs, claimed_return_paths
from care.inbound.bounces.event import Event
from care.inbound.bounces.hooks.base import HookRefusedError, HookUnreadableError, load, make_row, table, tables, text
from care.inbound.bounces.hooks.sns import SnsTopic
from care.inbound.bounces.hooks.verdicts import delivered_to, failure, named
from care.inbound.bounces.model import Finding

SES_KIND = "email.ses"
_HEARD = frozenset({"Bounce", "Complaint", "Delivery"})
_DEAD = frozenset({"General", "NoEmail"})


class SesHook:
    """Notifications of one topic."""

    def __init__(self, topic: SnsTopic | None) -> None:
        """Without a topic everything is refused."""
        self._topic = topic

    def take(self, body: bytes, _headers: Mapping[str, str], now: datetime) -> list[dict[str, Any]]:
        """See `EmailHook`. A subscription is confirmed at once."""
        message = load(body)
        if self._topic is None:
            raise HookRefusedError("bounces.ses_topic_arn is not set")
        self._topic.check(message)
        kind = text(message, "Type")
        if kind == "SubscriptionConfirmation":
            self._topic.confirm(text(message, "Token"))
        if kind != "Notification":
            return []
        return self._rows(message, now)

    def _rows(self, message: Mapping[str, Any], now: datetime) -> list[dict[str, Any]]:
        raw = message.get("Message")
        event = load(raw.encode("utf-8", "replace")) if isinstance(raw, str) else None
        word = _word(event)
        if not word:
            raise HookUnreadableError("Message")
        if word not in _HEARD:
            return []
        return [make_row(SES_KIND, text(message, "MessageId"), _kept(table(event), word), now)]


def _word(event: Any) -> str:
    return text(event, "notificationType") or text(event, "eventType")


def _kept(event: dict[str, Any], word: str) -> dict[str, Any]:
    """Return what is needed of an event: whom it is about, what was said, and by which ids the mail is known."""
    bounce = table(event, "bounce")
    recipients = {
        "Bounce": tables(bounce.get("bouncedRecipients")),
        "Complaint": tables(table(event, "complaint").get("complainedRecipients")),
        "Delivery": _addresses(table(event, "delivery").get("recipients")),
    }[word]
    return {
        "word": word,
        "type": text(bounce, "bounceType"),
        "subtype": text(bounce, "bounceSubType"),
        "feedback": text(event, "complaint", "complaintFeedbackType"),
        "source": text(event, "mail", "source"),
        "headers": _message_ids(event),
        "recipients": [
            {name: text(each, name) for name in ("emailAddress", "status", "diagnosticCode")}
            for each in recipients[:50]
        ],
    }


def _addresses(value: Any) -> list[dict[str, Any]]:
    return [{"emailAddress": each} for each in value] if isinstance(value, list) else []


def _message_ids(event: dict[str, Any]) -> str:
    mail = table(event, "mail")
    own = [text(each, "value") for each in tables(mail.get("headers")) if text(each, "name").lower() == "message-id"]
    return json.dumps([*own, text(mail, "commonHeaders", "messageId")])[:1_000]


def ses_event(row: sa.Row[Any]) -> Event:
    """Return what a stored SES event says."""
    said = row.payload
    return Event(
        return_paths=tuple(claimed_return_paths(said["source"])),
        message_refs=tuple(claimed_message_refs(said["headers"])),
        findings=tuple(_finding(said, each) for each in said["recipients"]),
        is_complaint=said["word"] == "Complaint" and said["feedback"] not in ("not-spam", "auth-failure", "virus"),
        is_delivered=said["word"] == "Delivery",
        is_vouched=True,
    )


def _finding(said: Mapping[str, Any], each: Mapping[str, str]) -> Finding:
    recipient = each["emailAddress"].rpartition("<")[2].strip("> ")
    if said["word"] == "Bounce":
        is_permanent = said["type"] == "Permanent"
        return failure(
            recipient,
            status=each["status"],
            said=each["diagnosticCode"].partition(";")[2] or each["diagnosticCode"],
            is_about_address=is_permanent and said["subtype"] in _DEAD,
            is_for_now=not is_permanent,
        )
    return delivered_to(recipient) if said["word"] == "Delivery" else named(recipient)
