"""Template files on disk: `<name>/<locale>.sms.txt.j2` and `<name>/<locale>.email.mjml.j2`."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from care.base.errors import FileError, InputError
from care.base.vocabulary import Channel
from care.base.yamlfile import did_you_mean
from care.campaigns.locales import choose_locale, normalise_locale

ENDINGS: Final = {Channel.SMS: ".sms.txt.j2", Channel.EMAIL: ".email.mjml.j2"}
SHARED: Final = "_shared"  #: folder of pieces that e-mails include; not a template itself
MAX_BYTES: Final = 200_000
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FENCE: Final = "---"
_FRONT_KEYS: Final = ("subject",)


@dataclass(frozen=True, slots=True)
class EmailSource:
    """An e-mail template as written: what stands between the `---` lines, and the MJML below."""

    subject: str
    subject_line: int
    body: str
    body_line: int  # line of the file where the MJML begins


def template_names(directory: Path) -> list[str]:
    """Return the names of all templates, sorted; a missing folder has none."""
    if not directory.is_dir():
        return []
    return sorted(
        entry.name for entry in directory.iterdir() if entry.is_dir() and not entry.name.startswith(("_", "."))
    )


def find_files(directory: Path, name: str) -> dict[tuple[Channel, str], Path]:
    """Return the files of one template by channel and locale.

    Raises:
        FileError: no such template, a name that cannot be one, a file that is neither SMS nor e-mail, two files
            for the same locale.
    """
    folder = directory / name
    if not _NAME.fullmatch(name) or not folder.is_dir():
        fix = did_you_mean(name, template_names(directory))
        raise FileError(folder, f"there is no template '{name}'", fix)
    found: dict[tuple[Channel, str], Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_dir():
            continue
        key = _key_of(path)
        if key in found:
            raise FileError(path, f"is the same language as {found[key].name}", "Keep one of them")
        found[key] = path
    if not found:
        raise FileError(folder, "has no texts", "Add zh-CN.sms.txt.j2 or en.email.mjml.j2")
    return found


def _key_of(path: Path) -> tuple[Channel, str]:
    for channel, ending in ENDINGS.items():
        if path.name.endswith(ending):
            return channel, normalise_locale(path.name.removesuffix(ending))
    raise FileError(path, "is neither an SMS nor an e-mail", "Name it <locale>.sms.txt.j2 or <locale>.email.mjml.j2")


def choose_file(
    files: dict[tuple[Channel, str], Path], directory: Path, name: str, channel: Channel, locale: str
) -> tuple[Path, str]:
    """Return (path, locale used) of the best file for a customer's locale.

    Raises:
        FileError: no file of this channel serves the locale, not even in English.
    """
    there = sorted(have for kind, have in files if kind is channel)
    used = choose_locale(locale, there)
    if used is None:
        what = f"has no {channel} text for {locale}" + (f", only for {', '.join(there)}" if there else "")
        raise FileError(directory / name, what, f"Add en{ENDINGS[channel]}, which serves every language")
    return files[channel, used], used


def read_source(path: Path) -> str:
    """Return the text of a template file.

    Raises:
        FileError: missing, too large, not UTF-8 (with the line), or with a NUL.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path and its permissions") from None
    if len(raw) > MAX_BYTES:
        raise FileError(path, f"is larger than {MAX_BYTES} bytes", "Shorten it")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FileError(path, "is not UTF-8", "Save the file as UTF-8", line=line) from None
    return text.replace("\r\n", "\n")


def split_email(text: str, path: Path) -> EmailSource:
    """Return subject and MJML of an e-mail template.

    The file begins with `---`, a line `subject: …`, and `---`.

    Raises:
        FileError: no front matter, an unknown key, no subject; with the line.
    """
    lines = text.split("\n")
    end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == _FENCE), 0)
    if lines[0].strip() != _FENCE or not end:
        fix = "Begin with the three lines '---', 'subject: …', '---'"
        raise FileError(path, "has no front matter", fix, line=1)
    subject, subject_line = "", 0
    for number, line in enumerate(lines[1:end], 2):
        key, colon, words = line.partition(":")
        if not line.strip():
            continue
        if not colon or key.strip() not in _FRONT_KEYS:
            raise FileError(path, f"'{key.strip()}' is not a key here", did_you_mean(key, _FRONT_KEYS), line=number)
        if subject_line:
            raise FileError(path, "has two subjects", "Keep one", line=number)
        subject, subject_line = words.strip(), number
    if not subject:
        raise FileError(path, "has no subject", "Write 'subject: …' between the '---' lines", line=1)
    return EmailSource(subject, subject_line, "\n".join(lines[end + 1 :]), end + 2)


def shared_file(directory: Path, wanted: str) -> Path:
    """Return the path of an included piece: a file below `_shared`, nothing else.

    Raises:
        InputError: the path leaves the folder or there is no such file.
    """
    path = directory / wanted
    parts = Path(wanted).parts
    if not parts or parts[0] != SHARED or ".." in parts or not path.is_file():
        there = sorted(str(entry.relative_to(directory)) for entry in (directory / SHARED).glob("**/*.mjml"))
        raise InputError(f"there is no '{wanted}' to include. {did_you_mean(wanted, there)}")
    return path
