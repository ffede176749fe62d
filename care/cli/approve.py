"""`care approve`: a second look before much is sent."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from datetime import date, datetime

    from care.bootstrap import Services
    from care.campaigns.model import Campaign
    from care.planning.review import Review

app = typer.Typer()


@app.command()
def approve(
    name: str = typer.Argument(..., help="Name or id of the campaign."),
    plan: str = typer.Option("", "--plan", metavar="HASH", help="What was looked at: care plan --campaign NAME."),
    revoke: bool = typer.Option(False, "--revoke", help="Withdraw what was approved; what is unsent waits again."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Approve a campaign's plan as it was looked at, or withdraw that.

    Exit 0: approved, or withdrawn. Exit 1: the plan has changed since, a promise cannot be kept, nothing is due, no
    approval stands, or no such campaign. Exit 2: no hash of a plan.
    """
    from care.base.errors import InputError
    from care.bootstrap import build_services

    if bool(plan) == revoke:
        raise InputError("say exactly one of --plan HASH and --revoke")
    services = build_services()
    campaign = services.campaigns.named(name)
    if revoke:
        _revoke(services, campaign, as_json=json)
    else:
        _approve(services, campaign, plan, as_json=json)


def _approve(services: "Services", campaign: "Campaign", text: str, *, as_json: bool) -> None:
    from care.base.database import plain_errors
    from care.cli.output import counted, print_json, say
    from care.cli.person import who
    from care.messages.stops import signed
    from care.planning.review import approve as record
    from care.planning.review import days_of

    first, days = days_of(text)
    now = services.clock.now()
    with plain_errors(services.engine):
        found = _looked_at(services, campaign, text, first=first, days=days, now=now)
        released = record(services.engine, found, by=who(), now=now)
    by = signed(who())
    if as_json:
        told = {"approved": campaign.id, "from": found.first, "to": found.last, "customers": found.audience}
        print_json({**told, "plan": found.hash, "by": by, "at": now, "released": released})
    else:
        span = f"{found.first} to {found.last}, {counted(found.audience, 'customer')}"
        say(f"{campaign.name} is approved by {by}: {span}; {counted(released, 'message')} released")


def _looked_at(
    services: "Services", campaign: "Campaign", text: str, *, first: "date", days: int, now: "datetime"
) -> "Review":
    """Return the present plan if it is what was looked at and its promises can be kept."""
    from zoneinfo import ZoneInfo

    from care.base.database import read
    from care.base.errors import AnswerIsNoError
    from care.cli.plan import draw_up
    from care.planning.review import require_same, review
    from care.reports.plan_warnings import refusals

    zone = services.settings.operator.timezone
    today = now.astimezone(ZoneInfo(zone)).date()
    with read(services.engine) as conn:
        found = review(conn, campaign, first, days, rules=services.planning_rules, now=now)
        require_same(found, text)
        left = (found.last - today).days + 1
        if left < 1 or not found.audience:
            what = "its days have passed" if left < 1 else "nothing of it is due on these days"
            raise AnswerIsNoError(
                f"campaign '{campaign.name}': {what}. Look again: care plan --campaign {campaign.name}"
            )
        refused = refusals(draw_up(conn, services, [campaign], now=now, days=left, keep=None), zone)
    if refused:
        raise AnswerIsNoError("\n".join(refused))
    return found


def _revoke(services: "Services", campaign: "Campaign", *, as_json: bool) -> None:
    from care.base.database import plain_errors
    from care.cli.output import counted, print_json, say
    from care.cli.person import who
    from care.messages.stops import signed
    from care.planning.review import revoke

    with plain_errors(services.engine):
        done = revoke(services.engine, campaign, rules=services.planning_rules, by=who(), now=services.clock.now())
    if as_json:
        print_json({"revoked": campaign.id, "days": list(done.days), "held": done.held, "by": signed(who())})
    else:
        say(f"{campaign.name}: the approval is withdrawn; {counted(done.held, 'message')} wait again")
