"""What only a terminal gets: a bar, colours, and the rest of a word."""

import os
import pty
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

import pytest

from care.cli.main import GROUPS
from tests.cli.bad_shop import Shop
from tests.cli.conftest import Care

CONTROL = "\x1b["
"""How everything begins that colours or moves."""


class Terminal:
    """A terminal somebody sits at, and what they saw."""

    def __init__(self) -> None:
        self.seen = b""

    @contextmanager
    def screen(self) -> Iterator[TextIO]:
        """Show what is written in the block, then keep it in `seen`."""
        ours, theirs = pty.openpty()
        reader = threading.Thread(target=self._watch, args=(ours,))
        reader.start()
        try:
            with os.fdopen(theirs, "w", encoding="utf-8") as screen:
                yield screen
        finally:
            reader.join()
            os.close(ours)

    def _watch(self, ours: int) -> None:
        with suppress(OSError):  # how Linux says that the other end is closed
            while piece := os.read(ours, 65_536):
                self.seen += piece

    @property
    def text(self) -> str:
        """All of it, without the signs that colour or move."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.seen.decode())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A common one, whatever the tests themselves run in."""
    for name in ("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Terminal()


@pytest.fixture
def counter(shop: Shop, care: Care) -> Care:
    """A command line in a folder of which a file of customers is to be imported."""
    rows = "".join(f"N{n},somebody\n" for n in range(5_000))
    shop.write("many.csv", f"id,name\n{rows}")
    return care


class TestBar:
    def test_grows_with_the_rows_that_are_in(self, counter: Care, terminal: Terminal) -> None:
        """The file's name, how many of how many, and it is gone when the answer comes."""
        with terminal.screen() as screen, redirect_stderr(screen):
            answer = counter("import", "customers", "many.csv")

        assert answer.code == 0
        assert answer.out.startswith("5,000 rows: 5,000 added")
        shown = [
            (int(done), int(total)) for done, total in re.findall(r"Importing many\.csv .*?(\d+)/(\d+)", terminal.text)
        ]
        assert shown == sorted(shown)
        assert {total for _, total in shown} == {5_000}
        assert shown[-1] == (5_000, 5_000)
        assert terminal.seen.endswith(b"\x1b[2K")

    @pytest.mark.parametrize(
        "words", [("import", "customers", "many.csv"), ("import", "customers", "many.csv", "--json")]
    )
    def test_is_for_people_at_a_terminal_only(self, counter: Care, terminal: Terminal, words: tuple[str, ...]) -> None:
        """A log file, and a program that wants JSON, get none."""
        with terminal.screen() as screen:
            if "--json" in words:
                with redirect_stderr(screen):
                    answer = counter(*words)
            else:
                answer = counter(*words)

        assert (answer.code, answer.err, terminal.seen) == (0, "", b"")


class TestColours:
    COMMANDS = (("campaigns", "list"), ("segments", "list"), ("--help",), ("log", "--help"))

    @pytest.mark.parametrize("words", COMMANDS)
    def test_are_for_a_terminal_only(self, shop: Shop, care: Care, terminal: Terminal, words: tuple[str, ...]) -> None:
        """The same words, plain in a pipe."""
        with terminal.screen() as screen, redirect_stdout(screen):
            assert care(*words).code == 0
        plain = care(*words)

        assert CONTROL in terminal.seen.decode()
        assert CONTROL not in plain.out + plain.err
        assert plain.out.split()[0] in terminal.text

    def test_are_left_out_where_the_terminal_wants_none(
        self, care: Care, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """NO_COLOR, as other programs understand it."""
        coloured = []
        for _ in range(2):
            terminal.seen = b""
            with terminal.screen() as screen, redirect_stdout(screen):
                assert care("--help").code == 0
            coloured.append(bool(re.search(rb"\x1b\[[0-9;]*3[0-9]m", terminal.seen)))
            monkeypatch.setenv("NO_COLOR", "1")

        assert coloured == [True, False]


class TestCompletion:
    def test_offers_commands_and_options(self, care: Care) -> None:
        """As bash asks for them; nothing is asked of the database."""
        lines = {"care ": GROUPS, "care campaigns p": ("preview", "pause"), "care log --st": ("--state",)}
        for line, words in lines.items():
            answer = care(_CARE_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(line.count(" ")))

            assert (answer.code, answer.err) == (0, "")
            assert set(words) <= set(answer.out.split()), line

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_is_shown_for_every_shell(self, care: Care, shell: str) -> None:
        """To be copied by whoever keeps their files themselves."""
        answer = care("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")

        assert (answer.code, answer.err) == (0, "")
        assert f"_CARE_COMPLETE=complete_{shell}" in answer.out

    def test_is_installed_where_the_shell_reads_it(self, care: Care, tmp_path: Path) -> None:
        """One file, and the line that loads it."""
        options = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(tmp_path)}

        answer = care("--install-completion", "bash", **options)

        assert (answer.code, answer.err) == (0, "")
        assert f"source '{tmp_path}/.bash_completions/care.sh'" in (tmp_path / ".bashrc").read_text(encoding="utf-8")
        assert "complete -o default -F _care_completion care" in (tmp_path / ".bash_completions/care.sh").read_text(
            encoding="utf-8"
        )
