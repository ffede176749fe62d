"""Two hands at the same row: what one of them chose a moment ago may have changed when it writes."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import write
from care.base.vocabulary import Channel
from care.delivery.channels.base import Outgoing, Result
from care.delivery.incarnation import begin_incarnation, recover
from care.delivery.receipts import Receipt, apply_receipts
from care.messages import stops, store
from care.messages.expiring import expire_overdue
from care.messages.model import Outcome
from care.messages.store import claim_due
from care.messages.tables import message
from care.planning import refresh
from tests.delivery.crew import just_before
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import BIRTHDAY, House, build_house


def send_all(house: House) -> int:
    return house.dispatch({channel: Postbox(channel) for channel in Channel})


def claim_all(house: House) -> int:
    """Claim everything due under a new life and return its number."""
    with write(house.engine) as conn:
        return claim_on(conn, house.clock.now())


def claim_on(conn: sa.Connection, now: datetime) -> int:
    number = begin_incarnation(conn, "dispatch", now)
    claim_due(conn, owner=number, lane=5, now=now, lease_until=now + timedelta(minutes=1), limit=500)
    return number


@pytest.fixture
def house(tmp_path: Any, postgres_engine: sa.Engine, clock: VirtualClock) -> House:
    """PostgreSQL, where two transactions may write at once."""
    return build_house(tmp_path, postgres_engine, clock)


class TestAClaimDuring:
    def test_a_cancellation_wins_over_it(self, house: House) -> None:
        """What a sender took between the choice and the move is in work and may go: it never reads cancelled."""
        greet(house, 2)
        with just_before(house.engine, "UPDATE message", lambda: claim_all(house)):
            stops.cancel_campaign(house.engine, "birthday", by="ops:ann", now=house.clock.now())
        assert {row.status for row in house.messages()} == {"sending"}

    def test_a_withdrawal_wins_over_it(self, house: House) -> None:
        """The same when the file is taken away."""
        greet(house, 2)
        with just_before(house.engine, "UPDATE message", lambda: claim_all(house)):
            refresh.withdraw(house.engine, ["birthday"], house.clock.now())
        assert {row.status for row in house.messages()} == {"sending"}

    def test_an_edit_wins_over_it(self, house: House) -> None:
        """And when the audience shrinks."""
        greet(house, 2)
        house.write_campaign(BIRTHDAY.replace("audience: everyone", "audience: {area: {equals: south}}"))
        (campaign,) = house.services.campaigns
        rules, now = house.services.planning_rules, house.clock.now()

        real = store.move_messages

        def claim_then_move(*args: Any, **more: Any) -> list[int]:
            claim_all(house)
            return real(*args, **more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(refresh.ledger, "move_messages", claim_then_move)
            refresh.refresh_campaign(house.engine, campaign, rules=rules, now=now, ahead=timedelta(hours=36))
        assert {row.status for row in house.messages()} == {"sending"}

    def test_the_watchdog_wins_over_it(self, house: House) -> None:
        """A sender whose clock is behind took it: it may go, and is not called expired."""
        greet(house, 2)
        late = house.clock.now() + timedelta(hours=9)
        with just_before(house.engine, "UPDATE message", lambda: claim_all(house)), write(house.engine) as conn:
            assert expire_overdue(conn, now=late) == 0
        assert {row.status for row in house.messages()} == {"sending"}


class TestRecovery:
    def test_leaves_to_another_what_that_one_recovers_already(self, house: House) -> None:
        """Two start at once after a crash: each row is taken back once, with one strike."""
        greet(house, 3)
        claim_all(house)
        house.clock.advance(timedelta(minutes=2))
        now = house.clock.now()
        with write(house.engine) as first:
            assert recover(first, 0, dead=None, now=now)[:2] == (3, 0)
            with write(house.engine) as second:
                second.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
                assert recover(second, 0, dead=None, now=now)[:2] == (0, 0)
        assert {(row.status, row.strikes) for row in house.messages()} == {("planned", 1)}

    def test_leaves_alone_a_sender_who_renews_at_that_moment(self, house: House) -> None:
        """Progress shown before the row is taken away keeps it."""
        greet(house, 3)
        number = claim_all(house)
        house.clock.advance(timedelta(minutes=2))
        now, ids = house.clock.now(), [row.id for row in house.messages()]
        with write(house.engine) as slow:
            store.renew_leases(slow, owner=number, ids=ids, lease_until=now + timedelta(minutes=1))
            with write(house.engine) as other:
                other.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
                assert recover(other, 0, dead=None, now=now)[:2] == (0, 0)
        assert {row.lease_owner for row in house.messages()} == {number}

    def test_waits_for_an_intent_that_is_being_written(self, house: House) -> None:
        """A recoverer whose clock is ahead: rows in an intent transaction are not taken away under it."""
        greet(house, 2)
        stolen: list[tuple[int, ...]] = []

        def steal() -> None:
            with write(house.engine) as conn:
                stolen.append(recover(conn, 0, dead=None, now=house.clock.now() + timedelta(minutes=5)))

        with just_before(house.engine, "INSERT INTO attempt", steal):
            assert send_all(house) == 2
        assert stolen == [(0, 0, 0)]
        assert {row.status for row in house.messages()} == {"accepted"}


class TestALateAnswer:
    @pytest.mark.parametrize("word", ["crash", "refused"])
    def test_leaves_the_next_try_alone(self, house: House, word: str) -> None:
        """The carrier's word came first and another sender has the message by now: our answer settles nothing."""
        greet(house, phone="+8613912345678")
        sms = Postbox()
        sms.answers["+8613912345678"] = [word]
        real, other = sms.send, list[int]()

        async def overtaken(outgoing: Outgoing) -> Result:
            now = house.clock.now()
            heard = Receipt(
                provider="twilio",
                provider_ref="P1",
                status="undelivered",
                error_code="30003",
                token=outgoing.token,
                at=now,
            )
            with write(house.engine) as conn:
                apply_receipts(conn, [heard], now=now, dice=random.Random(1))
                conn.execute(sa.update(message).values(wake_at=now))
                other.append(claim_on(conn, now))
            return await real(outgoing)

        sms.send = overtaken
        house.dispatch({Channel.SMS: sms, Channel.EMAIL: Postbox(Channel.EMAIL)})

        (row,) = house.messages()
        assert (row.status, row.lease_owner) == ("sending", other[0])


class TestAnAnswer:
    def test_of_any_length_is_written(self, house: House) -> None:
        """A long name of an error or a long reference must not keep all answers of the group from being written."""
        greet(house, 3)
        sms = Postbox()

        class AMuchTooLongNameForOneSmallMistakeError(Exception):
            pass

        async def odd(outgoing: Outgoing) -> Result:
            if outgoing.message_id % 2:
                raise AMuchTooLongNameForOneSmallMistakeError
            return Result(attempt_id=outgoing.attempt_id, outcome=Outcome.ACCEPTED, provider_ref="R" * 100)

        sms.send = odd
        house.dispatch({Channel.SMS: sms, Channel.EMAIL: Postbox(Channel.EMAIL)})

        assert {row.status for row in house.messages()} == {"accepted", "unknown"}
