"""Which attempt of ours a report is about: by signed ids; by the address alone only where a provider vouches."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.vocabulary import Channel
from care.customers.addresses import AddressHasher
from care.delivery.mail_ids import Claimed, MailIds
from care.inbound.bounces.event import Event
from care.inbound.bounces.model import Finding, Kind
from care.messages.tables import attempt, message

MOST_CLAIMS = 10
VOUCHED_WITHIN = timedelta(days=14)
_COLUMNS = (attempt, message.c.occasion, message.c.purpose)


def find_attempt(
    conn: sa.Connection, event: Event, *, ids: MailIds, hasher: AddressHasher, now: datetime
) -> sa.Row[Any] | None:
    """Return the attempt, with the occasion and purpose of its message; None if nothing proves that it was ours."""
    return (
        _by_return_path(conn, event.return_paths[:MOST_CLAIMS], ids)
        or _by_message_ref(conn, event, ids, hasher)
        or (_by_address(conn, event.findings, hasher, now) if event.is_vouched else None)
    )


def _by_return_path(conn: sa.Connection, claims: Sequence[Claimed], ids: MailIds) -> sa.Row[Any] | None:
    if not claims:
        return None
    found = {row.id: row for row in conn.execute(_mails().where(attempt.c.id.in_([claim.id for claim in claims])))}
    genuine = (claim for claim in claims if claim.id in found and ids.is_return_path(claim, found[claim.id].token))
    return next((found[claim.id] for claim in genuine), None)


def _by_message_ref(conn: sa.Connection, event: Event, ids: MailIds, hasher: AddressHasher) -> sa.Row[Any] | None:
    """Return the attempt to the address the report names, else the last one of the message."""
    claims = event.message_refs[:MOST_CLAIMS]
    if not claims:
        return None
    query = _mails().where(attempt.c.message_id.in_([claim.id for claim in claims])).order_by(attempt.c.id.desc())
    rows = conn.execute(query).all()
    genuine = [
        row
        for row in rows
        for claim in claims
        if claim.id == row.message_id and ids.is_message_ref(claim, row.occasion)
    ]
    named = hashes_of(event.findings, hasher)
    return next((row for row in genuine if row.address_hash in named), next(iter(genuine), None))


def _by_address(
    conn: sa.Connection, findings: Sequence[Finding], hasher: AddressHasher, now: datetime
) -> sa.Row[Any] | None:
    named = hashes_of(findings, hasher)
    recent = _mails().where(attempt.c.address_hash.in_(named), attempt.c.intent_at > now - VOUCHED_WITHIN)
    return conn.execute(recent.order_by(attempt.c.id.desc()).limit(1)).first() if named else None


def _mails() -> sa.Select[Any]:
    joined = sa.select(*_COLUMNS).join(message, message.c.id == attempt.c.message_id)
    return joined.where(attempt.c.channel == str(Channel.EMAIL))


def hashes_of(findings: Sequence[Finding], hasher: AddressHasher) -> set[str]:
    """Return the hashes of every address that a report names."""
    named = {each.recipient for each in findings} | {each.original for each in findings}
    return {hasher.hash(Channel.EMAIL, address) for address in named if address}


def finding_about(findings: Sequence[Finding], address_hash: str, hasher: AddressHasher) -> Finding | None:
    """Return what a report says about one address of ours; None if it does not say that it failed.

    A report may name others only, because the mail was redirected: then all of them must have failed, and what is
    mildest counts.
    """
    mine = [each for each in findings if address_hash in hashes_of([each], hasher)]
    if not mine and any(each.kind is Kind.NONE for each in findings):
        return None
    failed = [each for each in (mine or findings) if each.kind is not Kind.NONE]
    return next((each for each in failed if each.kind is Kind.SOFT), next(iter(failed), None))
