"""Rows 17 and 18: more is due than fits, and a promise that cannot be kept."""

import json
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from care.base.clock import SystemClock
from care.base.database import write
from care.base.vocabulary import Delivery
from care.messages.tables import message
from tests.chaos.conftest import Figures, Scale, SetStage
from tests.chaos.stage import Stage, class_of
from tests.stories.operator import Operator, noon, operator, phone, wait_until

LATE_SECONDS = 5
"""A request that left in time may be written down by the provider so much later on a busy machine."""

GREETING_LANE = 5
pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(600)]


class TestAnOverload:
    def test_leaves_the_urgent_in_time_and_the_late_expired(self, stage: SetStage, scale: Scale, figures: Figures):
        """Greetings with time for some of them, and twice as many notices that come in the midst of them."""
        people, pace, greeting_seconds = scale.of((300, 20, 2), (9_000, 50, 40))
        with stage(people, is_mixed=True, SMS__RATE_PER_SECOND=str(pace)) as stood:
            put_off(stood)
            with stood.made.running("dispatch") as sender:  # a planner would put its times back
                wait_until(
                    "a sender is at work", lambda: stood.ask("SELECT 1 FROM incarnation WHERE role = 'dispatch'")
                )
                ends = let_all_be_due(stood, greeting_seconds, notice_seconds=people // pace * 3)
                wait_until(
                    "everything has ended", lambda: not {"planned", "held", "sending"} & set(stood.made.statuses()), 600
                )
                sender.process.terminate()
                assert sender.process.wait(15) == 0
            found = stood.check()
            reasons = stood.ask("SELECT DISTINCT reason FROM message WHERE status = 'expired'")
            statuses = {lane: dict(rows) for lane, rows in by_lane(stood).items()}
            late = [to for to, at in taken_at(stood).items() if at > ends[to] + timedelta(seconds=LATE_SECONDS)]
        notices = people // 3 * 2
        in_time = statuses[GREETING_LANE].get("accepted", 0)
        seen = f"{notices} notices in time, {in_time} of {people // 3} greetings, {len(late)} late, {found}"
        figures.show(17, f"{people} due where {in_time + notices} fit", "all notices, none late", seen)
        assert statuses.pop(GREETING_LANE).keys() == {"accepted", "expired"}
        assert statuses == {lane: {"accepted": count} for lane, count in ((1, notices),)}
        assert in_time <= pace * (greeting_seconds + LATE_SECONDS)
        assert reasons == [("its time passed while it waited",)]
        assert late == []


def put_off(stood: Stage) -> None:
    """Let nothing be due yet."""
    with write(stood.made.engine) as conn:
        conn.execute(sa.update(message).values(wake_at=SystemClock().now() + timedelta(hours=1)))


def let_all_be_due(stood: Stage, greeting_seconds: int, *, notice_seconds: int) -> dict[str, datetime]:
    """Let greetings be due now and notices a little later; return until when each may be told, by number."""
    now = SystemClock().now()
    is_greeting = message.c.lane == GREETING_LANE
    ends = {True: now + timedelta(seconds=greeting_seconds), False: now + timedelta(seconds=notice_seconds)}
    with write(stood.made.engine) as conn:
        conn.execute(sa.update(message).where(is_greeting).values(wake_at=now, use_by=ends[True]))
        later = now + timedelta(seconds=greeting_seconds / 4)
        conn.execute(sa.update(message).where(~is_greeting).values(wake_at=later, use_by=ends[False]))
    return {phone(n): ends[class_of(n) is Delivery.ONCE] for n in range(1, stood.people + 1)}


def by_lane(stood: Stage) -> dict[int, list[tuple[str, int]]]:
    found = dict[int, list[tuple[str, int]]]()
    for lane, status, count in stood.ask("SELECT lane, status, count(*) FROM message GROUP BY lane, status"):
        found.setdefault(lane, []).append((status, count))
    return found


def taken_at(stood: Stage) -> dict[str, datetime]:
    """Return when the provider took what, by number."""
    return {taken["to"]: datetime.fromisoformat(taken["at"]) for taken in stood.twilio.accepted()}


ENDING = """\
id: ending
name: ending
title: {en: Ending, zh-CN: 到期, zh-TW: 到期}
owner: care
purpose: service
audience: everyone
occasion: {kind: subscription_end, before: [36h]}
channels: [sms]
template: expiry_t24h
use_within: 12h
values: {consequence: {zh-CN: 暂停}, how: {zh-CN: APP}}
"""
HOURS = 12
"""What the notices need, with the tenth that is kept free; the window is open for ten hours more."""


class TestAPromise:
    def test_that_cannot_be_kept_is_refused_with_its_latest_start(self, tmp_path: Path, scale: Scale, figures: Figures):
        """So many terms end tomorrow at midnight that telling all of them takes longer than today is long."""
        people = scale.of(1_200, 1_200_000)
        pace = people / (HOURS * 3600 * 0.9)
        with operator(tmp_path, SMS__RATE_PER_SECOND=f"{pace:.9f}", APPROVAL__ABOVE="1") as made:
            (made.folder / "campaigns" / "birthday.yaml").unlink()
            (made.folder / "campaigns" / "ending.yaml").write_text(ENDING, encoding="utf-8")
            enter_terms(made, people)
            answer = made.care("plan", "--campaign", "ending", "--days", "1", "--json")
            told = json.loads(answer.out)
            (found,), (look,) = told["days"][0]["admission"], told["approvals"]
            approval = ("approve", "ending", "--plan", look["plan"])
            refused, granted = made.care(*approval), made.care(*approval, CARE_SMS__RATE_PER_SECOND=f"{pace * 2:.9f}")
        there = noon()
        closes = datetime.combine(there.day, time(22), ZoneInfo(there.zone))
        away = abs(datetime.fromisoformat(found["latest_start"]) - (closes - timedelta(hours=HOURS)))
        figures.show(18, f"{people} notices", "refused, ± 1 min of the closed form", f"{found['verdict']}, {away} away")
        assert (answer.code, found["verdict"], refused.code, granted.code) == (1, "refused", 1, 0)
        assert away <= timedelta(minutes=1)
        assert "must start by" in refused.err


def enter_terms(made: Operator, people: int) -> None:
    """Import customers, and for each a term that ends with tomorrow's day."""
    made.must("import", "customers", str(made.write_customers(people)))
    ends = noon().day + timedelta(days=1)
    rows = ["id,customer,service,ends_at", *(f"S{n},C{n},tv,{ends}" for n in range(1, people + 1))]
    file = made.folder / "terms.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    made.must("import", "subscriptions", str(file))
