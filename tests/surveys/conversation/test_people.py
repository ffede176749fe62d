"""What people say unclear replies meant: it counts, and the word lists learn from it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from care.bootstrap import Services
from care.cli.main import main
from care.surveys.conversation.handler import SurveyConversation
from care.surveys.tables import survey_answer
from tests.surveys.conversation.factories_talk import answers, ask, cases, handled, rows, say, stage, state


class Cli:
    """`care surveys …` on the test's own services."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        self.monkeypatch.setattr(sys, "argv", ["care", "surveys", *words])
        self.capsys.readouterr()
        given = 0
        try:
            main()
        except SystemExit as end:
            given = int(end.code or 0)
        shown = self.capsys.readouterr()
        assert given == code, shown
        assert code == 0 or len(shown.err.splitlines()) == 1
        return shown.out

    def json(self, *words: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*words, "--json").splitlines()]


@pytest.fixture
def cli(services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setattr("care.bootstrap.build_services", lambda: services)
    return Cli(monkeypatch, capsys)


def leave_to_a_person(services: Services, text: str) -> None:
    """Two replies that nobody understands: the second waits in the inbox."""
    say(services, "师傅三点来的")
    assert say(services, text) == ""
    assert handled(services)[-1] == "inbox"


class TestSayingWhatAReplyMeant:
    def test_counts_as_the_answer(self, services: Services, cli: Cli) -> None:
        """The score is written down with the customer's words and who said so, and the inbox is rid of it."""
        mine = ask(services)
        leave_to_a_person(services, "巴适得板")

        cli("answers", "set", "2", "--score", "5", "--by", "li")

        assert (answers(services), state(services, mine)) == ([("overall", 5)], "answered")
        (row,) = rows(services, survey_answer)
        assert (row.by, row.derived, row.comment) == ("li", True, "巴适得板")
        assert (stage(services), handled(services)) == ("done", ["reply", "reply"])

    def test_opens_a_case_where_it_was_bad(self, services: Services, cli: Cli) -> None:
        """A low score that a person found calls for a call like any other."""
        ask(services)
        leave_to_a_person(services, "巴适得板")
        cli("answers", "set", "2", "--score", "1")

        assert cases(services) == ["low_score"]

    def test_refuses_what_cannot_be(self, services: Services, cli: Cli) -> None:
        """One line each, and nothing is written."""
        ask(services)
        leave_to_a_person(services, "巴适得板")

        cli("answers", "set", "2", "--score", "7", code=2)
        cli("answers", "set", "2", code=2)
        cli("answers", "set", "2", "--means", "nonsense", code=2)
        cli("answers", "set", "99", "--score", "4", code=1)
        assert answers(services) == []

    def test_is_listed(self, services: Services, cli: Cli) -> None:
        """Newest first, by ticket; nothing in a cell can be taken for a formula."""
        ask(services)
        say(services, "5 =多谢")
        say(services, "4")

        listed = cli.json("answers")
        assert [(row["question"], row["score"], row["ticket"]) for row in listed] == [
            ("result", 4, "A12"),
            ("overall", 5, "A12"),
        ]
        assert cli.json("answers", "--since", "2030-01-01") == []
        table = cli("answers", "--csv").splitlines()
        assert table[0].startswith("id,at,customer,ticket")
        assert "多谢" in table[2]


class TestLearning:
    def test_proposes_the_shortest_words_and_shows_what_they_would_change(self, services: Services, cli: Cli) -> None:
        """One word is enough, and nothing is written without being told to."""
        ask(services)
        leave_to_a_person(services, "巴适得板")
        cli("answers", "set", "2", "--score", "5")

        (proposal,) = cli.json("learn")

        assert proposal["meaning"] == "best"
        assert str(proposal["word"]) in "巴适得板"
        assert proposal["changes"] == [{"inbound": 2, "before": "unclear", "after": "score 5"}]
        assert not Path("campaigns/replies.yaml").exists()

    def test_writes_them_when_told_and_they_count(self, services: Services, cli: Cli) -> None:
        """The next customer who says so is understood, without a restart."""
        ask(services)
        leave_to_a_person(services, "巴适得板")
        cli("answers", "set", "2", "--score", "5")
        Path("campaigns/replies.yaml").write_text("# ours\nadd:\n  best: {zh: [巴适惨了]}\n", encoding="utf-8")

        cli("learn", "--apply")

        written = Path("campaigns/replies.yaml").read_text(encoding="utf-8")
        assert "# ours" in written
        assert "巴适惨了" in written
        ask(services, ref="B7", phone="+8613800002222")
        assert say(services, "巴适得板", phone="+8613800002222") == "survey_result"
        assert "nothing to learn" in cli("learn")

    def test_survives_a_broken_file_of_words(self, services: Services) -> None:
        """A slip in replies.yaml keeps nobody from being heard."""
        ask(services)
        Path("campaigns/replies.yaml").write_text("add: [", encoding="utf-8")

        assert say(services, "5") == "survey_result"

    def test_knows_the_refusals_of_the_operators_policy(self, services: Services) -> None:
        """Words that the operator added to the policy refuse in a conversation, too."""
        Path("campaigns/policy.yaml").write_text(
            "countries: {CN: {opt_out: {words: [[莫挨老子]]}}}\n", encoding="utf-8"
        )
        ask(services)

        say(services, "莫挨老子")

        assert stage(services) == "opted_out"
        assert isinstance(services.inbound_rules.handlers[0], SurveyConversation)
