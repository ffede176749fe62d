import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from care.base.processes import give_word, start_early, start_supervised, wait_for_word

PATIENCE = 30


class TestStartEarly:
    def test_begins_nothing_without_the_word(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A child whose parent finds that it may not work is gone with the block, and has written no file."""
        monkeypatch.chdir(tmp_path)
        with start_early("dispatch") as child:
            time.sleep(0.2)
        assert child.returncode is not None
        assert list(tmp_path.iterdir()) == []

    def test_ends_quietly_when_the_parent_ends(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """The end of its standard input before the word is no error of the child."""
        monkeypatch.chdir(tmp_path)
        child = start_supervised("dispatch")
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(PATIENCE) == 0
        assert list(tmp_path.iterdir()) == []
        assert capfd.readouterr() == ("", "")

    def test_begins_at_the_word(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """After the word it goes on as the command does: here it misses its database and says so."""
        monkeypatch.chdir(tmp_path)
        with start_early("dispatch") as child:
            give_word(child)
            assert child.wait(PATIENCE) == 2
        assert "care.db" in capfd.readouterr().err

    def test_takes_a_dead_child_for_no_error(self) -> None:
        """Who died before the word is for the supervisor to start again."""
        with subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE) as child:
            assert child.wait(PATIENCE) == 0
            give_word(child)  # raises nothing
            assert child.returncode == 0


class TestWaitForWord:
    def test_is_only_for_children(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A command started by hand waits for nobody."""
        with Path(os.devnull).open(encoding="utf-8") as ended:  # as when the supervisor has gone
            monkeypatch.setattr(sys, "stdin", ended)
            monkeypatch.delenv("CARE_SUPERVISED", raising=False)
            wait_for_word()
            monkeypatch.setenv("CARE_SUPERVISED", "1")
            with pytest.raises(SystemExit) as end:
                wait_for_word()
        assert end.value.code == 0
