"""`care plan` says whether promises can be kept, before anything is sent."""

import json
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from care.base.database import write
from care.base.vocabulary import Channel
from care.messages.tables import message
from care.planning.admission import Admission, Word
from care.reports.plan_days import Judged
from care.reports.plan_warnings import refusals
from tests.cli.desk import Desk
from tests.factories import make_subscription
from tests.house import BIRTHDAY

ENDING = """\
id: ending
name: ending
purpose: service
audience: everyone
occasion: {kind: subscription_end, before: [36h]}
channels: [sms]
template: expiry_t24h
use_within: 12h
values: {consequence: {zh-CN: 暂停}, how: {zh-CN: APP}}
"""
ENDS_AT = datetime(2026, 9, 26, 16, 0, tzinfo=UTC)  # midnight in Shanghai: to be told by midnight of the 25th


@pytest.fixture
def ending(desk: Desk) -> Desk:
    """Sixty terms that end on Saturday at midnight; the house's clock stands at 10:00 on Friday."""
    desk.house.remove_campaign()
    desk.house.write_campaign(ENDING, "ending")
    desk.house.services.campaigns.require_sound()
    for n in range(60):
        who = desk.customer(f"C{n}", birth_mmdd=101)
        with write(desk.engine) as conn:
            make_subscription(conn, customer_id=who, ends_on=date(2026, 9, 26), ends_at=ENDS_AT)
    return desk


def set_rate(desk: Desk, parts_per_second: float) -> None:
    with (desk.house.folder / "care.toml").open("a", encoding="utf-8") as file:
        file.write(f"[sms]\nrate_per_second = {parts_per_second}\n")


class TestANotice:
    def test_that_fits_has_a_margin(self, ending: Desk) -> None:
        """Sixty messages at ten a second are done in seconds, hours before the night."""
        answer = ending("plan", "--days", "1")
        assert (answer.code, answer.err) == (0, "")
        assert (
            "promise       ending on 2026-09-25 by sms: fits, 11 h 59 min to spare before 2026-09-26 00:00"
            in answer.out
        )
        assert (
            answer.out.count("promise       reckoned at nine tenths of the rate; load, start, finish and margin") == 1
        )
        (found,) = json.loads(ending("plan", "--days", "1", "--json").out)["days"][0]["admission"]
        assert (found["verdict"], found["hours"], found["missing_parts"]) == ("fits", "07:00-22:00", 0)

    def test_that_cannot_be_in_time_is_refused_with_its_latest_start(self, ending: Desk) -> None:
        """Part by part in 18 minutes: the hours left do not do, and the answer is no."""
        set_rate(ending, 1 / 900)
        answer = ending("plan", "--days", "1", "--json")
        assert answer.code == 1
        (found,) = json.loads(answer.out)["days"][0]["admission"]
        parts = json.loads(answer.out)["sms"]["parts"]
        needs = timedelta(seconds=parts * 1000)
        assert found["verdict"] == "refused"
        assert found["needs_seconds"] == needs.total_seconds()
        assert found["margin_seconds"] == 10 * 3600 - needs.total_seconds()  # ten hours are open, from noon to ten
        # the window closes at 22:00 in Shanghai, 14:00 UTC; what does not fit into 15 h lies the day before
        closes = datetime(2026, 9, 25, 14, 0, tzinfo=UTC)
        nights, rest = divmod(needs, timedelta(hours=15))
        closed_form = closes - nights * timedelta(hours=24) - rest
        assert abs(datetime.fromisoformat(found["latest_start"]) - closed_form) <= timedelta(minutes=1)
        assert answer.err.startswith("care: ending on 2026-09-25 by sms: refused, the promise cannot be kept: ")
        assert "inside 07:00-22:00; must start by 2026-09-2" in answer.err
        assert answer.err.count("\n") == 1
        assert "Begin earlier" not in answer.err
        assert ". It is too late to begin earlier: raise the rate, send to fewer, or by another channel\n" in answer.err

    def test_that_may_begin_earlier_is_told_so(self, ending: Desk) -> None:
        """At ten in the morning there is time to begin before half past eleven what is due at noon."""
        parts = json.loads(ending("plan", "--days", "1", "--json").out)["sms"]["parts"]
        set_rate(ending, parts / (10.5 * 3600 + 30) / 0.9)
        answer = ending("plan", "--days", "1")
        assert "; must start by 2026-09-25 11:29 to be done by 2026-09-26 00:00, " in answer.err
        assert ". Begin earlier, raise the rate, or send to fewer\n" in answer.err
        assert "too late" not in answer.err

    def test_that_lacks_less_than_a_part_lacks_one(self, ending: Desk) -> None:
        """Ten seconds too few in the ten hours from noon on: a text of which a bit cannot leave is not sent."""
        parts = json.loads(ending("plan", "--days", "1", "--json").out)["sms"]["parts"]
        set_rate(ending, parts / 36_010 / 0.9)
        answer = ending("plan", "--days", "1")
        assert "promise       ending on 2026-09-25 by sms: refused: 1 part has no time" in answer.out
        assert ", 1 part has no time. " in answer.err
        (found,) = json.loads(ending("plan", "--days", "1", "--json").out)["days"][0]["admission"]
        assert (found["verdict"], found["missing_parts"]) == ("refused", 1)

    def test_gives_way_to_what_the_ledger_has_of_the_same_lane(self, ending: Desk) -> None:
        """A thousand notices of another campaign wait with an earlier deadline: they go first."""
        set_rate(ending, 1 / 60)
        assert ending("plan", "--days", "1").code == 0
        now = ending.house.clock.now()
        with write(ending.engine) as conn:
            for n in range(1000):
                conn.execute(
                    message.insert().values(
                        campaign_id="outage", occasion=f"outage:{n}", customer_id=1, occasion_on=now.date(),
                        purpose="service", lane=1, status="planned", due_at=now, use_by=now + timedelta(hours=11),
                        wake_at=now, plan_digest="x", planned_at=now, status_at=now,
                    )
                )  # fmt: skip
        answer = ending("plan", "--days", "1")
        assert answer.code == 1
        assert "refused: " in answer.out

    def test_does_not_give_way_to_greetings(self, ending: Desk) -> None:
        """A herd of greetings in the ledger takes nothing from it."""
        set_rate(ending, 1 / 60)
        now = ending.house.clock.now()
        with write(ending.engine) as conn:
            for n in range(1000):
                conn.execute(
                    message.insert().values(
                        campaign_id="wishes", occasion=f"wishes:{n}", customer_id=1, occasion_on=now.date(),
                        purpose="greeting", lane=5, status="planned", due_at=now, use_by=now + timedelta(hours=11),
                        wake_at=now, plan_digest="x", planned_at=now, status_at=now,
                    )
                )  # fmt: skip
        assert ending("plan", "--days", "1").code == 0


