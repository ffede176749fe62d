"""Lanes under load: the urgent are in time, nothing goes late, and nobody is forgotten."""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from care.base.database import read, write
from care.base.vocabulary import LANES, Channel, Purpose
from care.delivery.channels.base import Outgoing, Result
from care.delivery.dispatcher import Dispatcher
from care.delivery.pace import STALE_SECONDS
from care.delivery.routes import Routes
from care.delivery.tables import pace
from care.delivery.turns import SHARES, Turns
from care.messages.tables import message
from care.planning.admission import HEADROOM, Word, admit, promised_rate
from care.planning.capacity import Load, pass_through
from tests.delivery.crew import RunningClock
from tests.delivery.test_dispatcher import Postbox, greet
from tests.delivery.test_stale_intents import Freezing
from tests.factories import make_customer
from tests.house import BIRTHDAY, House, build_house

NINE = datetime(2026, 12, 3, 9, 0, tzinfo=UTC)
RATE = 100  # parts a second


@dataclass
class Herd:
    """Messages of one lane: so many per second become due from one second to another, each good for `use` seconds."""

    purpose: Purpose
    count: int
    due: int
    use: int
    over: int = 1

    def __post_init__(self) -> None:
        self.waiting: deque[tuple[int, int]] = deque()  # second of birth, how many
        self.on_time = self.expired = self.longest_wait = 0

    def tick(self, second: int) -> None:
        n = second - self.due
        if 0 <= n < self.over:
            self.waiting.append((second, self.count * (n + 1) // self.over - self.count * n // self.over))
        while self.waiting and self.waiting[0][0] + self.use <= second:
            self.expired += self.waiting.popleft()[1]

    def take(self, second: int, most: int) -> int:
        taken = 0
        while self.waiting and taken < most:
            born, there = self.waiting.popleft()
            some = min(there, most - taken)
            taken, self.longest_wait = taken + some, max(self.longest_wait, second - born)
            if some < there:
                self.waiting.appendleft((born, there - some))
        self.on_time += taken
        return taken


def play(herds: list[Herd], seconds: int, *, in_order_of_birth: bool = False) -> None:
    """Send `RATE` parts in each second of virtual time, by turns or first come first served."""
    turns, by_purpose = Turns(lambda: 0.0), {herd.purpose: herd for herd in herds}
    for second in range(seconds):
        left = RATE
        for herd in herds:
            herd.tick(second)
        while left:
            if in_order_of_birth:
                ready = [herd for herd in herds if herd.waiting]
                if not ready:
                    break
                left -= min(ready, key=lambda herd: herd.waiting[0]).take(second, left)
                continue
            for purpose, most in turns.order(left):
                herd = by_purpose.get(purpose)
                if herd and (sent := herd.take(second, most)):
                    turns.sent(purpose, sent)
                    left -= sent
                    break
            else:
                break


def overload() -> tuple[Herd, Herd]:
    """Half a million greetings at nine for two hours, and 300,000 notices at 9:40 for one."""
    greetings = Herd(Purpose.GREETING, 500_000, due=0, use=7_200)
    return greetings, Herd(Purpose.SERVICE, 300_000, due=2_400, use=3_600)


class TestAnOverload:
    def test_leaves_every_notice_in_time_and_every_late_greeting_expired(self) -> None:
        """800,000 where 720,000 fit: all notices, and of the greetings what there is time for."""
        greetings, notices = overload()
        play([greetings, notices], 7_300)
        assert (notices.on_time, notices.expired) == (300_000, 0)
        assert (greetings.on_time, greetings.expired) == (420_000, 80_000)

    def test_first_come_first_served_would_not(self) -> None:
        """The control: two thirds of the notices would be late."""
        greetings, notices = overload()
        play([greetings, notices], 7_300, in_order_of_birth=True)
        assert (notices.on_time, notices.expired) == (100_000, 200_000)

    def test_is_what_admission_admits(self) -> None:
        """The notices fit into nine tenths of their hour; the same in 50 minutes would have been refused."""
        for minutes, word in ((60, Word.FITS), (55, Word.REFUSED)):
            end = NINE + timedelta(minutes=40 + minutes)
            load = Load(key=0, lane=1, parts=300_000, spans=[(NINE + timedelta(minutes=40), end)], use_by=end)
            found = admit(
                [load],
                {0},
                pass_through([load], rate_per_second=promised_rate(RATE)),
                rate_per_second=RATE,
                is_promised=True,
                earlier=lambda load, since: [(since, load.use_by)],
            )
            assert found.word is word

    def test_answers_replies_during_a_long_run_of_notices(self) -> None:
        """Three a second for as long as the notices last: none waits for more than seconds."""
        replies = Herd(Purpose.REPLY, 9_000, due=2_400, use=1_800, over=3_000)
        greetings, notices = overload()
        play([greetings, notices, replies], 7_300)
        assert (notices.on_time, replies.on_time) == (300_000, 9_000)
        assert replies.longest_wait <= 2

    def test_starves_no_lane_at_all(self) -> None:
        """Every lane has more than all the time there is; each gets its share, and notices nine tenths."""
        herds = [Herd(purpose, 1_000_000, due=0, use=100_000) for purpose in LANES[1:]]
        play(herds, 1_000)
        for herd in herds[1:]:
            assert herd.on_time == pytest.approx(SHARES[herd.purpose] * RATE * 1_000, rel=0.1)
        assert herds[0].on_time >= 0.9 * RATE * 1_000


class TestShares:
    def test_fit_into_what_admission_leaves_free(self) -> None:
        """No promise counts on them: below any lane they come to a tenth at most."""
        assert sum(SHARES.values()) <= HEADROOM + 1e-9
        assert set(SHARES) == set(LANES[1:])

    @given(st.lists(st.tuples(st.sampled_from(LANES), st.integers(1, 500)), max_size=50))
    def test_never_let_a_lane_take_more_than_it_has_earned(self, sent: list[tuple[Purpose, int]]) -> None:
        """Out of turn it is offered at most its share of what more urgent lanes sent."""
        turns, above = Turns(lambda: 0.0), dict.fromkeys(LANES, 0)
        for purpose, parts in sent:
            turns.sent(purpose, parts)
            for other in LANES[purpose.lane + 1 :]:
                above[other] += parts
        first = dict(reversed(list(turns.order(10_000))))
        for purpose in LANES:
            if first[purpose] != 10_000:
                assert first[purpose] <= SHARES[purpose] * above[purpose] + 1e-6


class Timed(Postbox):
    """Notes when each message was handed over."""

    def __init__(self, clock: RunningClock) -> None:
        super().__init__()
        self.clock, self.left_at = clock, dict[int, datetime]()

    async def send(self, outgoing: Outgoing) -> Result:
        self.left_at[outgoing.message_id] = self.clock.now()
        return await super().send(outgoing)


class TestTheDispatcher:
    def test_sends_all_notices_and_nothing_late(self, tmp_path: Path, sqlite_engine: sa.Engine) -> None:
        """Five hundred greetings with time for some, and notices that come in the midst of them."""
        clock = RunningClock(datetime(2026, 9, 25, 2, 0, tzinfo=UTC))
        house = build_house(tmp_path, sqlite_engine, clock, SMS__RATE_PER_SECOND="50")
        greet(house, 500, campaign=BIRTHDAY + "spread: off\n")
        text = BIRTHDAY.replace("id: birthday", "id: notice").replace("name: birthday", "name: notice")
        house.write_campaign(text.replace("purpose: greeting", "purpose: service"), "notice")
        now = clock.now()
        with write(house.engine) as conn:
            conn.execute(sa.update(message).values(use_by=now + timedelta(seconds=5)))
            for who in [make_customer(conn) for _ in range(30)]:
                conn.execute(
                    sa.insert(message).values(
                        campaign_id="notice", occasion="birthday:solar-2026", customer_id=who, occasion_on=now.date(),
                        purpose="service", lane=1, status="planned", due_at=now, use_by=now + timedelta(minutes=5),
                        wake_at=now + timedelta(seconds=2), plan_digest="x", planned_at=now, status_at=now,
                    )
                )  # fmt: skip
        box = Timed(clock)
        work = house.services.work(Routes((box, Postbox(Channel.EMAIL))))
        asyncio.run(Dispatcher(work).run(asyncio.Event(), until_idle=True))
        rows = {row.id: row for row in house.messages()}
        assert {row.status for row in rows.values() if row.lane == 1} == {"accepted"}
        greetings = [row for row in rows.values() if row.lane == 5]
        assert {row.status for row in greetings} == {"accepted", "expired"}
        assert all(row.reason for row in greetings if row.status == "expired")
        assert [i for i, at in box.left_at.items() if at > rows[i].use_by] == []
        order = [rows[out.message_id].lane for out in box.taken]
        assert 5 in order[order.index(1) :]  # they came in the midst, not at the end

    def test_gives_up_what_would_leave_after_its_time(self, house: House) -> None:
        """Its slot lay before the end of use, the moment of sending lies after it: not one byte leaves."""
        greet(house, 3)
        with write(house.engine) as conn:
            conn.execute(sa.update(message).values(use_by=house.clock.now() + timedelta(seconds=2)))
        box = Freezing(house, STALE_SECONDS - 2)
        assert house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)}) == 1
        assert house.statuses() == {"accepted": 1, "expired: its time passed while it waited": 2}

    def test_keeps_a_pace_per_sender(self, tmp_path: Path, engine: sa.Engine, clock) -> None:
        """A purpose that sends under a name of its own takes nothing from the others; the table has no name."""
        house = build_house(tmp_path, engine, clock, SENDERS__OFFER="10690001")
        greet(house, 2)
        offer = BIRTHDAY.replace("id: birthday", "id: gift").replace("name: birthday", "name: gift")
        house.write_campaign(offer.replace("purpose: greeting", "purpose: offer"), "gift")
        with write(house.engine) as conn:
            make_customer(conn, consents=("offer",), birth_mmdd=925)
        house.plan()
        assert house.dispatch() == 3
        with read(house.engine) as conn:
            found = conn.execute(sa.select(pace.c.sender)).scalars()
            senders = sorted(sender for sender in found if not sender.endswith(":retry"))
        assert len(senders) == 2
        assert senders[0] == "sms"
        assert senders[1].startswith("sms:")
        assert "10690001" not in senders[1]
