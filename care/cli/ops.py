"""`care pause`, `resume`, `cancel` and `retry`: stop by hand, and send again what failed."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from care.cli.person import who

if TYPE_CHECKING:
    from datetime import datetime

    from care.bootstrap import Services

app = typer.Typer()

CAMPAIGN = typer.Option("", "--campaign", help="Name or id of one campaign.")
PURPOSE = typer.Option("", "--purpose", help="A whole purpose: greeting, offer, survey, service, …")
JSON = typer.Option(False, "--json", help="Print one JSON object.")

NO_ADDRESS = "every address is silenced or not allowed, or there is none"


@app.command()
def pause(
    campaign: str = CAMPAIGN,
    purpose: str = PURPOSE,
    everything: bool = typer.Option(False, "--all", help="Stop everything, notices too."),
    until: str = typer.Option("", "--until", help="Go on at this local day (2027-02-06), or after a span (2h, 1d)."),
    json: bool = JSON,
) -> None:
    """Stop a campaign or a whole purpose, for a mourning day or an incident; what waits stays where it is.

    Messages whose time passes meanwhile expire. Exit 0: stopped. Exit 1: no such campaign.
    """
    from care.base.database import plain_errors, write
    from care.cli.output import print_json, say
    from care.cli.times import local
    from care.messages import stops

    services = _services()
    scope = _scope(services, campaign, purpose, everything=everything)
    now, zone = services.clock.now(), services.settings.operator.timezone
    ends = _until(until, services) if until else None
    with plain_errors(services.engine), write(services.engine) as conn:
        stops.put_pause(conn, scope, until=ends, by=who(), now=now)
        waiting = stops.count_waiting(conn, scope)
    if json:
        print_json({"scope": scope, "until": ends, "waiting": waiting, "by": stops.signed(who())})
    else:
        say(f"{scope} is stopped {f'until {local(ends, zone)}' if ends else 'until resumed'}; {waiting} messages wait")


@app.command()
def resume(
    campaign: str = CAMPAIGN,
    purpose: str = PURPOSE,
    everything: bool = typer.Option(False, "--all", help="End the stop of everything."),
    json: bool = JSON,
) -> None:
    """Let a stopped campaign or purpose go on, or a cancelled campaign; messages that were cancelled stay so.

    Exit 0: it goes on. Exit 1: it was not stopped, or there is no such campaign.
    """
    from care.base.database import plain_errors, write
    from care.base.errors import AnswerIsNoError
    from care.campaigns.states import resume_campaign
    from care.cli.output import print_json, say
    from care.delivery.standstill import why_still
    from care.messages import stops

    services = _services()
    scope = _scope(services, campaign, purpose, everything=everything)
    live = services.campaigns.live.get(scope.removeprefix("campaign:")) if campaign else None
    with plain_errors(services.engine), write(services.engine) as conn:
        was_stopped = resume_campaign(conn, live, now=services.clock.now()) if live else stops.lift_pause(conn, scope)
        waiting = stops.count_waiting(conn, scope)
        others = [one.scope for one in stops.standing_pauses(conn, services.clock.now())]
        still = why_still(conn)
    if not was_stopped:
        also = f"Stopped now: {', '.join(others)}" if others else "Nothing is stopped"
        if still and not others:
            also = "Sending stands still for the reason above, which care resume does not end"
        raise AnswerIsNoError(f"{scope}: was not stopped by hand. {also}")
    if json:
        print_json({"scope": scope, "waiting": waiting})
    else:
        say(f"{scope} goes on; {waiting} messages wait for their hour")


@app.command()
def cancel(campaign: str = CAMPAIGN, json: bool = JSON) -> None:
    """Withdraw every message of a campaign that has not left, and plan nothing more of it until it is resumed.

    Exit 0: withdrawn. Exit 1: no such campaign.
    """
    from care.base.database import plain_errors
    from care.campaigns.states import cancel_campaign
    from care.cli.output import print_json, say
    from care.messages import stops

    services = _services()
    name, now = campaign_id(services, _required(campaign)), services.clock.now()
    with plain_errors(services.engine):
        live = services.campaigns.live.get(name)
        if live is not None:
            done = cancel_campaign(services.engine, live, by=who(), now=now)
        else:
            done = stops.cancel_campaign(services.engine, name, by=who(), now=now)
    if json:
        print_json({"campaign": name, "cancelled": done.cancelled, "in_work": done.in_work})
        return
    say(f"{name}: {done.cancelled} messages cancelled")
    if done.in_work:
        say(f"{done.in_work} were with a sender at this moment and may still go")


@app.command()
def retry(
    state: str = typer.Option("failed", "--state", help="failed or undelivered."),
    campaign: str = CAMPAIGN,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only count."),
    json: bool = JSON,
) -> None:
    """Send again what failed, as the same messages and while their time has not passed; never what arrived.

    What has no open address stays as it is, until a number is corrected or a ban lifted.
    Exit 0: planned again, or nothing had failed. Exit 1: none of them can go now, or there is no such campaign.
    """
    from care.base.database import plain_errors
    from care.base.errors import AnswerIsNoError, InputError
    from care.cli.output import print_json, say
    from care.delivery.reach import Reach
    from care.messages import stops
    from care.surveys.wiring import SUBJECTS

    allowed = {str(status): status for status in stops.RETRYABLE}
    if state not in allowed:
        raise InputError(f"--state {state}: is never sent again. Use {' or '.join(allowed)}")
    services = _services()
    name = campaign_id(services, _required(campaign))
    now = services.clock.now()
    unreachable = Reach(services.policies, services.campaigns, SUBJECTS).unreachable
    with plain_errors(services.engine):
        if dry_run:
            done = stops.count_retryable(services.engine, name, allowed[state], now=now, unreachable=unreachable)
        else:
            done = stops.retry_campaign(
                services.engine, name, allowed[state], by=who(), now=now, unreachable=unreachable
            )
    if json:
        print_json({"campaign": name, **asdict(done), "dry_run": dry_run})
    else:
        late = f"; {done.too_late} are too late" if done.too_late else ""
        stay = f"; {done.unreachable} stay {state}: {NO_ADDRESS}" if done.unreachable else ""
        say(f"{name}: {done.again} messages {'would go' if dry_run else 'go'} again{late}{stay}")
    if done.again:
        return
    if done.unreachable:
        raise AnswerIsNoError(f"{name}: none can go now. Correct the numbers, or see: care suppressions list")
    if done.too_late:
        raise AnswerIsNoError(f"{name}: the time of all {done.too_late} messages has passed")


def _services() -> "Services":
    from care.bootstrap import build_services
    from care.cli.standing import say_standstill

    services = build_services()
    say_standstill(services)
    return services


def _required(campaign: str) -> str:
    from care.base.errors import InputError

    if not campaign:
        raise InputError("--campaign: is missing. Name the campaign")
    return campaign


def _scope(services: "Services", campaign: str, purpose: str, *, everything: bool) -> str:
    from care.base.errors import InputError
    from care.base.vocabulary import Purpose
    from care.base.yamlfile import did_you_mean
    from care.messages import stops

    if bool(campaign) + bool(purpose) + everything != 1:
        raise InputError("say exactly one of --campaign NAME, --purpose NAME and --all")
    if everything:
        return stops.EVERYTHING
    if campaign:
        return stops.campaign_scope(campaign_id(services, campaign))
    if purpose not in set(Purpose):
        raise InputError(f"--purpose {purpose}: not known. {did_you_mean(purpose, list(Purpose))}")
    return stops.purpose_scope(purpose)


def campaign_id(services: "Services", word: str) -> str:
    """Return the id of a campaign, also of one whose file is gone or broken but that the ledger knows."""
    from care.base.database import plain_errors, read
    from care.campaigns.campaign_set import UnknownCampaignError
    from care.reports.log import known_campaign

    try:
        return services.campaigns.named(word).id
    except UnknownCampaignError:
        with plain_errors(services.engine), read(services.engine) as conn:
            known = known_campaign(conn, word)
        if known is None:
            raise
        return known


def _until(text: str, services: "Services") -> "datetime":
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from care.base.errors import InputError
    from care.cli.times import read_day, read_span

    now = services.clock.now()
    span = read_span(text)
    if span is not None:
        return now + span
    day = read_day("--until", text)
    ends = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(services.settings.operator.timezone))
    if ends <= now:
        raise InputError(f"--until {text}: has passed. Name a day to come")
    return ends
