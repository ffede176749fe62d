"""A provider that takes nothing: messages are held, named and sent later; none is used up."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.vocabulary import Channel
from care.customers.tables import contact_point
from care.delivery.breaker import IN_ROW
from care.delivery.dispatcher import Dispatcher
from care.delivery.pace import group_size
from care.delivery.retry import MAX_ATTEMPTS
from care.delivery.routes import Routes
from care.messages.model import Outcome
from care.messages.stops import put_pause
from care.messages.tables import attempt
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import BIRTHDAY, House, build_house

WRONG_TOKEN = "401/20003"
PACE = 500
MOST = group_size(PACE)


@pytest.fixture
def house(tmp_path: Path, engine: sa.Engine, clock: VirtualClock) -> House:
    """More people than one group at its pace."""
    return build_house(tmp_path, engine, clock, SMS__RATE_PER_SECOND=str(PACE))


class DeadBox(Postbox):
    """A provider that answers every message the same; `word` '' takes them."""

    def __init__(self, word: str, channel: Channel = Channel.SMS) -> None:
        super().__init__(channel)
        self.word = word

    async def send(self, outgoing):
        if self.word:
            self.answers[outgoing.to] = [self.word]
        return await super().send(outgoing)

    async def check(self) -> str:
        return self.word


def dispatch(house: House, sms: Postbox, mail: Postbox | None = None) -> int:
    """Send what is due; tries come after the same waits in each run."""
    work = house.services.work(Routes((sms, mail or Postbox(Channel.EMAIL))))
    work.dice = random.Random(7)
    return asyncio.run(Dispatcher(work).run(asyncio.Event(), until_idle=True))


def standing(house: House) -> Counter[str]:
    return Counter(row.status for row in house.messages())


class TestWrongToken:
    def test_uses_no_message_up(self, house: House) -> None:
        """More tries than a message has of its own, and all go when the token is mended."""
        greet(house, 20)
        box = DeadBox(WRONG_TOKEN)
        for _ in range(MAX_ATTEMPTS + 2):
            assert dispatch(house, box) == 0
            house.clock.advance(timedelta(minutes=32))
        assert set(standing(house)) <= {"planned", "held"}
        box.word = ""
        assert dispatch(house, box) == 20
        assert standing(house) == {"accepted": 20}

    def test_is_noticed_after_a_few(self, house: House) -> None:
        """Only what was under way when it showed was tried; the rest is held with the reason, and goes later."""
        greet(house, 320)
        box = DeadBox(WRONG_TOKEN)
        dispatch(house, box)
        assert IN_ROW <= len(box.taken) <= MOST
        reasons = {row.reason for row in house.messages() if row.status == "held"}
        assert reasons == {"channel_closed:sms: account SID and token do not fit"}

        box.word = ""
        house.clock.advance(timedelta(minutes=4))
        assert dispatch(house, box) == 320

    def test_is_found_mended_though_what_waits_first_is_paused(self, house: House) -> None:
        """Somebody pauses the greeting of which most waits, and mends the token: the other one brings the proof."""
        greet(house, 20)
        dispatch(house, DeadBox(WRONG_TOKEN))
        other = BIRTHDAY.replace("birthday", "second", 2).replace("use_within: 8h", "use_within: 9h")
        house.write_campaign(other, "second")
        house.plan()
        dispatch(house, DeadBox(WRONG_TOKEN))
        with write(house.engine) as conn:
            put_pause(conn, "campaign:birthday", until=None, by="ops:test", now=house.clock.now())
        house.clock.advance(timedelta(minutes=2))
        assert dispatch(house, DeadBox("")) == len(house.messages(campaign_id="second")) == 20

    def test_leaves_the_other_channel_alone(self, house: House) -> None:
        """Whoever has only an e-mail address gets the mail."""
        greet(house, 20)
        ids = greet(house, 20, phone=None, email="kept@example.com")
        with write(house.engine) as conn:
            for i in ids:
                own = {"address": f"c{i}@example.com", "address_hash": f"hash{i}"}
                conn.execute(sa.update(contact_point).where(contact_point.c.customer_id == i).values(own))
        mail = Postbox(Channel.EMAIL)
        assert dispatch(house, DeadBox(WRONG_TOKEN), mail) == 20
        assert standing(house)["accepted"] == len(mail.taken) == 20

    def test_ends_in_the_other_channel_when_time_runs_out(self, house: House) -> None:
        """Held until ten minutes before its use is over, then sent where it still reaches."""
        greet(house, 12)
        (row,) = greet(house, 1, email="w@example.com")
        box, mail = DeadBox(WRONG_TOKEN), Postbox(Channel.EMAIL)
        for minutes in (*[39] * 12, *[0.25] * 52):
            dispatch(house, box, mail)
            house.clock.advance(timedelta(minutes=minutes))
        assert [m.status for m in house.messages(customer_id=row)] == ["accepted"]
        assert len(mail.taken) == 1
        assert standing(house) == {"expired": 12, "accepted": 1}


class TestSilentProvider:
    @pytest.mark.parametrize("word", ["503/0", "crash"])
    def test_leaves_few_in_doubt(self, house: House, word: str) -> None:
        """A storm of lost answers stops at what was under way; the rest is held, certainly not sent."""
        greet(house, 320)
        box = DeadBox(word)
        dispatch(house, box)
        found = standing(house)
        assert found["unknown"] == len(box.taken) <= MOST
        assert found["unknown"] + found["held"] == 320
        with read(house.engine) as conn:
            left = sa.select(sa.func.count()).where(attempt.c.outcome != str(Outcome.ABANDONED))
            assert conn.execute(left).scalar_one() == found["unknown"]
            assert conn.execute(sa.select(sa.func.count()).select_from(attempt)).scalar_one() <= MOST
