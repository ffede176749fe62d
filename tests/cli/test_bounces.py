"""`care bounces`: the command line on returned mails."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Care
from tests.inbound.bounces.dialects import LETTERS, report, words


class TestParse:
    def test_answers_one_line_for_each_mail(self, care: Care, tmp_path: Path) -> None:
        """In the order given, needing neither settings nor a database."""
        (tmp_path / "hard.eml").write_bytes(report("a@b.example", diagnosis="550 5.1.1 user unknown"))
        (tmp_path / "none.eml").write_bytes(words("Thanks!", sender="c@d.example", subject="Re: Hello"))
        answer = care("bounces", "parse", "hard.eml", "none.eml")

        assert answer.code == 0
        assert [json.loads(line) for line in answer.out.splitlines()] == [
            {
                "file": "hard.eml",
                "recipient": "a@b.example",
                "kind": "hard",
                "status": "5.1.1",
                "reason": "no-such-mailbox",
            },
            {"file": "none.eml", "recipient": "", "kind": "none", "status": "", "reason": "ordinary"},
        ]
        assert not (tmp_path / "care.db").exists()

    def test_reads_stdin(self, care: Care, monkeypatch: pytest.MonkeyPatch) -> None:
        """A dash is stdin."""
        mail = words(LETTERS["exim"].format(address="a@b.example", answer="552 5.2.2 mailbox full"))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(mail)))

        assert json.loads(care("bounces", "parse", "-").out)["kind"] == "soft"

    @pytest.mark.parametrize("name", ["missing.eml", ".", "a\0b"])
    def test_names_a_file_it_cannot_read(self, care: Care, name: str) -> None:
        """One line, exit 2."""
        answer = care("bounces", "parse", name)

        assert answer.code == 2
        assert len(answer.err.splitlines()) == 1
        assert "Name a file that holds one mail" in answer.err
