"""`care plan` as a user runs it."""

import json
from datetime import date, timedelta

import sqlalchemy as sa

from care.base.database import read, write
from care.messages.tables import message
from tests.cli.desk import Desk
from tests.factories import make_subscription
from tests.house import BIRTHDAY

OFFER = (
    BIRTHDAY.replace("birthday", "gift").replace("kind: gift", "kind: birthday").replace("greeting", "offer")
    + "values: {benefit: {zh-CN: 10GB}, valid_until: {zh-CN: 9月30日}}\n"
)


def crowd(desk: Desk, count: int = 3, **fields: object) -> None:
    desk.house.clock.advance(timedelta(hours=-1))
    for n in range(count):
        desk.customer(f"C{n}", consents=("greeting", "offer"), **fields)


class TestThePlan:
    def test_is_a_table_with_a_sum(self, desk: Desk) -> None:
        """Counts, skips, parts, money, start, finish and margin; nothing is written."""
        crowd(desk)
        desk.customer("C9", consents=())
        answer = desk("plan", "--days", "1")
        assert (answer.code, answer.err) == (0, "")
        (row,) = [line for line in answer.out.splitlines() if " birthday " in line]
        assert row.split() == [
            "2026-09-25", "birthday", "4", "4", "3", "0", "3", "0.15", "10:00", "10:00", "7", "h", "59", "1", "no_consent",
        ]  # fmt: skip
        assert "new messages  4" in answer.out
        assert "3 recipients, 3 parts, 0.15 CNY (every text rendered)" in answer.out
        with read(desk.engine) as conn:
            assert conn.execute(sa.select(sa.func.count()).select_from(message)).scalar() == 0

    def test_is_one_object_for_machines(self, desk: Desk) -> None:
        """The same figures with names."""
        crowd(desk)
        found = json.loads(desk("plan", "--days", "2", "--json").out)
        assert (found["from"], found["to"], found["new"]) == ("2026-09-25", "2026-09-26", 3)
        assert found["sms"] == {
            "recipients": 3, "parts": 3, "cost": 0.15, "currency": "CNY", "exact": True, "rendered": 3,
        }  # fmt: skip
        (day,) = found["days"]
        assert (day["campaign"], day["to_send"], day["by_status"]) == ("birthday", {"sms": 3}, {"planned": 3})
        assert day["start"] == "2026-09-25T02:00:00+00:00"
        (lane,) = found["lanes"]
        assert lane == {"purpose": "greeting", "channel": "sms", "messages": 3, "parts": 3, "seconds": 0.3}

    def test_tells_new_from_known(self, desk: Desk) -> None:
        """After planning there is nothing new."""
        crowd(desk)
        desk.house.plan()
        (day,) = json.loads(desk("plan", "--days", "1", "--json").out)["days"]
        assert (day["qualify"], day["new"], day["already_planned"]) == (3, 0, 3)

    def test_may_be_of_one_campaign(self, desk: Desk) -> None:
        """And a name that is not known is answered with the nearest."""
        crowd(desk)
        desk.house.write_campaign(OFFER, "gift")
        found = json.loads(desk("plan", "--days", "1", "--campaign", "gift", "--json").out)
        assert [day["campaign"] for day in found["days"]] == ["gift"]
        answer = desk("plan", "--campaign", "birthdy")
        assert (answer.code, answer.err) == (1, "care: campaign 'birthdy' is not known. Did you mean 'birthday'?\n")

    def test_names_collisions_and_who_yields(self, desk: Desk) -> None:
        """An offer and a greeting on one birthday: the greeting gives way."""
        crowd(desk)
        desk.house.write_campaign(OFFER, "gift")
        answer = desk("plan", "--days", "1")
        assert "collisions    3 customers" in answer.out
        assert "3 × birthday is dropped: marketing_per_7d, gives way to gift" in answer.out
        assert "warning       3 messages give way and would never go" in answer.out


