"""`care adopt-journal`: after a restore, or on another machine, let sending go on without telling anybody twice."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from care.delivery.adopting import Adopted

app = typer.Typer()


@app.command("adopt-journal")
def adopt_journal(
    dry_run: bool = typer.Option(False, "--dry-run", help="Only count; nothing is changed."),
    alone: bool = typer.Option(False, "--alone", help="The journals of other machines are lost: go on without them."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Take over what the journal knows and the database forgot, allow this machine to send, and end the standstill.

    What was sent is not sent again: its message becomes `unknown`. Running it twice is harmless.
    Exit 0: sending may go on. Exit 1: other machines must take over their journals first. Exit 2: it cannot be read.
    """
    from dataclasses import asdict

    from care.base.database import plain_errors
    from care.base.errors import AnswerIsNoError
    from care.bootstrap import build_services
    from care.cli.output import print_json
    from care.delivery.adopting import adopt

    services = build_services()
    with plain_errors(services.engine):
        done = adopt(services.sentry(), dry_run=dry_run, alone=alone)
    if json:
        print_json({**asdict(done), "goes_on": done.goes_on and not dry_run, "dry_run": dry_run})
    else:
        _tell(done, dry_run=dry_run)
    if done.elsewhere:
        hosts = ", ".join(done.elsewhere)
        raise AnswerIsNoError(
            f"nothing is sent yet: run care adopt-journal on {hosts} too, "
            "or here with --alone if their journals are lost"
        )


def _tell(done: "Adopted", *, dry_run: bool) -> None:
    from care.cli.output import counted, say

    for reason in done.reasons:
        say(reason)
    if not done.reasons:
        say("nothing stood still")
    will = "would be" if dry_run else "are"
    say(f"{counted(done.attempts, 'attempt')} in the journal and not in the database")
    say(f"{counted(done.settled, 'message')} {will} unknown, not sent again: care log --state unknown")
    if done.kept:
        say(f"{counted(done.kept, 'attempt')} {will} kept for messages that are not planned yet")
    if done.goes_on and not dry_run:
        say("sending goes on")
