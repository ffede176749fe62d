"""A slow way out keeps no other waiting: each channel and each sender goes at a pace of its own."""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from care.base.database import write
from care.base.vocabulary import Channel
from care.delivery.channels.base import Outgoing, Result
from care.delivery.dispatcher import Dispatcher
from care.delivery.hand import Hand, Way
from care.delivery.routes import Routes
from care.messages.model import MessageStatus
from tests.delivery.crew import RunningClock
from tests.delivery.test_dispatcher import Postbox
from tests.factories import make_customer
from tests.house import BIRTHDAY, House, build_house

NOW = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)


class Ordered(Postbox):
    """Notes in one list, shared by all, who was handed over in which order."""

    def __init__(self, channel: Channel, order: list[str]) -> None:
        super().__init__(channel)
        self.order = order

    async def send(self, outgoing: Outgoing) -> Result:
        self.order.append(f"{self.channel}:{outgoing.sender}")
        return await super().send(outgoing)


def send_all(house: House) -> list[str]:
    """Send what is due; return channel and sender of each message in the order they left."""
    order: list[str] = []
    work = house.services.work(Routes(tuple(Ordered(channel, order) for channel in Channel)))
    asyncio.run(Dispatcher(work).run(asyncio.Event(), until_idle=True))
    sent = [row for row in house.messages() if row.status == str(MessageStatus.ACCEPTED)]
    assert len(sent) == len(order)
    return order


def born_today(house: House, count: int, purpose: str = "greeting", **fields: str | None) -> None:
    with write(house.engine) as conn:
        for _ in range(count):
            make_customer(conn, consents=(purpose,), birth_mmdd=925, **fields)


class TestTheDispatcher:
    def test_sends_mails_at_their_pace_while_sms_wait_for_theirs(self, tmp_path: Path, engine: sa.Engine) -> None:
        """Sixty mails at a thousand a second are gone before sixty SMS at ten a second are half gone."""
        house = build_house(tmp_path, engine, RunningClock(NOW), SMS__RATE_PER_SECOND="10")
        house.write_campaign(BIRTHDAY + "spread: off\n")
        for n in range(60):
            born_today(house, 1)
            born_today(house, 1, phone=None, email=f"c{n}@example.com")
        house.plan()

        order = send_all(house)

        assert (order.count("sms:"), order.count("email:")) == (60, 60)
        last_mail = max(at for at, way in enumerate(order) if way == "email:")
        assert order[:last_mail].count("sms:") <= 30

    def test_lets_two_senders_of_one_channel_go_side_by_side(self, tmp_path: Path, engine: sa.Engine) -> None:
        """Each has its own pace, so two of them send twice as much: neither is through before the other is half."""
        house = build_house(tmp_path, engine, RunningClock(NOW), SMS__RATE_PER_SECOND="10", SENDERS__OFFER="10690001")
        house.write_campaign(BIRTHDAY + "spread: off\n")
        offer = BIRTHDAY.replace("id: birthday", "id: gift").replace("name: birthday", "name: gift")
        house.write_campaign(offer.replace("purpose: greeting", "purpose: offer") + "spread: off\n", "gift")
        for _ in range(30):
            born_today(house, 1)
            born_today(house, 1, "offer")
        house.plan()

        order = send_all(house)

        last_offer = max(at for at, way in enumerate(order) if way == "sms:10690001")
        assert (order.count("sms:"), order.count("sms:10690001")) == (30, 30)
        assert order[:last_offer].count("sms:") >= 15


WAYS: list[Way] = [(Channel.SMS, ""), (Channel.SMS, "10690001"), (Channel.EMAIL, "")]


@dataclass(frozen=True)
class Waiting:
    """As much of a prepared message as a hand looks at: its way, its lane, and a number to know it by."""

    way: Way
    lane: int
    number: int

    @property
    def message(self) -> "Waiting":
        return self

    purpose = message


class TestHand:
    @given(st.lists(st.tuples(st.sampled_from(WAYS), st.integers(0, 2)), max_size=40))
    def test_keeps_each_way_in_order(self, steps: list[tuple[Way, int]]) -> None:
        """What is more urgent comes before what waits on its way; nothing is lost, nothing is on two ways."""
        hand, model = Hand(lambda one: cast("Any", one).way), {way: deque[Waiting]() for way in WAYS}
        for number, (way, lane) in enumerate(steps):
            one, queue = Waiting(way, lane, number), model[way]
            hand.put([cast("Any", one)])
            (queue.appendleft if queue and lane < queue[0].lane else queue.append)(one)

        assert len(hand) == len(steps)
        for way, queue in model.items():
            if queue:
                assert list(cast("Any", hand[way])) == list(queue)
