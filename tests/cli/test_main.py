"""The root of all commands: one line and an exit code for whatever goes wrong."""

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import SimpleNamespace
from typing import Any, TextIO

import pytest
import sqlalchemy as sa
import typer
from typer.main import get_command

from care.base.errors import AnswerIsNoError, InputError, ManyErrors
from care.cli import main as root
from tests.cli.conftest import Care


@pytest.fixture
def fails_with(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Make `care boom` fail with a given error."""
    app = typer.Typer()
    wanted: list[Exception] = []

    @app.command()
    def boom() -> None:
        raise wanted[0]

    broken = typer.Typer()
    broken.add_typer(app)
    broken.command("other")(lambda: None)
    monkeypatch.setattr(root, "mount", lambda *_: broken)
    return wanted.append


class TestMain:
    def test_prints_every_mistake_on_its_own_line(self, care: Care, fails_with: Any) -> None:
        """Wrong input is exit 2, and nothing goes to stdout."""
        fails_with(ManyErrors([InputError("a.yaml:3: x"), InputError("b.yaml:9: y")]))

        assert care("boom") == (2, "", "care: a.yaml:3: x\ncare: b.yaml:9: y\n")

    def test_tells_no_from_wrong(self, care: Care, fails_with: Any) -> None:
        """An understood question whose answer is no is exit 1."""
        fails_with(AnswerIsNoError("nothing found"))

        assert care("boom") == (1, "", "care: nothing found\n")

    def test_explains_a_driver_error_that_nobody_translated(self, care: Care, fails_with: Any) -> None:
        """The statement and its values are not shown."""
        fails_with(sa.exc.OperationalError("INSERT …", {"phone": "13800000001"}, Exception("database is locked")))

        answer = care("boom")

        assert answer.code == 2
        assert answer.err == "care: database: is locked by another program. End that program or wait, then try again\n"

    def test_explains_what_the_system_refuses(self, care: Care, fails_with: Any) -> None:
        """A path without permission is one line with the path."""
        fails_with(PermissionError(13, "Permission denied", "/srv/care"))

        assert care("boom").err == "care: /srv/care: Permission denied. Check the path, its owner and space\n"

    def test_shows_no_traceback_for_a_mistake_of_ours(self, care: Care, fails_with: Any) -> None:
        """The kind is named, the values in it are not, and the way to the trace is told."""
        fails_with(KeyError("13800000001"))

        answer = care("boom")

        assert answer.code == 1
        assert answer.err.startswith("care: an error inside care (KeyError). CARE_LOG__LEVEL=debug shows where")
        assert "13800000001" not in answer.err

    def test_shows_the_way_to_it_without_its_values_at_debug_level(self, care: Care, fails_with: Any) -> None:
        """One event with the frames, and the line; Python's own trace would quote whoever it was about."""
        fails_with(KeyError("13800000001"))

        answer = care("boom", CARE_LOG__LEVEL="debug")

        event, line = answer.err.splitlines()
        told = json.loads(event)
        assert (answer.code, told["event"], told["error"]) == (1, "command.failed", "KeyError")
        assert any("boom" in frame or "test_main" in frame for frame in told["trace"]), told["trace"]
        assert line.startswith("care: an error inside care (KeyError). ")
        assert "13800000001" not in answer.err

    def test_refuses_an_unknown_option_with_exit_two(self, care: Care) -> None:
        """A wrong command line is wrong input, told in one line that names the help."""
        answer = care("config", "show", "--jsn")

        assert (answer.code, answer.out) == (2, "")
        assert answer.err == "care: no such option: --jsn (Possible options: --json). See: care config show --help\n"

    @pytest.mark.parametrize(
        ("words", "problem"),
        [
            (("plam",), "no such command 'plam'. Did you mean 'plan'? See: care --help"),
            (("plan", "--days", "0"), "invalid value for '--days'"),
            (("plan", "--days", "soon"), "invalid value for '--days'"),
            (("message", "show"), "missing argument 'ID'"),
            (("import", "letters", "x.csv"), "no such command 'letters'"),
        ],
    )
    def test_tells_in_one_line_what_it_did_not_understand(
        self, care: Care, words: tuple[str, ...], problem: str
    ) -> None:
        """No usage page and no frame: where, what, and the help to read."""
        answer = care(*words)

        assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
        assert answer.err.startswith(f"care: {problem}")
        assert " See: care" in answer.err

    def test_shows_the_help_when_nothing_is_asked(self, care: Care) -> None:
        """`care` alone is a question of a newcomer; nothing goes to stderr."""
        answer = care()

        assert (answer.code, answer.err) == (2, "")
        assert "Proactive customer care" in answer.out

    def test_helps_without_loading_the_database(self) -> None:
        """Every module of commands imports only light things, so that help and completion stay quick."""
        import subprocess

        code = (
            "import sys; from care.cli.main import mount; mount();"
            "print([m for m in ('sqlalchemy','twilio','fastapi','babel','holidays','phonenumbers','jinja2') if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert done.stdout.strip() == "[]"

    def test_documents_exit_codes_of_every_command(self) -> None:
        """`--help` tells scripts what to expect."""
        silent = [name for name, words in _commands(root.mount()) if "Exit 0" not in words]

        assert silent == []

    def test_answers_in_json_from_every_command(self) -> None:
        """Whatever people read, programs can read; what runs until it is ended writes its log instead."""
        without = {path for path, command in _leaves(get_command(root.mount())) if "--json" not in _options(command)}

        assert without == {"run", "web", "dispatch"}


@contextmanager
def nobody() -> Iterator[TextIO]:
    """A pipe whose other end is closed, as `head` leaves it."""
    theirs, ours = os.pipe()
    os.close(theirs)
    with os.fdopen(ours, "w", encoding="utf-8") as out:
        yield out


class TestOutput:
    COMMANDS = (
        ("calendar", "list", "--year", "2027"),
        ("campaigns", "list"),
        ("campaigns", "list", "--json"),
        ("segments", "list"),
        ("log", "--csv"),
        ("plan",),
        ("why", "C1"),
    )

    def test_that_nobody_reads_changes_no_exit_code(self, care: Care) -> None:
        """`care plan | head -1`, and `care plan >&-` from a job that has none: the answer stays what it was."""
        care("init", ".")
        answers = {words: care(*words) for words in self.COMMANDS}
        assert {answer.code for answer in answers.values()} == {0, 1}  # why: there is no such customer

        for words in self.COMMANDS:
            with nobody() as out, redirect_stdout(out):
                assert care(*words)[::2] == answers[words][::2], words
            with redirect_stdout(None):
                assert care(*words)[::2] == answers[words][::2], words

    def test_that_nobody_reads_ends_what_reads_for_ever(self, care: Care, monkeypatch: pytest.MonkeyPatch) -> None:
        """The rest of the input is left alone."""
        lines = io.BytesIO(b'{"text": "a"}\n' * 3)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=lines))
        with nobody() as out, redirect_stdout(out):
            assert care("sms", "parts").code == 0

        assert lines.readlines()


def _commands(app: typer.Typer, above: str = "care") -> Iterator[tuple[str, str]]:
    """Return the name and the help of every command."""
    for command in app.registered_commands:
        assert command.callback
        yield f"{above} {command.name or command.callback.__name__}", command.callback.__doc__ or ""
    for group in app.registered_groups:
        assert group.typer_instance
        yield from _commands(group.typer_instance, f"{above} {group.name}" if group.name else above)


def _leaves(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return every command that does something, with the words that call it."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from _leaves(inner, f"{path} {name}".strip())


def _options(command: Any) -> set[str]:
    return {word for parameter in command.params for word in parameter.opts}
