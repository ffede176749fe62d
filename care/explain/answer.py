"""The one line that answers: did they get it, and if not, what decided."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from care.explain.chain import Step, chain, clock
from care.explain.facts import CampaignFacts
from care.messages.model import MessageStatus
from care.reports.log import Entry
from care.reports.reasons import status_in_words


class Kind(StrEnum):
    """What the answer comes down to."""

    MESSAGE = "message"  #: there is a message; its status is the answer
    EXPECTED = "expected"  #: nothing stands in the way
    FORBIDDEN = "forbidden"  #: it is due, and a decision keeps it from them
    NEVER_QUALIFIED = "never_qualified"
    NOT_DUE = "not_due"
    MISSING = "missing"  #: it was due, nothing forbade it, and the ledger has no message
    NOT_RECORDED = "not_recorded"  #: the day is before the first record


_ORDER = tuple(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Why one customer did or did not get one campaign on one day; `text` is the whole answer in one line."""

    campaign_id: str
    name: str
    kind: Kind
    text: str
    brief: str  # without what else would stand in the way
    steps: list[Step] = field(default_factory=list)
    messages: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, str]:
        """Return what sorts answers: what happened first, what is not due last."""
        return _ORDER.index(self.kind), self.name


def answer(facts: CampaignFacts, *, notes: tuple[str, ...] = ()) -> Answer:
    """Return the answer for one campaign: the message's own state, else the first decision that failed."""
    steps = chain(facts)
    kind, text = _decide(facts, steps)
    brief = _not_due_in_short(steps, facts) if kind is Kind.NOT_DUE else text
    if facts.is_older_plan:
        notes = (*notes, "planned from another version of the campaign file than today's")
    return Answer(
        campaign_id=facts.campaign_id,
        name=facts.name,
        kind=kind,
        text=text,
        brief=brief,
        steps=steps,
        messages=tuple(facts.messages),
        notes=notes,
    )


def _decide(facts: CampaignFacts, steps: list[Step]) -> tuple[Kind, str]:
    if facts.messages:
        return Kind.MESSAGE, "; ".join(tell(entry, facts.zone) for entry in facts.messages)
    failed = [step for step in steps if not step.passed and not step.is_only_a_wait]
    by_name = {step.name: step for step in failed}
    if "occasion" in by_name:
        others = [step.text for step in failed if step.name != "occasion"]
        but = f"; besides, {others[0]}" if others else ""
        return Kind.NOT_DUE, by_name["occasion"].text + but
    if "audience" in by_name and "customer" not in by_name:
        return Kind.NEVER_QUALIFIED, by_name["audience"].text
    if failed:
        first = by_name.get("customer", failed[0])
        return Kind.FORBIDDEN, first.text
    return _nothing_in_the_way(facts, [step for step in steps if not step.passed])


def _not_due_in_short(steps: list[Step], facts: CampaignFacts) -> str:
    """Promise no next day to whom the audience leaves out."""
    audience = next(step for step in steps if step.name == "audience")
    return steps[0].text if audience.passed else f"not due on {facts.day}, and {audience.text}"


def _nothing_in_the_way(facts: CampaignFacts, waits: list[Step]) -> tuple[Kind, str]:
    assert facts.due_at is not None
    at = clock(facts.due_at, facts.zone)
    if facts.day < facts.today:
        why = "the campaign's file is newer, or care did not run"
        return Kind.MISSING, f"was due at {at} and nothing forbade it, but the ledger has no message: {why}"
    later = f"; {waits[0].text}" if waits else ""
    when = "not planned yet" if facts.day <= facts.today + timedelta(days=1) else "will be planned"
    return Kind.EXPECTED, f"due at {at}, {when}{later}"


def tell(entry: Entry, zone: str) -> str:
    """Return where one message stands in words: `delivered at 2026-09-25 10:00 CST by sms (message 17)`."""
    if entry.status is MessageStatus.DELIVERED:
        at = clock(entry.delivered_at or entry.status_at, zone)
        return f"delivered at {at} by {entry.channel or 'sms'} (message {entry.id})"
    words = status_in_words(entry.status, entry.reason, entry.channel)
    if entry.status is MessageStatus.PLANNED:
        return f"planned for {clock(entry.wake_at, zone)} (message {entry.id})"
    if entry.status is MessageStatus.HELD:
        return f"{words.text}; looked at again {clock(entry.wake_at, zone)} (message {entry.id})"
    return f"{words.text}, since {clock(entry.status_at, zone)} (message {entry.id})"
