"""`care log` and `care message show` as a user runs them."""

import csv
import io
import json

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.customers.tables import customer
from tests.cli.desk import Desk
from tests.reports.ledger import make_message

SWITCHED_OFF = "+861385530006"  # a landline, says the sandbox's carrier


def lines(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


class TestTheLog:
    def test_shows_what_came_due_newest_first(self, desk: Desk) -> None:
        """With the status in plain words, and nothing that tells a number or a name."""
        desk.customer("C1")
        desk.customer("C2", phone=SWITCHED_OFF)
        desk.customer("C3", consents=())
        desk.greet()
        answer = desk("log")
        assert (answer.code, answer.err) == (0, "")
        assert [line.split()[3] for line in answer.out.splitlines()[1:]] == ["CST"] * 3
        assert "delivered" in answer.out
        assert "has not agreed to this purpose" in answer.out
        for secret in ("13800", "13855", "王"):
            assert secret not in answer.out

    def test_narrows_by_state_campaign_and_customer(self, desk: Desk) -> None:
        """Each by itself and together; several states with commas."""
        desk.customer("C1")
        desk.customer("C2", consents=())
        desk.greet()
        by_state = lines(desk("log", "--state", "skipped,failed", "--json").out)
        assert [row["customer"] for row in by_state] == ["C2"]
        by_customer = lines(desk("log", "--customer", "C1", "--campaign", "birthday", "--json").out)
        assert [(row["customer"], row["status"]) for row in by_customer] == [("C1", "delivered")]
        assert by_customer[0]["next"] == "nothing to do"

    def test_pages_without_a_gap(self, desk: Desk) -> None:
        """`--before` goes on after the last id, in whatever way the log was asked."""
        with write(desk.engine) as conn:
            ids = {make_message(conn) for _ in range(7)}
        for how in ([], ["--campaign", "birthday"], ["--state", "planned"]):
            seen: list[object] = []
            before: list[str] = []
            while True:
                answer = desk("log", "--limit", "3", "--json", *how, *before)
                if answer.code:
                    break
                seen += [row["id"] for row in lines(answer.out)]
                before = ["--before", str(seen[-1])]
            assert sorted(seen) == sorted(ids), how
            assert len(seen) == len(ids), how

    def test_leaves_out_what_still_waits_unless_asked(self, desk: Desk) -> None:
        """Tomorrow's greetings are no deliveries."""
        desk.customer("C1", birth_mmdd=926)
        desk.house.plan()
        assert desk("log").code == 1
        assert lines(desk("log", "--state", "planned", "--json").out)[0]["customer"] == "C1"

    def test_knows_since_when(self, desk: Desk) -> None:
        """A span, or a local day."""
        desk.customer("C1")
        desk.greet()
        assert desk("log", "--since", "2h").code == 0
        assert desk("log", "--since", "30m").code == 1
        assert desk("log", "--since", "2026-09-25", "--campaign", "birthday").code == 0
        assert desk("log", "--since", "2026-09-28", "--campaign", "birthday").code == 1

    def test_writes_csv_that_no_spreadsheet_runs(self, desk: Desk) -> None:
        """An id that begins like a formula is made harmless."""
        desk.customer("=HYPERLINK(1)")
        desk.greet()
        rows = list(csv.DictReader(io.StringIO(desk("log", "--csv").out)))
        assert rows[0]["customer"] == "'=HYPERLINK(1)"
        assert rows[0]["status"] == "delivered"

    def test_shows_messages_of_the_erased(self, desk: Desk) -> None:
        """The ledger outlives the person."""
        desk.customer("C1")
        desk.greet()
        with write(desk.engine) as conn:
            gone = sa.select(customer.c.id).where(customer.c.external_id == "C1").scalar_subquery()
            conn.execute(sa.delete(customer).where(customer.c.id == gone))
        assert "(erased)" in desk("log").out

    @pytest.mark.parametrize(
        ("words", "line", "code"),
        [
            (["--state", "faild"], "care: --state faild: not a status. Did you mean 'failed'?", 2),
            (["--campaign", "birhday"], "care: campaign 'birhday' is not known. Did you mean 'birthday'?", 1),
            (["--customer", "C10"], "care: customer 'C10': not known. Did you mean 'C1'?", 1),
            (["--since", "yesterday"], "care: --since yesterday: not a time. Write a span", 2),
            (["--state", "failed"], "care: no message fits. Widen the question", 1),
        ],
    )
    def test_says_what_is_wrong_in_one_line(self, desk: Desk, words, line, code) -> None:
        """Where, what, and what to do."""
        desk.customer("C1")
        desk.greet()
        answer = desk("log", *words)
        assert answer.code == code
        assert answer.err.startswith(line)
        assert len(answer.err.splitlines()) == 1


class TestFollowing:
    def test_goes_on_until_interrupted(self, desk: Desk, monkeypatch) -> None:
        """What happens while it looks is printed once, and Ctrl-C ends it quietly."""
        desk.customer("C1")
        looks = iter([desk.greet, lambda: None])

        def sleep(_seconds: float) -> None:
            look = next(looks, None)
            if look is None:
                raise KeyboardInterrupt
            look()

        monkeypatch.setattr("time.sleep", sleep)
        answer = desk("log", "--follow", "--json")
        shown = [json.loads(line) for line in answer.out.splitlines() if line.startswith('{"id"')]
        assert answer.code == 130
        assert [(row["customer"], row["status"]) for row in shown] == [("C1", "delivered")]


class TestOneMessage:
    def test_tells_its_story(self, desk: Desk) -> None:
        """Planned, tried, answered, received; and what to do next."""
        desk.customer("C1")
        desk.greet()
        number = str(desk.house.messages()[0].id)
        answer = desk("message", "show", number)
        head, *rest = answer.out.splitlines()
        assert head == f"message {number}: delivered - delivered"
        assert "  next       nothing to do" in rest
        story = [line.split("CST  ")[1] for line in rest if "CST  " in line]
        assert story[0] == "planned for birthday:solar-2026"
        assert story[1] == "try 1 by sms through sandbox"
        assert story[2].startswith("try 1: the provider took it, reference ")
        assert story[-1] == "receipt for try 1: delivered"
        assert "13800" not in answer.out

    def test_tells_why_it_failed_and_where_it_went_then(self, desk: Desk) -> None:
        """A landline takes no SMS; the mail reaches."""
        desk.customer("C1", phone=SWITCHED_OFF, email="a@example.com")
        desk.greet()
        desk.house.dispatch()
        found = json.loads(desk("message", "show", str(desk.house.messages()[0].id), "--json").out)
        texts = [event["text"] for event in found["events"]]
        (bad,) = [text for text in texts if text.startswith("receipt for try 1: ") and "30006" in text]
        assert bad.endswith("(30006: the number does not exist or takes no text messages)")
        assert any(text.startswith("try 2 by email") for text in texts)
        assert [event["at"] for event in found["events"]] == sorted(event["at"] for event in found["events"])

    def test_says_when_there_is_none(self, desk: Desk) -> None:
        """Exit 1."""
        answer = desk("message", "show", "404")
        assert (answer.code, answer.err) == (1, "care: message 404: not known. See the ids: care log\n")
