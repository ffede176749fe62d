"""What a person should look at before the plan becomes messages."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import mean
from zoneinfo import ZoneInfo

from care.base.errors import CareError
from care.calendars.overrides import Overrides
from care.calendars.workdays import incomplete_years
from care.messages.stops import Pause
from care.planning.admission import Word
from care.reports.plan import cost_by_day
from care.reports.plan_closed import Closed
from care.reports.plan_days import Judged, Neighbour, Plan, PlanDay

UNUSUAL_TIMES = 5
"""A day that holds so many times the mean of its campaign's other days is worth a look: a placeholder date, perhaps."""
LEAST_UNUSUAL = 20
_SPREAD_OVER_THE_YEAR = ("birthday", "tenure", "subscription_end")
_LEAST_DAYS = 7
_NAMED = 3  # of what takes the room of a promise
_ALMOST = timedelta(seconds=59, microseconds=999_999)  # what is needed is rounded up


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """One thing to look at; `kind` is a word for machines."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The operator's own limits and calendar, which the plan is held against."""

    zone: str
    currency: str
    countries: Collection[str]  # whose calendars the campaigns go by
    overrides: Overrides | None
    spend_per_day: Decimal | None
    international_per_day: int  # parts
    pauses: Sequence[Pause]


def cautions_of(plan: Plan, limits: Limits) -> list[Caution]:
    """Return every warning, the gravest first."""
    return [
        *_admission(plan, limits.zone),
        *_crowded(plan),
        *_no_time(plan, limits.zone),
        *_broken_templates(plan),
        *_unusual_days(plan),
        *_money(plan, limits),
        *_abroad(plan, limits),
        *_collisions(plan),
        *_pauses(plan, limits),
        *_maintenance(plan, limits.zone),
        *_calendar(plan, limits),
        *_unknown(plan),
    ]


def refusals(plan: Plan, zone: str) -> list[str]:
    """Return the promises that cannot be kept, each in a line that says when it would have to start."""
    no = [(day, one) for day, one in _not_fitting(plan) if one.admission.word is Word.REFUSED]
    return [_in_words(day, one, zone, plan.made_at) for day, one in no]


def _admission(plan: Plan, zone: str) -> Iterator[Caution]:
    for day, one in _not_fitting(plan):
        yield Caution(kind=str(one.admission.word), text=_in_words(day, one, zone, plan.made_at))


def _crowded(plan: Plan) -> Iterator[Caution]:
    for day, names in plan.crowded:
        alone, them = ("waits", "it") if len(names) == 1 else ("wait", "them")
        text = f"{_name(day)}: all of it is in time while {_listed(names)} {alone} for approval, not beside {them}"
        yield Caution(kind="crowded", text=f"{text}. Approve first what matters most")


def _not_fitting(plan: Plan) -> Iterator[tuple[PlanDay, Judged]]:
    for day in plan.days:
        yield from ((day, one) for one in day.judged if one.admission.word is not Word.FITS)


def _in_words(day: PlanDay, one: Judged, zone: str, now: datetime) -> str:
    found = one.admission
    word = "refused, the promise cannot be kept" if found.word is Word.REFUSED else "will not all be in time"
    where = f" ({one.zone})" if one.zone not in ("", zone) else ""
    word += _beside(one.beside)
    text = f"{_name(day)} by {one.channel}: {word}: {found.parts:.0f} parts need {span_in_words(found.needs + _ALMOST)}"
    if not one.hours:
        return f"{text}, but the hours are closed on that day{where}. Choose another day"
    text = f"{text} inside {one.hours}{where}"
    by, none = _at(found.deadline, zone), lacking(found.missing)
    if found.latest_start is None:
        never = f"{none} before {by}" if one.beside else f"never fit before {by}"
        return f"{text}{'; ' if one.beside else ', and '}{never}. Raise the rate, or send to fewer"
    text = f"{text}; must start by {_at(found.latest_start, zone)} to be done by {by}, {none}"
    if found.latest_start <= now:
        return f"{text}. It is too late to begin earlier: raise the rate, send to fewer, or by another channel"
    return f"{text}. Begin earlier, raise the rate, or send to fewer"


def _beside(neighbours: Sequence[Neighbour]) -> str:
    if not neighbours:
        return ""
    told = [f"{one.campaign}{f' on {one.day}' if one.day else ''} ({one.parts:.0f} parts)" for one in neighbours]
    return f" beside {_listed([*told[:_NAMED], *([f'{len(told) - _NAMED} more'] if len(told) > _NAMED else [])])}"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def whole_parts(parts: float) -> int:
    """Return parts rounded up: one that leaves halfway is not sent."""
    return math.ceil(round(parts, 6))  # what a sum of floats is off by is no part


def lacking(missing: float) -> str:
    """Return in words how many parts have no time."""
    count = whole_parts(missing)
    return "1 part has no time" if count == 1 else f"{count} parts have no time"


