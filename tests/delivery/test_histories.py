"""Two providers through histories of every kind: who carries changes only for a reason, and comes back step by step."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from care.delivery import breaker
from care.delivery.breaker import REST, STEP_EVERY, STEPS, Cause, Health, State
from care.delivery.failover import ALL, Carrier, Standing, carrier, rests_alone

AT = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
NAMES = FIRST, SECOND = "acme", "acme.backup"

moves = st.tuples(
    st.sampled_from(["close", "slow", "away", "trial", "back", "time"]),
    st.sampled_from(NAMES),
    st.sampled_from([1, 10, 60, 240, 300, 600, 900]),
    st.booleans(),
)


@dataclass(frozen=True)
class Moment:
    """Who carried at an instant, and who could have."""

    at: datetime
    carries: Carrier
    usable: frozenset[str]


class History:
    """Both rows of the table, as the switchboard changes them."""

    def __init__(self) -> None:
        self.now = AT
        self.rows = {name: Health(state=State.WELL, since=AT) for name in NAMES}
        self.away: set[str] = set()
        self.moments = [Moment(AT, Carrier(FIRST), frozenset(NAMES))]

    def standing(self) -> dict[str, Standing]:
        return {name: Standing(row.state, row.share, name in self.away) for name, row in self.rows.items()}

    def live(self, word: str, name: str, seconds: int) -> None:
        row = self.rows[name]
        match word:
            case "close" if row.state is State.WELL:
                self.rows[name] = breaker.closed(row, Cause.ERRORS, "down", self.now)
            case "slow" if row.state is State.WELL and self._another_is_well(name):
                self.rows[name] = breaker.closed(row, Cause.SLOW, "slow", self.now)
            case "trial" if row.state is State.CLOSED:
                self.rows[name] = breaker.proven(breaker.looked_well(row), self.now)
            case "away":
                self.away.add(name)
            case "back":
                self.away.discard(name)
            case "time":
                self.now += timedelta(seconds=seconds)

    def _another_is_well(self, name: str) -> bool:
        return any(each.is_usable for other, each in self.standing().items() if other != name)

    def settle(self) -> None:
        for name, row in self.rows.items():
            self.rows[name] = breaker.settled(row, is_away=name in self.away, now=self.now)
        carries = carrier(NAMES, self.standing())
        if rests_alone(carries, self.standing()):
            self.rows[carries.provider] = breaker.rested(self.rows[carries.provider])
        usable = frozenset(name for name, each in self.standing().items() if each.is_usable)
        self.moments.append(Moment(self.now, carries, usable))


def parts(carries: Carrier) -> dict[str, int]:
    """Return what share of new messages goes to each."""
    found = {name: ALL - carries.share if name == carries.provider else 0 for name in NAMES}
    found[FIRST] += carries.share if carries.provider else 0
    return found


class TestAnyHistory:
    @given(st.lists(moves, max_size=60))
    @settings(deadline=None, max_examples=500)
    def test_changes_who_carries_only_for_a_reason(self, script: list[tuple[str, str, int, bool]]) -> None:
        """Whoever could alone carries all; while both could, all stays but for the steps of whoever has rested."""
        made, long_ago = History(), AT - timedelta(days=1)
        grown, closed = dict.fromkeys(NAMES, long_ago), dict.fromkeys(NAMES, long_ago)
        batch = set[str]()
        for word, name, seconds, is_settled in script:
            made.live(word, name, seconds)
            batch.add(word)
            closed |= {each: made.now for each, row in made.rows.items() if row.state is not State.WELL}
            if not is_settled:
                continue  # several processes at once: the next that looks settles it
            before = made.moments[-1]
            made.settle()
            after, was_calm = made.moments[-1], batch <= {"time"}
            batch.clear()
            old, new = parts(before.carries), parts(after.carries)
            if len(after.usable) < len(NAMES):
                assert after.carries == Carrier(next(iter(after.usable), ""))
            elif not before.usable:
                assert after.carries == Carrier(FIRST)
            elif len(before.usable) == 1:
                assert new[next(iter(before.usable))] >= ALL - STEPS[0]
            elif was_calm and new[FIRST] != old[FIRST]:
                assert (old[FIRST], new[FIRST]) in set(pairwise((0, *STEPS)))
                assert not old[FIRST] or made.now - grown[FIRST] >= STEP_EVERY
                assert made.now - closed[FIRST] >= REST
            if new[FIRST] != old[FIRST]:
                grown[FIRST] = made.now

    def test_of_a_backup_just_proven_leaves_all_with_the_first(self) -> None:
        """Both were down; the first is back and carries alone, then the second passes one trial."""
        made = History()
        for word, name in (("close", FIRST), ("close", SECOND), ("trial", FIRST), ("trial", SECOND)):
            made.live(word, name, 0)
            made.settle()
        for _ in range(40):
            assert made.moments[-1].carries == Carrier(FIRST)
            made.live("time", FIRST, 60)
            made.settle()

    def test_of_two_that_come_back_at_once_begins_with_the_first(self) -> None:
        """Both rest, and nobody could carry meanwhile."""
        made = History()
        for word, name in (("close", SECOND), ("close", FIRST)):
            made.live(word, name, 0)
            made.settle()
        for name in NAMES:
            made.live("trial", name, 0)
        made.settle()
        assert made.moments[-1].carries == Carrier(FIRST)
