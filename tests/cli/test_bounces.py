"""`care bounces`: the command line on returned mails."""

import io
import json
import shlex
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.suppressions import suppress_hash
from care.customers.tables import suppression
from care.inbound.tables import webhook
from tests.cli.conftest import Care
from tests.cli.desk import Desk
from tests.factories import address_hash
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


MAIL = report("a@b.example", diagnosis="550 5.1.1 user unknown")


def pipe(monkeypatch: pytest.MonkeyPatch, mail: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(mail)))


def kept(desk: Desk) -> list[str | None]:
    with read(desk.engine) as conn:
        return list(conn.execute(sa.select(webhook.c.problem)).scalars())


class TestIngest:
    def test_keeps_a_mail_from_a_pipe(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """Silent and 0, as a mail server likes it; a second time as well."""
        for _ in range(2):
            pipe(monkeypatch, MAIL)
            answer = desk("bounces", "ingest")
            assert (answer.code, answer.out) == (0, "")
        assert kept(desk) == ["about no mail of ours"]

    def test_counts_what_is_new(self, desk: Desk) -> None:
        """Files, with the result as JSON."""
        (desk.house.folder / "one.eml").write_bytes(MAIL)
        assert json.loads(desk("bounces", "ingest", "one.eml", "--json").out) == {"mails": 1, "new": 1}
        assert "1 mail, 0 new" in desk("bounces", "ingest", "one.eml").out

    def test_empties_the_pipe(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """A large mail is read to its end, so that the mail server sees no broken pipe."""
        source = io.BytesIO(MAIL + b"x" * 5_000_000)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(source))

        assert desk("bounces", "ingest").code == 0
        assert source.read() == b""

    def test_asks_to_come_again_when_nothing_can_be_kept(
        self, care: Care, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No tables, no folder, broken settings: 75 and one line each."""
        for variables in (
            {},
            {"CARE_DATABASE__URL": f"sqlite:///{tmp_path}/missing/care.db"},
            {"CARE_WEB__PORT": "many"},
            {"CARE_DATABASE__URL": "postgresql+psycopg://nobody@127.0.0.1:1/none"},
        ):
            pipe(monkeypatch, MAIL)
            answer = care("bounces", "ingest", **variables)
            assert answer.code == 75, variables
            assert len(answer.err.splitlines()) == 1, answer.err

    def test_gives_nothing_back_for_an_empty_pipe(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """A mail server knows 0 and 75 only: for anything else it returns the mail to its sender."""
        pipe(monkeypatch, b"")
        answer = desk("bounces", "ingest")
        assert (answer.code, answer.err.count("\n"), kept(desk)) == (0, 1, [])
        assert "empty mail" in answer.err

    def test_refuses_what_is_no_mail(self, desk: Desk, tmp_path: Path) -> None:
        """An empty file and a missing one: exit 2, nothing kept."""
        empty = tmp_path / "empty.eml"
        empty.write_bytes(b"")
        assert desk("bounces", "ingest", str(empty)).code == 2
        assert desk("bounces", "ingest", "missing.eml").code == 2
        assert kept(desk) == []


class TestLift:
    @staticmethod
    def banned(desk: Desk, *bans: tuple[str, str]) -> None:
        """A customer C-77 with bans of these reasons and scopes on the mail address."""
        desk.customer("C-77", email="a@b.example")
        with write(desk.engine) as conn:
            for reason, scope in bans:
                suppress_hash(
                    conn,
                    address_hash=address_hash("email", "a@b.example"),
                    channel="email",
                    scope=scope,
                    reason=reason,
                    source="test",
                    now=desk.house.clock.now(),
                )

    @staticmethod
    def standing(desk: Desk) -> list[str]:
        with read(desk.engine) as conn:
            rows = conn.execute(sa.select(suppression.c.reason).where(suppression.c.lifted_at.is_(None)))
            return sorted(rows.scalars())

    def test_undoes_bounces_and_nothing_else(self, desk: Desk) -> None:
        """An opt-out of the same address stays, and the answer says so."""
        self.banned(desk, ("hard_bounce", "all"), ("opt_out", "marketing"))
        told = json.loads(desk("bounces", "lift", "C-77", "--json").out)
        assert told == {"customer": "C-77", "lifted": 1, "stands": ["opt_out"]}
        assert desk("bounces", "lift", "C-77").code == 1
        assert self.standing(desk) == ["opt_out"]

    def test_leaves_a_complaint_and_says_what_ends_it(self, desk: Desk) -> None:
        """It ends by the command it names, and only with the customer's word, as the other command has it."""
        self.banned(desk, ("hard_bounce", "all"), ("complaint", "marketing"))
        told = desk("bounces", "lift", "C-77")
        assert told.code == 0
        command = 'care suppressions lift C-77 --reason complaint --asked-again "by phone on 3 March"'
        assert "1 ban lifted" in told.out
        assert command in told.out
        again = desk("bounces", "lift", "C-77")
        assert (again.code, len(again.err.splitlines())) == (1, 1)
        assert "what stands: complaint" in again.err
        assert command in again.err
        assert self.standing(desk) == ["complaint"]
        assert desk("suppressions", "lift", "C-77").code == 1
        assert desk(*shlex.split(command)[1:]).code == 0
        assert self.standing(desk) == []

    def test_keeps_who_lifted(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """The record names the person at the keyboard, as with every ban."""
        self.banned(desk, ("hard_bounce", "all"))
        monkeypatch.setenv("CARE_USER", "anna")
        assert desk("bounces", "lift", "C-77").code == 0
        with read(desk.engine) as conn:
            assert conn.execute(sa.select(suppression.c.lifted_by)).scalars().all() == ["ops:anna"]

    def test_says_when_there_is_nothing_to_lift(self, desk: Desk) -> None:
        """A customer nobody knows: exit 1 and one line."""
        answer = desk("bounces", "lift", "nobody")
        assert answer.code == 1
        assert len(answer.err.splitlines()) == 1
