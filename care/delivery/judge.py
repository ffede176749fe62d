"""May this message go now? Facts in, verdict out; the order of the lines is the policy."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from care.base.vocabulary import Purpose
from care.campaigns.model import REMINDER_LEG
from care.delivery.history import History
from care.delivery.model import Judged, Prepared, Verdict
from care.messages.contacts import ContactKey
from care.messages.model import MessageStatus
from care.messages.stops import WAITS_FOR_APPROVAL, day_scope
from care.policy.caps import cap_release
from care.policy.model import Caps, Policies, Windows
from care.policy.windows import NeverOpensError, closes_at, contact_window, is_open, next_open, zones_for

S = MessageStatus
CAPPED = (Purpose.SURVEY, Purpose.OFFER, Purpose.GREETING)


def contact_key(prepared: Prepared) -> ContactKey:
    """Return what of the contact is claimed for the occasion; a reminder is a word of its own."""
    message = prepared.message
    occasion = f"{message.occasion}:{REMINDER_LEG}" if message.leg == REMINDER_LEG else message.occasion
    return message.campaign_id, occasion, prepared.contact.address_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Contact hours of one place and purpose, seen from now."""

    is_open: bool
    opens_at: datetime | None  # None: never
    closes_at: datetime | None  # None: not closed in sight
    caps: Caps
    first_is_free: bool  # the caps let a customer's first message pass


def _hours_of(windows: Windows, zones: tuple[str, ...], caps: Caps, now: datetime, *, first_is_free: bool) -> Hours:
    opens: datetime | None = now
    closes = closes_at(windows, zones, now) if (opened := is_open(windows, zones, now)) else None
    if not opened:
        try:
            opens = next_open(windows, zones, now)
        except NeverOpensError:
            opens = None
    return Hours(is_open=opened, opens_at=opens, closes_at=closes, caps=caps, first_is_free=first_is_free)


class Standing(NamedTuple):
    """How all customers who are alike stand to one purpose: worked out once for all of them."""

    spared: str  # why we do not write to them, '' if we may
    hours: Hours


@dataclass(kw_only=True)
class Evidence:
    """What the intent transaction read, on locked rows, about the messages it judges."""

    now: datetime
    mine: Collection[int]  # message ids still leased to this sender
    customers: Mapping[int, Judged]
    open_addresses: Collection[tuple[int, str]]  # customer id and address hash that no suppression silences
    paused: Mapping[str, datetime | None]  # scope -> until
    no_longer_owed: Collection[int]  # message ids
    are_strangers: bool = False  # no two messages of the group go to one customer or one address
    history: History = field(default_factory=History)
    other_legs: Mapping[int, Collection[int]] = field(default_factory=dict)  # message id -> the same on other channels
    told: dict[ContactKey, int] = field(default_factory=dict)  # who has claimed an address for an occasion
    standings: dict[tuple[Judged, Purpose], Standing] = field(default_factory=dict)


