"""The table of alarms: what is an incident, in words, and for how long it must last to be one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

MINUTE = timedelta(minutes=1)
LEADER_LIMIT = 5 * MINUTE
SENDER_LIMIT = 3 * MINUTE
WEBHOOK_LIMIT = 15 * MINUTE
SATISFACTION = "satisfaction"
"""The rule that is not looked at each minute."""

ACCEPTED = "accepted"
"""No rule: what somebody accepted is kept beside the incidents, under this name."""

LONGEST = 300
"""Characters that an incident keeps of what is so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongPage:
    """A day that differs from a provider's list, or that the provider did not answer for."""

    place: str  # "acme sms"
    day: date
    words: str
    parts: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the watch found at one look. None where there is nothing to look at."""

    wrong_books: Sequence[date] = ()  # days whose own books did not balance
    wrong_sums: Mapping[str, int] = field(default_factory=dict)  # how many of each kind, on which of the days
    wrong_pages: Sequence[WrongPage] = ()
    uncompared: date | None = None  # the last day that ought to have been compared, where it was not
    standstill: str = ""
    not_sending: str = ""
    leader_unseen: timedelta | None = None
    sender_unseen: timedelta | None = None
    closed_channels: Mapping[str, int] = field(default_factory=dict)  # and how many messages are held for it
    closed_providers: Sequence[str] = ()  # "sms through acme for 7 minutes: …"
    spam: Sequence[str] = ()  # campaigns, and whether they are stopped for it
    unmended: Mapping[str, int] = field(default_factory=dict)  # what is broken, and how many messages wait for it
    in_doubt: int = 0  # messages, longer than it takes to resolve one
    oldest_webhook: timedelta = timedelta(0)
    overdue_cases: int = 0
    oldest_case: timedelta = timedelta(0)  # since its time passed
    overdue_calls: int = 0  # after a ticket, where no message reaches, and none is recorded
    oldest_call: timedelta = timedelta(0)  # since its time passed
    untold: int = 0  # webhooks that the ticket system has not taken for an hour
    given_up: int = 0  # that it will not hear any more, within a day
    old_events: int = 0  # told of tickets a day ago or longer, and still kept for repair
    oldest_event: timedelta = timedelta(0)
    stuck_jobs: Sequence[str] = ()
    satisfaction: str = ""  # how it fell, where it fell by more than chance
    free_mib: int | None = None
    least_mib: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of incident. `docs/on-call.md` has a heading of the same title."""

    name: str
    title: str  # for people, half a sentence
    limit: str  # when it is one, for the page and for doctor
    look: Callable[[Facts], str]  # what is so, '' when all is well; never a person in it
    patience: timedelta = timedelta(0)  # shorter trouble is none
    parts: Callable[[Facts], Mapping[str, int | None]] = lambda _: {}  # how much of what; more is told again


def _books(facts: Facts) -> str:
    if not facts.wrong_books:
        return ""
    days = ", ".join(day.isoformat() for day in facts.wrong_books)
    words = f"the books of {days} do not balance. See: care books --date {facts.wrong_books[0]}"
    in_full = f"{words}. Found: {', '.join(f'{what} {count:,}' for what, count in facts.wrong_sums.items())}"
    return in_full if facts.wrong_sums and len(in_full) <= LONGEST else words


def _books_parts(facts: Facts) -> Mapping[str, int | None]:
    return {day.isoformat(): 1 for day in facts.wrong_books} | dict(facts.wrong_sums)


def _provider_books(facts: Facts) -> str:
    """Name each day: with what was found, or where that is too long by itself."""
    pages = facts.wrong_pages
    in_full = "; ".join(f"{page.place} {page.day}: {page.words}" for page in pages)
    if len(in_full) <= LONGEST:
        return in_full
    days = sorted({page.day for page in pages})
    named = ", ".join(day.isoformat() for day in days)
    places = ", ".join(sorted({page.place for page in pages}))
    return f"{len(days)} days: {named}. See: care books --date {days[0]} --provider. At {places}"


def _provider_books_parts(facts: Facts) -> Mapping[str, int | None]:
    return {what: size for page in facts.wrong_pages for what, size in page.parts.items()}


def _uncompared(facts: Facts) -> str:
    day = facts.uncompared
    return f"nobody has looked at the books of {day}. See: books.unchecked in the log of care run" if day else ""


def _standstill(facts: Facts) -> str:
    return facts.standstill


def _not_sending(facts: Facts) -> str:
    return facts.not_sending


def _leader(facts: Facts) -> str:
    age = facts.leader_unseen
    return f"no leader has been at work for {_minutes(age)}" if age is not None and age > LEADER_LIMIT else ""


def _sender(facts: Facts) -> str:
    age = facts.sender_unseen
    return f"no sender has been at work for {_minutes(age)}" if age is not None and age > SENDER_LIMIT else ""


def _channel(facts: Facts) -> str:
    held = (f"{channel} ({count:,} messages wait)" for channel, count in sorted(facts.closed_channels.items()))
    names = ", ".join(held)
    return f"the provider takes nothing: {names}" if names else ""


def _provider(facts: Facts) -> str:
    """Where nobody carries the channel, that is the incident."""
    return "; ".join(words for words in facts.closed_providers if words.split()[0] not in facts.closed_channels)


def _spam(facts: Facts) -> str:
    return f"carriers take for spam: {', '.join(facts.spam)}" if facts.spam else ""


def _files(facts: Facts) -> str:
    broken = "; ".join(f"{what}: {count:,} messages wait" for what, count in sorted(facts.unmended.items()))
    return f"{broken}. See: care campaigns check" if broken else ""


