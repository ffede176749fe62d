"""`care books --provider`: what the provider lists is what we call sent."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.delivery.registry import outbox_dir
from care.messages.tables import attempt, message
from care.schedule import WATCH_JOBS, run_due_jobs
from care.watch.tables import ledger_book, provider_book
from tests.cli.desk import Desk

DAY = ("--date", "2026-09-25")


def outbox(desk: Desk) -> Path:
    return outbox_dir(desk.house.services.settings) / "sms.jsonl"


@pytest.fixture
def told(desk: Desk) -> Desk:
    """Two customers were greeted, an hour ago."""
    desk.customer("C1")
    desk.customer("C2")
    desk.greet()
    return desk


class TestProviderBooks:
    def test_balance_after_a_day_of_greetings(self, told: Desk) -> None:
        """One line per provider, before the verdict; kept for whoever asks later without asking the provider."""
        line = "kept   sandbox sms, 2026-09-25: 2 handed over, 2 on its list"
        asked = told("books", *DAY, "--provider")
        assert (asked.code, asked.err) == (0, "")
        assert line in asked.out.splitlines()
        assert asked.out.splitlines()[-1].startswith("The books balance: 2 intended")
        assert line in told("books", *DAY).out.splitlines()

    def test_name_what_the_provider_does_not_know(self, told: Desk) -> None:
        """Exit 1 with the message and its reference, for people and for programs."""
        lines = outbox(told).read_bytes().splitlines(keepends=True)
        outbox(told).write_bytes(lines[0])
        lost = json.loads(lines[1])
        answer = told("books", *DAY, "--provider")
        assert answer.code == 1
        assert answer.err == (
            "care: The books do NOT balance with sandbox on 2026-09-25: 2 handed over, 1 on its list; "
            "0 there that we do not know, 1 of ours that it does not know.\n"
        )
        assert f"       ours, unknown there: message {lost['message_id']} ({lost['ref']})" in answer.out
        found = json.loads(told("books", *DAY, "--json").out)
        assert found["balance"] is False
        (sms,) = (page for page in found["providers"] if page["channel"] == "sms")
        assert sms["missing_there"] == [{"message": lost["message_id"], "provider_ref": lost["ref"]}]

    def test_name_what_we_do_not_know(self, told: Desk) -> None:
        """A message at the provider that no attempt of ours names."""
        with write(told.engine) as conn:
            (ref,) = conn.execute(sa.select(attempt.c.provider_ref).order_by(attempt.c.id).limit(1)).scalars()
            conn.execute(sa.update(attempt).where(attempt.c.provider_ref == ref).values(provider_ref="SBforeign"))
        answer = told("books", *DAY, "--provider")
        assert answer.code == 1
        assert f"       there, unknown here: {ref}" in answer.out
        assert "(SBforeign)" in answer.out

    def test_are_looked_at_each_morning(self, told: Desk) -> None:
        """Not before six; then once, unless they are wrong: then hourly, until they balance."""
        house, saved = told.house, outbox(told).read_bytes()
        outbox(told).write_bytes(b"")

        def checked_at() -> object:
            with read(told.engine) as conn:
                return conn.execute(sa.select(provider_book.c.checked_at, provider_book.c.state)).first()

        house.clock.advance(timedelta(hours=18))  # 05:00 of the next day in Shanghai
        run_due_jobs(house.services, WATCH_JOBS)
        assert checked_at() is None
        house.clock.advance(timedelta(hours=1))
        run_due_jobs(house.services, WATCH_JOBS)
        assert checked_at() == (house.clock.now(), "differs")
        assert told("books", *DAY).code == 1
        outbox(told).write_bytes(saved)
        house.clock.advance(timedelta(hours=1))
        run_due_jobs(house.services, WATCH_JOBS)
        balanced = checked_at()
        assert balanced == (house.clock.now(), "balanced")
        house.clock.advance(timedelta(hours=2))
        run_due_jobs(house.services, WATCH_JOBS)
        assert checked_at() == balanced
        assert told("books", *DAY).code == 0
        with read(told.engine) as conn:
            assert conn.execute(sa.select(ledger_book.c.balance)).scalars().all() == [True]

    def test_show_what_is_billed(self, told: Desk) -> None:
        """Parts of the day, and of one message; a price where the provider told one."""
        told("books", *DAY, "--provider")
        with write(told.engine) as conn:
            conn.execute(sa.update(attempt).values(billed_micros=7_500, billed_currency="USD"))
            made = conn.execute(sa.select(message.c.id).limit(1)).scalar()
        told("books", *DAY, "--provider")
        out = told("books", *DAY).out
        assert "       billed: 2 parts (we count 2), 0.015 USD, for 2 messages" in out
        assert "billed as 1 part for 0.0075 USD" in told("message", "show", str(made)).out
        answer = next(
            event
            for event in json.loads(told("message", "show", str(made), "--json").out)["events"]
            if event["kind"] == "answer"
        )
        assert (answer["details"]["billed_parts"], answer["details"]["billed_price"]) == (1, "0.0075")
