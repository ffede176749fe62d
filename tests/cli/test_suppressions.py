"""`care suppressions`: who is spared and why, and how it ends."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Channel
from care.customers.tables import suppression
from care.delivery.channels.base import Suppress
from care.delivery.suppressing import IN_A_ROW, WITHIN, suppress_by_rule
from care.messages.tables import attempt
from tests.cli.desk import Desk
from tests.delivery.ledger_rows import add_failure
from tests.factories import address_hash, make_suppression

NUMBER = "+8613800001234"


def fail(desk: Desk, customer_id: int, times: int = 1) -> None:
    """Let attempts to the number end as probably gone, an hour apart."""
    for _ in range(times):
        desk.house.clock.advance(timedelta(hours=1))
        with write(desk.engine) as conn:
            add_failure(
                conn,
                customer_id=customer_id,
                address_hash=address_hash("sms", NUMBER),
                error_class="number-soft-permanent",
                at=desk.house.clock.now(),
            )


def spare(desk: Desk) -> bool:
    """Do what a soft failure asks for; return whether a ban was written."""
    with write(desk.engine) as conn:
        return suppress_by_rule(
            conn,
            Suppress.AFTER_N,
            channel=Channel.SMS,
            address_hash=address_hash("sms", NUMBER),
            now=desk.house.clock.now(),
        )


def ban(desk: Desk, *reasons: str) -> None:
    with write(desk.engine) as conn:
        for reason in reasons:
            make_suppression(conn, address=NUMBER, reason=reason, at=desk.house.clock.now())


def standing(desk: Desk) -> list[str]:
    with read(desk.engine) as conn:
        left = sa.select(suppression.c.reason).where(suppression.c.lifted_at.is_(None)).order_by(suppression.c.reason)
        return list(conn.execute(left).scalars())


class TestList:
    def test_shows_whose_address_is_spared_and_why(self, desk: Desk) -> None:
        """The address is masked, for people and for machines."""
        desk.customer("C1", phone=NUMBER)
        ban(desk, "bad_number", "opt_out")
        for words in ((), ("--json",)):
            answer = desk("suppressions", "list", *words)
            assert answer.code == 0
            assert NUMBER not in answer.out
            assert "138****" in answer.out
        rows = [json.loads(line) for line in answer.out.splitlines()]
        assert [(row["customer"], row["reason"], row["source"]) for row in rows] == [
            ("C1", "opt_out", "test"),
            ("C1", "bad_number", "test"),
        ]

    def test_narrows_by_reason_and_time(self, desk: Desk) -> None:
        """What is older than asked for, or has another reason, is left out."""
        desk.customer("C1", phone=NUMBER)
        ban(desk, "bad_number")
        desk.house.clock.advance(timedelta(days=3))
        ban(desk, "opt_out")

        def found(*words: str) -> list[str]:
            return [
                json.loads(line)["reason"] for line in desk("suppressions", "list", "--json", *words).out.splitlines()
            ]

        assert found("--reason", "bad_number") == ["bad_number"]
        assert found("--since", "2d") == ["opt_out"]
        assert found("--limit", "1") == ["opt_out"]

    def test_keeps_bans_of_addresses_nobody_has(self, desk: Desk) -> None:
        """A ban outlives the customer."""
        ban(desk, "opt_out")
        assert "(gone)" in desk("suppressions", "list").out

    @pytest.mark.parametrize("words", [("--reason", "ill"), ("--since", "soon")])
    def test_names_what_it_does_not_understand(self, desk: Desk, words: tuple[str, str]) -> None:
        """One line, exit 2."""
        answer = desk("suppressions", "list", *words)
        assert answer.code == 2
        assert len(answer.err.splitlines()) == 1


class TestShow:
    def test_counts_what_leads_to_a_ban_and_lets_it_fall_out(self, desk: Desk) -> None:
        """Two failures of three; fourteen days later they count no more."""
        customer_id = desk.customer("C1", phone=NUMBER)
        fail(desk, customer_id, IN_A_ROW - 1)
        oldest = desk.house.clock.now() - timedelta(hours=1)
        (count,) = (c for c in json.loads(desk("suppressions", "show", "C1", "--json").out)["counts"] if c["failures"])
        assert (count["channel"], count["failures"], count["of"]) == ("sms", 2, 3)
        assert count["falls_out_at"].startswith((oldest + WITHIN).isoformat()[:16])
        assert "2 of 3 failures in a row" in desk("suppressions", "show", "C1").out
        desk.house.clock.advance(WITHIN)
        assert "0 of 3 failures in a row" in desk("suppressions", "show", "C1").out

    @pytest.mark.parametrize(
        ("outcome", "error_class", "counted"),
        [
            ("refused", "capacity", 2),
            ("refused", "transport", 2),
            ("abandoned", None, 2),
            ("intent", None, 2),
            ("unknown", "ambiguous", 2),
            ("accepted", None, 0),
            ("refused", "filtered", 2),
            ("accepted", "unreachable", 2),
        ],
    )
    def test_counts_on_after_a_try_that_never_got_there(
        self, desk: Desk, outcome: str, error_class: str | None, counted: int
    ) -> None:
        """A line that is full says nothing of the number, nor does a phone that is off: only what arrived ends the row."""
        customer_id = desk.customer("C1", phone=NUMBER)
        fail(desk, customer_id, 3)
        with write(desk.engine) as conn:
            last = sa.select(sa.func.max(attempt.c.id)).scalar_subquery()
            became = {"outcome": outcome, "error_class": error_class}
            conn.execute(sa.update(attempt).where(attempt.c.id == last).values(became))
        (count,) = (c for c in json.loads(desk("suppressions", "show", "C1", "--json").out)["counts"] if c["of"])
        assert count["failures"] == counted

    def test_knows_nobody(self, desk: Desk) -> None:
        """Exit 1 and one line."""
        answer = desk("suppressions", "show", "nobody")
        assert answer.code == 1
        assert len(answer.err.splitlines()) == 1


class TestLift:
    def test_ends_what_providers_wrote_and_counts_anew(self, desk: Desk) -> None:
        """One more failure after it is the first of three, not the fourth."""
        customer_id = desk.customer("C1", phone=NUMBER)
        fail(desk, customer_id, IN_A_ROW)
        assert spare(desk)
        assert desk("suppressions", "lift", "C1").code == 0
        assert standing(desk) == []
        fail(desk, customer_id, IN_A_ROW - 1)
        assert not spare(desk)
        fail(desk, customer_id)
        assert spare(desk)

    @pytest.mark.parametrize("reason", ["opt_out", "complaint", "wrong_number"])
    def test_leaves_what_the_customer_asked_for(self, desk: Desk, reason: str) -> None:
        """A plain lift answers no, and the reason alone is not enough either."""
        desk.customer("C1", phone=NUMBER)
        ban(desk, reason)
        assert desk("suppressions", "lift", "C1").code == 1
        assert desk("suppressions", "lift", "C1", "--reason", reason).code == 2
        assert desk("suppressions", "lift", "C1", "--reason", reason, "--asked-again", "  ").code == 2
        assert standing(desk) == [reason]

    def test_names_a_customer_there_is_not(self, desk: Desk) -> None:
        """As `show` does, and not as if nothing stood against them."""
        for words in (("suppressions", "lift", "C9"), ("bounces", "lift", "C9")):
            answer = desk(*words)
            assert (answer.code, "no customer C9" in answer.err) == (1, True)

    def test_keeps_who_ended_it_and_by_whose_word(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """The story of a ban stays, and other bans stand."""
        monkeypatch.setenv("CARE_USER", "anna")
        desk.customer("C1", phone=NUMBER)
        ban(desk, "opt_out", "bad_number")
        word = "by phone on 3 March"
        assert desk("suppressions", "lift", "C1", "--reason", "opt_out", "--asked-again", word).code == 0
        assert standing(desk) == ["bad_number"]
        bans = json.loads(desk("suppressions", "show", "C1", "--json").out)["bans"]
        (ended,) = (one for one in bans if one["lifted_at"])
        assert (ended["reason"], ended["lifted_by"], ended["lifted_why"]) == ("opt_out", "ops:anna", word)
        assert word in desk("suppressions", "show", "C1").out

    def test_takes_no_word_where_none_is_needed(self, desk: Desk) -> None:
        """Exit 2, and the ban stands: the words belonged to another."""
        desk.customer("C1", phone=NUMBER)
        ban(desk, "bad_number")
        assert desk("suppressions", "lift", "C1", "--asked-again", "yes").code == 2
        assert standing(desk) == ["bad_number"]
