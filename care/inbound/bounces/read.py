"""Read one mail that came back: a report, a notice in plain words, a complaint, or no bounce at all."""

import re
from collections.abc import Sequence
from dataclasses import replace

from care.inbound.bounces.classify import LONGEST_STAGE, Diagnosis, classify, code_of, has_answer, is_echo, is_probable
from care.inbound.bounces.feedback import complaint_of, is_feedback
from care.inbound.bounces.hearsay import is_at_carrier, is_by_filter
from care.inbound.bounces.html import text_of
from care.inbound.bounces.mime import Mail, Part, read_mail
from care.inbound.bounces.model import Finding, Kind, Reading, Verdict
from care.inbound.bounces.naming import marked
from care.inbound.bounces.notices import is_by_list, is_by_person, why_no_bounce
from care.inbound.bounces.prose import copy_of, mentions, notice_of
from care.inbound.bounces.report import Recipient, has_report, read_report

MOST_RECIPIENTS = 50
_REPORTS = ("message/delivery-status", "message/global-delivery-status")
_RECEIPTS = ("message/disposition-notification", "message/global-disposition-notification")
_OWN_TEXTS = ("text/plain", "text", "text/html", "message/rfc822")
_FINE = {"delivered": "delivered", "relayed": "delivered", "expanded": "delivered", "delayed": "delayed"}
_VAGUE = ("unclear", "refused")
_ABOUT_ONE = 400
_ABOUT_ALL = 3_000

_find_addresses = re.compile(r"[^\s<>,;:\"]{1,64}@[A-Za-z0-9.\-]{1,253}").findall
_find_to = re.compile(r"^[>|]?[ \t]*to:[ \t]*(.{1,400})$", re.IGNORECASE | re.MULTILINE).search
_find_from = re.compile(r"^[>|]?[ \t]*from:[ \t]*(.{1,400})$", re.IGNORECASE | re.MULTILINE).search
_find_for = re.compile(r"\bfor[ \t]+<([^\s<>@]{1,64}@[A-Za-z0-9.\-]{1,253})>", re.IGNORECASE).search
_TELLING = re.compile(r"5\.1\.(?:1|2|3|6|10)(?!\d)|5\.2\.[123](?!\d)")


def read_bounce(raw: bytes) -> Reading:
    """Return what a mail says; anything can be read, most of it is no bounce.

    Bounded in time and memory: of a large mail only the beginning is looked at.
    """
    mail = read_mail(raw)
    if not any(mail.headers.get(name) for name in ("from", "subject", "received", "to")):
        return Reading(note="unreadable")
    if is_feedback(mail):
        return complaint_of(mail)
    reported = _from_report(mail)
    if reported is not None:
        return reported
    notice = _notice(mail)
    note = why_no_bounce(mail.headers, notice, is_receipt=_is_receipt(mail), has_copy=_has_copy(mail))
    if note == "delayed":
        return _calmed(_from_words(mail, notice), note)
    return Reading(note=note) if note else _from_words(mail, notice)


def _is_receipt(mail: Mail) -> bool:
    return _has(mail, _RECEIPTS) or "disposition-notification" in mail.headers.get("content-type").lower()


def _has(mail: Mail, kinds: tuple[str, ...]) -> bool:
    return any(part.kind in kinds for part in mail.parts)


def _has_copy(mail: Mail) -> bool:
    """Tell whether a mail brings another one back, as a part or below its own words."""
    if any(part.is_inside or part.kind in ("text/rfc822-headers", "message/rfc822") for part in mail.parts):
        return True
    return any(copy_of(part.text).strip() for part in _own_parts(mail)[:1])


def _calmed(reading: Reading, note: str) -> Reading:
    """Return the same recipients without a failure."""
    return Reading(findings=tuple(replace(each, kind=Kind.NONE, reason=note) for each in reading.findings), note=note)


def _from_report(mail: Mail) -> Reading | None:
    """Read the report part; None if there is none, or it names nobody."""
    reports = [part for part in mail.parts if part.kind in _REPORTS]
    shown = bool(reports) and all(part.is_inside for part in reports) and is_by_person(mail.headers)
    if shown or (not reports and is_by_list(mail.headers)):
        return None  # somebody shows a bounce of theirs, or speaks of one
    texts = [part.text for part in reports]
    if not texts and not _is_receipt(mail):
        texts = [part.text for part in _own_parts(mail)[:2] if has_report(part.text)]
    recipients = [recipient for text in texts for recipient in read_report(text)][:MOST_RECIPIENTS]
    if not recipients:
        return None
    notice = _notice(mail)
    by_filter = is_by_filter(mail)
    findings = tuple(
        _reported(recipient, _about(recipient.address, notice, is_alone=len(recipients) == 1), by_filter=by_filter)
        for recipient in recipients
    )
    note = "" if any(finding.kind is not Kind.NONE for finding in findings) else findings[0].reason
    return Reading(findings=findings, note=note)


