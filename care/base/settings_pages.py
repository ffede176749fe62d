"""The settings in words: the commented `care.toml` of `care init`, and the table in `docs/settings.md`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from care.base.settings import Settings

_EXAMPLES = {
    "approval.above": "10000",
    "paths.state": '".care"',
    "paths.journal": '"/mnt/another-disk/care-journal"',
    "limits.spend_per_day": "200",
    "trial.only_to": '["+8613800000001", "me@example.com"]',
    "bounces.ca_file": '"/etc/ssl/certs/mailbox.pem"',
    "smtp.ca_file": '"/etc/ssl/certs/relay.pem"',
    "smtp.backup.ca_file": '"/etc/ssl/certs/second-relay.pem"',
    "senders": 'service = "+8610…"',
    "prices": "CN = 0.045",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting: where it stands, its default as TOML, and what it means."""

    section: str
    name: str  # empty for a table whose keys the operator chooses
    default: str  # empty where there is none
    words: str
    is_secret: bool

    @property
    def full_name(self) -> str:
        """`section.key`, or `section.<key>` where the operator chooses the keys."""
        return f"{self.section}.{self.name or '<key>'}"


def every_key() -> Iterator[Key]:
    """Return every setting in the order of the file."""
    for section, field in Settings.model_fields.items():
        kind = _table(field)
        if kind is None:
            yield _key(section, "", field)
        else:
            yield from _keys_of(section, kind)


def _table(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _keys_of(section: str, kind: type[BaseModel]) -> Iterator[Key]:
    """Return the keys of a table, then those of the tables within: TOML wants them in this order."""
    tables = {name: inner for name, field in kind.model_fields.items() if (inner := _table(field))}
    for name, field in kind.model_fields.items():
        if name not in tables:
            yield _key(section, name, field)
    for name, inner in tables.items():
        yield from _keys_of(f"{section}.{name}", inner)


def toml_template() -> str:
    """Return a `care.toml` that changes nothing: every key is there, commented out, with its default and meaning."""
    lines = [
        "# Settings of care. A line without # counts; every key can also be given as CARE_SECTION__KEY in the",
        "# environment, and secrets as CARE_SECTION__KEY_FILE naming a file. `care config show` prints what counts.",
    ]
    section = ""
    for key in every_key():
        if key.section != section:
            section = key.section
            lines += ["", *([f"# {_words_of(section)}"] if key.name else []), f"[{section}]"]
        example = _EXAMPLES.get(section if not key.name else f"{section}.{key.name}")
        written = example if not key.name else f"{key.name} = {example or key.default}"
        lines += [f"# {key.words}", f"# {written}"]
    return "\n".join(lines) + "\n"


def markdown_page() -> str:
    """Return `docs/settings.md`."""
    rows = [
        f"| `{key.full_name}` | {f'`{key.default}`' if key.default else '–'} | {key.words}{_secret_words(key)} |"
        for key in every_key()
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "`care.toml` in the working directory, or the file that `CARE_CONFIG` names. Every key can be given as an",
            "environment variable `CARE_SECTION__KEY`, which wins; with `_FILE` at its end the variable names a file",
            "that holds the value. All mistakes are reported at once, each with its key. `care config show` prints",
            "what is in force, secrets masked. This page is written from the code: `make docs`.",
            "",
            "| key | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _key(section: str, name: str, field: FieldInfo) -> Key:
    default = field.get_default(call_default_factory=True)
    return Key(
        section=section,
        name=name,
        default="" if default is None or default == {} else as_toml(default),
        words=field.description or "",
        is_secret=isinstance(default, SecretStr),
    )


def as_toml(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, SecretStr):
        return '""'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def _words_of(section: str) -> str:
    kind: type[BaseModel] = Settings
    for name in section.split("."):
        kind = _table(kind.model_fields[name]) or kind
    return (kind.__doc__ or "").strip().splitlines()[0]


def _secret_words(key: Key) -> str:
    variable = f"CARE_{key.section.replace('.', '__')}__{key.name}_FILE".upper()
    return f" (secret; also `{variable}`)" if key.is_secret else ""
