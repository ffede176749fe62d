"""`care providers`: how each provider stands, who carries, and planned maintenance."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from care.base.settings import Settings
    from care.base.vocabulary import Channel
    from care.bootstrap import Services
    from care.delivery.maintenance import Window
    from care.reports.providers import AtWork, Change, ProviderPage

app = typer.Typer(help="How the providers are, and planned maintenance.")
SWITCHES = 10
MOST_DAYS, DAYS_AHEAD, MINUTES_AGO = 30, 366, 10
"""A window that is longer, or begins later or earlier, is a slip: nothing would be sent for as long."""


@app.callback(invoke_without_command=True)
def providers(
    context: typer.Context, json: bool = typer.Option(False, "--json", help="Print one JSON object.")
) -> None:
    """Show each provider: well or closed, since when and why, errors, pace, today's parts, and who carries.

    Exit 0: all are well. Exit 1: one is closed, on trial or in maintenance.
    """
    if context.invoked_subcommand is not None:
        return
    from datetime import timedelta

    from care.base.database import plain_errors, read
    from care.bootstrap import build_services
    from care.cli.output import print_json
    from care.delivery.maintenance import windows
    from care.reports.providers import at_work, last_switches

    services = build_services()
    now = services.clock.now()
    with plain_errors(services.engine), read(services.engine) as conn:
        pages = _pages(services, conn)
        work, switches, planned = (
            at_work(conn, now),
            last_switches(conn, SWITCHES),
            windows(conn, now - timedelta(days=30)),
        )
    if json:
        purposes = _purposes(services.settings)
        print_json(
            {
                "senders": work.senders,
                "sender_seen_at": work.last_seen,
                "providers": [_page_json(page, purposes) for page in pages],
                "changes": [_change_json(each, purposes) for each in switches],
                "maintenance": [_window_json(each) for each in planned],
            }
        )
    else:
        _show(services.settings, pages, switches, planned)
        _say_who_sends(work, services.settings.operator.timezone)
    if not all(page.is_well for page in pages):
        raise typer.Exit(1)


@app.command()
def maintenance(
    name: str = typer.Argument(..., help="The provider, as `care providers` names it."),
    *,
    start: str = typer.Option("", "--from", help="A local time (2027-02-06T22:00) or a span from now (2h)."),
    until: str = typer.Option("", "--until", help="The same; what waits then goes by itself."),
    why: str = typer.Option("", "--why", help="For whoever reads what is held."),
    end: bool = typer.Option(False, "--end", help="End it now, and take back what is planned for later."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Offer nothing to a provider from one time to another: its backup carries, or what is due waits.

    Messages whose time passes meanwhile expire. Exit 0: noted. Exit 1: there was nothing to end.
    """
    from care.base.database import plain_errors, write
    from care.base.errors import AnswerIsNoError
    from care.bootstrap import build_services
    from care.cli.output import counted, print_json, say
    from care.cli.times import local
    from care.delivery.maintenance import end_maintenance, plan_maintenance

    services = build_services()
    now, zone = services.clock.now(), services.settings.operator.timezone
    _check_name(services.settings, name)
    if end:
        _check_alone(start, until, why)
        with plain_errors(services.engine), write(services.engine) as conn:
            ended = end_maintenance(conn, name, now)
        if not ended:
            raise AnswerIsNoError(f"{name}: no maintenance goes on or is planned. See: care providers")
        _answer(json, {"provider": name, "ended": ended}, f"{name}: {counted(ended, 'window')} ended")
        return
    window = _window(services, name, start, until, why)
    with plain_errors(services.engine), write(services.engine) as conn:
        plan_maintenance(conn, window, now)
    if json:
        print_json(_window_json(window))
    else:
        say(f"{name}: nothing goes there from {local(window.starts_at, zone)} until {local(window.ends_at, zone)}")


def _show(settings: "Settings", pages: "list[ProviderPage]", switches: "list[Change]", planned: "list[Window]") -> None:
    from babel.numbers import get_currency_precision

    from care.cli.providers_words import show

    zone, digits = settings.operator.timezone, get_currency_precision(settings.operator.currency)
    show(pages, switches, planned, purposes=_purposes(settings), zone=zone, minor_digits=digits)


def _say_who_sends(work: "AtWork", zone: str) -> None:
    from care.cli.output import say
    from care.cli.times import local

    if not work.senders:
        seen = f"the last sender was seen {local(work.last_seen, zone)}" if work.last_seen else "none was ever seen"
        say(f"\nNobody sends now: {seen}. These rows are as senders left them. Start: care run")