def span_in_words(length: timedelta) -> str:
    """Return a length as people say it, in whole minutes: 3 h 42 min."""
    hours, minutes = divmod(length // timedelta(minutes=1), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def _no_time(plan: Plan, zone: str) -> Iterator[Caution]:
    for day in plan.days:
        if day.too_late:
            began = f"begins {_at(day.start, zone)}" if day.start else "never begins"
            text = f"{_name(day)}: {day.too_late} messages cannot leave before their time is over; it {began}"
            yield Caution(kind="no_time", text=f"{text}. Raise the rate, or let it be of use for longer")


def _broken_templates(plan: Plan) -> Iterator[Caution]:
    for problem, count in sorted(plan.tally.problems.items()):
        yield Caution(kind="template", text=f"{count} messages would be skipped: {problem}")


def _unusual_days(plan: Plan) -> Iterator[Caution]:
    by_campaign: dict[tuple[str, str], list[PlanDay]] = {}
    for day in plan.days:
        if day.campaign.occasion.kind in _SPREAD_OVER_THE_YEAR:
            by_campaign.setdefault((day.campaign.id, day.leg), []).append(day)
    length = (plan.last - plan.first).days + 1
    for days in by_campaign.values():
        counts = {day.day: day.qualify for day in days}
        for day in days:
            others = [*(n for on, n in counts.items() if on != day.day), *[0] * (length - len(counts))]
            usual = mean(others) if len(others) + 1 >= _LEAST_DAYS else float("inf")
            if day.qualify >= LEAST_UNUSUAL and day.qualify > UNUSUAL_TIMES * usual:
                text = f"{_name(day)}: {day.qualify} customers, the other days {usual:.1f} on average"
                yield Caution(kind="unusual_day", text=f"{text}. Is the date a placeholder?")


def _money(plan: Plan, limits: Limits) -> Iterator[Caution]:
    unpriced = sorted(plan.tally.unpriced)
    if unpriced:
        text = f"no price for SMS to {', '.join(unpriced)}: the cost leaves them out"
        keys = ", ".join(f"prices.{country}" for country in unpriced)
        yield Caution(kind="no_price", text=f"{text}. Set {keys}")
    if limits.spend_per_day is None:
        return
    for day, cost in sorted(cost_by_day(plan).items()):
        if cost > limits.spend_per_day:
            text = f"{day}: {cost:.2f} {limits.currency} is above limits.spend_per_day ({limits.spend_per_day})"
            yield Caution(kind="spend_limit", text=f"{text}; what is above waits for the next day")


def _abroad(plan: Plan, limits: Limits) -> Iterator[Caution]:
    found: Counter[date] = Counter()
    for day in plan.days:
        found[day.day] += whole_parts(day.tally.abroad)
    for on, parts in sorted(found.items()):
        if parts > limits.international_per_day:
            text = f"{on}: {parts} parts to other countries are above limits.international_per_day"
            told = f"{text} ({limits.international_per_day}); what is above waits for the next day"
            yield Caution(kind="international_limit", text=told)


def _collisions(plan: Plan) -> Iterator[Caution]:
    if plan.collisions.dropped:
        about = "about " if plan.collisions.step > 1 else ""
        text = f"{about}{plan.collisions.dropped} messages give way and would never go"
        yield Caution(kind="collisions", text=f"{text}; see the collisions")


def _pauses(plan: Plan, limits: Limits) -> Iterator[Caution]:
    for campaign in plan.cancelled:
        yield Caution(kind="cancelled", text=f"{campaign.name} is cancelled by hand: nothing of it is planned")
    scopes = {f"campaign:{day.campaign.id}" for day in plan.days}
    scopes |= {f"purpose:{day.campaign.purpose}" for day in plan.days}
    for pause in limits.pauses:
        if pause.scope in scopes or pause.scope == "all":
            until = f"until {_at(pause.until, limits.zone)}" if pause.until else "until resumed"
            yield Caution(kind="paused", text=f"{pause.scope} is stopped {until} by {pause.by}")


def _maintenance(plan: Plan, zone: str) -> Iterator[Caution]:
    """Warn of times in which nobody carries: where a second provider does, nothing waits."""
    found = Counter[Closed](each for day in plan.days for one in day.judged for each in one.closed)
    for each, count in sorted(found.items(), key=lambda item: (item[0].starts_at, item[0].channel)):
        who = f"{each.providers[0]} is" if len(each.providers) == 1 else f"{' and '.join(each.providers)} are"
        span = f"from {_at(each.starts_at, zone)} until {_at(each.ends_at, zone)}"
        sends = f"1 send by {each.channel} falls" if count == 1 else f"{count} sends by {each.channel} fall"
        text = f"{who} in maintenance {span}: {sends} into it and {'waits' if count == 1 else 'wait'}"
        yield Caution(kind="maintenance", text=text)


def _calendar(plan: Plan, limits: Limits) -> Iterator[Caution]:
    years = range(plan.first.year, plan.last.year + 1)
    for country in sorted(limits.countries):
        try:
            found = incomplete_years(country, years, limits.overrides)
        except CareError:
            continue  # a country without a calendar of days off has nothing to be incomplete
        for year in found:
            yield Caution(kind="calendar", text=year.warning)


def _unknown(plan: Plan) -> Iterator[Caution]:
    count = max((day.zoneless for day in plan.days), default=0)
    if count:
        text = f"up to {count} customers a day have no time zone: they are written to when every zone of theirs allows"
        yield Caution(kind="no_zone", text=text)


def _name(day: PlanDay) -> str:
    return f"{day.campaign.name} on {day.day}"


def _at(instant: datetime | None, zone: str) -> str:
    return "" if instant is None else instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def countries_of(plan_country: str, kinds: Collection[object]) -> frozenset[str]:
    """Return the countries whose calendars matter: the operator's, and those of festivals kept elsewhere."""
    own = {str(country) for occasion in kinds if (country := getattr(occasion, "country", None))}
    return frozenset({plan_country, *own})
