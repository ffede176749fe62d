"""`care incidents`, and what doctor, health and metrics say of them."""

import json
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.schedule import raise_alarms
from care.watch.alerts import send_alerts
from tests.cli.conftest import Care
from tests.cli.desk import Desk
from tests.reports.ledger import make_message
from tests.watch.receiver import Receiver, receiver


@pytest.fixture
def ear() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


def doubt(desk: Desk) -> None:
    """Let a message be in doubt for an hour, and the watch notice it."""
    clock = desk.house.clock
    with write(desk.engine) as conn:
        make_message(conn, status="unknown", status_at=clock.now() - timedelta(hours=1))
    raise_alarms(desk.house.services, clock.now(), None)


def settle(desk: Desk) -> None:
    with write(desk.engine) as conn:
        conn.execute(sa.text("UPDATE message SET status = 'sent' WHERE status = 'unknown'"))
    desk.house.clock.advance(timedelta(minutes=5))
    raise_alarms(desk.house.services, desk.house.clock.now(), None)


class TestIncidents:
    def test_are_none_in_a_quiet_house(self, desk: Desk) -> None:
        """Exit 0, with a word on where the past is."""
        answer = desk("incidents")
        assert (answer.code, answer.out) == (0, "Nothing is wrong now. What was: care incidents --all\n")

    def test_are_listed_until_they_are_over(self, desk: Desk) -> None:
        """Exit 1 while one is open; afterwards it is in the past."""
        doubt(desk)
        answer = desk("incidents")
        assert answer.code == 1
        assert answer.err == "care: 1 incident open. What to do: docs/on-call.md\n"
        assert "Messages are in doubt" in answer.out
        found = json.loads(desk("incidents", "--json").out)
        assert (found["rule"], found["closed_at"]) == ("in_doubt", None)
        settle(desk)
        assert desk("incidents").code == 0
        past = desk("incidents", "--all", "--json")
        assert (past.code, json.loads(past.out)["closed_at"] is not None) == (0, True)

    def test_of_which_an_address_does_not_hear_are_known_to_the_doctor(self, desk: Desk, ear: Receiver) -> None:
        """Named by its place: the address is a secret."""
        doubt(desk)
        ear.status = 500
        for _ in range(2):
            clock = desk.house.clock
            send_alerts(desk.engine, [ear.url], clock=clock, zone="UTC", sender="care")
            clock.advance(timedelta(minutes=5))
        desk.capsys.readouterr()
        answer = desk.run("doctor", "--json", CARE_ALERTS__URLS=ear.url)
        words = "alerts.urls: number 1 does not take an alert. Try: care incidents --send-test"
        assert {"subject": "alerts", "ok": False, "words": words} in json.loads(answer.out)["checks"]

    def test_send_a_trial(self, desk: Desk, ear: Receiver) -> None:
        """To every address; one that does not take it is named by its place."""
        settings = desk.house.folder / "care.toml"
        urls = f'[alerts]\nurls = ["{ear.url}", "json://127.0.0.1:9/secret-path"]\n'
        settings.write_text(settings.read_text(encoding="utf-8") + urls, encoding="utf-8")
        answer = desk("incidents", "--send-test")
        assert (answer.code, answer.out) == (1, "✓ address 1\n✗ address 2\n")
        assert "secret-path" not in answer.err
        assert ear.titles == ["trial"]

    def test_send_no_trial_to_nobody(self, desk: Desk) -> None:
        """Exit 1 with what to set."""
        answer = desk("incidents", "--send-test")
        assert (answer.code, "alerts.urls is empty" in answer.err) == (1, True)


class TestDoctor:
    def test_names_what_is_open(self, desk: Desk) -> None:
        """And who is told."""
        out = desk("doctor").out
        assert "✓ incidents" in out
        assert "nobody is told (alerts.urls is empty)" in out
        doubt(desk)
        assert "open: Messages are in doubt. See: care incidents" in desk("doctor").out

    def test_knows_an_address_that_is_none(self, care: Care, monkeypatch: pytest.MonkeyPatch) -> None:
        """By its place in the list; also that the extra is missing."""
        care("init")
        env = {"CARE_ALERTS__URLS": "json://127.0.0.1/x, nosuchservice://secret-token"}
        answer = care("doctor", **env)
        assert answer.code == 1
        assert "alerts.urls: number 2 is no Apprise URL" in answer.out
        assert "secret-token" not in answer.out + answer.err
        monkeypatch.setitem(sys.modules, "apprise", None)
        assert "pip install 'care[alerts]'" in care("doctor", **env).out

    def test_refuses_settings_that_are_no_address(self, care: Care) -> None:
        """Exit 2; the line never repeats the value."""
        answer = care("incidents", CARE_ALERTS__URLS="tok3n", CARE_ALERTS__HEARTBEAT_URL="ftp://tok3n")
        assert answer.code == 2
        assert "alerts.urls: one of them has no scheme" in answer.err
        assert "alerts.heartbeat_url: must begin with https:// or http://" in answer.err
        assert "tok3n" not in answer.err

    def test_shows_no_secret_in_the_settings(self, care: Care) -> None:
        """`care config show` masks every address."""
        env = {"CARE_ALERTS__URLS": "slack://tok3n", "CARE_ALERTS__HEARTBEAT_URL": "https://beat.example/tok3n"}
        answer = care("config", "show", **env)
        assert answer.code == 0
        assert "tok3n" not in answer.out
