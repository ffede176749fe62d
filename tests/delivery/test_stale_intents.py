"""A sender that was frozen between intent and call no longer knows who else has sent the message: it gives it up."""

from contextlib import suppress
from datetime import timedelta

import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Channel
from care.delivery import incarnation as lives
from care.delivery.channels.base import Capabilities, Outgoing, Result
from care.delivery.life import FencedError
from care.delivery.pace import STALE_SECONDS
from care.messages.tables import attempt, message
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import House


class Freezing(Postbox):
    """Takes one message at a time; while it holds the first one, the whole process stands still."""

    def __init__(self, house: House, stands_still: float) -> None:
        super().__init__()
        self.house, self.stands_still = house, stands_still

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(two_way=True, callback_per_message=True, max_in_flight=1)

    async def send(self, outgoing: Outgoing) -> Result:
        answer = await super().send(outgoing)
        if self.stands_still:
            self.house.clock.advance(timedelta(seconds=self.stands_still))
            self.while_frozen()
            self.stands_still = 0
        return answer

    def while_frozen(self) -> None: ...


def outcomes(house: House) -> list[str]:
    with read(house.engine) as conn:
        return list(conn.execute(sa.select(attempt.c.outcome).order_by(attempt.c.id)).scalars())


class TestStaleIntents:
    def test_are_given_up_and_begun_anew(self, house: House) -> None:
        """Not one byte of them leaves late; the same messages go out under new intents, once."""
        greet(house, 3)
        box = Freezing(house, STALE_SECONDS + 1)
        assert house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)}) == 3
        assert outcomes(house) == ["accepted", "abandoned", "abandoned", "accepted", "accepted"]
        assert len({out.message_id for out in box.taken}) == len(box.taken) == 3
        assert house.statuses() == {"accepted": 3}

    def test_are_good_for_a_little_while(self, house: House) -> None:
        """A slow provider alone is no reason."""
        greet(house, 3)
        box = Freezing(house, STALE_SECONDS - 1)
        assert house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)}) == 3
        assert outcomes(house) == ["accepted"] * 3

    def test_stay_with_whoever_took_them_over(self, house: House) -> None:
        """Another sender has claimed them meanwhile: giving up takes nothing out of its hands."""
        greet(house, 2)
        box = Freezing(house, STALE_SECONDS + 1)

        def take_over() -> None:
            with write(house.engine) as conn:
                conn.execute(sa.update(message).where(message.c.status == "sending").values(lease_owner=999))

        box.while_frozen = take_over  # type: ignore[method-assign]
        assert house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)}) == 1
        assert sorted((row.status, row.lease_owner) for row in house.messages(lease_owner=999)) == [("sending", 999)]
        assert outcomes(house)[1] == "abandoned"

    def test_are_in_doubt_no_longer(self, house: House) -> None:
        """Another sender took this one for dead and called them so; certainly not sent, they go again, once."""
        greet(house, 3)
        box = Freezing(house, STALE_SECONDS + 1)

        def take_for_dead() -> None:
            with write(house.engine) as conn:
                lives.recover(conn, 999, dead=lives.dead_incarnations(conn, 999), now=house.clock.now())
            assert set(house.statuses()) == {"unknown: the sender ended between request and answer"}

        box.while_frozen = take_for_dead  # type: ignore[method-assign]
        with suppress(FencedError):  # if it looks for more before it finds itself idle
            house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)})
        assert sorted(row.status for row in house.messages()) == ["accepted", "planned", "planned"]
        assert house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)}) == 2
        assert house.statuses() == {"accepted": 3}
        assert len({out.message_id for out in box.taken}) == len(box.taken) == 3
