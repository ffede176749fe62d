"""`care doctor`: is everything there that a working day needs?"""

import typer

from care.base.errors import AnswerIsNoError
from care.cli.output import print_json, say

app = typer.Typer()


@app.command()
def doctor(json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Check settings, keys, database, campaigns, templates, providers, clock and the oldest due message.

    One line each, with what to do. Nothing is sent and nothing is changed.
    Exit 0: all well. Exit 1: something is wrong.
    """
    from care.cli.doctor_checks import examine

    findings = list(examine())
    if json:
        print_json({"ok": all(found.ok for found in findings), "checks": [found.as_row() for found in findings]})
    else:
        width = max(len(found.subject) for found in findings)
        for found in findings:
            say(f"{'✓' if found.ok else '✗'} {found.subject:<{width}}  {found.words}")
    wrong = [found.subject for found in findings if not found.ok]
    if wrong:
        raise AnswerIsNoError(f"{len(wrong)} of {len(findings)} checks failed: {', '.join(wrong)}")
