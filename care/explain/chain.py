"""The chain of decisions between a customer and a message: one step each, in the order the program decides."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from care.base.vocabulary import Purpose
from care.explain.facts import CampaignFacts, Word
from care.policy.model import ConsentRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One decision. `name` is a word for machines; `text` says what is the case."""

    name: str
    passed: bool
    text: str
    is_only_a_wait: bool = False  # it delays the message, it does not forbid it


def chain(facts: CampaignFacts) -> list[Step]:
    """Return every step, also those after the first that failed."""
    return [
        _occasion(facts),
        _audience(facts),
        *_person(facts),
        _contact(facts),
        _suppression(facts),
        _consent(facts),
        *_holdout(facts),
        *_stops(facts),
        *_timing(facts),
    ]


def clock(instant: datetime, zone: str) -> str:
    """Return an instant on a clock of a zone, with the zone's name."""
    return instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")


def _occasion(facts: CampaignFacts) -> Step:
    if facts.owed:
        hours = ", ".join(dict.fromkeys(clock(one.due_at, facts.zone) for one in facts.owed))
        return Step(name="occasion", passed=True, text=f"due at {hours}: {facts.occasion}")
    if facts.messages:
        return Step(name="occasion", passed=True, text="was due when it was planned; nothing more is")
    return Step(name="occasion", passed=False, text=f"not due on {facts.day}; {coming(facts)}")


def coming(facts: CampaignFacts) -> str:
    """Return when the occasion comes next: `next on 2027-03-01, in 99 days`."""
    if facts.next_on is not None:
        days = (facts.next_on - facts.day).days
        return f"next on {facts.next_on}, in {days} day{'s' * (days != 1)}"
    return facts.lacks or "not in the next year"


def _audience(facts: CampaignFacts) -> Step:
    if facts.disqualified is None:
        return Step(name="audience", passed=True, text="is in the audience")
    return Step(name="audience", passed=False, text=f"never qualified: {facts.disqualified}")


def _person(facts: CampaignFacts) -> Iterator[Step]:
    who, purpose = facts.person, facts.purpose
    if who.erased_at is not None:
        yield Step(name="customer", passed=False, text=f"was erased on {clock(who.erased_at, facts.zone)}")
    elif who.has_left and not purpose.is_service:
        since = f" on {who.left_on}" if who.left_on else ""
        yield Step(name="customer", passed=False, text=f"left{since}: only what is owed under the contract goes out")
    else:
        yield Step(name="customer", passed=True, text="has left, but this is owed" if who.has_left else "is a customer")
    if who.deceased and purpose is not Purpose.EMERGENCY:
        yield Step(name="person", passed=False, text="reported as deceased")
    elif who.minor and purpose.is_marketing:
        yield Step(name="person", passed=False, text="under age: no greetings or offers")
    elif who.hardship and purpose is Purpose.OFFER:
        yield Step(name="person", passed=False, text="on a hardship tariff: no offers")


def _contact(facts: CampaignFacts) -> Step:
    there = [str(channel) for channel in facts.channels if channel in facts.contacts]
    wanted = " or ".join(map(str, facts.channels))
    if there:
        return Step(name="contact", passed=True, text=f"has an address for {', '.join(there)}")
    return Step(name="contact", passed=False, text=f"no address for {wanted}")


def _suppression(facts: CampaignFacts) -> Step:
    bans = [
        f"{channel} silenced: {ban.reason.value.replace('_', ' ')} ({ban.scope.value.replace('_', ' ')}) "
        f"since {clock(ban.created_at, facts.zone)}, from {ban.source}"
        for channel in facts.channels
        for ban in facts.suppressions.get(channel, ())
    ]
    is_open = bool(facts.open_channels.intersection(facts.channels)) or not facts.contacts.intersection(facts.channels)
    return Step(name="suppression", passed=is_open, text="; ".join(bans) or "no opt-out and no other ban")


def _consent(facts: CampaignFacts) -> Step:
    words = {channel: facts.consents[channel] for channel in facts.channels}
    reachable = [channel for channel in facts.channels if channel in facts.open_channels] or list(facts.channels)
    passed = any(words[channel].allows for channel in reachable)
    by_word: dict[str, list[str]] = {}
    for channel, word in words.items():
        by_word.setdefault(_said(word, facts), []).append(str(channel))
    said = "; ".join(f"{', '.join(channels)}: {text}" for text, channels in by_word.items())
    return Step(name="consent", passed=passed, text=f"{facts.purpose} by {said}")


def _said(word: Word, facts: CampaignFacts) -> str:
    if word.rule is ConsentRule.NONE:
        return "needs no consent"
    if word.given is not None and word.at is not None:
        return f"{'agreed' if word.given else 'withdrawn'} on {clock(word.at, facts.zone)}"
    return "no consent on record, and one is needed" if word.rule is ConsentRule.REQUIRED else "not refused"


def _holdout(facts: CampaignFacts) -> Iterator[Step]:
    if facts.lot is not None:
        lot = facts.lot
        side = "in" if lot.is_out else "not in"
        text = f"{side} the {lot.share:.0%} left out of group '{lot.group}' to measure the effect"
        yield Step(name="holdout", passed=not lot.is_out, text=text)


def _stops(facts: CampaignFacts) -> Iterator[Step]:
    for stop in facts.stops:
        if stop.is_cancelled:
            yield Step(name="cancelled", passed=False, text=f"{stop.scope} is cancelled until resumed")
            continue
        until = f"until {clock(stop.until, facts.zone)}" if stop.until else "until resumed"
        yield Step(
            name="pause", passed=False, is_only_a_wait=True, text=f"{stop.scope} is stopped {until} by {stop.by}"
        )


def _timing(facts: CampaignFacts) -> Iterator[Step]:
    due_at = facts.due_at
    if due_at is None:
        return
    if facts.opens_at is None:
        yield Step(name="hours", passed=False, text="no hour is allowed in every zone the customer may be in")
    elif facts.opens_at <= due_at:
        yield Step(name="hours", passed=True, text="the hour is allowed")
    else:
        text = f"outside the allowed hours; opens {clock(facts.opens_at, facts.zone)}"
        in_time = facts.opens_at < max(one.use_by for one in facts.owed)
        yield Step(name="hours", passed=False, is_only_a_wait=in_time, text=text + ("" if in_time else ", too late"))
    yield _caps(facts)


def _caps(facts: CampaignFacts) -> Step:
    if facts.kept_back:
        return Step(name="caps", passed=False, text=facts.kept_back)
    if facts.cap is None:
        return Step(name="caps", passed=True, text="below every frequency cap")
    until = facts.cap.until
    free = f"free again {clock(until, facts.zone)}" if until else "never allowed"
    in_time = until is not None and until < max(one.use_by for one in facts.owed)
    text = f"has had as many as {facts.cap.rule} allows; {free}"
    return Step(name="caps", passed=False, is_only_a_wait=in_time, text=text)
