"""A provider's words about one recipient as a finding of ours."""

from dataclasses import replace

from care.inbound.bounces.classify import Diagnosis, classify, code_of
from care.inbound.bounces.model import Finding, Kind

_VAGUE = ("unclear", "refused", "no-such-mailbox")


def failure(recipient: str, *, status: str, said: str, is_about_address: bool, is_for_now: bool = False) -> Finding:
    """Return a failure; `said` is the server's answer as the provider quotes it.

    `is_about_address` tells that the provider itself holds the address for dead: that settles what the answer leaves
    open, never what it says clearly. `is_for_now` tells that it does not.
    """
    diagnosis = Diagnosis(text=said, status=status, stage="in reply to RCPT" if is_about_address else "")
    verdict = classify(diagnosis)
    found = Finding(
        recipient=recipient,
        kind=verdict.kind,
        status=code_of(diagnosis),
        reason=verdict.reason,
        error_code=verdict.error_code,
    )
    if is_for_now and found.kind is Kind.HARD:
        return replace(found, kind=Kind.SOFT, error_code="5.1.0")
    if is_about_address and found.kind is Kind.SOFT and found.reason in _VAGUE and not found.status.startswith("4"):
        return replace(found, kind=Kind.HARD, reason="no-such-mailbox", error_code="5.1.1")
    return found


def delivered_to(recipient: str) -> Finding:
    """Return that a mail arrived."""
    return Finding(recipient=recipient, kind=Kind.NONE, status="", reason="delivered")


def named(recipient: str) -> Finding:
    """Return whom a complaint came from."""
    return Finding(recipient=recipient, kind=Kind.NONE, status="", reason="feedback")
