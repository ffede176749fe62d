"""A week in the life of the sample operator, from files to proof, and what the proof finds when somebody meddles."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import close_engines, read, write
from care.base.errors import AnswerIsNoError
from care.base.settings import load_settings
from care.bootstrap import Services
from care.cli.demo import answer
from care.customers.tables import suppression
from care.delivery.registry import outbox_dir
from care.demo.folder import SETTINGS
from care.demo.proof import Proof, prove
from care.demo.run import DATABASE, Outcome, Wish, run_demo
from care.inbound.tables import inbound_message
from care.messages.tables import attempt, message

UNTIL = datetime(2026, 9, 26, 14, tzinfo=UTC)


@dataclass
class Week:
    """The week as it was played, and services to look at it with."""

    outcome: Outcome
    services: Services
    lines: list[str]

    def rows(self, statement: sa.Select[Any]) -> list[sa.Row[Any]]:
        """Return what the ledger says."""
        with read(self.services.engine) as conn:
            return list(conn.execute(statement).all())

    def proof(self) -> Proof:
        """Prove the week again."""
        return prove(self.services, since=self.outcome.since, until=self.outcome.until)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Week]:
    """Nine hundred customers, the week of Mid-Autumn 2026."""
    folder = tmp_path_factory.mktemp("week") / "demo"
    lines: list[str] = []
    outcome = run_demo(
        Wish(folder=folder, customers=900, seed=4, port=8000, until=UNTIL),
        say=lines.append,
        on_progress=lambda _what, _share: None,
    )
    env = {"CARE_CONFIG": str(folder / SETTINGS), "CARE_DATABASE__URL": f"sqlite:///{folder / DATABASE}"}
    services = Services(settings=load_settings(env, directory=folder), clock=VirtualClock(UNTIL), root=folder)
    yield Week(outcome, services, lines)
    close_engines()


@pytest.mark.slow
@pytest.mark.timeout(300)
class TestWeek:
    def test_balances(self, week: Week) -> None:
        """Everyone intended stands somewhere, no promise was broken, and the outbox agrees."""
        proof = week.outcome.proof

        assert proof.books.verdict.startswith("The books balance")
        assert proof.balances
        assert proof.outbox.accepted > 200

    def test_tells_the_speed_of_the_real_importer(self, week: Week) -> None:
        """One line for each file, then one for the week."""
        assert [line.split(" in ")[0].split()[-1] for line in week.lines[:3]] == [
            "customers",
            "subscriptions",
            "consents",
        ]
        assert "rows/s" in week.lines[0]

    def test_greets_on_the_eve_of_the_festival_at_ten(self, week: Week) -> None:
        """24 September, at the customers' own ten o'clock."""
        sent = week.rows(
            sa.select(message.c.sent_at).where(message.c.campaign_id == "mid_autumn", message.c.status == "delivered")
        )

        assert len(sent) > 20
        assert any(row.sent_at.isoformat().startswith("2026-09-24T02:00:0") for row in sent)

    def test_shows_every_reason_for_silence(self, week: Week) -> None:
        """Consent, hold-out, household, caps, bans and missing addresses."""
        found = " ".join(week.outcome.proof.skipped)

        for reason in ("no_consent", "no_contact", "holdout:", "told_via", "frequency_cap:", "suppressed:"):
            assert reason in found

    def test_hears_customers(self, week: Week) -> None:
        """Some opt out, and from then on are left alone; others wait in the inbox."""
        assert week.outcome.proof.inbound["inbox"] > 0
        assert week.outcome.proof.inbound["opt_out"] > 0
        bans = {
            row.address_hash: row.created_at
            for row in week.rows(sa.select(suppression).where(suppression.c.reason == "opt_out"))
        }
        later = [
            row
            for row in week.rows(
                sa.select(attempt.c.address_hash, attempt.c.intent_at, message.c.purpose).join(
                    message, message.c.id == attempt.c.message_id
                )
            )
            if row.purpose in ("greeting", "offer") and row.intent_at > bans.get(row.address_hash, UNTIL)
        ]
        assert later == []

    def test_confirms_opt_outs_within_half_an_hour(self, week: Week) -> None:
        """The answer leaves while the customer still holds the phone."""
        answers = week.rows(
            sa.select(message.c.sent_at, inbound_message.c.received_at)
            .join(inbound_message, inbound_message.c.customer_id == message.c.customer_id)
            .where(message.c.campaign_id.like("reply:optout%"), inbound_message.c.handled_as == "opt_out")
        )

        assert answers
        assert all((row.sent_at - row.received_at).total_seconds() < 1800 for row in answers)

    def test_leaves_notices_for_the_coming_minutes(self, week: Week) -> None:
        """So that somebody who watches sees messages leave."""
        due = week.rows(
            sa.select(message.c.due_at).where(message.c.campaign_id == "expiry_t24h", message.c.status == "planned")
        )

        assert sum(0 < (row.due_at - UNTIL).total_seconds() < 2400 for row in due) >= 5

    def test_names_rows_worth_a_look(self, week: Week) -> None:
        """Commands with ids of this very week."""
        words = [sight.command.split()[1] for sight in week.outcome.sights]
        assert words[0] == "surveys"  # the follow-up of the week's tickets; a case only where somebody was unhappy
        assert [word for word in words if word != "surveys"] == ["why", "why", "message", "customers"]


def _meddle(week: Week, change: Callable[[list[str]], list[str]]) -> Proof:
    """Change the lines of the outbox for text messages, prove the week, and put them back."""
    outbox = outbox_dir(week.services.settings) / "sms.jsonl"
    before = outbox.read_text(encoding="utf-8")
    outbox.write_text("".join(change(before.splitlines(keepends=True))), encoding="utf-8")
    try:
        return week.proof()
    finally:
        outbox.write_text(before, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(300)
class TestProof:
    def test_misses_a_row_taken_out_of_the_ledger(self, week: Week) -> None:
        """Who was intended is counted apart, so a lost row shows."""
        row = week.rows(sa.select(message).where(message.c.status == "skipped").limit(1))[0]
        with write(week.services.engine) as conn:
            conn.execute(sa.delete(message).where(message.c.id == row.id))
        try:
            proof = week.proof()
        finally:
            with write(week.services.engine) as conn:
                conn.execute(sa.insert(message).values(dict(row._mapping)))

        assert not proof.balances
        assert "1 of" in proof.books.verdict
        assert week.proof().balances

    def test_misses_a_message_that_is_not_in_the_outbox(self, week: Week) -> None:
        """Accepted, says the ledger; never seen, says the provider's own list."""
        proof = _meddle(week, lambda lines: lines[1:])

        assert proof.books.balance
        assert not proof.balances
        assert proof.outbox.missing == 1

    def test_finds_a_message_that_left_twice(self, week: Week) -> None:
        """The same attempt stands in the outbox two times."""
        proof = _meddle(week, lambda lines: [*lines, lines[0]])

        assert (proof.balances, proof.outbox.doubled) == (False, 1)

    def test_finds_a_message_that_nobody_ordered(self, week: Week) -> None:
        """A token that no attempt has."""
        stray = json.dumps({**json.loads(_first_line(week)), "token": "nobody"})
        proof = _meddle(week, lambda lines: [*lines, f"{stray}\n"])

        assert (proof.balances, proof.outbox.stray) == (False, 1)

    def test_makes_the_command_fail(self, week: Week, capsys: pytest.CaptureFixture[str]) -> None:
        """Whatever does not add up ends in exit code 1 and one line."""
        broken = replace(week.outcome, proof=_meddle(week, lambda lines: lines[1:]))

        with pytest.raises(AnswerIsNoError, match="The outbox does NOT agree: .* 1 are missing") as failure:
            answer(broken, customers=900, seed=4, as_json=True)
        assert failure.value.exit_code == 1
        assert json.loads(capsys.readouterr().out)["balanced"] is False


def _first_line(week: Week) -> str:
    return (outbox_dir(week.services.settings) / "sms.jsonl").read_text(encoding="utf-8").splitlines()[0]