def _reported(recipient: Recipient, letter: str, *, by_filter: bool) -> Finding:
    if recipient.action in _FINE or (not recipient.action and recipient.status.startswith("2.")):
        fine = _FINE.get(recipient.action, "delivered")
        return Finding(recipient=recipient.address, kind=Kind.NONE, status=recipient.status[:12].strip(), reason=fine)
    said = recipient.diagnosis
    if not said and _TELLING.match(recipient.status) and not has_answer(letter):
        letter = ""  # a footer about viruses or quotas tells less than the status
    stage, letter = (f"diagnostic: {letter}" if said else letter), marked(letter, recipient.address)
    said = marked(said, recipient.address)
    is_hearsay = by_filter or is_at_carrier(recipient.address)
    diagnosis = Diagnosis(text=said or letter, status=recipient.status, stage=stage, is_hearsay=is_hearsay)
    verdict = classify(diagnosis)
    is_vague = verdict.kind is Kind.SOFT and verdict.reason in _VAGUE
    if said and is_vague and not is_echo(diagnosis):  # the letter may say more than the report
        fuller = classify(replace(diagnosis, text=f"{said}\n{letter}"))
        verdict = verdict if fuller.reason == "unclear" else fuller
    elif said and is_probable(verdict) and not is_hearsay:
        fuller = classify(replace(diagnosis, text=letter))
        verdict = fuller if fuller.kind is Kind.HARD else verdict
    return _found(recipient.address, diagnosis, verdict, original=recipient.original)


def _found(address: str, diagnosis: Diagnosis, verdict: Verdict, *, original: str = "") -> Finding:
    return Finding(
        recipient=address,
        original=original,
        kind=verdict.kind,
        status=code_of(diagnosis),
        reason=verdict.reason,
        error_code=verdict.error_code,
    )


def _about(address: str, notice: str, *, is_alone: bool) -> str:
    """Return the words of the letter that speak of one recipient of a report."""
    if is_alone:
        return notice[:_ABOUT_ALL]
    at = notice.lower().find(address.lower())
    return notice[at : at + _ABOUT_ONE] if at >= 0 else ""


def _from_words(mail: Mail, notice: str) -> Reading:
    """Read a notice that a mail system wrote for people."""
    named = _find_addresses(mail.headers.get("x-failed-recipients"))[:MOST_RECIPIENTS]
    found = mentions(notice, not_them=_own_addresses(mail))
    returned = next(iter(named), "") or _returned_to(mail)
    if any(address.lower() in notice.lower() for address in named):
        told = [(address, _said_of(address, named, notice)) for address in named]
    elif found or not (returned and notice.strip()):
        told = [(each.address, each.diagnosis) for each in found or mentions(notice, not_them=())]
    else:
        told = [(returned, notice)]
    by_filter = is_by_filter(mail)
    findings = (_worded(address, said, notice, by_filter=by_filter) for address, said in told)
    return Reading(findings=tuple(findings), note="" if told else "unclear")


def _said_of(address: str, named: Sequence[str], notice: str) -> str:
    """Return what a notice says about one of the recipients that its header names; all of it if there is but one."""
    if len(named) == 1:
        return notice
    found = mentions(notice, not_them=())
    return next((each.diagnosis for each in found if each.address.lower() == address.lower()), notice)


def _worded(address: str, said: str, notice: str, *, by_filter: bool) -> Finding:
    stage = notice if len(said) == len(notice) else said
    is_hearsay = by_filter or is_at_carrier(address)
    diagnosis = Diagnosis(text=marked(said[:LONGEST_STAGE], address), stage=stage, is_hearsay=is_hearsay)
    return _found(address, diagnosis, classify(diagnosis))


def _own_parts(mail: Mail) -> list[Part]:
    """Return the text parts that the mail system wrote itself."""
    return [part for part in mail.parts if not part.is_inside and part.kind in _OWN_TEXTS]


def _notice(mail: Mail) -> str:
    """Return the letter of the mail system, as plain text."""
    texts = [part for part in mail.parts if not part.is_inside and part.kind.startswith("text")]
    written = [part.text for part in texts if part.kind != "text/html"]
    pages = [text_of(part.text) for part in texts if part.kind == "text/html"]
    said = [notice_of(text) for text in (*written, *pages)]
    return next((text for text in said if text.strip()), "")


def _own_addresses(mail: Mail) -> list[str]:
    names = ("to", "from", "reply-to", "delivered-to", "x-original-to", "return-path")
    return _find_addresses(" ".join(mail.headers.get(name) for name in names)) + _returned_from(mail)


def _returned_from(mail: Mail) -> list[str]:
    """Return who had written the returned mail."""
    inner = next((part.headers for part in mail.parts if part.is_inside), None)
    copied = "\n".join(copy_of(part.text) for part in _own_parts(mail)[:1])
    found = _find_from(copied)
    return _find_addresses(" ".join([inner.get("from") if inner else "", found[1] if found else ""]))


def _returned_to(mail: Mail) -> str:
    """Return whom the returned mail was addressed to, '' unless that is one address."""
    inner = next((part.headers for part in mail.parts if part.is_inside), None)
    copies = [part.text for part in mail.parts if part.kind in ("text/rfc822-headers", "message/rfc822")]
    copied = "\n".join([*copies, *(copy_of(part.text) for part in _own_parts(mail)[:1])])
    found = _find_to(copied)
    value = (inner.get("to") if inner else "") or (found[1] if found else "")
    addresses = _find_addresses(value)
    if len(addresses) == 1:
        return str(addresses[0])
    received = _find_for(" ".join([*(inner.all("received") if inner else ()), copied]))
    return received[1] if received and not addresses else ""
