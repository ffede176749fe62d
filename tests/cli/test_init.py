"""`care init`: a folder to begin with, all of it or nothing."""

import json
import tomllib
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from care.base.settings import Settings, as_plain, load_settings
from care.base.settings_pages import every_key, toml_template
from tests.cli.conftest import Care


def _everything_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class TestInit:
    def test_makes_a_folder_that_works_at_once(
        self, care: Care, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Settings, campaigns, templates and a current database are there."""
        assert care("init", "work").code == 0
        assert {"care.toml", "care.db", "campaigns/segments.yaml"} <= set(_everything_under(tmp_path / "work"))

        monkeypatch.chdir(tmp_path / "work")
        assert care("db", "check").code == 0

    def test_makes_the_database_readable_by_its_owner_only(self, care: Care, tmp_path: Path) -> None:
        """It will hold addresses."""
        care("init")

        assert (tmp_path / "care.db").stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("name", ["care.toml", "campaigns", "templates"])
    def test_touches_nothing_that_is_there(self, care: Care, tmp_path: Path, name: str) -> None:
        """A second run, or a folder in use, is refused as a whole."""
        (tmp_path / name).mkdir()

        answer = care("init")

        assert answer.code == 2
        assert answer.err == f"care: {name}: is there already. Choose another folder, or remove it first\n"
        assert _everything_under(tmp_path) == []

    def test_leaves_a_server_database_to_db_upgrade(self, care: Care, tmp_path: Path) -> None:
        """Nobody's server is changed by making a folder."""
        answer = care("init", "--json", CARE_DATABASE__URL="postgresql+psycopg://u@127.0.0.1:1/d")

        assert answer.code == 0
        assert json.loads(answer.out)["database"] is None

    def test_prints_fresh_keys_that_the_settings_accept(self, care: Care, tmp_path: Path) -> None:
        """Two secrets, different each time, and nothing is written."""
        first, second = care("init", "--keys").out, care("init", "--keys").out

        assert first != second
        assert _everything_under(tmp_path) == []
        (tmp_path / "care.toml").write_text(first + '[operator]\npublic_url = "https://care.example.cn"\n')
        assert load_settings({}, directory=tmp_path).operator.public_url == "https://care.example.cn"


class TestTomlTemplate:
    def test_changes_nothing_as_it_is(self, tmp_path: Path) -> None:
        """Every key is commented out."""
        (tmp_path / "care.toml").write_text(toml_template(), encoding="utf-8")

        assert load_settings({}, directory=tmp_path) == Settings()

    def test_shows_every_key_with_a_value_that_counts(self) -> None:
        """With the comment signs before the keys removed it is valid TOML that names every setting."""
        lines = toml_template().splitlines()
        bare = [line.removeprefix("# ") if " = " in line and line[2:3].islower() else line for line in lines]
        bare = [line.removeprefix("# ") if line.startswith("# CN = ") else line for line in bare]
        table = tomllib.loads("\n".join(bare))
        given = Settings.model_validate(table)

        def written(section: str) -> dict[str, Any]:
            return reduce(lambda inside, name: inside.get(name, {}), section.split("."), table)

        missing = [key.full_name for key in every_key() if key.name and key.name not in written(key.section)]
        assert missing == []
        assert as_plain(given)["prices"] == {"CN": "0.045"}
