"""One open question per phone: what waits keeps its promise, and what cannot wait says so."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import hypothesis.strategies as st
import sqlalchemy as sa
from hypothesis import given, settings

from care.base.vocabulary import Purpose
from care.delivery.one_question import MARGIN, About, keep_one_question
from care.policy.load import load_policies
from care.policy.windows import contact_window, is_open
from care.surveys.conversation.open_questions import PhonesInUse

NOW = datetime(2026, 9, 25, 9, 45, tzinfo=UTC)  # 17:45 in Shanghai, where surveys may come until 20:00
POLICIES = load_policies()
NOBODY: Any = None


@dataclass(frozen=True)
class Phones(PhonesInUse):
    """The real hours, with an open question of our own making."""

    open_until: datetime

    def asked(
        self, conn: sa.Connection, address_hashes: Collection[str], now: datetime
    ) -> Mapping[str, tuple[datetime, About]]:
        """Return that each phone was asked about a repair."""
        return dict.fromkeys(address_hashes, (self.open_until, ("repair_followup", "ticket:T1:r1")))


def question(n: int, use_by: datetime, call_deadline_at: datetime | None = None) -> Any:
    about = {"campaign_id": "complaint_followup", "occasion": f"ticket:K{n}:r1", "use_by": use_by}
    who = {"country": "CN", "timezone": "Asia/Shanghai", "area": None}
    told = {"call_deadline_at": call_deadline_at}
    return SimpleNamespace(
        message=SimpleNamespace(**about, customer=who, subject=told), contact=SimpleNamespace(address_hash="h")
    )


def may_ask(at: datetime) -> bool:
    windows = contact_window(POLICIES.country("CN"), Purpose.SURVEY, area=None)
    return is_open(windows, ("Asia/Shanghai",), at)


minutes = st.integers(1, 3 * 24 * 60).map(lambda n: timedelta(minutes=n))


class TestASecondQuestion:
    @given(minutes, st.lists(minutes, min_size=1, max_size=3))
    @settings(max_examples=60, deadline=None)
    def test_waits_as_long_as_it_can_and_no_longer(self, open_for: timedelta, uses: list[timedelta]) -> None:
        """Never past its use or its last allowed hour; what goes beside an open question could not wait."""
        phones = Phones(policies=POLICIES, open_until=NOW + open_for)
        asked = [question(n, NOW + use) for n, use in enumerate(uses)]

        kept, waiting = keep_one_question(NOBODY, asked, phones, NOW)

        assert len(kept) + len(waiting) == len(asked)
        for one, until in waiting:
            hours = range(int((one.message.use_by - until) / timedelta(minutes=1)))
            assert NOW < until <= one.message.use_by - MARGIN
            assert any(may_ask(until + timedelta(minutes=minute)) for minute in hours)
        for one in kept:
            later = range(
                int(MARGIN / timedelta(minutes=1)) + 1, int((one.message.use_by - NOW) / timedelta(minutes=1))
            )
            could_wait = [minute for minute in later if may_ask(NOW + timedelta(minutes=minute))]
            assert not could_wait

    def test_takes_the_phone_in_the_end(self) -> None:
        """A complaint of 17:45 that is of use until 01:45 waits until an hour before 20:00, then goes."""
        phones = Phones(policies=POLICIES, open_until=NOW + timedelta(hours=21))
        complaint = question(1, NOW + timedelta(hours=8))

        _, ((_, until),) = keep_one_question(NOBODY, [complaint], phones, NOW)

        assert until == NOW + timedelta(minutes=75)
        assert keep_one_question(NOBODY, [complaint], phones, until) == ([complaint], [])

    def test_keeps_what_was_promised_on_the_first_call(self) -> None:
        """That promise may be over before the one about the resolution; one that is over hurries nobody."""
        phones = Phones(policies=POLICIES, open_until=NOW + timedelta(hours=21))
        soon = question(1, NOW + timedelta(hours=24), NOW + timedelta(minutes=90))
        over = question(2, NOW + timedelta(hours=24), NOW - timedelta(hours=1))

        (_, ((_, first),)), (_, ((_, other),)) = (keep_one_question(NOBODY, [one], phones, NOW) for one in (soon, over))

        assert first == NOW + timedelta(minutes=30)
        assert other == NOW + timedelta(hours=21)
