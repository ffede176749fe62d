"""`care config show`."""

import json
import tomllib
from pathlib import Path

from tests.cli.conftest import Care


class TestShow:
    def test_prints_what_is_in_force_as_toml(self, care: Care, tmp_path: Path) -> None:
        """File and environment are merged, and the output can be read back as TOML."""
        (tmp_path / "care.toml").write_text("[web]\nport = 9000\n", encoding="utf-8")

        answer = care("config", "show", CARE_WEB__HOST="0.0.0.0")  # noqa: S104 - read, not bound

        assert answer.code == 0
        assert tomllib.loads(answer.out)["web"] == {"host": "0.0.0.0", "port": 9000}  # noqa: S104

    def test_masks_secrets(self, care: Care) -> None:
        """Neither form shows one."""
        env = {"CARE_TWILIO__AUTH_TOKEN": "t0ken", "CARE_DATABASE__URL": "postgresql+psycopg://u:pa55@h/d"}

        for words in (("config", "show"), ("config", "show", "--json")):
            answer = care(*words, **env)
            assert "t0ken" not in answer.out
            assert "pa55" not in answer.out
            assert "***" in answer.out

    def test_answers_one_object_for_programs(self, care: Care) -> None:
        """`--json` prints sections of keys."""
        assert json.loads(care("config", "show", "--json").out)["daemon"]["tick_seconds"] == 5

    def test_lists_every_mistake_with_exit_two(self, care: Care) -> None:
        """Wrong settings stop every command the same way."""
        answer = care("config", "show", CARE_WEB__PORT="x", CARE_SMS__PROVIDER="fax")

        assert (answer.code, answer.out, len(answer.err.splitlines())) == (2, "", 2)


class TestNestedTables:
    def test_stand_below_their_parent_as_toml_wants_it(self, care: Care) -> None:
        """What is printed can be read back; the second account has a table of its own, its token masked."""
        answer = care("config", "show", CARE_TWILIO__BACKUP__ACCOUNT_SID="AC2", CARE_TWILIO__BACKUP__AUTH_TOKEN="t0ken")

        read_back = tomllib.loads(answer.out)["twilio"]["backup"]
        assert (read_back["account_sid"], read_back["auth_token"]) == ("AC2", "***")
        assert "t0ken" not in answer.out
