"""`care plan`: what the next days would bring."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    import sqlalchemy as sa

    from care.base.vocabulary import Channel
    from care.bootstrap import Services
    from care.campaigns.model import Campaign
    from care.cli.plan_json import Look
    from care.reports.plan_days import Plan, PlanDay
    from care.reports.plan_warnings import Caution

app = typer.Typer()


@app.command()
def plan(
    days: int = typer.Option(7, "--days", min=1, max=400, help="Local days from today, today included."),
    campaign: str = typer.Option("", "--campaign", help="Name or id of one campaign."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Show who would get what in the next days, when it would be done and what it would cost. Writes nothing.

    Exit 0: planned, warnings are printed. Exit 1: a promise that cannot be kept, or no such campaign. Exit 2: the
    segments cannot be read.
    """
    from care.base.database import plain_errors, read
    from care.base.errors import AnswerIsNoError
    from care.bootstrap import build_services
    from care.cli.output import print_json
    from care.cli.plan_json import as_object
    from care.cli.standing import say_standstill
    from care.messages.stops import standing_pauses
    from care.reports.plan_warnings import Limits, cautions_of, countries_of, refusals

    services = build_services()
    say_standstill(services)
    found = services.campaigns
    asked = [found.named(campaign)] if campaign else list(found)
    settings, now = services.settings, services.clock.now()
    zone = settings.operator.timezone
    rates = services.planning_rules.rates
    with plain_errors(services.engine), read(services.engine) as conn:
        keep = None if campaign or found.nameless_breakage else found.broken_ids
        made = draw_up(conn, services, asked, now=now, days=days, keep=keep)
        looks = _looks(conn, services, asked, made, is_one=bool(campaign))
        unranked = _unranked(conn, services, asked, made)
        limits = Limits(
            zone=zone,
            currency=settings.operator.currency,
            countries=countries_of(settings.operator.country, [one.occasion for one in asked]),
            overrides=_overrides(services),
            spend_per_day=settings.limits.spend_per_day,
            international_per_day=settings.limits.international_per_day,
            pauses=standing_pauses(conn, now),
        )
    cautions = [*cautions_of(made, limits), *unranked, *([] if campaign else _broken_files(services))]
    if json:
        print_json(as_object(made, cautions, settings.operator.currency, rates, looks))
    else:
        _tell(made, cautions, zone, settings.operator.currency, rates)
        _tell_looks(looks)
    if refused := refusals(made, zone):
        raise AnswerIsNoError("\n".join(refused))


def draw_up(
    conn: "sa.Connection",
    services: "Services",
    asked: "Collection[Campaign]",
    *,
    now: "datetime",
    days: int,
    keep: "Collection[str] | None",
) -> "Plan":
    """Return the plan of some campaigns for the next days of the operator; all the others take their room in it."""
    from zoneinfo import ZoneInfo

    from care.reports.plan import make_plan
    from care.reports.plan_closed import closed_ahead

    return make_plan(
        conn,
        list(services.campaigns),
        rules=services.planning_rules,
        pricing=_pricing(services),
        rates=services.planning_rules.rates,
        now=now,
        today=now.astimezone(ZoneInfo(services.settings.operator.timezone)).date(),
        days=days,
        keep=keep,
        senders=services.settings.senders,
        shown={one.id for one in asked},
        closed=closed_ahead(conn, services.settings, now),
    )


def _looks(
    conn: "sa.Connection", services: "Services", asked: "Collection[Campaign]", made: "Plan", *, is_one: bool
) -> "list[Look]":
    """Return what can be approved: of the one campaign asked for, and wherever a day needs it."""
    from care.planning.review import review, states

    above = services.settings.approval.above
    if above is None and not is_one:
        return []
    found, days = [], (made.last - made.first).days + 1
    for one in asked:
        seen = review(conn, one, made.first, days, rules=services.planning_rules, now=made.made_at)
        if seen.audience:
            found.append((seen, states(conn, seen, above=above)))
    return found


def _tell_looks(looks: "list[Look]") -> None:
    from care.cli.output import say

    for seen, days in looks:
        waits = sum(day.state == "waits" for day in days)
        if waits:
            say(
                f"approval      {seen.campaign.name}: {waits} of {len(days)} days wait; "
                f"care approve {seen.campaign.name} --plan {seen.hash}"
            )
        elif any(day.state == "approved" for day in days):
            say(f"approval      {seen.campaign.name} is approved, plan {seen.hash}")
        else:
            say(f"approval      {seen.campaign.name}: none needed, plan {seen.hash}")


def _pricing(services: "Services") -> Any:
    from care.delivery.brakes import country_of_number
    from care.planning.cost import Pricing

    operator = services.settings.operator
    return Pricing(
        renderer=services.renderer,
        locale=operator.locale,
        timezone=operator.timezone,
        currency=operator.currency,
        prices=services.settings.prices,
        country_of=country_of_number,
        home=operator.country,
    )


