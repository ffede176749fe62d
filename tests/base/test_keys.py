"""Keys come from the settings, or from one file that is made once."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from care.base.errors import SettingsError
from care.base.keys import FILE_NAME, load_keys
from care.base.settings import load_settings


def settings(tmp_path, **env):
    return load_settings({"CARE_DATABASE__URL": f"sqlite:///{tmp_path}/care.db", **env}, directory=tmp_path)


class TestLoadKeys:
    def test_takes_both_from_the_settings_and_makes_no_file(self, tmp_path) -> None:
        """A configured installation writes nothing."""
        keys = load_keys(
            settings(tmp_path, CARE_SECURITY__SECRET_KEY="s" * 32, CARE_SECURITY__SUPPRESSION_KEY="k" * 32)
        )
        assert (keys.secret, keys.suppression) == (b"s" * 32, b"k" * 32)
        assert not (tmp_path / FILE_NAME).exists()
        assert "kkk" not in repr(keys)

    def test_makes_them_once_beside_the_database(self, tmp_path) -> None:
        """The file is for its owner only, and every later start reads the same keys."""
        first = load_keys(settings(tmp_path))
        file = tmp_path / FILE_NAME
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert load_keys(settings(tmp_path)) == first
        assert first.secret != first.suppression
        assert min(len(first.secret), len(first.suppression)) >= 32
        mixed = load_keys(settings(tmp_path, CARE_SECURITY__SUPPRESSION_KEY="g" * 32))
        assert (mixed.secret, mixed.suppression) == (first.secret, b"g" * 32)

    def test_agrees_when_several_processes_start_at_once(self, tmp_path) -> None:
        """Whoever writes first wins; no draft is left behind."""
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(lambda _n: load_keys(settings(tmp_path)), range(16)))
        assert len(found) == 1
        assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]

    @pytest.mark.parametrize("text", ["", "secret_key = 1", "not toml", 'secret_key = "a"\nsuppression_key = ""\n'])
    def test_refuses_a_damaged_file(self, tmp_path, text) -> None:
        """It is never replaced: the opt-outs would be lost with it."""
        (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError, match="does not hold"):
            load_keys(settings(tmp_path))
        assert (tmp_path / FILE_NAME).read_text(encoding="utf-8") == text

    def test_tells_when_the_folder_is_not_there(self, tmp_path) -> None:
        """One line with the place and the way out."""
        with pytest.raises(SettingsError, match=r"care\.keys: cannot be used"):
            load_keys(settings(tmp_path, CARE_DATABASE__URL=f"sqlite:///{tmp_path}/nowhere/care.db"))
