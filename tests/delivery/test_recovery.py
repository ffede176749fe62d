"""What a sender that died left behind."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Channel, Purpose
from care.delivery.incarnation import FIRST_SPARED, begin_incarnation, dead_incarnations, recover, spared_for
from care.messages.intents import write_intents
from care.messages.store import claim_due
from care.messages.tables import attempt, message
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import House


def claimed(house: House) -> int:
    """Claim everything under a life that then ends without a word; return its number."""
    now = house.clock.now()
    with write(house.engine) as conn:
        number = begin_incarnation(conn, "dispatch", now)
        claim_due(conn, owner=number, lane=5, now=now, lease_until=now + timedelta(minutes=1), limit=500)
    return number


def intent(house: House, number: int) -> None:
    with write(house.engine) as conn:
        ids = conn.execute(sa.select(message.c.id)).scalars().all()
        made = [(i, 1, f"t{i}", f"h{i}", 1, "d") for i in ids]
        write_intents(conn, made, channel="sms", provider="postbox", incarnation=number, now=house.clock.now())


def postboxes() -> dict[Channel, Postbox]:
    return {Channel.SMS: Postbox(), Channel.EMAIL: Postbox(Channel.EMAIL)}


class TestRecovery:
    def test_requeues_what_was_claimed_but_not_begun(self, house: House) -> None:
        """No intent, no call: the next sender takes it."""
        greet(house, 3)
        number = claimed(house)
        with write(house.engine) as conn:
            assert recover(conn, 0, dead=[number], now=house.clock.now())[:2] == (3, 0)
        assert house.dispatch(postboxes()) == 3

    def test_leaves_in_doubt_what_was_begun(self, house: House) -> None:
        """An intent without an outcome may have gone out: it is named, never guessed."""
        greet(house, 3)
        number = claimed(house)
        intent(house, number)
        with write(house.engine) as conn:
            assert recover(conn, 0, dead=[number], now=house.clock.now())[:2] == (0, 3)
        assert house.dispatch(postboxes()) == 0
        assert {row.status for row in house.messages()} == {"unknown"}
        with read(house.engine) as conn:
            assert set(conn.execute(sa.select(attempt.c.outcome)).scalars()) == {"unknown"}

    def test_happens_by_itself_when_the_next_sender_starts(self, house: House) -> None:
        """With a lock that proves there is no other; on PostgreSQL when the lease has run out."""
        greet(house, 2)
        claimed(house)
        house.clock.advance(timedelta(minutes=2))
        assert house.dispatch(postboxes()) == 2

    def test_waits_for_the_lease_where_others_may_live(self, house: House) -> None:
        """A living sender's claims are not taken away."""
        greet(house, 2)
        claimed(house)
        with write(house.engine) as conn:
            assert recover(conn, 0, dead=None, now=house.clock.now())[:2] == (0, 0)

    def test_fails_nobody_for_being_there(self, house: House) -> None:
        """Ten senders die at the same place: whoever was in hand waits longer each time, and is sent in the end."""
        greet(house, 5)
        for _ in range(10):
            number = claimed(house)
            with write(house.engine) as conn:
                recover(conn, 0, dead=[number], now=house.clock.now())
        assert {row.status for row in house.messages()} == {"planned"}
        assert sorted(row.strikes for row in house.messages()) == [2, 2, 2, 2, 2]
        house.clock.advance(FIRST_SPARED)
        assert house.dispatch(postboxes()) == 5

    def test_claims_suspects_in_small_groups_and_then_alone(self, house: House) -> None:
        """The first death marks all who were in work, a second touches eight of them, each later one a single one."""
        greet(house, 10)
        for strikes in ([1] * 10, [1] * 2 + [2] * 8, [2] * 10):
            self.die(house)
            assert sorted(row.strikes for row in house.messages()) == strikes
        house.clock.advance(FIRST_SPARED)
        for strikes in ([2] * 9 + [3], [2] * 8 + [3] * 2):
            self.die(house)
            assert sorted(row.strikes for row in house.messages()) == strikes

    def test_lets_others_go_first_while_suspects_have_to_wait(self, house: House) -> None:
        """As long as the process that renders suspects is loading; and they go where there is nothing else."""
        greet(house, 3)
        with write(house.engine) as conn:
            conn.execute(sa.update(message).where(message.c.id == house.messages()[0].id).values(strikes=1))
        taken = []
        for _ in range(2):
            with write(house.engine) as conn:
                number, now = begin_incarnation(conn, "dispatch", house.clock.now()), house.clock.now()
                later = now + timedelta(minutes=1)
                rows = claim_due(conn, owner=number, lane=5, now=now, lease_until=later, limit=500, suspects_later=True)
            taken.append([row.strikes for row in rows])
        assert taken == [[0, 0], [1]]

    @staticmethod
    def die(house: House) -> None:
        """Let a sender claim what it can, and end."""
        number = claimed(house)
        with write(house.engine) as conn:
            recover(conn, 0, dead=[number], now=house.clock.now())

    def test_spares_the_senders_what_was_alone_at_every_death(self, house: House) -> None:
        """It waits twice as long each time, half an hour at most."""
        greet(house)
        waits = []
        for _ in range(9):
            number = claimed(house)
            with write(house.engine) as conn:
                recover(conn, 0, dead=[number], now=house.clock.now())
            (row,) = house.messages()
            waits.append((row.wake_at - house.clock.now()) / FIRST_SPARED)
            house.clock.set(row.wake_at)
        assert waits == [0, 1, 2, 4, 8, 16, 30, 30, 30]

    @pytest.mark.parametrize(
        ("purpose", "longest"), [("emergency", 5), ("reply", 5), ("service", 180), ("survey", 1800), ("offer", 1800)]
    )
    def test_spares_no_time_of_what_cannot_wait(self, house: House, purpose: str, longest: int) -> None:
        """An emergency is tried again within seconds, a notice within minutes, however many senders died."""
        greet(house)
        for strikes in range(2, 9):
            with write(house.engine) as conn:
                number = begin_incarnation(conn, "dispatch", house.clock.now())
                conn.execute(
                    sa.update(message).values(
                        purpose=purpose, strikes=strikes - 1, status="sending", lease_owner=number
                    )
                )
                found = recover(conn, 0, dead=[number], now=house.clock.now())
            wait = house.messages()[0].wake_at - house.clock.now()
            assert timedelta(0) < wait <= timedelta(seconds=longest)
            assert found == (1, 0, 1)
        assert wait == timedelta(seconds=longest)

    def test_spares_a_tenth_of_what_is_left_at_most(self) -> None:
        """Whatever its purpose, time is left to send it."""
        assert spared_for(Purpose.OFFER, 9, timedelta(minutes=20)) == timedelta(minutes=2)
        assert spared_for(Purpose.EMERGENCY, 9, timedelta(seconds=20)) == timedelta(seconds=2)
        assert spared_for(Purpose.OFFER, 9, -timedelta(minutes=1)) == timedelta(0)

    def test_knows_which_lives_are_over(self, house: House) -> None:
        """Everyone who still holds claims, but me."""
        greet(house)
        number = claimed(house)
        with write(house.engine) as conn:
            assert dead_incarnations(conn, number) == []
            assert dead_incarnations(conn, number + 1) == [number]
