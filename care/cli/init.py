"""`care init`: a working folder to begin with."""

from pathlib import Path

import typer

from care.cli.output import print_json, say

app = typer.Typer()


@app.command()
def init(
    directory: Path = typer.Argument(Path(), help="The folder; made if it is not there."),
    keys: bool = typer.Option(False, "--keys", help="Only print two fresh secrets for [security]."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Make a working folder: care.toml with every key commented, campaigns/, templates/ and the database.

    Nothing that is there already is touched. With --keys only secrets are printed and nothing is written.
    Exit 0: made. Exit 2: something is there already or cannot be written.
    """
    if keys:
        _print_keys(as_json=json)
        return
    from care.cli.workspace import make_workspace

    made = make_workspace(directory)
    if json:
        print_json({"folder": directory.resolve(), "made": made.files, "database": made.database})
        return
    for name in made.files:
        say(f"made {directory / name}")
    say(f"made {made.database}" if made.database else "the database is not set up yet. Run: care db upgrade")
    if directory != Path():
        say(f"next: cd {directory}")
    say("next: care import customers FILE.csv, care campaigns check, care plan --days 30, care run")


def _print_keys(*, as_json: bool) -> None:
    from care.base.ids import random_token

    fresh = {"secret_key": random_token(32), "suppression_key": random_token(32)}
    if as_json:
        print_json({"security": fresh})
        return
    say("[security]")
    for name, value in fresh.items():
        say(f'{name} = "{value}"')
