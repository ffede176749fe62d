"""What monitoring sees."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from care.base.database import write
from care.base.vocabulary import Channel
from care.messages.tables import pause
from care.watch.book_store import keep_pages
from care.watch.incidents import judge
from care.watch.provider_books import BookState, ProviderPage
from care.watch.rules import Facts
from tests.factories import make_customer
from tests.inbound.house import hear, make_attempt, make_message
from tests.read_only import read_only
from tests.web.conftest import Site

PHONE = "+8613800001111"


def add_due(site: Site, *, minutes_ago: int, **fields: object) -> int:
    now = site.services.clock.now()
    with write(site.services.engine) as conn:
        customer_id = make_customer(conn, phone=None)
        then = now - timedelta(minutes=minutes_ago)
        return make_message(conn, customer_id=customer_id, now=then, **fields)


def ready(site: Site) -> tuple[int, str]:
    answer = site.client.get("/readyz")
    return answer.status_code, answer.json()["reason"]


class TestReadiness:
    def test_is_given_while_nothing_waits_too_long(self, site: Site) -> None:
        """An empty house and a message due ten minutes ago are both well."""
        assert ready(site) == (200, "")
        add_due(site, minutes_ago=10)
        assert ready(site) == (200, "")

    def test_is_refused_when_nobody_sends(self, site: Site) -> None:
        """The answer says for how long, and what to look at."""
        add_due(site, minutes_ago=47)
        code, reason = ready(site)

        assert code == 503
        assert "47 minutes" in reason
        assert "care run" in reason

    def test_is_given_while_a_backlog_is_worked_off(self, site: Site) -> None:
        """A hundred thousand greetings at ten a second take hours; that is no trouble."""
        add_due(site, minutes_ago=47)
        made = add_due(site, minutes_ago=50, status="accepted")
        with write(site.services.engine) as conn:
            make_attempt(conn, message_id=made, phone=PHONE, now=site.services.clock.now())
        assert ready(site) == (200, "")

    @pytest.mark.parametrize("scope", ["all", "purpose:greeting", "campaign:greeting"])
    def test_does_not_ask_for_what_is_paused(self, site: Site, scope: str) -> None:
        """Stopped by hand is not stuck."""
        add_due(site, minutes_ago=47)
        with write(site.services.engine) as conn:
            conn.execute(sa.insert(pause).values(scope=scope, by="test", at=site.services.clock.now()))
        assert ready(site) == (200, "")

    def test_is_refused_without_a_database(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        """503 with the reason; being alive is another question."""

        def fail(*_: object, **__: object) -> None:
            raise sa.exc.OperationalError("SELECT", {}, Exception("secret host down"))

        monkeypatch.setattr(site.services.engine, "connect", fail)
        code, reason = ready(site)
        assert (code, "database" in reason, "secret" in reason) == (503, True, False)
        assert site.client.get("/healthz").status_code == 200
        assert site.client.get("/metrics").status_code == 503
        monkeypatch.undo()

    def test_is_refused_while_nothing_may_be_written(self, site: Site) -> None:
        """Read it can be, and no webhook could be stored."""
        with read_only(site.services.engine):
            code, reason = ready(site)
        assert code == 503
        assert reason.startswith(("the database is read-only", "the database may not be written"))
        assert ready(site) == (200, "")


class TestMetrics:
    def test_tell_what_there_is_and_nobodys_name(self, site: Site) -> None:
        """Figures by status, purpose, channel, provider; no customer, no number, no text in any label."""
        made = add_due(site, minutes_ago=3, status="accepted")
        add_due(site, minutes_ago=2)
        with write(site.services.engine) as conn:
            make_attempt(conn, message_id=made, phone=PHONE, now=site.services.clock.now())
        hear(site.services, PHONE, "有人在吗")
        site.client.post("/webhooks/twilio/inbound")
        site.services.clock.advance(timedelta(seconds=10))
        site.client.get("/healthz")

        text = site.client.get("/metrics").text
        found = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert found["care_messages_open", "greeting", "planned"] == 1
        assert found["care_messages_open", "accepted", "greeting"] == 1
        assert found["care_attempts_last_day", "", "accepted", "sms", "twilio"] == 1
        assert found["care_webhook_answers_total", "403", "inbound"] == 1
        assert found["care_oldest_due_seconds",] == 130
        assert "1380000" not in text
        assert "有人" not in text

    def test_tell_of_incidents_and_of_the_providers_books(self, site: Site) -> None:
        """One figure per rule, 1 while it is open; the differences of each compared day; also named by readiness."""
        now = site.services.clock.now()
        page = ProviderPage(
            day=now.date(),
            provider="twilio",
            channel=Channel.SMS,
            state=BookState.DIFFERS,
            ours=2,
            differences=2,
            checked_at=now,
        )
        with write(site.services.engine) as conn:
            keep_pages(conn, [page])
            judge(conn, Facts(in_doubt=3), now=now)
        text = site.client.get("/metrics").text
        assert 'care_incident_open{rule="in_doubt"} 1.0' in text
        assert 'care_incident_open{rule="disk"} 0.0' in text
        day = now.date().isoformat()
        assert f'care_provider_differences{{channel="sms",day="{day}",provider="twilio",state="differs"}} 2.0' in text
        assert "care_disk_free_mib " in text
        assert site.client.get("/readyz").json()["incidents"] == ["in_doubt"]

    def test_are_not_worked_out_for_every_visitor(self, site: Site) -> None:
        """Within five seconds the same figures are given again."""
        before = site.client.get("/metrics").text
        add_due(site, minutes_ago=1)
        assert site.client.get("/metrics").text == before
        site.services.clock.advance(timedelta(seconds=6))
        assert site.client.get("/metrics").text != before
