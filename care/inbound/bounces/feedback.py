"""Feedback reports (ARF, RFC 5965): a mailbox provider tells that a recipient complained."""

import re

from care.inbound.bounces.mime import Mail
from care.inbound.bounces.model import Finding, Kind, Reading

_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "other"})
"""Types that mean "I do not want this"; `auth-failure`, `not-spam` and `virus` do not."""

_TYPE = re.compile(r"^feedback-type:[ \t]*([\w-]{1,30})", re.IGNORECASE | re.MULTILINE)
_RECIPIENT = re.compile(r"^original-rcpt-to:[ \t]*<?([^\s<>]{1,320}@[^\s<>]{1,253})", re.IGNORECASE | re.MULTILINE)
_TO = re.compile(r"^to:[ \t]*.{0,200}?([^\s<>\"]{1,64}@[A-Za-z0-9.\-]{1,253})", re.IGNORECASE | re.MULTILINE)
_MICROSOFT = "x-hmxmroriginalrecipient"


def is_feedback(mail: Mail) -> bool:
    """Tell whether a mail is a feedback report, or Microsoft's older form of one."""
    if any(part.kind == "message/feedback-report" for part in mail.parts):
        return True
    return "feedback-report" in mail.headers.get("content-type").lower() or bool(mail.headers.get(_MICROSOFT))


def complaint_of(mail: Mail) -> Reading:
    """Return what a feedback report says."""
    texts = [part.text for part in mail.parts if part.kind == "message/feedback-report"] or [
        part.text for part in mail.parts[:3]
    ]
    joined = "\n".join(texts)
    found = _TYPE.search(joined)
    kind = found[1].lower() if found else "abuse"
    named = _RECIPIENT.search(joined)
    recipient = named[1] if named else mail.headers.get(_MICROSOFT) or _returned_to(mail)
    finding = Finding(recipient=recipient, kind=Kind.NONE, status="", reason="feedback")
    return Reading(findings=(finding,), is_complaint=kind in _COMPLAINTS, note="feedback")


def _returned_to(mail: Mail) -> str:
    for part in mail.parts:
        if part.is_inside and part.headers.get("to"):
            value = f"to: {part.headers.get('to')}"
        elif part.kind in ("message/rfc822", "text/rfc822-headers"):
            value = part.text[:20_000]
        else:
            continue
        found = _TO.search(value)
        if found:
            return found[1]
    return ""
