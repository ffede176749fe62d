"""`care sms`: tools for text messages."""

import json
import sys

import typer

from care.base.errors import FileError
from care.cli.streams import has_reader

app = typer.Typer(help="Tools for text messages.", no_args_is_help=True)


@app.callback()
def sms() -> None:
    """Tools for text messages."""


@app.command()
def parts(_json: bool = typer.Option(True, "--json", help="It always answers in JSON.")) -> None:
    """Count the parts each text on stdin is billed as.

    Reads JSON Lines with a field `text` and answers one line each: `{"encoding": "GSM-7|UCS-2", "parts": n,
    "units": n}`. Exit 0: every line was counted. Exit 2: a line cannot be used; those before it are answered.
    """
    from care.campaigns.sms_parts import count_parts

    write, flush = sys.stdout.write, sys.stdout.flush
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if line.isspace():
            continue
        count = count_parts(_text_of(line, number))
        write(f'{{"encoding": "{count.encoding}", "parts": {count.parts}, "units": {count.units}}}\n')
        flush()
        if not has_reader():
            break


def _text_of(line: bytes, number: int) -> str:
    """Return the text of one input line, never empty; raise FileError with the line's number."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FileError("stdin", "not a JSON object in UTF-8", 'Write {"text": "…"}', line=number) from error
    text = row.get("text") if isinstance(row, dict) else None
    if not isinstance(text, str):
        raise FileError("stdin", "no field 'text' with a string", 'Write {"text": "…"}', line=number)
    if not text:
        raise FileError("stdin", "the text is empty", "A message needs at least one character", line=number)
    return text
