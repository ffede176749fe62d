"""`care providers` and planned maintenance, and what doctor, health and alarms make of a closed provider."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.base.ids import digest
from care.base.vocabulary import Channel
from care.delivery import breaker, health
from care.delivery.breaker import Cause, Door
from care.delivery.incarnation import DISPATCH, begin_incarnation
from care.delivery.tally import Counted
from care.reports.providers import SENDER_ALIVE
from care.schedule import raise_alarms
from care.watch.incidents import open_incidents
from tests.cli.desk import Desk

SMS = Door(Channel.SMS, "sandbox", "")


def close(desk: Desk, why: str = "account SID and token do not fit") -> None:
    """Let a sender have seen the SMS provider fail."""
    now = desk.house.clock.now()
    with write(desk.engine) as conn:
        health.enter_doors(conn, [SMS, Door(Channel.EMAIL, "sandbox", "")], now)
        health.add_tally(conn, {SMS: Counted(answers=8, errors=6, slow=2)}, now)
        health.change(conn, SMS, lambda stands: breaker.closed(stands, Cause.IN_ROW, why, now))


def rows(desk: Desk) -> dict[str, dict]:
    return {row["channel"]: row for row in json.loads(desk("providers", "--json").out)["providers"]}


class TestProviders:
    def test_are_well_in_a_quiet_house(self, desk: Desk) -> None:
        """Exit 0; what was sent today is counted."""
        desk.customer("C1")
        desk.greet()
        answer = desk("providers")
        assert (answer.code, answer.out.count("well")) == (0, 2)
        sms = rows(desk)["sms"]
        assert (sms["state"], sms["share"], sms["parts_today"], sms["answers"]) == ("well", 100, 1, 0)

    def test_say_since_when_and_why_one_is_closed(self, desk: Desk) -> None:
        """Exit 1, with the next look and the shares of the last quarter of an hour."""
        close(desk)
        answer = desk("providers")
        assert answer.code == 1
        assert "closed since 2026-09-25 10:00 CST: account SID and token do not fit; next look 10:00:10" in answer.out
        sms = rows(desk)["sms"]
        assert (sms["state"], sms["share"], sms["error_share"], sms["slow_share"]) == ("closed", 0, 0.75, 0.25)
        assert rows(desk)["email"]["state"] == "well"

    def test_say_how_many_had_no_room(self, desk: Desk) -> None:
        """They are no errors, and tell of a pace that is too fast or an account that is full."""
        now = desk.house.clock.now()
        with write(desk.engine) as conn:
            health.enter_doors(conn, [SMS], now)
            health.add_tally(conn, {SMS: Counted(answers=8, no_room=3, accepted=5)}, now)
        sms = rows(desk)["sms"]
        assert (sms["no_room"], sms["error_share"]) == (3, 0.0)
        assert "no room 15min" in desk("providers").out

    def test_count_a_part_once_though_a_purpose_has_a_sender_of_its_own(self, desk: Desk) -> None:
        """Each row has what its own sender sent, and no purpose is lost."""
        with (desk.house.folder / "care.toml").open("a", encoding="utf-8") as file:
            file.write('[senders]\ngreeting = "HAILAN"\nsurvey = "OTHER"\n')
        desk.customer("C1")
        desk.greet()
        key = digest("HAILAN")[:16]
        own = [Door(Channel.SMS, "sandbox", key)]

        def counted() -> list[tuple[str, int]]:
            found = json.loads(desk("providers", "--json").out)["providers"]
            return [(row["purposes"], row["parts_today"]) for row in found if row["channel"] == "sms"]

        assert counted() == [("", 1)]
        with write(desk.engine) as conn:
            health.enter_doors(conn, own, desk.house.clock.now())
        assert counted() == [("", 0), ("greeting", 1)]

    def test_say_when_nobody_sends(self, desk: Desk) -> None:
        """No sender was ever there; one is; it was killed, and a minute has passed."""

        def said() -> tuple[int, str]:
            senders = json.loads(desk("providers", "--json").out)["senders"]
            return senders, desk("providers").out

        senders, out = said()
        assert senders == 0
        assert "Nobody sends now: none was ever seen" in out
        with write(desk.engine) as conn:
            begin_incarnation(conn, DISPATCH, desk.house.clock.now())
        desk.house.clock.advance(SENDER_ALIVE - timedelta(seconds=1))
        senders, out = said()
        assert senders == 1
        assert "Nobody sends" not in out
        desk.house.clock.advance(timedelta(seconds=1))
        senders, out = said()
        assert senders == 0
        assert "Nobody sends now: the last sender was seen 2026-09-25 10:00 CST" in out

    def test_tell_of_changes(self, desk: Desk) -> None:
        """Who carried, who carries, and why."""
        desk.customer("C1")
        desk("providers", "maintenance", "sandbox", "--until", "2h", "--why", "new numbers")
        desk.greet()
        found = json.loads(desk("providers", "--json").out)
        (change, _) = found["changes"]
        assert (change["from"], change["to"]) == ("sandbox", None)
        assert change["why"] == "sandbox is in maintenance: new numbers"
        assert "nobody" in desk("providers").out

    def test_that_are_closed_are_an_incident_after_five_minutes(self, desk: Desk) -> None:
        """Doctor says so at once; one that is planned to be away is none."""
        close(desk)
        assert "✗ providers" in desk("doctor").out
        services, clock = desk.house.services, desk.house.clock

        def standing() -> list[str]:
            raise_alarms(services, clock.now(), None)
            with write(desk.engine) as conn:
                return [each.rule for each in open_incidents(conn, clock.now())]

        assert standing() == []
        clock.advance(timedelta(minutes=6))
        assert standing() == ["provider"]
        desk("providers", "maintenance", "sandbox", "--until", "2h")
        clock.advance(timedelta(minutes=4))
        assert standing() == []


class TestMaintenance:
    def test_is_in_the_operators_time(self, desk: Desk) -> None:
        """A local time, a day and a span."""
        answer = desk("providers", "maintenance", "sandbox", "--from", "2026-09-25T22:00", "--until", "2026-09-26")
        assert (answer.code, answer.out) == (
            0,
            "sandbox: nothing goes there from 2026-09-25 22:00 CST until 2026-09-26 00:00 CST\n",
        )
        found = json.loads(desk("providers", "maintenance", "sandbox", "--until", "2h", "--json").out)
        assert (found["from"], found["until"]) == ("2026-09-25T02:00:00+00:00", "2026-09-25T04:00:00+00:00")

    def test_ends_when_told(self, desk: Desk) -> None:
        """What waits goes; ending nothing is a no."""
        desk.customer("C1")
        desk("providers", "maintenance", "sandbox", "--until", "4h")
        desk("providers", "maintenance", "sandbox", "--from", "9h", "--until", "10h")
        desk.house.plan()
        assert desk.house.dispatch() == 0
        assert json.loads(desk("providers", "maintenance", "sandbox", "--end", "--json").out)["ended"] == 2
        assert desk.house.dispatch() == 1
        assert desk("providers", "maintenance", "sandbox", "--end").code == 1

    def test_is_seen_in_the_plan(self, desk: Desk) -> None:
        """A send that falls into it is worth a look; one before it is not."""
        desk.house.write_campaign()
        desk.customer("C1")
        desk("providers", "maintenance", "sandbox", "--from", "1h", "--until", "2h")
        assert "maintenance" not in desk("plan").out
        desk("providers", "maintenance", "sandbox", "--until", "2h")
        plan = desk("plan").out
        assert (
            "sandbox is in maintenance from 2026-09-25 10:00 until 2026-09-25 12:00: 1 send by sms falls into it and waits"
            in plan
        )

    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (("twilo", "--until", "2h"), "care: twilo: no such provider in the settings. Known: sandbox\n"),
            (("sandbox",), "care: --until: is missing. Say when it ends, or use --end\n"),
            (("sandbox", "--until", "soon"), "care: --until soon: not a time. "),
            (("sandbox", "--until", "2026-09-25T09:00"), "care: --until 2026-09-25T09:00: is before it begins"),
            (("sandbox", "--from", "3h", "--until", "2h"), "care: --until 2h: is before it begins"),
            (("sandbox", "--until", "3943-09-25"), "care: --until 3943-09-25: lies more than 30 days after"),
            (("sandbox", "--until", "31d"), "care: --until 31d: lies more than 30 days after"),
            (
                ("sandbox", "--from", "3943-09-25", "--until", "3943-09-26"),
                "care: --from 3943-09-25: lies more than a year",
            ),
            (("sandbox", "--from", "2026-09-24T22:00", "--until", "2h"), "care: --from 2026-09-24T22:00: has passed"),
            (("sandbox", "--end", "--until", "2h"), "care: --end: ends it now, and stands alone"),
            (("sandbox", "--end", "--from", "1h"), "care: --end: ends it now, and stands alone"),
            (("sandbox", "--end", "--why", "done"), "care: --end: ends it now, and stands alone"),
        ],
    )
    def test_refuses_what_makes_no_window(self, desk: Desk, words: tuple[str, ...], line: str) -> None:
        """Exit 2 with the one line; nothing is noted."""
        answer = desk("providers", "maintenance", *words)
        assert answer.code == 2
        assert answer.err.startswith(line)
        with write(desk.engine) as conn:
            assert conn.execute(sa.text("SELECT count(*) FROM provider_maintenance")).scalar_one() == 0

    def test_is_measured_in_time_that_passes(self, desk: Desk) -> None:
        """In the night in which 02:00 to 03:00 is left out half past two is half past three, later than a quarter past."""
        with (desk.house.folder / "care.toml").open("a", encoding="utf-8") as file:
            file.write('[operator]\ntimezone = "Europe/Berlin"\n')
        night = "2027-03-28T0"
        answer = desk("providers", "maintenance", "sandbox", "--from", f"{night}2:30", "--until", f"{night}3:15")
        assert (answer.code, answer.err.startswith(f"care: --until {night}3:15: is before it begins")) == (2, True)
        answer = desk(
            "providers", "maintenance", "sandbox", "--from", f"{night}1:30", "--until", f"{night}3:15", "--json"
        )
        found = json.loads(answer.out)
        assert (found["from"], found["until"]) == ("2027-03-28T00:30:00+00:00", "2027-03-28T01:15:00+00:00")

    @pytest.mark.parametrize("words", [("--from", "2026-09-25T09:58", "--until", "2h"), ("--until", "30d")])
    def test_takes_what_began_a_moment_ago_and_a_long_absence(self, desk: Desk, words: tuple[str, ...]) -> None:
        """It is 10:00: who types what the clock said when they began is understood."""
        assert desk("providers", "maintenance", "sandbox", *words).code == 0