class TestAGreeting:
    def test_that_will_not_all_be_in_time_is_warned_of(self, desk: Desk) -> None:
        """The answer is a warning, not a no."""
        desk.house.write_campaign(BIRTHDAY.replace("8h", "15m"))
        for n in range(3):
            desk.customer(f"C{n}")
        set_rate(desk, 0.0016)
        answer = desk("plan", "--days", "1")
        assert (answer.code, answer.err) == (0, "")
        assert "birthday on 2026-09-25 by sms: will not all be in time: 3 parts need" in answer.out
        assert "nine tenths" not in answer.out

    @pytest.mark.parametrize(
        ("hours", "says"),
        [
            ("08:00-21:00", "need 1 min inside 08:00-21:00 (Australia/Lord_Howe), and never fit before "),
            ("", "need 1 min, but the hours are closed on that day (Australia/Lord_Howe). Choose another day"),
        ],
    )
    def test_on_a_closed_day_is_helped_by_no_rate(self, hours: str, says: str) -> None:
        """What to do is what would help."""
        found = Admission(
            word=Word.REFUSED,
            parts=4,
            needs=timedelta(minutes=1),
            deadline=ENDS_AT,
            finish=None,
            margin=None,
            missing=4,
            latest_start=None,
        )
        judged = Judged(channel=Channel.SMS, sender="", admission=found, hours=hours, zone="Australia/Lord_Howe")
        day = SimpleNamespace(campaign=SimpleNamespace(name="x"), day=ENDS_AT.date(), judged=[judged])

        (line,) = refusals(SimpleNamespace(days=[day], made_at=ENDS_AT), "UTC")

        assert says in line
        assert ("Raise the rate" in line) is bool(hours)

    def test_counts_only_what_shares_its_sender(self, ending: Desk) -> None:
        """Greetings under a name of their own leave the notices' sender alone, and the other way round."""
        ending.house.write_campaign(BIRTHDAY)
        for n in range(30):
            ending.customer(f"B{n}", phone=f"+8613900{n:06d}")  # their numbers decide on their places in the day
        set_rate(ending, 1 / 600)
        kinds = {one["kind"] for one in json.loads(ending("plan", "--days", "1", "--json").out)["warnings"]}
        assert "warned" in kinds
        with (ending.house.folder / "care.toml").open("a", encoding="utf-8") as file:
            file.write('[senders]\ngreeting = "10690001"\n')
        kinds = {one["kind"] for one in json.loads(ending("plan", "--days", "1", "--json").out)["warnings"]}
        assert "warned" not in kinds