def _overrides(services: "Services") -> Any:
    from care.calendars.overrides import load_overrides

    return load_overrides(services.root / services.settings.paths.campaigns / "calendar.yaml")


def _unranked(
    conn: "sa.Connection", services: "Services", asked: "Collection[Campaign]", made: "Plan"
) -> "list[Caution]":
    """Return a warning where the daemon will rank customers before it plans, so that others may qualify."""
    from care.reports.plan_warnings import Caution
    from care.segments.value import awaits_ranking

    if not awaits_ranking(conn, services.segments, [one.audience for one in asked], made.first):
        return []
    text = "customers are not ranked for this month yet: care run does it first, and others may be in a top share then"
    return [Caution(kind="not_ranked", text=f"{text}. Run: care segments rank")]


def _broken_files(services: "Services") -> "list[Caution]":
    from care.reports.plan_warnings import Caution

    return [Caution(kind="broken_file", text=f"left out: {problem}") for problem in services.campaigns.problems]


def _tell(made: "Plan", cautions: "list[Caution]", zone: str, currency: str, rates: "Mapping[Channel, float]") -> None:
    from care.cli.output import print_rows, say
    from care.reports.plan import load_by_lane

    say(f"plan for {made.first} to {made.last}; times in {zone}; nothing was written")
    say()
    if not print_rows([_as_cells(day, zone, currency) for day in made.days], as_json_lines=False):
        say("nothing is due")
    tally = made.tally
    say()
    how = "every text rendered" if tally.is_exact else f"reckoned up from a sample of {tally.rendered} texts"
    say(f"new messages  {made.new}")
    say(f"SMS           {tally.recipients} recipients, {round(tally.parts)} parts, {tally.cost:.2f} {currency} ({how})")
    for load in load_by_lane(made):
        takes = f"{load.parts / rates[load.channel]:.0f} s at {rates[load.channel]:g}/s"
        say(
            f"load          {load.purpose} by {load.channel}: {load.messages} messages, {load.parts:.0f} parts, {takes}"
        )
    _tell_promises(made, zone)
    for one in made.withdrawals:
        say(f"withdrawn     {one.count} of {one.campaign_id}: {one.reason}")
    _tell_collisions(made)
    for caution in cautions:
        say(f"warning       {caution.text}")


def _tell_promises(made: "Plan", zone: str) -> None:
    from care.cli.output import say
    from care.cli.times import local
    from care.planning.admission import PROMISED
    from care.reports.plan_warnings import lacking, span_in_words

    promised = [(day, one) for day in made.days if day.campaign.purpose in PROMISED for one in day.judged]
    if promised:
        say("promise       reckoned at nine tenths of the rate; load, start, finish and margin above at the whole rate")
    for day, one in promised:
        found = one.admission
        if found.margin is not None:
            done = f"fits, {span_in_words(found.margin)} to spare before {local(found.deadline, zone)}"
        else:
            done = f"refused: {lacking(found.missing)}"
        say(f"promise       {day.campaign.name} on {day.day} by {one.channel}: {done}")


def _tell_collisions(made: "Plan") -> None:
    from care.cli.output import say

    collisions = made.collisions
    sample = f" (a sample of 1 in {collisions.step} customers, scaled up)" if collisions.step > 1 else ""
    if collisions.yielding:
        say(f"collisions    {collisions.customers} customers{sample}")
    for one, count in collisions.yielding.most_common():
        what = "is dropped" if one.is_dropped else "waits"
        say(f"              {count} × {one.campaign} {what}: {one.rule}, gives way to {one.gives_way_to}")


def _as_cells(day: "PlanDay", zone: str, currency: str) -> dict[str, Any]:
    from care.base.vocabulary import Channel

    skips = ", ".join(f"{count} {reason}" for reason, count in day.skips.most_common(3))
    left = len(day.skips) - 3
    return {
        "day": day.day,
        "campaign": day.campaign.name if day.leg == "main" else f"{day.campaign.name}/{day.leg}",
        "qualify": day.qualify,
        "new": day.new,
        "sms": day.to_send[Channel.SMS],
        "mail": day.to_send[Channel.EMAIL],
        "parts": round(day.tally.parts),
        currency: f"{day.tally.cost:.2f}",
        "start": _hour(day.start, day.day, zone),
        "finish": _hour(day.finish, day.day, zone),
        "margin": _span(day.margin),
        "skipped": skips + (f", and {left} more" if left > 0 else ""),
    }


def _hour(instant: Any, day: Any, zone: str) -> str:
    from zoneinfo import ZoneInfo

    if instant is None:
        return ""
    there = instant.astimezone(ZoneInfo(zone))
    return str(there.strftime("%H:%M" if there.date() == day else "%m-%d %H:%M"))


def _span(margin: Any) -> str:
    if margin is None:
        return ""
    hours, minutes = divmod(int(margin.total_seconds()) // 60, 60)
    return f"{hours} h {minutes:02d}" if hours else f"{minutes} min"
