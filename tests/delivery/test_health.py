"""Providers' health in the tables, as several processes read and change it."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Channel
from care.delivery import breaker, carriers, health
from care.delivery.breaker import Cause, Door, Health, State
from care.delivery.carriers import Last
from care.delivery.failover import Carrier, Shares
from care.delivery.maintenance import Window, end_maintenance, plan_maintenance, windows
from care.delivery.switchboard import Switchboard
from care.delivery.tables import provider_change, provider_health, provider_tally
from care.delivery.tally import Counted
from care.schedule import watch
from tests.house import House

DOOR = Door(Channel.SMS, "acme", "")
ORDER = {Channel.SMS: ["acme", "acme.backup"]}


def board_of(house: House) -> Switchboard:
    """Return what one process knows."""
    board = Switchboard(ORDER, ())
    with write(house.engine) as conn:
        board.begin(conn, house.clock.now())
    return board


def see(house: House, board: Switchboard, **seen: int) -> None:
    with write(house.engine) as conn:
        counted = {DOOR: Counted(**{"why": "no answer", **seen})}
        health.add_tally(conn, counted, house.clock.now())
        board.learn(conn, counted, house.clock.now())


class TestOneRowForAll:
    def test_adds_up_what_each_has_seen(self, house: House) -> None:
        """Two and three errors of two processes are five in a row; the others learn of it by looking."""
        first, second = board_of(house), board_of(house)
        see(house, first, answers=2, errors=2, in_row=2)
        see(house, second, answers=3, errors=3, in_row=3)
        assert first.carrier((Channel.SMS, "")) == Carrier("acme")
        with read(house.engine) as conn:
            first.look(conn, house.clock.now())
        assert first.carrier((Channel.SMS, "")) == second.carrier((Channel.SMS, "")) == Carrier("acme.backup")

    def test_closes_at_fifty_of_all(self, house: House) -> None:
        """Nobody has seen more than ten, and something was accepted in between each time."""
        boards = [board_of(house) for _ in range(5)]
        for board in boards:
            assert board.carrier((Channel.SMS, "")).provider == "acme"
            see(house, board, answers=12, errors=10, accepted=2, in_row=1)
            house.clock.advance(timedelta(seconds=6))
        with read(house.engine) as conn:
            stands = health.read_health(conn)[DOOR]
        assert (stands.state, stands.cause, stands.why) == (State.CLOSED, Cause.ERRORS, "no answer")

    def test_is_swapped_only_by_who_knows_it(self, house: House) -> None:
        """Of two that take the same look one gets it."""
        board_of(house)
        now = house.clock.now()
        with write(house.engine) as conn:
            _, shut = health.change(conn, DOOR, lambda stands: breaker.closed(stands, Cause.IN_ROW, "", now))
            stands = health.read_health(conn)[DOOR]
            assert stands.state is shut.state
            assert health.swap(conn, DOOR, stands, breaker.looking(stands, 1, now))
            assert not health.swap(conn, DOOR, stands, breaker.looking(stands, 2, now))
            assert health.read_health(conn)[DOOR].probe_by == 1

    def test_is_changed_by_the_rule_as_it_stands_then(self, house: House) -> None:
        """Somebody changes it while a rule is worked out: the rule is asked again, and nothing is overwritten."""
        board_of(house)
        now, asked = house.clock.now(), list[int]()
        with write(house.engine) as conn:

            def rule(stands: Health) -> Health:
                asked.append(stands.in_row)
                if len(asked) == 1:
                    health.swap(conn, DOOR, stands, replace(stands, in_row=3))
                return replace(stands, in_row=stands.in_row + 1)

            old, new = health.change(conn, DOOR, rule)
            assert (asked, old.in_row, new.in_row) == ([0, 3], 3, 4)
            stands = health.read_health(conn)[DOOR]
            assert health.swap(conn, DOOR, stands, stands)
            assert health.read_health(conn)[DOOR] == stands
            assert stands.in_row == 4
        assert stands.since == now

    def test_gives_the_message_of_a_trial_once(self, house: House) -> None:
        """Until it is answered; unused it is given again."""
        first, second = board_of(house), board_of(house)
        now = house.clock.now()
        with write(house.engine) as conn:
            health.change(conn, DOOR, lambda s: breaker.looked_well(breaker.closed(s, Cause.ERRORS, "", now)))
            assert first.take_trial(conn, DOOR, 1, now)
            assert not second.take_trial(conn, DOOR, 2, now)
            first.end_trial(conn, DOOR, 1, is_accepted=None, is_slow=False, why="", now=now)
            assert second.take_trial(conn, DOOR, 2, now)

    @pytest.mark.parametrize(("cause", "state"), [(Cause.SLOW, State.CLOSED), (Cause.ERRORS, State.WELL)])
    def test_is_not_proven_by_what_closed_it(self, house: House, cause: Cause, state: State) -> None:
        """A provider closed for being slow opens by a quick answer only."""
        board, now = board_of(house), house.clock.now()
        with write(house.engine) as conn:
            health.change(conn, DOOR, lambda s: breaker.looked_well(breaker.closed(s, cause, "", now)))
            board.take_trial(conn, DOOR, 1, now)
            board.end_trial(conn, DOOR, 1, is_accepted=True, is_slow=True, why="", now=now)
            assert health.read_health(conn)[DOOR].state is state

    def test_wakes_whoever_took_it_for_closed(self, house: House) -> None:
        """A look that came too late may have held messages again: it lets them go when it sees."""
        late, prompt = board_of(house), board_of(house)
        late.order = prompt.order = {Channel.SMS: ["acme"]}
        see(house, prompt, answers=5, errors=5, in_row=5)
        with read(house.engine) as conn:
            late.look(conn, house.clock.now())
        see(house, prompt, answers=1, accepted=1)
        late.reopened.clear()
        with read(house.engine) as conn:
            late.look(conn, house.clock.now())
        assert late.reopened == {Channel.SMS}


class TestChanges:
    def test_are_written_once(self, house: House) -> None:
        """By whoever sees them first."""
        now, last = house.clock.now(), Last(0, Carrier("acme"))
        with write(house.engine) as conn:
            for expected in (True, False):
                new = Carrier("acme.backup")
                assert carriers.note_change(conn, (Channel.SMS, ""), last, new, why="x", now=now) is expected
            assert carriers.last_changes(conn) == {(Channel.SMS, ""): Last(1, Carrier("acme.backup"))}

    def test_keep_as_much_of_a_reason_as_there_is_room_for(self, house: House) -> None:
        """However much a provider has said."""
        now, long = house.clock.now(), "x" * 500
        board_of(house)
        with write(house.engine) as conn:
            carriers.note_change(conn, (Channel.SMS, ""), Last(0, Carrier("acme")), Carrier(""), why=long, now=now)
            health.change(conn, DOOR, lambda stands: breaker.closed(stands, Cause.ERRORS, long, now))
            window = Window(provider="acme", starts_at=now, ends_at=now + timedelta(hours=1), why=long, by=long)
            plan_maintenance(conn, window, now)
            (planned,) = windows(conn, now)
            kept = conn.execute(sa.select(provider_change.c.why)).scalar_one()
            closed_for = health.read_health(conn)[DOOR].why
        assert (len(kept), len(closed_for)) == (carriers.WORDS, health.WORDS)
        assert (len(planned.why), len(planned.by)) == (120, 32)


class TestAWantOfRoom:
    @pytest.mark.parametrize("cause", [Cause.FULL, Cause.TODAY])
    def test_is_kept_where_older_programs_do_not_look(self, house: House, cause: Cause) -> None:
        """A cause that they do not know would end them; what they leave behind when they open it counts no more."""
        now, column = house.clock.now(), provider_health.c
        board_of(house)
        with write(house.engine) as conn:
            health.change(conn, DOOR, lambda stands: breaker.closed(stands, cause, "", now))
            assert health.read_health(conn)[DOOR].cause is cause
            assert set(conn.execute(sa.select(column.cause)).scalars()) == {None}
            conn.execute(sa.update(provider_health).values(cause="errors"))
            assert health.read_health(conn)[DOOR].cause is Cause.ERRORS
            conn.execute(sa.update(provider_health).values(state="well", cause=None))
            assert health.read_health(conn)[DOOR].cause is None

    def test_of_one_process_closes_nothing_that_others_get_through(self, house: House) -> None:
        """One has everything refused for half a minute; another has one accepted now and then."""
        first, second = board_of(house), board_of(house)
        for _ in range(6):
            see(house, first, answers=9, no_room=9)
            see(house, second, answers=2, no_room=1, accepted=1)
            house.clock.advance(timedelta(seconds=5))
        assert stands(house).state is State.WELL
        for _ in range(6):
            see(house, first, answers=9, no_room=9)
            house.clock.advance(timedelta(seconds=5))
        assert stands(house).cause is Cause.FULL


def stands(house: House) -> Health:
    with read(house.engine) as conn:
        return health.read_health(conn)[DOOR]


class TestTallies:
    def test_are_of_five_seconds_and_told_newest_first(self, house: House) -> None:
        """What all processes saw in the same five seconds is one line, of one sender."""
        other, start = DOOR._replace(sender="s1"), house.clock.now()
        for seconds, door in ((0, DOOR), (4, DOOR), (5, DOOR), (5, other)):
            with write(house.engine) as conn:
                health.add_tally(conn, {door: Counted(answers=1)}, start + timedelta(seconds=seconds))
        with read(house.engine) as conn:
            found = health.read_tallies(conn, Channel.SMS, "", start + timedelta(seconds=9))
        assert [(each.at - start, each.answers) for each in found["acme"]] == [
            (timedelta(seconds=5), 1),
            (timedelta(0), 2),
        ]

    def test_close_a_provider_that_was_well_before(self, house: House) -> None:
        """Fifty errors within a minute, after hours without one."""
        board = board_of(house)
        house.clock.advance(timedelta(hours=1))
        see(house, board, answers=60, accepted=60)
        house.clock.advance(timedelta(minutes=2))
        see(house, board, answers=60, errors=50, accepted=10, in_row=1)
        with read(house.engine) as conn:
            assert health.read_health(conn)[DOOR].cause is Cause.ERRORS

    def test_of_a_clock_that_was_set_back_are_forgotten(self, house: House) -> None:
        """They would be the newest for as long as it was set back."""
        now = house.clock.now()
        with write(house.engine) as conn:
            for hours in (2, 0):
                health.add_tally(conn, {DOOR: Counted(answers=1)}, now + timedelta(hours=hours))
            health.forget_tallies(conn, now)
            assert [each.at for each in health.read_tallies(conn, Channel.SMS, "", now)["acme"]] == [now]

    def test_are_forgotten_after_an_hour(self, house: House) -> None:
        """The leader's watch drops them."""
        with write(house.engine) as conn:
            health.add_tally(conn, {DOOR: Counted(answers=1)}, house.clock.now())
        for minutes, left in ((59, 1), (2, 0)):
            house.clock.advance(timedelta(minutes=minutes))
            watch(house.services, house.clock.now(), None)
            with read(house.engine) as conn:
                assert conn.execute(sa.select(sa.func.count()).select_from(provider_tally)).scalar_one() == left


