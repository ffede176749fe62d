"""Who carries which channel, as one process reads it from the tables and changes it there."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from care.base.database import read, write
from care.base.logs import mask
from care.base.vocabulary import Channel
from care.delivery import breaker, health
from care.delivery.breaker import FIRST_PAUSE, PROBE_LIMIT, REST, Cause, Door, Health, State
from care.delivery.failover import Carrier
from care.delivery.maintenance import Window, plan_maintenance
from care.delivery.switchboard import Switchboard
from care.delivery.tables import provider_change
from care.delivery.tally import Counted

AT = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
FIRST, BACKUP = Door(Channel.SMS, "acme", ""), Door(Channel.SMS, "acme.backup", "")
WAY = (Channel.SMS, "")
OURS, OTHERS = 1, 2


class Board:
    """A switchboard with its tables, and the instant at which it is asked."""

    def __init__(self, engine: sa.Engine, *providers: str, senders: tuple[str, ...] = ()) -> None:
        self.engine, self.now = engine, AT
        self.board = Switchboard({Channel.SMS: providers}, senders)
        self.begin()

    def begin(self) -> None:
        with write(self.engine) as conn:
            self.board.begin(conn, self.now)

    def settle(self, after: timedelta = timedelta(0)) -> None:
        """Let time pass and write down what it has changed."""
        self.now += after
        with write(self.engine) as conn:
            self.board.look(conn, self.now)
            self.board.settle(conn, self.now)

    def look(self, after: timedelta = timedelta(0)) -> None:
        self.now += after
        with read(self.engine) as conn:
            self.board.look(conn, self.now)

    def put(self, door: Door, rule: Callable[[Health], Health]) -> None:
        """Change a row as another process would."""
        with write(self.engine) as conn:
            health.change(conn, door, rule)

    def close(self, door: Door, cause: Cause = Cause.IN_ROW, why: str = "no answer") -> None:
        self.put(door, lambda stands: breaker.closed(stands, cause, why, self.now))

    def try_one(self, door: Door, cause: Cause = Cause.IN_ROW) -> None:
        """Close a provider and let its trial wait for a message."""
        self.put(door, lambda stands: breaker.looked_well(breaker.closed(stands, cause, "no answer", self.now)))
        self.look()

    def see(self, door: Door = FIRST, **seen: int) -> None:
        counted = {door: Counted(**{"why": "no answer" if seen.get("errors") else "", **seen})}
        with write(self.engine) as conn:
            health.add_tally(conn, counted, self.now)
            self.board.learn(conn, counted, self.now)

    def away(self, provider: str, why: str = "", hours: int = 1) -> None:
        window = Window(provider=provider, starts_at=self.now, ends_at=self.now + hours * HOUR, why=why, by="ops:test")
        with write(self.engine) as conn:
            plan_maintenance(conn, window, self.now)

    def end(self, door: Door, *, is_accepted: bool | None, by: int = OURS, is_slow: bool = False) -> None:
        with write(self.engine) as conn:
            self.board.end_trial(
                conn, door, by, is_accepted=is_accepted, is_slow=is_slow, why="still down", now=self.now
            )

    def take(self, door: Door, by: int = OURS) -> bool:
        with write(self.engine) as conn:
            return self.board.take_trial(conn, door, by, self.now)

    def stands(self, door: Door = FIRST) -> Health:
        with read(self.engine) as conn:
            return health.read_health(conn)[door]

    def whys(self) -> list[str]:
        column = provider_change.c
        with read(self.engine) as conn:
            return list(conn.execute(sa.select(column.why).order_by(column.n)).scalars())


@pytest.fixture
def alone(engine: sa.Engine) -> Board:
    return Board(engine, "acme")


@pytest.fixture
def pair(engine: sa.Engine) -> Board:
    return Board(engine, "acme", "acme.backup")


class TestWays:
    def test_are_one_for_each_sender_and_each_changes_alone(self, engine: sa.Engine) -> None:
        """'' is the provider's own sender; what one sender's closing changes leaves the other where it was."""
        made = Board(engine, "acme", senders=("", "s1"))
        assert made.board.ways == [WAY, (Channel.SMS, "s1")]
        made.close(Door(Channel.SMS, "acme", "s1"))
        made.settle()
        assert [made.board.carrier(way).provider for way in made.board.ways] == ["acme", ""]
        made.close(FIRST)
        made.settle()
        made.put(FIRST, lambda stands: breaker.proven(stands, AT))
        made.settle()
        assert [made.board.carrier(way).provider for way in made.board.ways] == ["acme", ""]

    def test_begin_with_the_first_and_write_nothing(self, pair: Board) -> None:
        """Before any change and after looks that found none."""
        pair.settle(HOUR)
        assert pair.board.carrier(WAY) == Carrier("acme")
        assert (pair.board.calm_carrier(WAY), pair.whys()) == ("acme", [])

    def test_are_weighed_one_by_one_while_something_is_shared_or_tried(self, pair: Board) -> None:
        """A message for the trial, a share for the first; else all go one way without a question."""
        pair.try_one(FIRST)
        pair.settle()
        assert (pair.board.carrier(WAY).provider, pair.board.calm_carrier(WAY)) == ("acme.backup", "")
        assert pair.take(FIRST)
        assert pair.board.calm_carrier(WAY) == "acme.backup"
        pair.end(FIRST, is_accepted=True)
        assert pair.board.calm_carrier(WAY) == "acme.backup"
        pair.settle(REST)
        assert (pair.board.carrier(WAY), pair.board.calm_carrier(WAY)) == (Carrier("acme.backup", 10), "")


class TestABeginning:
    def test_looks_soon_at_what_is_closed(self, alone: Board) -> None:
        """Settings may have been mended."""
        alone.put(FIRST, lambda _: breaker.closed(_, Cause.IN_ROW, "", AT))
        alone.put(FIRST, partial(breaker.looking, by=OTHERS, now=AT))
        alone.put(FIRST, partial(breaker.looking, by=OTHERS, now=AT))
        assert alone.stands().look_at == AT + 2 * FIRST_PAUSE
        alone.begin()
        assert alone.stands().look_at == AT + FIRST_PAUSE

    def test_knows_at_once_who_is_away(self, pair: Board) -> None:
        """Nothing leaves for a provider in maintenance before the first look."""
        pair.away("acme")
        pair.begin()
        assert pair.board.carrier(WAY) == Carrier("acme.backup")


class TestMaintenance:
    def test_closes_a_door_that_is_well_and_stops_looks_and_trials(self, alone: Board) -> None:
        """Until it is over."""
        alone.away("acme")
        alone.look()
        assert not alone.board.is_open(FIRST)
        alone.try_one(FIRST)
        assert alone.board.free_trial(WAY) is None
        alone.close(FIRST)
        alone.look(2 * FIRST_PAUSE)
        assert alone.board.doors_to_look_at(alone.now) == []
        alone.look(HOUR)
        assert alone.board.doors_to_look_at(alone.now) == [FIRST]

    @pytest.mark.parametrize(("why", "said"), [("", "acme is in maintenance"), ("new", "acme is in maintenance: new")])
    def test_says_why(self, pair: Board, why: str, said: str) -> None:
        """With the operator's words where there are some."""
        pair.away("acme", why)
        pair.settle()
        assert pair.whys() == [said]


