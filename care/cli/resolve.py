"""`care resolve`: settle now what is in doubt."""

import typer

app = typer.Typer()


@app.command()
def resolve(json: bool = typer.Option(False, "--json", help="Print one JSON object.")) -> None:
    """Ask the providers about every message that left and whose answer never came, and do what its class allows.

    Requests younger than two minutes are left to their callbacks. Exit 0: nothing is in doubt any more.
    Exit 1: some still are, and `care log --state unknown` lists them; or nothing may be sent from here.
    """
    import math
    from datetime import timedelta

    from care.base.database import plain_errors, read
    from care.base.logs import configure_command_logs
    from care.bootstrap import build_services
    from care.cli.output import counted, print_json, say
    from care.cli.standing import require_going
    from care.delivery.doubt import Step
    from care.delivery.open_doubts import count_open, open_cases, too_young
    from care.watchers import resolve_now

    services = build_services()
    configure_command_logs(services.settings.log)
    require_going(services)
    with plain_errors(services.engine):
        with read(services.engine) as conn:
            doubtful = open_cases(conn, now=services.clock.now(), at_once=True)
        steps = resolve_now(services, doubtful)
        with read(services.engine) as conn:
            left, now = count_open(conn), services.clock.now()
            young, until = too_young(conn, now)
    told = {"asked": len(doubtful), "taken": steps[Step.TAKEN], "sent_again": steps[Step.SEND_AGAIN], "in_doubt": left}
    if json:
        print_json({**told, "too_young": young, "ask_again_at": until})
    else:
        words = "{asked} looked at: {taken} at the provider, {sent_again} sent again; {in_doubt} in doubt".format(
            **told
        )
        if until is not None:
            wait = counted(math.ceil((until - now) / timedelta(minutes=1)), "minute")
            words += f", {young} of them too young to ask about: ask again in {wait}"
        say(words)
    raise typer.Exit(1 if left else 0)
