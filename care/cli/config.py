"""`care config`: the settings in force."""

from collections.abc import Iterator, Mapping
from typing import Any

import typer

from care.cli.output import print_json, say

app = typer.Typer(help="The settings in force.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """The settings in force."""


@app.command()
def show(json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Print the effective settings, secrets masked: defaults, care.toml and environment together.

    Exit 0: printed. Exit 2: the settings are wrong; stderr names every mistake.
    """
    from care.base.settings import as_plain, load_settings
    from care.base.settings_pages import as_toml

    plain = as_plain(load_settings())
    if json:
        print_json(plain)
        return
    for section, table in _tables(plain):
        say(f"[{section}]")
        for key, value in table.items():
            say(f"# {key} is not set" if value is None else f"{key} = {as_toml(value)}")
        say()


def _tables(plain: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each table with its own keys; the tables within follow, as TOML wants it."""
    for name, table in plain.items():
        section = f"{within}{name}"
        inner = {key: value for key, value in table.items() if isinstance(value, dict)}
        yield section, {key: value for key, value in table.items() if key not in inner}
        yield from _tables(inner, f"{section}.")