class TestTime:
    def test_asks_for_a_change_once(self, pair: Board) -> None:
        """When a share grows, when somebody is away; and no more when that is written down."""
        pair.try_one(FIRST)
        pair.take(FIRST)
        pair.end(FIRST, is_accepted=True)
        pair.look(REST - SECOND)
        assert not pair.board.is_unsettled(pair.now)
        pair.look(SECOND)
        assert pair.board.is_unsettled(pair.now)
        pair.settle()
        assert not pair.board.is_unsettled(pair.now)
        pair.away("acme.backup")
        pair.look()
        assert pair.board.is_unsettled(pair.now)

    def test_leaves_all_with_whoever_came_back_alone(self, pair: Board) -> None:
        """Its rest is over; the other, proven after it, takes nothing from it, now or later."""
        for door in (FIRST, BACKUP):
            pair.close(door)
            pair.settle()
        for door in (FIRST, BACKUP):
            pair.put(door, lambda stands: breaker.proven(stands, pair.now))
            pair.settle(SECOND)
        assert (pair.stands().share, pair.stands(BACKUP).share) == (100, 0)
        changes = pair.whys()
        for _ in range(3):
            pair.settle(REST)
        assert (pair.board.carrier(WAY), pair.whys()) == (Carrier("acme"), changes)

    def test_ends_the_rest_of_one_that_another_process_left_alone(self, pair: Board) -> None:
        """It wrote who carries, and died."""
        pair.put(FIRST, lambda stands: breaker.proven(stands, pair.now))
        pair.settle()
        pair.close(BACKUP)
        pair.look()
        assert pair.board.is_unsettled(pair.now)
        pair.settle()
        assert (pair.stands().share, pair.board.is_unsettled(pair.now)) == (100, False)

    def test_asks_for_a_change_of_who_carries_that_another_process_left_open(self, pair: Board) -> None:
        """It closed a door and died before it had written who carries."""
        pair.close(FIRST)
        pair.look()
        assert pair.board.is_unsettled(pair.now)
        pair.settle()
        assert pair.whys() == ["acme is closed: no answer"]

    def test_ends_a_trial_whose_process_has_ended(self, alone: Board) -> None:
        """After two minutes it is closed again, and looked at."""
        alone.try_one(FIRST)
        assert alone.take(FIRST, by=OTHERS)
        alone.settle(PROBE_LIMIT - SECOND)
        assert alone.stands().state is State.TRIAL
        alone.settle(SECOND)
        assert alone.stands().state is State.CLOSED
        assert alone.board.doors_to_look_at(alone.now) == [FIRST]

    def test_says_in_the_changes_what_it_has_done(self, pair: Board) -> None:
        """Who is closed and why; what share goes back; who is well again."""
        pair.try_one(FIRST)
        pair.settle()
        pair.take(FIRST)
        pair.end(FIRST, is_accepted=True)
        for minutes in (15, 5, 5):
            pair.settle(timedelta(minutes=minutes))
        shares = [f"acme has been well: {share}% go there again" for share in (10, 50)]
        assert pair.whys() == ["acme is closed: no answer", *shares, "acme is well again"]

    def test_does_not_call_well_again_what_is_merely_new(self, alone: Board) -> None:
        """A second account was set up while the first is closed: it was never ill."""
        alone.close(FIRST)
        alone.settle()
        alone.board = Switchboard({Channel.SMS: ("acme", "acme.backup")}, ())
        alone.begin()
        assert alone.board.carrier(WAY) == Carrier("acme.backup")
        assert alone.whys() == ["acme is closed: no answer", "acme.backup is there and well"]

    @pytest.mark.parametrize(("closed", "carries"), [((FIRST,), "acme.backup"), ((FIRST, BACKUP), "nobody")])
    def test_tells_the_log_who_carries_now(self, pair: Board, closed: tuple[Door, ...], carries: str) -> None:
        """In a field that is not masked as an address."""
        with capture_logs(processors=[mask]) as said:
            for door in closed:
                pair.close(door)
                pair.settle()
        (last,) = [each for each in said if each["event"] == "channel.switched"][-1:]
        assert (last["channel"], last["carrier"]) == ("sms", carries)


