"""A relationship survey of a random sample, from the lot to the message, on each database."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Purpose
from care.customers.tables import customer
from care.delivery.registry import outbox_dir
from care.explain.why import explain_why
from care.surveys.occasion_sample import RandomSample
from care.surveys.tables import follow_up, survey_case
from tests.factories import make_customer, make_suppression
from tests.inbound.house import make_message
from tests.surveys.conftest import FollowUps
from tests.surveys.factories_tickets import make_resolved, make_ticket
from tests.surveys.further.conftest import Turn

ALL_TODAY = (("share: 5%", "share: 99.9%"), ("first_day: 8, days: 60", "first_day: 87, days: 1"), ("10:30", "10:00"))
"""25 September is day 87 of its quarter."""
HALF_TODAY = (("share: 5%", "share: 50%"), *ALL_TODAY[1:])


def occasion_of(desk: FollowUps) -> RandomSample:
    found = desk.house.services.campaigns.live["relationship_nps"].occasion
    assert isinstance(found, RandomSample)
    return found


def why(desk: FollowUps, name: str, on: date | None = None) -> str:
    services = desk.house.services
    with read(desk.house.engine) as conn:
        campaigns = [services.campaigns.live["relationship_nps"]]
        return explain_why(conn, name, campaigns, on=on, rules=services.planning_rules, now=desk.now).headline


class TestWhoIsAsked:
    def test_exactly_those_drawn_once_a_round(self, turned_on: Turn) -> None:
        """SQL draws as Python does; planning again, and with new customers, asks nobody twice."""
        desk = turned_on("relationship_nps", changes=HALF_TODAY)
        with write(desk.house.engine) as conn:
            made = [make_customer(conn) for _ in range(60)]
            lots = {row.id: row.draw for row in conn.execute(sa.select(customer.c.id, customer.c.draw))}
        today = date(2026, 9, 25)
        drawn = {one for one in made if occasion_of(desk).lottery.draw(lots[one], today).asked_on == today}
        assert 10 < len(drawn) < 50

        for _ in range(2):
            desk.tick()

        rows = desk.house.messages()
        assert {row.customer_id for row in rows} == drawn
        assert len(rows) == len(drawn)
        assert {(row.occasion, row.purpose, row.status) for row in rows} == {("nps:2026Q3", "survey", "accepted")}

    def test_nobody_again_within_the_days_named(self, turned_on: Turn) -> None:
        """The next round draws from those who were not; after the time it may draw them again."""
        desk = turned_on("relationship_nps", changes=(*ALL_TODAY, ("not_again_within: 180d", "not_again_within: 95d")))
        first = desk.customer()
        desk.tick()
        asked = {}
        for day in (datetime(2026, 12, 26, 2, tzinfo=UTC), datetime(2027, 3, 28, 2, tzinfo=UTC)):
            desk.house.clock.advance(day - desk.now)
            desk.customer(external_id=f"new {day}")
            desk.tick()
            asked[day.month] = {row.customer_id for row in desk.house.messages() if row.occasion_on == day.date()}

        assert first not in asked[12]
        assert len(asked[12]) == 1
        assert asked[3] == {first, max(asked[12]) + 1}  # 92 days later the second is not asked, the first is
        desk.tick()
        assert len(desk.house.messages()) == 4

    @pytest.mark.parametrize(
        ("what", "words"),
        [
            ("ticket", "has an open ticket"),
            ("due", "is about to be asked about a ticket"),
            ("case", "has a case that is not closed"),
            ("asked", "was asked something in the 30 days before"),
            ("staff", "is one of our staff"),
        ],
    )
    def test_nobody_with_something_open_or_just_asked(self, turned_on: Turn, what: str, words: str) -> None:
        """And `care why` names what kept them from it."""
        desk = turned_on("relationship_nps", changes=ALL_TODAY)
        who = desk.customer(external_id="C1", **({"customer_type": "staff"} if what == "staff" else {}))
        with write(desk.house.engine) as conn:
            if what == "ticket":
                make_ticket(conn, customer_id=who, at=desk.now)
            elif what == "due":
                ref = make_resolved(conn, customer_id=who, at=desk.now)
                row = {"external_id": ref, "resolution_id": 1, "ticket_id": 1, "customer_id": who, "kind": "repair"}
                row |= {"resolved_at": desk.now, "commitment": "x", "deadline_at": desk.now, "state": "due"}
                conn.execute(sa.insert(follow_up).values(row | {"state_at": desk.now}))
            elif what == "case":
                row = {"reason": "low_score", "customer_id": who, "opened_at": desk.now, "due_at": desk.now}
                conn.execute(sa.insert(survey_case).values(row))
            elif what == "asked":
                sent = {"purpose": str(Purpose.SURVEY), "status": "sent", "sent_at": desk.now - timedelta(days=29)}
                make_message(conn, customer_id=who, now=sent["sent_at"], campaign_id="other", **sent)
        desk.house.plan()

        assert [row for row in desk.house.messages() if row.campaign_id == "relationship_nps"] == []
        assert words in why(desk, "C1")

    def test_not_when_a_ticket_is_opened_before_it_leaves(self, turned_on: Turn) -> None:
        """The sender looks itself, on the rows of the moment."""
        desk = turned_on("relationship_nps", changes=ALL_TODAY)
        who = desk.customer()
        desk.house.plan()
        with write(desk.house.engine) as conn:
            make_ticket(conn, customer_id=who, at=desk.now)

        assert desk.house.dispatch() == 0
        assert desk.house.statuses() == {"cancelled: no longer owed": 1}

    def test_not_who_wants_no_surveys(self, turned_on: Turn) -> None:
        """The books name them as left out."""
        desk = turned_on("relationship_nps", changes=ALL_TODAY)
        desk.customer(phone="+8613911110000")
        with write(desk.house.engine) as conn:
            make_suppression(conn, address="+8613911110000", scope="survey")
        desk.tick()

        assert desk.house.statuses() == {"skipped: suppressed:opt_out": 1}

    def test_and_by_mail_with_eleven_links_where_there_is_no_phone(self, turned_on: Turn) -> None:
        """Each link opens the page with its score."""
        desk = turned_on("relationship_nps", changes=ALL_TODAY)
        desk.customer(phone=None, email="wang@example.com", locale="en")
        desk.tick()

        assert [row.channel for row in desk.house.messages()] == ["email"]
        sent = (outbox_dir(desk.house.services.settings) / "email.jsonl").read_text(encoding="utf-8")
        assert set(re.findall(r"\?score=(\d+)", sent)) == {str(n) for n in range(11)}


class TestWhy:
    def test_tells_who_was_not_drawn_and_who_is_another_day(self, turned_on: Turn) -> None:
        """In every case the same answer, whoever asks and whenever."""
        desk = turned_on("relationship_nps", changes=(("share: 5%", "share: 50%"),))
        lottery = occasion_of(desk).lottery
        told = {}
        for n in range(12):
            desk.customer(external_id=f"C{n}", draw=1_000_003 * (n + 1))
            told[n] = why(desk, f"C{n}"), lottery.draw(1_000_003 * (n + 1), date(2026, 9, 25)).asked_on

        assert len({asked is None for _, asked in told.values()}) == 2
        for words, asked in told.values():
            if asked is None:
                assert "not due on 2026-09-25; not drawn this quarter (2026Q3): place 0." in words
            elif asked != date(2026, 9, 25):
                assert f"drawn this quarter (2026Q3), for {asked}" in words
