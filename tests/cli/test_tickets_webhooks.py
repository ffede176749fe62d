"""`care tickets webhooks` and `care tickets resend`, as a user types them."""

import base64
import json
from datetime import timedelta

import pytest

from care.base.database import read, write
from care.inbound.events.outgoing import Told, list_webhooks, note_given_up, note_taken, tell
from care.loop_jobs import tell_ticket_system
from care.schedule import raise_alarms
from care.watch.incidents import open_incidents
from tests.cli.desk import Desk

URL = {
    "CARE_TICKET_SYSTEM__URL": "http://127.0.0.1:9/a-token",
    "CARE_TICKET_SYSTEM__SECRET": "whsec_" + base64.b64encode(b"s" * 32).decode(),
}


@pytest.fixture
def told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three webhooks: one waits, one was given up, one was taken."""
    for name, value in URL.items():
        monkeypatch.setenv(name, value)
    now = desk.house.clock.now()
    with write(desk.engine) as conn:
        about = [{"case": n, "ticket": f"T-{n}", "reason": "not_solved"} for n in range(3)]
        ids = [tell(conn, Told.TICKET_REOPEN, one, now=now) for one in about]
        rows = {one["id"]: n for n, one in enumerate(reversed(list_webhooks(conn, None, limit=9)), start=1)}
        note_given_up(conn, rows[ids[1]], problem="answered 401", now=now)
        note_taken(conn, rows[ids[2]], now=now)
    return ids


def listed(desk: Desk, *words: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in desk("tickets", "webhooks", "--json", *words).out.splitlines()]


class TestWebhooks:
    def test_show_what_was_not_taken(self, desk: Desk, told: list[str]) -> None:
        """What waits and what was given up, with the answer; no address, no token."""
        rows = listed(desk)
        assert [(row["id"], row["state"], row["problem"]) for row in rows] == [
            (told[1], "given_up", "answered 401"),
            (told[0], "waiting", None),
        ]
        assert [row["ticket"] for row in listed(desk, "--state", "done")] == ["T-2"]
        shown = desk("tickets", "webhooks").out
        assert "answered 401" in shown
        assert "a-token" not in shown

    def test_know_their_states(self, desk: Desk, told: list[str]) -> None:
        """Exit 2 for another; nothing of a state is no failure."""
        assert desk("tickets", "webhooks", "--state", "lost").code == 2
        assert desk("tickets", "resend", "--given-up").code == 0
        assert desk("tickets", "webhooks", "--state", "given_up").out == "No webhook is in this state.\n"


class TestResend:
    def test_sends_what_was_given_up_and_ends_the_alarm(self, desk: Desk, told: list[str]) -> None:
        """It waits again like a new one; the incident closes."""
        clock = desk.house.clock
        raise_alarms(desk.house.services, clock.now(), None)
        assert self.incidents(desk) == ["webhooks given up: 1. See: care tickets webhooks"]
        answer = desk("tickets", "resend", told[1], "--json")
        assert (answer.code, json.loads(answer.out)) == (0, {"id": told[1], "state": "waiting"})
        assert {row["state"] for row in listed(desk)} == {"waiting"}
        clock.advance(timedelta(minutes=5))
        raise_alarms(desk.house.services, clock.now(), None)
        assert self.incidents(desk) == []

    def incidents(self, desk: Desk) -> list[str]:
        with read(desk.engine) as conn:
            found = open_incidents(conn, desk.house.clock.now())
        return [one.words for one in found if one.rule == "ticket_system"]

    def test_leaves_the_others_as_they_are(self, desk: Desk, told: list[str]) -> None:
        """Exit 1, a line for each; those that could be sent are."""
        answer = desk("tickets", "resend", *told)
        assert answer.code == 1
        assert answer.out == "1 webhook will be sent again\n"
        assert answer.err.splitlines() == [
            f"{name}: no webhook of this id was given up. See: care tickets webhooks" for name in (told[0], told[2])
        ]

    @pytest.mark.parametrize("words", [(), ("msg_1", "--given-up")])
    def test_needs_one_or_all(self, desk: Desk, told: list[str], words: tuple[str, ...]) -> None:
        """Exit 2, one line."""
        answer = desk("tickets", "resend", *words)
        assert (answer.code, answer.err.count("\n")) == (2, 1)

    def test_needs_somebody_who_hears(self, desk: Desk, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """Without an address it would be closed unheard at the next tick."""
        for name in URL:
            monkeypatch.delenv(name)
        assert desk("tickets", "resend", "--given-up").code == 2
        tell_ticket_system(desk.house.services, desk.house.clock.now(), None)
        assert [row["state"] for row in listed(desk)] == ["given_up"]
