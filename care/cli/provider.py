"""`care provider verify`: what may be relied on, found out on the operator's own account."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from care.delivery.channels.base import Gateway
    from care.delivery.routes import Routes

app = typer.Typer(help="What may be relied on at the SMS provider.", no_args_is_help=True)


@app.callback()
def provider() -> None:
    """What may be relied on at the SMS provider."""


@app.command()
def verify(
    to: list[str] = typer.Option(..., "--to", help="A number of your own; repeat for several."),
    count: int = typer.Option(5, "--count", min=1, max=100, help="How many messages to send in all."),
    patience: float = typer.Option(60.0, "--patience", min=1, max=600, help="Seconds to look for each in the list."),
    backup: bool = typer.Option(False, "--backup", help="Ask the second account instead of the first."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Send real messages to numbers of your own, and see whether and how soon the provider's list has each.

    Only a list that had all of them within a minute is trusted when it lacks a message whose answer was lost; see
    docs/delivery-guarantees.md. Exit 0: it is trusted from now on. Exit 1: it is not, or nothing may be sent from here.
    """
    import asyncio

    from care.base.database import plain_errors, write
    from care.bootstrap import build_services
    from care.cli.output import print_json, say
    from care.cli.person import who
    from care.cli.standing import require_going
    from care.customers.addresses import normalise_phone
    from care.delivery.list_proof import keep_proof, prove_list
    from care.delivery.registry import accounts_of
    from care.watch.accepted import note_outside

    services = build_services()
    settings = services.settings
    numbers = [normalise_phone(raw, settings.operator.country) for raw in to]
    require_going(services)
    with plain_errors(services.engine):
        gateway, taken = _gateway(services.gateways(), is_backup=backup), list[str]()
        looking = prove_list(
            gateway, numbers, count=count, clock=services.clock, patience_seconds=patience, taken=taken
        )
        try:
            proof = asyncio.run(looking)
        finally:
            with write(services.engine) as conn:
                what = f"{len(taken)} to verify the list of {gateway.provider}"
                note_outside(conn, taken, what=what, by=who(), now=services.clock.now())
        with write(services.engine) as conn:
            keep_proof(conn, gateway.provider, accounts_of(settings)[gateway.provider], proof, services.clock.now())
    if as_json:
        print_json(
            {
                "provider": gateway.provider,
                "sent": count,
                "listed": proof.listed,
                "slowest_ms": proof.slowest_ms if proof.listed else None,
                "trusted": proof.is_complete,
                "why_not": proof.why_not,
            }
        )
    else:
        verdict = "the list is trusted" if proof.is_complete else f"the list is not trusted: {proof.why_not}"
        slowest = f", the slowest after {proof.slowest_ms} ms" if proof.listed else ""
        say(f"{gateway.provider}: {proof.listed} of {count} listed{slowest}; {verdict}")
    raise typer.Exit(0 if proof.is_complete else 1)


def _gateway(routes: "Routes", *, is_backup: bool) -> "Gateway":
    from care.base.errors import SettingsError
    from care.base.vocabulary import Channel

    if not is_backup:
        return routes.primary(Channel.SMS)
    _, *others = routes.of(Channel.SMS)
    if not others:
        raise SettingsError("--backup: there is no second SMS account. Set [twilio.backup] in care.toml")
    return others[0]
