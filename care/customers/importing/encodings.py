"""Which encoding a file is written in: UTF-8 with or without BOM, UTF-16 with BOM, GBK and GB18030."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from care.base.errors import FileError, UnavailableError

_CHUNK = 1 << 18
_COMMON_CHINESE = (0xB0A1, 0xD7F9)  # the 3,755 most used characters, first level of GB 2312
_LEAST_COMMON_SHARE = 0.5  # Chinese text has far more; Latin-1 and Big5 misread as GBK have far less
_OPEN_FILES = {Path("/dev/fd"), Path("/proc/self/fd")}
_STANDARD_INPUT = {Path("-"), Path("/dev/stdin")}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def detect_encoding(path: Path) -> str:
    """Return Python's name of the encoding; the whole file is read once, in constant memory.

    Raises:
        FileError: if the file cannot be read, is empty, or is in none of the encodings, with the first bad line.
        UnavailableError: if the disk fails.
    """
    if _is_stream(path):
        raise FileError(path, "is a pipe, and files are read more than once", "Save it as a file and name that")
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the name and the permissions") from None
    if not head:
        raise FileError(path, "is empty", "Give a CSV file with a header, or JSON Lines")
    named = next((name for bom, name in _BOMS if head.startswith(bom)), "")
    candidates = [named] if named else ["utf-8", "gb18030"]
    bad_line = 0
    for name in candidates:
        wrong = _first_bad_line(path, name)
        if not wrong and (name != "gb18030" or _looks_chinese(path)):
            return name
        bad_line = bad_line or wrong
    raise FileError(path, "is neither UTF-8 nor GBK", "Save it as UTF-8 and import it again", line=bad_line)


def _is_stream(path: Path) -> bool:
    """Tell whether a path is what a shell pipes; rejected rows could not be put beside it either."""
    if path.parent in _OPEN_FILES or path in _STANDARD_INPUT:
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be read ({error.strerror}). Check the disk") from None


def _first_bad_line(path: Path, name: str) -> int:
    """Return the number of the first line that is not in this encoding, 0 if all are."""
    decoder = codecs.getincrementaldecoder(name)("strict")
    lines, pending = 1, b""
    for chunk in _chunks(path):
        pending = decoder.getstate()[0] if name != "utf-16" else b""
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            return lines + (pending + chunk)[: error.start].count(b"\n")
        lines += chunk.count(b"\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return lines
    return 0


def _looks_chinese(path: Path) -> bool:
    """Tell whether the first characters beyond ASCII are mostly common Chinese ones."""
    decoder = codecs.getincrementaldecoder("gb18030")("strict")
    for chunk in _chunks(path):
        wide = [character for character in decoder.decode(chunk) if character > "\x7f"]
        if wide:
            low, high = _COMMON_CHINESE
            common = sum(low <= int.from_bytes(character.encode("gb18030")) <= high for character in wide)
            return common >= _LEAST_COMMON_SHARE * len(wide)
    return True
