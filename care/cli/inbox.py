"""`care inbox`: what customers wrote that no rule understood."""

import typer

app = typer.Typer(help="What customers wrote and nobody has answered yet.", no_args_is_help=True)


@app.callback()
def inbox() -> None:
    """What customers wrote and nobody has answered yet."""


@app.command("list")
def list_waiting(
    everything: bool = typer.Option(False, "--all", help="Everything that came in, newest first."),
    limit: int = typer.Option(100, min=1, help="Most rows to show."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object per line."),
) -> None:
    """List the messages that wait for an answer, oldest first. Numbers are masked.

    Exit 0: also when nothing waits.
    """
    from care.base.database import plain_errors, read
    from care.base.logs import configure_command_logs
    from care.base.masking import mask_phone
    from care.bootstrap import build_services
    from care.cli.output import print_rows, say
    from care.cli.times import local
    from care.inbound import store

    services = build_services()
    configure_command_logs(services.settings.log)
    with plain_errors(services.engine), read(services.engine) as conn:
        found = store.list_inbox(conn, everything=everything, limit=limit)
    zone = services.settings.operator.timezone
    rows = [
        {
            "id": row.id,
            "received_at": row.received_at if as_json else local(row.received_at, zone),
            "from": mask_phone(row.address or ""),
            "customer": row.external_id,
            "about": row.campaign_id,
            "text": row.text,
            "handled_as": row.handled_as,
            "answered_at": row.answered_at,
        }
        for row in found
    ]
    columns = ("id", "received_at", "from", "customer", "about", "text")
    shown = print_rows(rows, as_json_lines=as_json, columns=(*columns, "handled_as") if everything else columns)
    if not shown and not as_json:
        say("nothing waits")


@app.command()
def answer(
    inbound_id: int = typer.Argument(metavar="ID", help="Of `care inbox list`."),
    text: str = typer.Option(..., "--text", help="What the customer reads; brand and signature are added."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Answer one message; the words go to the number that wrote, within half an hour or not at all.

    Exit 0: it goes out. Exit 1: it cannot be answered. Exit 2: the text cannot be sent.
    """
    from care.base.database import plain_errors
    from care.base.logs import configure_command_logs
    from care.bootstrap import build_services
    from care.cli.output import print_json, say
    from care.inbound.answering import answer_inbound

    services = build_services()
    configure_command_logs(services.settings.log)
    with plain_errors(services.engine):
        message_id = answer_inbound(
            services.engine,
            inbound_id,
            text=text,
            by="cli",
            zone=services.settings.operator.timezone,
            now=services.clock.now(),
        )
    if as_json:
        print_json({"inbound": inbound_id, "message": message_id})
    else:
        say(f"message {message_id} is on its way. See: care message show {message_id}")
