"""`care surveys answers`: what customers have said, and what a person says an unclear reply meant."""

import csv
import sys

import typer

app = typer.Typer(help="What customers have answered.", invoke_without_command=True)


@app.callback()
def answers(
    context: typer.Context,
    since: str = typer.Option("", help="A day, an instant, or a span such as 7d."),
    everything: bool = typer.Option(False, "--all", help="Also those that a customer has corrected."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object per line."),
    as_csv: bool = typer.Option(False, "--csv", help="A table for a spreadsheet."),
) -> None:
    """List answers, newest first.

    Exit 0: also when there are none. Exit 2: `--since` is no time.
    """
    if context.invoked_subcommand:
        return
    from care.base.database import plain_errors, read
    from care.bootstrap import build_services
    from care.cli.output import print_rows, say
    from care.cli.times import local, read_since
    from care.surveys.conversation.listing import COLUMNS, list_answers

    services = build_services()
    zone = services.settings.operator.timezone
    start = read_since("--since", since, now=services.clock.now(), zone=zone) if since else None
    with plain_errors(services.engine), read(services.engine) as conn:
        rows = list(list_answers(conn, since=start, everything=everything))
    if as_csv:
        table = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows({**row, "at": row["at"].isoformat(), "comment": _safe(row["comment"])} for row in rows)
        return
    told = rows if as_json else [{**row, "at": local(row["at"], zone)} for row in rows]
    shown = print_rows(told, as_json_lines=as_json, columns=COLUMNS[:9])
    if not shown and not as_json:
        say("no answers")


@app.command("set")
def set_meaning_of(
    inbound_id: int = typer.Argument(metavar="ID", help="Of `care inbox list`."),
    score: int | None = typer.Option(None, help="The score it meant, as the customer would have typed it."),
    means: str = typer.Option("", help="Else: opt_out, help, acknowledgement or unclear."),
    by: str = typer.Option("cli", help="Who says so."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Say what a reply meant. It counts from now on, and `care surveys learn` proposes words from it.

    Exit 0: written down. Exit 1: no such message, or it answers no survey. Exit 2: no such score or meaning.
    """
    from care.base.database import plain_errors
    from care.base.errors import InputError
    from care.base.yamlfile import did_you_mean
    from care.bootstrap import build_services
    from care.cli.output import print_json, say
    from care.surveys.conversation.meaning import MEANINGS, Meant, set_meaning
    from care.surveys.loop_rules import loop_rules_of

    if (score is None) == (not means):
        raise InputError("answers set: write either --score or --means")
    if means and means not in MEANINGS[1:]:
        raise InputError(f"--means: '{means}' is not known. {did_you_mean(means, MEANINGS[1:])}")
    services = build_services()
    meant = Meant(what=means or "score", score=score, by=by[:64])
    with plain_errors(services.engine):
        set_meaning(
            services.engine,
            inbound_id,
            meant,
            policies=services.policies,
            rules=loop_rules_of(services.settings, services.root, services.hasher),
            now=services.clock.now(),
        )
    if as_json:
        print_json({"inbound": inbound_id, "meant": meant.what, "score": score})
    else:
        say(f"message {inbound_id} means {meant.what if score is None else score}")


def _safe(comment: str | None) -> str | None:
    """Return words that no spreadsheet takes for a formula."""
    return f"'{comment}" if comment and comment[0] in "=+-@\t\r" else comment