class TestWhatAProcessHasSeen:
    def test_is_forgotten_with_what_is_accepted(self, alone: Board) -> None:
        """Four errors, a yes, four errors: nothing in a row."""
        for _ in range(2):
            alone.see(answers=4, errors=4, in_row=4)
            alone.look()
            alone.see(answers=1, accepted=1)
            alone.look()
        stands = alone.stands()
        assert (stands.state, stands.in_row, stands.trial_left) == (State.WELL, 0, 0)  # nor closed in between

    def test_counts_what_a_trial_has_promised(self, alone: Board) -> None:
        """Though all is well and nothing else can follow."""
        alone.put(FIRST, lambda stands: breaker.proven(stands, AT))
        alone.look()
        alone.see(answers=4, accepted=4)
        assert alone.stands().trial_left == breaker.TRIAL - 4

    @pytest.mark.parametrize(("of_backup", "state"), [(0, State.CLOSED), (50, State.WELL)])
    def test_of_slow_answers_closes_only_for_one_that_is_quicker(
        self, pair: Board, of_backup: int, state: State
    ) -> None:
        """The tallies of both are asked, those of all processes."""
        with write(pair.engine) as conn:  # noticed by nobody yet
            health.add_tally(conn, {BACKUP: Counted(answers=50, accepted=50, slow=of_backup)}, AT)
        pair.see(answers=50, accepted=50, slow=50)
        assert pair.stands().state is state

    def test_moves_the_channel_at_once(self, pair: Board) -> None:
        """In the same transaction, with the reason."""
        pair.see(answers=5, errors=5, in_row=5)
        assert (pair.board.carrier(WAY), pair.whys()) == (Carrier("acme.backup"), ["acme is closed: no answer"])


