"""How `care providers` tells people what it found."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from care.cli.output import print_rows, say
from care.cli.times import local

if TYPE_CHECKING:
    from care.delivery.maintenance import Window
    from care.reports.providers import Change, ProviderPage


def show(
    pages: "Sequence[ProviderPage]",
    switches: "Sequence[Change]",
    planned: "Sequence[Window]",
    *,
    purposes: Mapping[str, str],
    zone: str,
    minor_digits: int,
) -> None:
    """Print one row per provider, then the last changes and the maintenance, if there are any."""
    print_rows([_page(page, purposes, zone, minor_digits) for page in pages], as_json_lines=False)
    if switches:
        say("\nLast changes of who carries a channel")
        print_rows([_change(each, purposes, zone) for each in switches], as_json_lines=False)
    if planned:
        say("\nMaintenance")
        print_rows([_window(each, zone) for each in planned], as_json_lines=False)


def _page(page: "ProviderPage", purposes: Mapping[str, str], zone: str, minor_digits: int) -> dict[str, Any]:
    spent = page.spend_minor_today
    return {
        "channel": _named(page.channel, page.sender, purposes),
        "provider": page.provider,
        "state": state_in_words(page, zone),
        "carries": f"{page.share}%",
        "errors": _percent(page.error_share),
        "slow": _percent(page.slow_share),
        "answers_15min": page.answers,
        "no_room_15min": page.no_room,
        "rate_s": f"{page.rate_per_second:g}",
        "parts_today": page.parts_today,
        "spend_today": "" if spent is None else f"{spent / 10**minor_digits:.{minor_digits}f}",
    }


def state_in_words(page: "ProviderPage", zone: str) -> str:
    """Return how a provider stands: well, or since when and why not, and what comes next."""
    stands = page.stands
    if page.away:
        return f"in maintenance until {local(page.away.until, zone)}" + (f": {page.away.why}" if page.away.why else "")
    if stands is None or (page.state == "well" and (page.share or stands.step_at is None)):
        return "well"
    since = f"since {local(stands.since, zone)}"
    if page.state == "well":
        return f"well {since}, rests until {local(stands.step_at, zone)}" if stands.share == 0 else "well"
    next_step = f"next look {_clock(stands.look_at, zone)}" if stands.look_at and page.state == "closed" else ""
    return f"closed {since}: {stands.why}; {next_step or 'the next message is a trial'}"


def _clock(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).strftime("%H:%M:%S")


def _change(each: "Change", purposes: Mapping[str, str], zone: str) -> dict[str, Any]:
    to = f"{each.to_provider} and {each.share}% back" if each.share else each.to_provider or "nobody"
    return {
        "at": local(each.at, zone),
        "channel": _named(each.channel, each.sender, purposes),
        "from": each.from_provider or "nobody",
        "to": to,
        "why": each.why,
    }


def _window(each: "Window", zone: str) -> dict[str, Any]:
    return {
        "provider": each.provider,
        "from": local(each.starts_at, zone),
        "until": local(each.ends_at, zone),
        "why": each.why,
        "by": each.by,
    }


def _named(channel: str, sender: str, purposes: Mapping[str, str]) -> str:
    return f"{channel} ({purposes[sender]})" if purposes.get(sender) else str(channel)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
