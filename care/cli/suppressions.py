"""`care suppressions`: numbers and addresses that are spared, why, and how they are written to again."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from care.customers.model import SuppressionReason

app = typer.Typer(help="Numbers and addresses that are spared.", no_args_is_help=True)

AS_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.callback()
def suppressions() -> None:
    """Numbers and addresses that are spared."""


@app.command("list")
def list_bans(
    reason: str = typer.Option(None, "--reason", help="Only of this reason, such as bad_number."),
    since: str = typer.Option(None, "--since", help="Only those written since: 2w, 1d, or a day."),
    everything: bool = typer.Option(False, "--all", help="Also those that were lifted."),
    limit: int = typer.Option(200, "--limit", min=1, help="At most so many, the newest first."),
    json: bool = AS_JSON,
) -> None:
    """List bans: whose address, why, by whom and since when. Addresses are masked. Exit 0: shown, or there is none."""
    from care.base.database import plain_errors, read
    from care.bootstrap import build_services
    from care.cli.output import print_rows, say
    from care.cli.times import read_since
    from care.delivery.bans import find_bans

    services = build_services()
    zone, now = services.settings.operator.timezone, services.clock.now()
    start = read_since("--since", since, now=now, zone=zone) if since else None
    with plain_errors(services.engine), read(services.engine) as conn:
        found = find_bans(conn, reason=_reason(reason), since=start, everything=everything, limit=limit)
    if not print_rows([_as_row(ban, "" if json else zone) for ban in found], as_json_lines=json) and not json:
        say("Nobody is spared.")


@app.command()
def show(
    customer: str = typer.Argument(metavar="CUSTOMER", help="The customer's id in your own system."),
    json: bool = AS_JSON,
) -> None:
    """Show a customer's bans, lifted ones too, and what counts towards the next one.

    Three messages in a row within 14 days that failed as "probably gone" make a ban, however often each was tried; each
    falls out after 14 days, and one success or a lift clears them. Exit 0: shown. Exit 1: no such customer.
    """
    from care.base.database import plain_errors, read
    from care.bootstrap import build_services
    from care.cli.output import print_json, print_rows, say
    from care.cli.times import local
    from care.delivery.bans import counts_of, find_bans

    services = build_services()
    zone, now = services.settings.operator.timezone, services.clock.now()
    with plain_errors(services.engine), read(services.engine) as conn:
        counts = counts_of(conn, customer, now=now)
        bans = find_bans(conn, customer_id=customer, everything=True)
    if json:
        print_json({"customer": customer, "bans": [_as_row(ban) for ban in bans], "counts": [*map(asdict, counts)]})
        return
    if not print_rows([_as_row(ban, zone) for ban in bans], as_json_lines=False):
        say("No ban was ever written.")
    for count in counts:
        end = f", the oldest until {local(count.falls_out_at, zone)}" if count.falls_out_at else ""
        say(f"{count.channel} {count.address}: {count.failures} of {count.of} failures in a row{end}")


@app.command()
def lift(
    customer: str = typer.Argument(metavar="CUSTOMER", help="The customer's id in your own system."),
    reason: str = typer.Option(None, "--reason", help="Only bans of this reason."),
    asked_again: str = typer.Option(
        None, "--asked-again", help="When and how the customer asked to be written to again; it is kept."
    ),
    json: bool = AS_JSON,
) -> None:
    """Write to a customer's numbers and addresses again; counting begins anew.

    Without --reason this ends what providers or colleagues wrote. An opt-out, a complaint or a wrong number ends only
    with its --reason and with --asked-again. Exit 0: lifted. Exit 1: no such ban stands.
    """
    from care.base.database import plain_errors, write
    from care.base.errors import InputError
    from care.base.logs import configure_command_logs
    from care.bootstrap import build_services
    from care.cli.output import counted, print_json, say
    from care.cli.person import who
    from care.customers.model import SuppressionReason
    from care.delivery.bans import ASKED_FOR, lift_bans

    chosen, why = _reason(reason), (asked_again or "").strip()
    if chosen in ASKED_FOR and not why:
        raise InputError(
            f"--reason {chosen}: the customer asked for it. Say when and how they asked to be written to again: "
            '--asked-again "by phone on 3 March"'
        )
    if why and chosen not in ASKED_FOR:
        raise InputError("--asked-again: belongs to a ban the customer asked for. Name it: --reason opt_out")
    services = build_services()
    configure_command_logs(services.settings.log)
    reasons = {chosen} if chosen else frozenset(SuppressionReason) - ASKED_FOR
    with plain_errors(services.engine), write(services.engine) as conn:
        lifted = lift_bans(conn, customer, reasons=reasons, by=who(), now=services.clock.now(), why=why[:120] or None)
    if json:
        print_json({"customer": customer, "lifted": [_as_row(ban) for ban in lifted]})
    else:
        say(f"{counted(len(lifted), 'ban')} lifted: {', '.join(sorted({ban.reason for ban in lifted}))}")


def _reason(word: str | None) -> "SuppressionReason | None":
    from care.base.errors import InputError
    from care.customers.model import SuppressionReason

    if word is None or word in [*SuppressionReason]:
        return SuppressionReason(word) if word else None
    raise InputError(f"--reason {word}: no reason of a ban. Use one of {', '.join(SuppressionReason)}")


def _as_row(ban: Any, zone: str = "") -> dict[str, Any]:
    """Return a ban for machines, or with a zone for people."""
    from care.cli.times import local

    if not zone:
        return asdict(ban)
    lifted = f"{local(ban.lifted_at, zone)} by {ban.lifted_by} {ban.lifted_why}".strip() if ban.lifted_at else ""
    return {
        "customer": ban.customer or "(gone)",
        "channel": ban.channel,
        "address": ban.address,
        "reason": ban.reason,
        "silences": ban.scope,
        "by": ban.source,
        "since": local(ban.since, zone),
        "lifted": lifted,
    }