class TestMaintenance:
    def test_that_is_ended_is_that_of_one_provider(self, house: House) -> None:
        """What goes on ends now, what begins later is taken back, what is over and what is another's stay."""
        now, hour = house.clock.now(), timedelta(hours=1)
        spans = {"over": (-3, -2), "now": (-1, 1), "later": (2, 3), "next": (1, 2)}
        with write(house.engine) as conn:
            for provider in ("acme", "other"):
                for why, (begins, ends) in spans.items():
                    span = {"starts_at": now + begins * hour, "ends_at": now + ends * hour}
                    plan_maintenance(conn, Window(provider=provider, why=why, by="ops:test", **span), now)
            assert end_maintenance(conn, "acme", now) == 3
            assert end_maintenance(conn, "acme", now) == 0
            found = [(each.provider, each.why, each.ends_at - now) for each in windows(conn, now - 2 * hour)]
        assert found == [
            ("acme", "over", -2 * hour),
            ("other", "over", -2 * hour),
            ("acme", "now", 0 * hour),
            ("other", "now", hour),
            ("other", "next", 2 * hour),
            ("other", "later", 3 * hour),
        ]

    def test_that_begins_at_this_moment_goes_on(self, house: House) -> None:
        """Ended, it is kept as one that was: it is not taken back."""
        now = house.clock.now()
        with write(house.engine) as conn:
            window = Window(provider="acme", starts_at=now, ends_at=now + timedelta(hours=1), why="", by="ops:test")
            plan_maintenance(conn, window, now)
            assert end_maintenance(conn, "acme", now) == 1
            assert [each.ends_at for each in windows(conn, now)] == [now]


class TestShares:
    @pytest.mark.parametrize("share", [10, 50])
    def test_are_dealt_evenly(self, share: int) -> None:
        """Of a hundred groups exactly so many, wherever it began."""
        for owed in (0, 37, 99):
            shares, first = Shares(owed), 0
            for _ in range(100):
                first += shares.is_for_the_first(share)
                shares.deal(share)
            assert first == share
