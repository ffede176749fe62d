"""`care doctor` on what follows a ticket: news that comes, answers, calls, and the ticket system."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.inbound.events.outgoing import Told, tell
from care.inbound.events.tables import outgoing_webhook
from care.surveys.cases import Concern, open_case
from care.surveys.model import CaseReason
from tests.cli.desk import Desk
from tests.house import ROOT
from tests.inbound.events.factories_events import resolved
from tests.inbound.events.factories_events import tell as post
from tests.inbound.events.ticket_system import ticket_system

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


def examine(desk: Desk, subject: str) -> tuple[bool, str]:
    """Return whether a line is well, and what it says."""
    found = json.loads(desk("doctor", "--json").out)["checks"]
    (line,) = [one for one in found if one["subject"] == subject]
    return line["ok"], line["words"]


def setting(monkeypatch: pytest.MonkeyPatch, **env: Any) -> None:
    for name, value in env.items():
        monkeypatch.setenv(f"CARE_{name}", value)


@pytest.fixture
def asked(desk: Desk) -> Desk:
    desk.house.write_campaign((ROOT / "campaigns/repair_followup.yaml").read_text(encoding="utf-8"), "repair_followup")
    return desk


class TestTickets:
    def test_says_that_none_has_come(self, asked: Desk) -> None:
        """A campaign asks; how news could come is in the line."""
        well, words = examine(asked, "tickets")
        assert well
        assert words.startswith(
            "repair are asked about, and none has come. Make a key: care keys create --scope events"
        )

    def test_counts_the_keys_and_misses_them(self, asked: Desk) -> None:
        """A key that may post; none after all were revoked."""
        made = json.loads(asked("keys", "create", "--scope", "events", "--json").out)
        assert examine(asked, "tickets") == (True, "1 keys may post events; repair are asked about")
        asked("keys", "revoke", made["id"])
        assert examine(asked, "tickets")[0] is False

    def test_tells_of_imports_and_of_news_that_waits(self, asked: Desk) -> None:
        """What is told for a day and cannot be used is no way."""
        asked.customer("C1")
        post(asked.house.services, resolved(1), resolved(1, ticket="T-2", customer="C9"))
        assert examine(asked, "tickets") == (True, "imported only, nobody may post events; repair are asked about")
        asked.house.clock.advance(timedelta(days=1, minutes=1))
        well, words = examine(asked, "tickets")
        assert (well, words) == (False, "1 events wait for repair. See: care tickets events --state waiting")


class TestAnswers:
    def test_come_back_as_the_gateway_allows(self, asked: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """By text message; by mail from abroad; by a link that needs an address."""
        assert examine(asked, "survey answers") == (True, "by text message")
        setting(monkeypatch, SENDERS__SURVEY="Hailan")
        well, words = examine(asked, "survey answers")
        assert (well, words.endswith("operator.public_url is not set. Set it")) == (False, True)
        setting(monkeypatch, OPERATOR__PUBLIC_URL="https://care.example.com")
        assert examine(asked, "survey answers")[0]
        twilio = {"ACCOUNT_SID": "AC1", "AUTH_TOKEN": "t", "FROM_NUMBER": "+12025550123"}
        twilio |= {"BASE_URL": "http://127.0.0.1:9", "TIMEOUT_SECONDS": "1"}
        setting(monkeypatch, SMS__PROVIDER="twilio", **{f"TWILIO__{name}": word for name, word in twilio.items()})
        assert examine(asked, "survey answers")[1].startswith("by e-mail, else called, as ")
        text = (ROOT / "campaigns/repair_followup.yaml").read_text(encoding="utf-8")
        asked.house.write_campaign(text.replace("[sms, email]", "[sms]"), "repair_followup")
        well, words = examine(asked, "survey answers")
        assert (well, "add e-mail to the channels of repair_followup" in words) == (False, True)


class TestCases:
    def test_name_the_promise_and_who_waits(self, desk: Desk) -> None:
        """Working hours; a case past its time; a calendar that cannot be read."""
        assert examine(desk, "cases") == (True, "called within 8 working hours, 09:00 to 18:00")
        now = desk.house.clock.now()
        with write(desk.engine) as conn:
            open_case(conn, Concern(reason=CaseReason.CALL_BACK, customer_id=None, due_at=now), now=now)
        desk.house.clock.advance(timedelta(minutes=1))
        assert examine(desk, "cases")[1].startswith("1 customers wait for a call")
        (desk.house.folder / "campaigns" / "calendar.yaml").write_text("work: [soon]\n", encoding="utf-8")
        well, words = examine(desk, "cases")
        assert (well, "calendar.yaml" in words) == (False, True)


class TestTheTicketSystem:
    def test_is_knocked_at_and_hears_nothing(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody, somebody, somebody who has gone; the address itself is in no line."""
        assert examine(desk, "ticket system")[1].startswith("nobody is told of cases (ticket_system.url is empty)")
        setting(monkeypatch, TICKET_SYSTEM__SECRET=SECRET)
        with ticket_system() as system:
            setting(monkeypatch, TICKET_SYSTEM__URL=system.url)
            answers = f"127.0.0.1:{system.port} answers"
            assert examine(desk, "ticket system") == (True, f"{answers}, and webhooks are signed")
            setting(monkeypatch, TICKET_SYSTEM__URL=system.url.replace("http:", "https:"))
            assert examine(desk, "ticket system")[1].startswith(f"127.0.0.1:{system.port}: TLS failed")
            setting(monkeypatch, TICKET_SYSTEM__URL=system.url)
            with write(desk.engine) as conn:
                tell(conn, Told.CASE_OPENED, {"case": 1}, now=desk.house.clock.now() - timedelta(hours=2))
                tell(conn, Told.CASE_OPENED, {"case": 2}, now=desk.house.clock.now())
                gone = {"given_up_at": desk.house.clock.now(), "done_at": desk.house.clock.now()}
                conn.execute(sa.update(outgoing_webhook).where(outgoing_webhook.c.id == 2).values(gone))
            said = f"{answers}, but 1 webhooks have waited for an hour, 1 were given up. See: care tickets webhooks"
            assert examine(desk, "ticket system") == (False, said)
            assert system.heard == []
        well, words = examine(desk, "ticket system")
        assert (well, "does not answer" in words, "token" in words) == (False, True, False)