def _answer(json: bool, row: dict[str, Any], words: str) -> None:
    from care.cli.output import print_json, say

    print_json(row) if json else say(words)


def _check_name(settings: "Settings", name: str) -> None:
    from care.base.errors import InputError
    from care.base.yamlfile import did_you_mean

    names = sorted({each for names in _order(settings).values() for each in names})
    if name not in names:
        raise InputError(f"{name}: no such provider in the settings. {did_you_mean(name, names)}")


def _check_alone(*others: str) -> None:
    from care.base.errors import InputError

    if any(others):
        raise InputError("--end: ends it now, and stands alone. Leave out --from, --until and --why")


def _window(services: "Services", name: str, start: str, until: str, why: str) -> "Window":
    from datetime import timedelta

    from care.base.errors import InputError
    from care.cli.person import who
    from care.cli.times import read_moment
    from care.delivery.maintenance import Window

    now, zone = services.clock.now(), services.settings.operator.timezone
    if not until:
        raise InputError("--until: is missing. Say when it ends, or use --end")
    begins = read_moment("--from", start, now=now, zone=zone) if start else now
    ends = read_moment("--until", until, now=now, zone=zone)
    if ends <= max(begins, now):
        raise InputError(f"--until {until}: is before it begins, or has passed. Name a later time")
    if begins < now - timedelta(minutes=MINUTES_AGO):
        raise InputError(f"--from {start}: has passed. Leave it out: then it begins now")
    if begins > now + timedelta(days=DAYS_AHEAD):
        raise InputError(f"--from {start}: lies more than a year ahead. Correct it, or plan it later")
    if ends - begins > timedelta(days=MOST_DAYS):
        raise InputError(f"--until {until}: lies more than {MOST_DAYS} days after it begins. Correct it, or plan parts")
    return Window(provider=name, starts_at=begins, ends_at=ends, why=why, by=who())


def _order(settings: "Settings") -> "Mapping[Channel, Sequence[str]]":
    from care.base.vocabulary import Channel
    from care.delivery.registry import providers_of

    return {channel: providers_of(settings, channel) for channel in Channel}


def _purposes(settings: "Settings") -> dict[str, str]:
    """Return the purposes that have a sender of their own, by its key."""
    from care.base.ids import digest

    found: dict[str, list[str]] = {}
    for purpose, sender in settings.senders.items():
        found.setdefault(digest(sender)[:16], []).append(str(purpose))
    return {key: ", ".join(sorted(purposes)) for key, purposes in found.items()}


def _pages(services: "Services", conn: "sa.Connection") -> "list[ProviderPage]":
    from datetime import datetime, time
    from zoneinfo import ZoneInfo

    from care.delivery.rules import rates_of
    from care.reports.providers import provider_pages

    settings, now = services.settings, services.clock.now()
    zone = ZoneInfo(settings.operator.timezone)
    return provider_pages(
        conn,
        _order(settings),
        senders=_purposes(settings),
        rates=rates_of(settings),
        now=now,
        midnight=datetime.combine(now.astimezone(zone).date(), time(), zone),
    )


def _page_json(page: "ProviderPage", purposes: "Mapping[str, str]") -> dict[str, Any]:
    stands = page.stands
    return {
        "channel": page.channel,
        "provider": page.provider,
        "purposes": purposes.get(page.sender, ""),
        "state": page.state,
        "since": stands.since if stands else None,
        "why": page.away.why if page.away else (stands.why if stands else ""),
        "until": page.away.until if page.away else None,
        "next_look_at": stands.look_at if stands and page.state == "closed" else None,
        "share": page.share,
        "answers": page.answers,
        "error_share": page.error_share,
        "slow_share": page.slow_share,
        "no_room": page.no_room,
        "rate_per_second": page.rate_per_second,
        "parts_today": page.parts_today,
        "spend_minor_today": page.spend_minor_today,
    }


def _change_json(each: "Change", purposes: "Mapping[str, str]") -> dict[str, Any]:
    return {
        "at": each.at,
        "channel": each.channel,
        "purposes": purposes.get(each.sender, ""),
        "from": each.from_provider or None,
        "to": each.to_provider or None,
        "share": each.share,
        "why": each.why,
    }


def _window_json(window: "Window") -> dict[str, Any]:
    return {
        "provider": window.provider,
        "from": window.starts_at,
        "until": window.ends_at,
        "why": window.why,
        "by": window.by,
    }
