"""A mail leaves through a real relay, and its bounce comes back to the address it left from."""

from email import message_from_bytes
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import write
from care.messages.tables import message
from tests.contracts.mail_server import MailServer
from tests.factories import make_customer
from tests.inbound.bounces.dialects import report
from tests.inbound.bounces.post import ADDRESS, bans, ingest, rows
from tests.inbound.house import dispatch, make_message, open_house


class TestBounces:
    @pytest.mark.parametrize("known_by", ["return path", "Message-ID"])
    def test_find_the_mail_they_are_about(
        self, engine: sa.Engine, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known_by: str
    ) -> None:
        """What the sender signs is what the reader checks, whichever of the two ids survives."""
        monkeypatch.chdir(tmp_path)
        with MailServer() as server:
            services = open_house(
                engine,
                clock,
                tmp_path,
                email={"provider": "smtp", "bounce_domain": "bounce.example.com"},
                smtp={"host": "localhost", "port": server.port, "tls": "none"},
            )
            campaign = tmp_path / "campaigns" / "greeting.yaml"
            campaign.write_text(campaign.read_text().replace("[sms]", "[email]"))
            with write(engine) as conn:
                customer_id = make_customer(conn, email=ADDRESS, phone=None, consents=("greeting",))
                make_message(conn, customer_id=customer_id, now=clock.now())
            assert dispatch(services) == 1
            (envelope,) = server.handler.taken

        mail = message_from_bytes(envelope.original_content)
        if known_by == "return path":
            bounce = report(ADDRESS, status="5.1.1", to=envelope.mail_from)
        else:
            bounce = report(ADDRESS, status="5.1.1", returned=f"Message-ID: {mail['Message-ID']}\nTo: {{to}}\n\nHello")
        ingest(services, bounce)

        assert [row.status for row in rows(services, message)] == ["undelivered"]
        assert bans(services) == [("hard_bounce", "all")]
