"""The demo's own folder: made afresh, and nobody else's."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from care.base.errors import InputError
from care.base.settings import load_settings
from care.delivery.leadership import leader_lock
from care.demo.folder import MARK, SETTINGS, fill_folder, own_folder

UNTIL = datetime(2026, 9, 26, 14, tzinfo=UTC)


class TestOwnFolder:
    def test_is_emptied_of_an_earlier_demo(self, tmp_path: Path) -> None:
        """Files and folders of the last one go, the mark stays."""
        for _ in range(2):
            with own_folder(tmp_path / "demo"):
                assert {path.name for path in (tmp_path / "demo").iterdir()} == {MARK, "care.leader.lock"}
                (tmp_path / "demo" / "files").mkdir()
                (tmp_path / "demo" / "files" / "care.db").touch()

    def test_is_refused_when_it_holds_what_no_demo_made(self, tmp_path: Path) -> None:
        """Nobody's work is removed."""
        (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")

        with pytest.raises(InputError, match="holds files that no demo made, and they stay"), own_folder(tmp_path):
            pass
        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    def test_is_refused_when_it_is_a_file(self, tmp_path: Path) -> None:
        """A name that is taken is left alone."""
        (tmp_path / "demo").write_text("mine", encoding="utf-8")

        with pytest.raises(InputError, match="is no folder"), own_folder(tmp_path / "demo"):
            pass

    def test_is_refused_while_a_demo_runs_in_it(self, tmp_path: Path) -> None:
        """The daemon's own lock tells, and its files stay."""
        with own_folder(tmp_path / "demo"):
            (tmp_path / "demo" / "care.db").touch()
        with (
            leader_lock(tmp_path / "demo"),
            pytest.raises(InputError, match="a demo runs in it"),
            own_folder(tmp_path / "demo"),
        ):
            pass
        assert (tmp_path / "demo" / "care.db").exists()

    def test_follows_no_link_out_of_itself(self, tmp_path: Path) -> None:
        """A link in it is removed, not what it leads to."""
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "file").touch()
        with own_folder(tmp_path / "demo"):
            (tmp_path / "demo" / "link").symlink_to(tmp_path / "mine")
        with own_folder(tmp_path / "demo"):
            pass

        assert (tmp_path / "mine" / "file").exists()


class TestFillFolder:
    def test_writes_settings_that_send_nothing(self, tmp_path: Path) -> None:
        """Both channels are sandboxes, the port is the one asked for."""
        fill_folder(tmp_path, port=8123, until=UNTIL)

        settings = load_settings({"CARE_CONFIG": str(tmp_path / SETTINGS)}, directory=tmp_path)
        assert (settings.sms.provider, settings.email.provider, settings.web.port) == ("sandbox", "sandbox", 8123)

    def test_adds_occasions_of_the_past_week(self, tmp_path: Path) -> None:
        """Their days count back from the operator's own last day."""
        fill_folder(tmp_path, port=8000, until=UNTIL)

        thanks = (tmp_path / "campaigns" / "network_thanks.yaml").read_text(encoding="utf-8")
        assert "on: 2026-09-24" in thanks