def _in_doubt(facts: Facts) -> str:
    return f"{facts.in_doubt:,} messages may or may not have gone" if facts.in_doubt else ""


def _webhooks(facts: Facts) -> str:
    age = facts.oldest_webhook
    return f"a receipt or reply has waited for {_minutes(age)}" if age > WEBHOOK_LIMIT else ""


def _cases(facts: Facts) -> str:
    if not facts.overdue_cases:
        return ""
    since = f"the oldest for {_minutes(facts.oldest_case)}"
    return f"cases past their time: {facts.overdue_cases:,}, {since}. See: care surveys cases list --overdue"


def _calls(facts: Facts) -> str:
    if not facts.overdue_calls:
        return ""
    since = f"the oldest for {_minutes(facts.oldest_call)}"
    return f"calls past their time: {facts.overdue_calls:,}, {since}. See: care surveys followup --gaps"


def _ticket_system(facts: Facts) -> str:
    words = [f"webhooks that have waited for an hour: {facts.untold:,}"] if facts.untold else []
    words += [f"webhooks given up: {facts.given_up:,}"] if facts.given_up else []
    return f"{'; '.join(words)}. See: care tickets webhooks" if words else ""


def _events(facts: Facts) -> str:
    if not facts.old_events:
        return ""
    since = f"the oldest for {_minutes(facts.oldest_event)}"
    return f"events kept for repair: {facts.old_events:,}, {since}. See: care tickets events --state waiting"


def _jobs(facts: Facts) -> str:
    if not facts.stuck_jobs or _leader(facts):
        return ""
    names = ", ".join(facts.stuck_jobs)
    return f"these jobs have not ended well for long: {names}. See: job.failed in the log of care run"


def _satisfaction(facts: Facts) -> str:
    return facts.satisfaction


def _disk(facts: Facts) -> str:
    if facts.free_mib is None or facts.free_mib >= facts.least_mib:
        return ""
    return f"{facts.free_mib:,} MiB are left on the disk, below {facts.least_mib:,}"


def _minutes(age: timedelta) -> str:
    minutes = int(age / MINUTE)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"  # noqa: PLR2004 - two hours


RULES: tuple[Rule, ...] = (
    Rule(name="standstill", title="Sending stands still", limit="at once", look=_standstill),
    Rule(  # patience: what was planned late, or waited while the house was closed, is due long ago when it wakes
        name="not_sending",
        title="Nothing is sent",
        limit="due for alerts.oldest_due_minutes, and 3 minutes more",
        look=_not_sending,
        patience=3 * MINUTE,
    ),
    Rule(name="leader", title="No leader is at work", limit="not seen for 5 minutes", look=_leader),
    Rule(
        name="sender", title="No sender is at work", limit="not seen for 3 minutes", look=_sender, patience=2 * MINUTE
    ),
    Rule(name="channel", title="A channel is closed", limit="closed for 5 minutes", look=_channel, patience=5 * MINUTE),
    Rule(
        name="provider", title="A provider is closed", limit="closed for 5 minutes", look=_provider, patience=5 * MINUTE
    ),
    Rule(name="spam", title="A campaign is taken for spam", limit="20 filtered, and a fifth of it", look=_spam),
    Rule(name="files", title="Messages wait for a broken file", limit="at once", look=_files),
    Rule(name="in_doubt", title="Messages are in doubt", limit="unknown for 15 minutes", look=_in_doubt),
    Rule(
        name="webhooks",
        title="Receipts and replies wait",
        limit="for 15 minutes, and 3 minutes more",
        look=_webhooks,
        patience=3 * MINUTE,
    ),
    Rule(name="cases", title="Customers wait for a call", limit="a case past its time", look=_cases),
    Rule(name="calls", title="Calls after a ticket are overdue", limit="a call past its time", look=_calls),
    Rule(
        name="ticket_system",
        title="The ticket system does not hear us",
        limit="not taken for an hour, or given up",
        look=_ticket_system,
    ),
    Rule(name="events", title="News of tickets waits for repair", limit="for a day", look=_events),
    Rule(  # patience: after a night without a leader its last jobs are judged before they had their turn
        name="jobs",
        title="A job does not end",
        limit="15 minutes or three times its turn, and 3 minutes more",
        look=_jobs,
        patience=3 * MINUTE,
    ),
    Rule(name="books", title="The books do not balance", limit="any difference", look=_books, parts=_books_parts),
    Rule(
        name="provider_books",
        title="A provider's list differs from ours",
        limit="any difference, or no answer",
        look=_provider_books,
        parts=_provider_books_parts,
    ),
    Rule(  # patience: a house that wakes late has days to make up for
        name="uncompared",
        title="The books are not opened",
        limit="yesterday's not compared at nine, and an hour more",
        look=_uncompared,
        patience=60 * MINUTE,
    ),
    Rule(
        name=SATISFACTION,
        title="Satisfaction has dropped",
        limit="four weeks below the twelve before by more than chance (p below 0.01)",
        look=_satisfaction,
    ),
    Rule(name="disk", title="The disk is nearly full", limit="below disk.plan_free_mib", look=_disk),
)
"""Every kind of incident, the most urgent first."""

TITLES: Mapping[str, str] = {rule.name: rule.title for rule in RULES} | {ACCEPTED: "A difference was accepted"}


def is_wrong(facts: Facts) -> bool:
    """Tell whether any rule speaks."""
    return any(rule.look(facts) for rule in RULES)
