"""Errors a user may see: one line each that says where, what, and what to do."""

from pathlib import Path


class CareError(Exception):
    """Something a person can act on. `str()` is one complete line without a traceback.

    `exit_code` is what a command returns: 1 when the answer is "no", 2 when input or settings are wrong.
    """

    exit_code = 1


class AnswerIsNoError(CareError):
    """The question was understood and the answer is no: a failed check, a broken promise, nothing found."""


class InputError(CareError):
    """A file, an argument or a setting cannot be used as given."""

    exit_code = 2


class FileError(InputError):
    """A place in a file cannot be used as written."""

    def __init__(self, path: Path | str, problem: str, fix: str, *, line: int = 0, column: int = 0) -> None:
        """Keep the parts for machines; `line` and `column` start at 1, 0 means the whole file."""
        place = f"{path}" + (f":{line}" if line else "") + (f":{column}" if line and column else "")
        super().__init__(f"{place}: {problem}. {fix}")
        self.path, self.line, self.column, self.problem, self.fix = Path(path), line, column, problem, fix


class ManyErrors(InputError):  # noqa: N818 - reads as what it is
    """Several mistakes found in one pass; each prints on its own line."""

    def __init__(self, errors: list[CareError]) -> None:
        """Keep every error in the order found."""
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


class SettingsError(InputError):
    """The settings cannot be used; every mistake is listed with its key."""


class UnavailableError(CareError):
    """Something outside does not answer: database, provider, port, disk."""

    exit_code = 2
