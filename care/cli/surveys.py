"""`care surveys`: what customers answer when they are asked how it went."""

import json
import sys
from pathlib import Path
from typing import Any

import typer

from care.base.errors import FileError, InputError
from care.cli import surveys_cases, surveys_followup
from care.cli.streams import has_reader
from care.cli.surveys_answers import app as answers
from care.cli.surveys_learn import learn
from care.cli.surveys_report import app as report_app

app = typer.Typer(help="Surveys and the replies to them.", no_args_is_help=True)
app.add_typer(surveys_cases.app, name="cases")
app.add_typer(answers, name="answers")
app.command()(learn)
app.add_typer(report_app)
app.add_typer(surveys_followup.app)


@app.callback()
def surveys() -> None:
    """Surveys and the replies to them."""


@app.command()
def parse(
    scale: str = typer.Option(
        "csat5", help="Scale of the lines that name none: csat5, csat5r, csat10, nps, ces7, yn …"
    ),
    words: Path | None = typer.Option(None, metavar="FILE", help="Own words; else replies.yaml beside the campaigns."),
    _json: bool = typer.Option(True, "--json", help="It always answers in JSON."),
) -> None:
    """Say what replies to surveys mean, one JSON line each, and change nothing.

    Reads JSON Lines with `text` and, where known, `scale`, `stage`, `lang` and `context`, and answers the same objects
    with a field `result`. Exit 0: every line was read. Exit 2: a line or the words cannot be used; the lines before it
    are answered.
    """
    from care.base.settings import load_settings
    from care.policy.load import load_policies
    from care.surveys.replies.overlay import FILE, load_lexicon
    from care.surveys.replies.parsing import reply_of
    from care.surveys.replies.read import read_reply
    from care.surveys.replies.scales import scale_named

    if words is not None and not words.exists():
        raise FileError(words, "cannot be read (no such file)", "Name a file with words, or leave --words out")
    scale_named(scale)
    folder = load_settings().paths.campaigns
    lexicon = load_lexicon(words or folder / FILE, load_policies(folder / "policy.yaml"))
    write, flush = sys.stdout.write, sys.stdout.flush
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if line.isspace():
            continue
        row = _row_of(line, number)
        try:
            reading = read_reply(reply_of(row, scale=scale), lexicon)
        except InputError as error:
            problem, _, fix = str(error).partition(". ")
            raise FileError("stdin", problem, fix, line=number) from None
        write(json.dumps({**row, "result": reading.as_dict()}, ensure_ascii=False) + "\n")
        flush()
        if not has_reader():
            break


def _row_of(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FileError("stdin", "not a JSON object in UTF-8", 'Write {"text": "…"}', line=number) from error
    if not isinstance(row, dict):
        raise FileError("stdin", "not a JSON object", 'Write {"text": "…"}', line=number)
    return row
