"""Two hands at the same row: what one of them chose a moment ago may have changed when it writes."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import write
from care.base.vocabulary import Channel
from care.delivery.incarnation import begin_incarnation, recover
from care.messages import stops, store
from care.messages.store import claim_due
from care.planning import refresh
from tests.delivery.crew import just_before
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import BIRTHDAY, House, build_house


def send_all(house: House) -> int:
    return house.dispatch({channel: Postbox(channel) for channel in Channel})


def claim_all(house: House, *, lease: timedelta = timedelta(minutes=1)) -> int:
    """Claim everything due under a new life and return its number."""
    now = house.clock.now()
    with write(house.engine) as conn:
        number = begin_incarnation(conn, "dispatch", now)
        claim_due(conn, owner=number, lane=5, now=now, lease_until=now + lease, limit=500)
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
            assert store.expire_overdue(conn, now=late) == 0
        assert {row.status for row in house.messages()} == {"sending"}


class TestRecovery:
    def test_leaves_to_another_what_that_one_recovers_already(self, house: House) -> None:
        """Two start at once after a crash: each row is taken back once, with one strike."""
        greet(house, 3)
        claim_all(house)
        house.clock.advance(timedelta(minutes=2))
        now = house.clock.now()
        with write(house.engine) as first:
            assert recover(first, dead=None, now=now) == (3, 0)
            with write(house.engine) as second:
                second.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
                assert recover(second, dead=None, now=now) == (0, 0)
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
                assert recover(other, dead=None, now=now) == (0, 0)
        assert {row.lease_owner for row in house.messages()} == {number}

    def test_waits_for_an_intent_that_is_being_written(self, house: House) -> None:
        """A recoverer whose clock is ahead: rows in an intent transaction are not taken away under it."""
        greet(house, 2)
        stolen: list[tuple[int, int]] = []

        def steal() -> None:
            with write(house.engine) as conn:
                stolen.append(recover(conn, dead=None, now=house.clock.now() + timedelta(minutes=5)))

        with just_before(house.engine, "INSERT INTO attempt", steal):
            assert send_all(house) == 2
        assert stolen == [(0, 0)]
        assert {row.status for row in house.messages()} == {"accepted"}