def _spared(who: Judged, purpose: Purpose) -> str:
    if who.deceased and purpose is not Purpose.EMERGENCY:
        return "deceased"
    if who.status == "left" and not purpose.is_service and purpose is not Purpose.REPLY:
        return "left"
    if who.minor and purpose.is_marketing:
        return "minor"
    return "hardship" if who.hardship and purpose is Purpose.OFFER else ""


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Applies policy to evidence."""

    policies: Policies
    trial: frozenset[str] | None  # addresses that may be written to; None means all

    def judge(self, prepared: Prepared, evidence: Evidence) -> Verdict | None:
        """Return why the message does not go now, or None: it may. Ownership is checked by the caller."""
        message, now = prepared.message, evidence.now
        who = evidence.customers.get(message.customer_id)
        if message.use_by <= now:
            return Verdict(status=S.EXPIRED, reason="its time passed while it waited")
        if who is None:
            return Verdict(status=S.CANCELLED, reason="customer erased")
        standing = self._standing(prepared, who, evidence)
        return (
            self._stopped(prepared, evidence)
            or self._unwelcome(prepared, standing, is_allowed=who.may, evidence=evidence)
            or self._outside_hours(prepared, standing.hours)
            or self._told_already(prepared, evidence)
            or self._too_often(prepared, standing.hours, evidence)
            or self._outside_trial(prepared)
        )

    def _stopped(self, prepared: Prepared, evidence: Evidence) -> Verdict | None:
        if not (evidence.paused or evidence.no_longer_owed):
            return None
        message = prepared.message
        if message.id in evidence.no_longer_owed:
            return Verdict(status=S.CANCELLED, reason="no longer owed")
        for scope in ("all", "standstill", f"campaign:{message.campaign_id}", f"purpose:{message.purpose}"):
            if scope in evidence.paused:
                until = evidence.paused[scope]
                return self._wait(prepared, until or evidence.now + timedelta(minutes=5), "paused")
        if day_scope(message.campaign_id, message.occasion_on) in evidence.paused:
            return Verdict(status=S.HELD, reason=WAITS_FOR_APPROVAL, wake_at=message.use_by)
        return None

    @staticmethod
    def _unwelcome(prepared: Prepared, standing: Standing, *, is_allowed: bool, evidence: Evidence) -> Verdict | None:
        if standing.spared:
            return Verdict(status=S.SKIPPED, reason=standing.spared)
        address = prepared.message.customer_id, prepared.contact.address_hash
        if is_allowed and address in evidence.open_addresses:
            return None
        # withdrawn, silenced or changed since it was claimed: choose again
        return Verdict(status=S.PLANNED, reason="contact or consent changed", wake_at=evidence.now)

    def _outside_hours(self, prepared: Prepared, hours: Hours) -> Verdict | None:
        if hours.is_open:
            return None
        if hours.opens_at is None:
            return Verdict(status=S.SKIPPED, reason="quiet_hours: no allowed hour in any zone")
        return self._wait(prepared, hours.opens_at, "quiet_hours")

    def _standing(self, prepared: Prepared, who: Judged, evidence: Evidence) -> Standing:
        kind = who, prepared.message.purpose
        standing = evidence.standings.get(kind)
        if standing is None:
            standing = evidence.standings[kind] = self._work_out(*kind, evidence.now)
        return standing

    def _work_out(self, who: Judged, purpose: Purpose, now: datetime) -> Standing:
        policy = self.policies.country(who.country)
        windows = contact_window(policy, purpose, urgent=purpose is Purpose.EMERGENCY, area=who.area)
        zones = zones_for(who.timezone, who.country, self.policies)
        free = cap_release((), purpose, policy.caps, now) is None
        hours = _hours_of(windows, zones, policy.caps, now, first_is_free=free)
        return Standing(_spared(who, purpose), hours)

    @staticmethod
    def _told_already(prepared: Prepared, evidence: Evidence) -> Verdict | None:
        """The household hears it once: before caps, as this is the truer reason."""
        if not evidence.told:
            return None
        teller = evidence.told.get(contact_key(prepared), prepared.message.id)
        return None if teller == prepared.message.id else Verdict(status=S.SKIPPED, reason=f"told_via:{teller}")

    def closing(self, prepared: Prepared, evidence: Evidence) -> datetime:
        """Return until when the provider may still deliver: the end of use or of the contact window."""
        closes = self._standing(prepared, evidence.customers[prepared.message.customer_id], evidence).hours.closes_at
        return min(prepared.message.use_by, closes) if closes else prepared.message.use_by

    def _too_often(self, prepared: Prepared, hours: Hours, evidence: Evidence) -> Verdict | None:
        message = prepared.message
        if message.purpose not in CAPPED:
            return None
        history = evidence.history
        by_customer = history.by_customer.get(message.customer_id)
        by_address = history.by_address.get(prepared.contact.address_hash)
        coming = history.coming.get(message.customer_id)
        if not (by_customer or by_address or coming) and hours.first_is_free:
            return None
        touches = (by_customer or {}) | (by_address or {})
        for same in (message.id, *evidence.other_legs.get(message.id, ())):
            touches.pop(same, None)  # another try or another channel of the same message is not a second message
        if not touches and not coming and hours.first_is_free:
            return None
        sent, caps = list(touches.values()), hours.caps
        if (message.subject or {}).get("is_capped") is False:  # asked whatever was asked before; it counts for others
            caps = replace(caps, survey_invites_per_30d=None)
        release = cap_release(sent, message.purpose, caps, evidence.now)
        rule = f"frequency_cap:{release.rule}" if release else ""
        if release is None and coming:
            release = cap_release([*sent, *coming.values()], message.purpose, caps, evidence.now)
            rule = "yields to a more important message" if release else ""
        if release is None:
            return None
        if release.until is None:
            return Verdict(status=S.SKIPPED, reason=rule)
        return self._wait(prepared, release.until, rule)

    def _outside_trial(self, prepared: Prepared) -> Verdict | None:
        if self.trial is None or prepared.contact.address in self.trial:
            return None
        return Verdict(status=S.SKIPPED, reason="trial: not among trial.only_to")

    @staticmethod
    def _wait(prepared: Prepared, until: datetime, reason: str) -> Verdict:
        """Hold while the wait ends in time, else skip: late is worse than never."""
        if until < prepared.message.use_by:
            return Verdict(status=S.HELD, reason=reason, wake_at=until)
        return Verdict(status=S.SKIPPED, reason=reason)

    def hold(self, prepared: Prepared, until: datetime, reason: str) -> Verdict:
        """Return the verdict of a brake: wait until it is released if that is in time."""
        return self._wait(prepared, until, reason)