class TestALook:
    def looked(self, made: Board, by: int, *, is_well: bool = True) -> bool:
        with write(made.engine) as conn:
            return made.board.looked(conn, FIRST, by, is_well=is_well, now=made.now)

    def take_look(self, made: Board, by: int) -> bool:
        with write(made.engine) as conn:
            return made.board.take_look(conn, FIRST, by, made.now)

    def test_opens_for_one_message_if_it_was_ours_and_found_nothing_wrong(self, alone: Board) -> None:
        """Whoever looked too long ago has been overtaken, and says nothing."""
        alone.close(FIRST)
        alone.look(FIRST_PAUSE)
        assert self.take_look(alone, OURS)
        assert not self.take_look(alone, OURS)  # what it knows is not how the door stands now
        assert not self.looked(alone, OURS, is_well=False)
        assert not self.looked(alone, OTHERS)
        assert alone.stands().state is State.CLOSED
        assert self.looked(alone, OURS)
        assert alone.board.free_trial(WAY) == FIRST

    def test_does_not_free_a_message_that_is_under_way(self, alone: Board) -> None:
        """A look that comes back when its own trial's message has left already changes nothing."""
        alone.try_one(FIRST)
        assert alone.take(FIRST)
        assert not self.looked(alone, OURS)
        assert alone.stands().probe_by == OURS


class TestATrial:
    def test_is_given_once_and_only_where_there_is_one(self, alone: Board) -> None:
        """A door that has closed again meanwhile has none."""
        alone.try_one(FIRST)
        assert alone.take(FIRST)
        assert not alone.take(FIRST, by=OTHERS)
        alone.close(FIRST)
        assert not alone.take(FIRST)
        assert alone.stands().state is State.CLOSED

    def test_is_ended_only_by_whoever_has_its_message(self, alone: Board) -> None:
        """And only while it is one."""
        alone.try_one(FIRST)
        alone.take(FIRST, by=OTHERS)
        for is_accepted in (True, False, None):
            alone.end(FIRST, is_accepted=is_accepted)
        assert (alone.stands().state, alone.stands().probe_by) == (State.TRIAL, OTHERS)
        alone.close(FIRST)
        alone.put(FIRST, partial(breaker.looking, by=OURS, now=AT))
        alone.end(FIRST, is_accepted=True)
        assert alone.stands().state is State.CLOSED

    def test_that_is_accepted_lets_what_waits_go(self, alone: Board) -> None:
        """The channel is carried again at once, and whoever was held is woken."""
        alone.try_one(FIRST)
        alone.settle()
        assert alone.board.carrier(WAY) == Carrier("")
        alone.take(FIRST)
        alone.end(FIRST, is_accepted=True)
        assert (alone.board.carrier(WAY), alone.board.reopened) == (Carrier("acme"), {Channel.SMS})

    def test_lets_go_what_the_first_refused_though_another_carries(self, pair: Board) -> None:
        """What was its own fault is over."""
        pair.try_one(FIRST)
        pair.settle()
        pair.take(FIRST)
        pair.end(FIRST, is_accepted=True)
        assert pair.board.reopened == {Channel.SMS}

    def test_whose_message_did_not_leave_waits_for_another(self, alone: Board) -> None:
        """It proves nothing, for or against."""
        alone.try_one(FIRST)
        alone.take(FIRST)
        alone.end(FIRST, is_accepted=None)
        alone.look()
        assert alone.board.free_trial(WAY) == FIRST

    def test_that_is_refused_says_why(self, alone: Board) -> None:
        """It is closed again, and looked at after the next pause."""
        alone.try_one(FIRST)
        alone.take(FIRST)
        alone.end(FIRST, is_accepted=False)
        assert (alone.stands().state, alone.stands().why) == (State.CLOSED, "still down")
