"""The demo's own working folder: settings, campaigns, templates. No other folder is touched."""

import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from care.base.errors import InputError, UnavailableError
from care.base.locks import LockTakenError
from care.base.shipped import FOLDERS, shipped
from care.base.yamlfile import parse_yaml
from care.calendars.walltime import load_zone
from care.delivery.leadership import leader_lock

MARK = ".made-by-care-demo"
SETTINGS = "care.toml"
ZONE = "Asia/Shanghai"
"""Where the sample operator sits."""

_MARK_TEXT = "Made by `care demo`, which empties this folder before it starts anew. Keep nothing of yours here.\n"

_TOML = """\
# Settings of the demo; `care init` writes a file with every key for your own.

[operator]
brand = "海岚通信"
country = "CN"
timezone = "{zone}"
locale = "zh-CN"
currency = "CNY"
hotline = "96000"

[sms]
provider = "sandbox"      # writes to .care/outbox, sends nothing
rate_per_second = 200     # parts; a real sender is slower

[email]
provider = "sandbox"
sender = "care@example.com"
rate_per_second = 200

[limits]
international_per_day = 20000

[prices]                  # of one part
CN = 0.045
TW = 0.25
HK = 0.40
SG = 0.35
US = 0.06

[web]
port = {port}
"""

_MJML = """\
---
subject: {title}
---
<mjml lang="{tongue}">
  <mj-head>
    <mj-include path="_shared/style.mjml" />
  </mj-head>
  <mj-body background-color="#eef2f6">
    <mj-include path="_shared/header.mjml" />
    <mj-section>
      <mj-column>
        <mj-text mj-class="heading"><h1>{title}</h1></mj-text>
        <mj-text><p>{text}</p></mj-text>
      </mj-column>
    </mj-section>
    <mj-include path="_shared/footer.{tongue}.mjml" />
  </mj-body>
</mjml>
"""


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Take a folder for the demo and empty it; while the block runs no other demo and no daemon can have it.

    Raises:
        InputError: something lies there that no demo made, or a demo runs in it.
        UnavailableError: it cannot be written.
    """
    _refuse_foreign(folder)
    with _said_plainly(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text(_MARK_TEXT, encoding="utf-8")
    lock = leader_lock(folder)
    try:
        lock.acquire()
    except LockTakenError:
        raise InputError(f"{folder}: a demo runs in it. End it with Ctrl-C, or use --dir for another") from None
    try:
        with _said_plainly(folder):
            _empty(folder, kept={MARK, lock.path.name})
        yield
    finally:
        lock.release()


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is no folder. Give the demo another one with --dir")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise InputError(
            f"{folder}: holds files that no demo made, and they stay. Give the demo another folder with --dir"
        )


def _empty(folder: Path, *, kept: Collection[str]) -> None:
    for entry in folder.iterdir():
        if entry.name in kept:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@contextmanager
def _said_plainly(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            f"{folder}: cannot be written ({error.strerror}). Check its owner and free space, or use --dir"
        ) from None


def fill_folder(folder: Path, *, port: int, until: datetime) -> None:
    """Write settings, campaigns and templates; `until` is the end of the past week.

    Raises:
        UnavailableError: the folder cannot be written.
    """
    today = until.astimezone(load_zone(ZONE)).date()
    own = _own_files()
    with _said_plainly(folder):
        (folder / SETTINGS).write_text(_TOML.format(zone=ZONE, port=port), encoding="utf-8")
        for name in FOLDERS:
            shutil.copytree(shipped(name), folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        for name, campaign in own["campaigns"].items():
            on = today - timedelta(days=int(campaign["days_ago"]))
            text = str(campaign["file"]).replace("{on}", on.isoformat())
            (folder / "campaigns" / f"{name}.yaml").write_text(text, encoding="utf-8")
        for name, texts in own["templates"].items():
            _add_templates(folder / "templates" / "messages" / name, texts)


def _own_files() -> Mapping[str, Any]:
    source = resources.files("care.demo").joinpath("campaigns.yaml")
    return parse_yaml(source.read_text(encoding="utf-8"), Path("campaigns.yaml"))


def _add_templates(folder: Path, texts: Mapping[str, Mapping[str, str]]) -> None:
    """Write the text message and, with the same words, the mail of each language."""
    folder.mkdir()
    for tongue, words in texts.items():
        (folder / f"{tongue}.sms.txt.j2").write_text(f"{words['text']}\n", encoding="utf-8")
        mail = _MJML.format(title=words["title"], tongue=tongue, text=words["text"])
        (folder / f"{tongue}.email.mjml.j2").write_text(mail, encoding="utf-8")
