"""The two secrets: one signs links and sessions, one hashes addresses. Given in settings, or made once for tries."""

import os
import secrets
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from care.base.errors import SettingsError
from care.base.ids import keyed_hash
from care.base.settings import Settings

log = structlog.get_logger()
FILE_NAME = "care.keys"
_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Secret bytes; never shown, logged or written anywhere else."""

    secret: bytes = field(repr=False)
    suppression: bytes = field(repr=False)

    @property
    def installation(self) -> str:
        """Return a word that is this installation's own for ever, for drawing lots; no secret can be read from it."""
        return keyed_hash(self.suppression, "lots")


def load_keys(settings: Settings) -> Keys:
    """Return the keys of the settings; without them, those of `care.keys` beside the database.

    The file is made on first use, readable by its owner only. With `operator.public_url` the settings must name both
    keys, so a public installation never runs on generated ones.

    Raises:
        SettingsError: if the file cannot be read, written or understood.
    """
    given = {
        "secret": settings.security.secret_key.get_secret_value(),
        "suppression": settings.security.suppression_key.get_secret_value(),
    }
    if not all(given.values()):
        path = settings.data_dir / FILE_NAME
        stored = _read_or_make(path)
        given = {name: value or stored[name] for name, value in given.items()}
    return Keys(secret=given["secret"].encode(), suppression=given["suppression"].encode())


def _read_or_make(path: Path) -> dict[str, Any]:
    try:
        if not path.exists():
            _make(path)
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be used ({error.strerror}). "
            "Make the folder writable, or set security.secret_key and security.suppression_key"
        ) from None
    except ValueError:
        table = {}
    keys = {"secret": table.get("secret_key"), "suppression": table.get("suppression_key")}
    if not all(isinstance(value, str) and value for value in keys.values()):
        raise SettingsError(
            f"{path}: does not hold secret_key and suppression_key. Restore it from a backup: "
            "with another key the opt-outs in the database cannot be recognised"
        )
    return keys


def _make(path: Path) -> None:
    """Write a file of fresh keys; whoever comes first wins, so two processes agree."""
    text = (
        "# Generated because care.toml names no keys. Keep this file with the database and back it up:\n"
        "# without suppression_key the opt-outs stored there cannot be recognised.\n"
        f'secret_key = "{secrets.token_urlsafe(_BYTES)}"\n'
        f'suppression_key = "{secrets.token_urlsafe(_BYTES)}"\n'
    )
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
        log.warning("keys.generated", path=str(path))
    except FileExistsError:
        pass
    finally:
        draft.unlink()
