"""`care books` as a user runs it."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.messages.tables import message
from care.reports import books
from tests.cli.desk import Desk


class TestBooks:
    def test_balance_after_a_day_of_greetings(self, desk: Desk) -> None:
        """One row per campaign, day and leg; the verdict in one line; columns that are nothing but zeros are left out."""
        desk.customer("C1")
        desk.customer("C2", consents=())
        desk.customer("C3", birth_mmdd=926)
        desk.greet()
        answer = desk("books", "--date", "2026-09-25")
        assert (answer.code, answer.err) == (0, "")
        assert answer.out.splitlines()[-1] == "The books balance: 2 intended = 2 final + 0 open, on 1 page."
        header, row = [line.split() for line in answer.out.splitlines()[:2]]
        assert header == ["campaign", "day", "intended", "delivered", "skipped", "difference"]
        assert row == ["birthday", "2026-09-25", "2", "1", "1", "0"]

    def test_do_not_balance_when_a_row_is_gone(self, desk: Desk) -> None:
        """Exit 1, and the line on stderr says so."""
        desk.customer("C1")
        desk.customer("C2", consents=())
        desk.greet()
        with write(desk.engine) as conn:
            conn.execute(sa.delete(message).where(message.c.status == "skipped"))
        answer = desk("books")
        assert (answer.code, answer.err) == (1, "care: The books do NOT balance: 1 of 1 page does not balance.\n")

    def test_see_one_moment_while_somebody_plans(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rows that come between the count and the sum are in neither: no false alarm, on either database."""
        desk.customer("C1")
        desk.greet()
        summing = books.campaign_ids

        def after_another_is_planned(conn: sa.Connection) -> list[str]:
            if len(desk.house.messages()) == 1:
                desk.customer("C2")
                desk.house.plan()
            return summing(conn)

        monkeypatch.setattr(books, "campaign_ids", after_another_is_planned)
        answer = desk("books", "--date", "2026-09-25")
        assert (answer.code, answer.err) == (0, "")
        assert desk.house.statuses() == {"delivered": 1, "planned": 1}

    def test_are_one_object_for_machines(self, desk: Desk) -> None:
        """With every promise as a figure."""
        desk.customer("C1")
        desk.greet()
        found = json.loads(desk("books", "--json").out)
        assert (found["first"], found["last"]) == ("2026-09-19", "2026-09-25")
        assert found["balance"] is True
        assert set(found["promises"]) == {
            "unproven", "duplicates", "suppressed", "no_consent", "unasked", "outside_hours", "over_cap",
            "not_followed_up",
        }  # fmt: skip
        assert set(found["promises"].values()) == {0}
        assert found["pages"][0]["by_status"] == {"delivered": 1}

    def test_note_that_nobody_sends(self, desk: Desk) -> None:
        """Due for an hour and not taken."""
        desk.customer("C1")
        desk.house.plan()
        desk.house.clock.advance(timedelta(hours=1))
        assert "1 messages are due and nobody takes them" in desk("books").out

    def test_refuse_a_day_that_is_none(self, desk: Desk) -> None:
        """Exit 2."""
        assert desk("books", "--date", "2026-02-30").code == 2
        assert desk("books", "--days", "-1").code == 2