class TestAWarning:
    def kinds(self, desk: Desk, *words: str) -> set[str]:
        found = json.loads(desk("plan", "--json", *words).out)
        return {one["kind"] for one in found["warnings"]}

    def test_says_that_there_is_no_time(self, desk: Desk) -> None:
        """Three messages, one part in ten minutes, a quarter of an hour of use."""
        crowd(desk)
        desk.house.write_campaign(BIRTHDAY.replace("8h", "15m"))
        with (desk.house.folder / "care.toml").open("a", encoding="utf-8") as file:
            file.write("[sms]\nrate_per_second = 0.0016\n")
        answer = desk("plan", "--days", "1")
        assert "birthday on 2026-09-25: 2 messages cannot leave before their time is over" in answer.out

    def test_points_to_a_day_that_holds_too_many(self, desk: Desk) -> None:
        """Thirty birthdays on one day, and one on two others."""
        crowd(desk, 30)
        desk.customer("D1", birth_mmdd=927)
        desk.customer("D2", birth_mmdd=930)
        assert "unusual_day" in self.kinds(desk, "--days", "10")
        assert "unusual_day" not in self.kinds(desk, "--days", "3")

    def test_points_to_what_is_stopped_unpriced_or_above_the_limit(self, desk: Desk) -> None:
        """Each in its own line."""
        crowd(desk)
        desk.customer("US1", phone="+14155550100", country="CN")
        desk("pause", "--purpose", "greeting")
        with (desk.house.folder / "care.toml").open("a", encoding="utf-8") as file:
            file.write("[limits]\nspend_per_day = 0.1\n")
        assert {"paused", "no_price", "spend_limit"} <= self.kinds(desk, "--days", "1")
        desk.customer("GB1", phone="+447911123456", country="GB")
        assert "Set prices.GB, prices.US" in desk("plan", "--days", "1").out

    def test_points_to_more_than_may_go_abroad(self, desk: Desk) -> None:
        """Three parts at home count for nothing; of two to other countries one more than one may go."""
        crowd(desk)
        desk.customer("US1", phone="+14155550100", country="CN")
        with (desk.house.folder / "care.toml").open("a", encoding="utf-8") as file:
            file.write("[limits]\ninternational_per_day = 1\n")
        assert "international_limit" not in self.kinds(desk, "--days", "1")
        desk.customer("GB1", phone="+447911123456", country="GB")
        line = "2026-09-25: 2 parts to other countries are above limits.international_per_day (1); what is above waits"
        assert f"warning       {line} for the next day" in desk("plan", "--days", "1").out
        assert "international_limit" in self.kinds(desk, "--days", "1")

    def test_points_to_a_calendar_year_not_announced(self, desk: Desk) -> None:
        """Make-up days of a year to come are not known yet."""
        crowd(desk)
        assert "calendar" in self.kinds(desk, "--days", "380")

    def test_points_to_files_that_are_left_out(self, desk: Desk) -> None:
        """A broken campaign stops itself only, and the plan says so."""
        crowd(desk)
        (desk.house.folder / "campaigns" / "broken.yaml").write_text("id: broken\nname: broken\n", encoding="utf-8")
        answer = desk("plan", "--days", "1")
        assert answer.code == 0
        assert "warning       left out: " in answer.out

    def test_points_to_a_ranking_that_is_to_come(self, desk: Desk) -> None:
        """The daemon ranks before it plans: what is planned here is not what will be, until somebody has ranked."""
        crowd(desk)
        assert "not_ranked" not in self.kinds(desk, "--days", "1")
        desk.house.write_campaign(BIRTHDAY.replace("everyone", "{monthly_spend: {top_percent: 20}}"))
        assert "not_ranked" in self.kinds(desk, "--days", "1")
        assert desk("segments", "rank").code == 0
        assert "not_ranked" not in self.kinds(desk, "--days", "1")

    def test_points_to_customers_without_a_zone(self, desk: Desk) -> None:
        """They are counted, not dropped in silence."""
        crowd(desk, timezone=None)
        assert "no_zone" in self.kinds(desk, "--days", "1")


class TestASubscriptionEnd:
    def test_is_planned_by_the_hour(self, desk: Desk) -> None:
        """Each term has its own deadline; parts are counted with the plan's name in the text."""
        desk.house.write_campaign(
            BIRTHDAY.replace("birthday", "ending")
            .replace("purpose: greeting", "purpose: service")
            .replace('{kind: ending, at: "10:00"}', "{kind: subscription_end, before: [24h]}")
            .replace("template: ending", "template: expiry_t24h")
            + "values: {consequence: {zh-CN: 暂停}, how: {zh-CN: APP}}\n",
            "ending",
        )
        desk.house.services.campaigns.require_sound()
        who = desk.customer("C1", birth_mmdd=101)
        ends_at = desk.house.clock.now() + timedelta(hours=30)
        with write(desk.engine) as conn:
            make_subscription(conn, customer_id=who, ends_on=date(2026, 9, 26), ends_at=ends_at)
        (day,) = json.loads(desk("plan", "--days", "1", "--json").out)["days"]
        assert (day["campaign"], day["new"], day["exact"]) == ("ending", 1, True)
        assert day["start"] == "2026-09-25T08:00:00+00:00"
