"""Two accounts of one channel: who carries, when it changes, and what is never sent through the other."""

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read
from care.base.vocabulary import Channel
from care.delivery.breaker import FIRST_PAUSE, REST, STEP_EVERY
from care.delivery.routes import Routes
from care.delivery.tables import provider_change, provider_maintenance
from care.messages.model import Outcome
from care.messages.tables import attempt
from tests.delivery.test_closed_providers import WRONG_TOKEN, DeadBox, standing
from tests.delivery.test_dispatcher import Postbox, greet
from tests.delivery.test_doorkeeper import Keeper
from tests.house import House

FIRST, SECOND = "postbox", "postbox.backup"


class Pair:
    """Two accounts for SMS, and a mail relay."""

    def __init__(self, house: House, word: str = "", backup: str = "") -> None:
        self.house, self.first, self.second = house, DeadBox(word), DeadBox(backup)
        self.second.provider = SECOND

    def dispatch(self) -> int:
        return self.house.dispatch(Routes((self.first, self.second, Postbox(Channel.EMAIL))))

    def later(self, by: timedelta) -> int:
        self.house.clock.advance(by)
        return self.dispatch()

    def changes(self) -> list[tuple[str, str, int, str]]:
        columns = provider_change.c
        wanted = sa.select(columns.from_provider, columns.to_provider, columns.share, columns.why)
        mine = wanted.where(columns.channel == str(Channel.SMS)).order_by(columns.n)
        with read(self.house.engine) as conn:
            return [tuple(row) for row in conn.execute(mine)]

    def providers(self) -> Counter[str]:
        """Return how many accepted attempts name which provider."""
        wanted = sa.select(attempt.c.provider).where(attempt.c.outcome == str(Outcome.ACCEPTED))
        with read(self.house.engine) as conn:
            return Counter(conn.execute(wanted).scalars())


class TestASecondAccount:
    def test_rests_while_the_first_is_well(self, house: House) -> None:
        """Nothing goes there, and no change is noted."""
        greet(house, 20)
        pair = Pair(house)
        assert pair.dispatch() == 20
        assert (len(pair.second.taken), pair.changes()) == (0, [])

    def test_takes_over_when_the_first_closes(self, house: House) -> None:
        """Everybody is told; the attempts name who told them, and the change says why."""
        greet(house, 60)
        pair = Pair(house, WRONG_TOKEN)
        pair.dispatch()
        pair.later(timedelta(minutes=5))
        assert standing(house) == {"accepted": 60}
        assert pair.providers() == {SECOND: 60}
        why = f"{FIRST} is closed: account SID and token do not fit"
        assert pair.changes() == [(FIRST, SECOND, 0, why)]

    def test_holds_when_both_are_closed(self, house: House) -> None:
        """As with one; whichever is well first carries."""
        greet(house, 60)
        pair = Pair(house, WRONG_TOKEN, WRONG_TOKEN)
        assert pair.dispatch() == 0
        assert set(standing(house)) == {"held", "planned"}
        assert [change[:2] for change in pair.changes()] == [(FIRST, SECOND), (SECOND, "")]
        pair.second.word = ""
        pair.later(timedelta(minutes=5))
        assert pair.providers() == {SECOND: 60}
        assert pair.changes()[-1] == ("", SECOND, 0, f"{SECOND} is well again")

    def test_gives_back_step_by_step(self, house: House) -> None:
        """One message proves the first well; then it rests, takes a tenth, half, and all again."""
        greet(house, 20)
        pair = Pair(house, WRONG_TOKEN)
        pair.dispatch()
        pair.first.word = ""
        pair.first.taken.clear()
        greet(house, 40)
        pair.later(FIRST_PAUSE)
        if not pair.first.taken:  # these had left before the look was answered: then it is the next one
            greet(house)
            pair.dispatch()
        assert len(pair.first.taken) == 1
        shares = []
        for wait in (STEP_EVERY, REST - STEP_EVERY, STEP_EVERY, STEP_EVERY):
            pair.first.taken.clear()
            house.clock.advance(wait)
            for _ in range(20):  # each as a process of its own
                greet(house)
                pair.dispatch()
            shares.append(len(pair.first.taken))
        assert shares[0] == 0
        assert shares[1] < 20
        assert 0 < shares[2] < 20
        assert shares[3] == 20
        steps = [(to, share) for _, to, share, _ in pair.changes()]
        assert steps == [(SECOND, 0), (SECOND, 10), (SECOND, 50), (FIRST, 0)]

    @pytest.mark.parametrize("word", ["503/0", "crash"])
    def test_is_never_given_what_is_in_doubt_at_the_first(self, house: House, word: str) -> None:
        """Whatever was under way stays in doubt; only what certainly never left goes through the other."""
        greet(house, 60)
        pair = Pair(house, word)
        for _ in range(4):
            pair.dispatch()
            house.clock.advance(timedelta(seconds=30))
        doubted = {out.to for out in pair.first.taken}
        assert doubted
        assert doubted.isdisjoint(out.to for out in pair.second.taken)
        assert len(doubted) + len(pair.second.taken) == 60
        assert standing(house) == {"unknown": len(doubted), "accepted": len(pair.second.taken)}


class TestMaintenance:
    def away(self, house: House, provider: str, minutes: int) -> None:
        now = house.clock.now()
        window = {"starts_at": now, "ends_at": now + timedelta(minutes=minutes), "why": "new numbers"}
        with house.engine.begin() as conn:
            conn.execute(sa.insert(provider_maintenance).values(provider=provider, by="ops:test", at=now, **window))

    def test_holds_until_its_end(self, house: House) -> None:
        """Nothing is tried, the reason is named, and all go when it is over."""
        greet(house, 20)
        self.away(house, FIRST, 20)
        box = DeadBox("")
        only = {Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)}
        assert house.dispatch(only) == 0
        assert house.statuses() == {"held: channel_closed:sms: in maintenance: new numbers": 20}
        assert {row.wake_at - house.clock.now() for row in house.messages()} == {timedelta(minutes=20)}
        house.clock.advance(timedelta(minutes=20))
        assert house.dispatch(only) == 20

    def test_goes_through_the_other_account(self, house: House) -> None:
        """And comes back in steps."""
        greet(house, 20)
        self.away(house, FIRST, 20)
        pair = Pair(house)
        assert pair.dispatch() == len(pair.second.taken) == 20
        pair.later(timedelta(minutes=20))
        assert pair.changes() == [
            (FIRST, SECOND, 0, f"{FIRST} is in maintenance: new numbers"),
            (SECOND, SECOND, 10, f"{FIRST} has been well: 10% go there again"),
        ]

    @pytest.mark.parametrize("minutes", [9, 11])
    def test_is_not_broken_by_a_last_try(self, house: House, minutes: int) -> None:
        """A provider in maintenance gets nothing: what has no time to wait goes by mail where there is one."""
        greet(house, email="wang@example.com")
        greet(house)
        house.clock.advance(house.messages()[0].use_by - timedelta(minutes=minutes) - house.clock.now())
        self.away(house, FIRST, 60)
        relay = Postbox(Channel.EMAIL)
        relay.provider = "relay"
        pair = {Channel.SMS: DeadBox(""), Channel.EMAIL: relay}
        for _ in range(3):
            house.dispatch(pair)
            house.clock.advance(timedelta(minutes=2))
        assert [len(box.taken) for box in pair.values()] == [0, 1]
        house.clock.advance(timedelta(minutes=10))
        house.dispatch(pair)
        assert standing(house) == {"accepted": 1, "expired": 1}

    def test_keeps_back_what_has_its_slot(self, house: House) -> None:
        """It begins while messages are on their way to the socket: what has not left stays, a last try too."""
        keeper = Keeper(house)
        ready = [keeper.ready(keeper.message(minutes=minutes)) for minutes in (9, 120)]
        assert [keeper.made.is_shut(one) for one in ready] == [False, False]
        self.away(house, FIRST, 20)
        keeper.made.refresh()
        assert [keeper.made.is_shut(one) for one in ready] == [True, True]

    def test_leaves_the_last_try_to_whoever_is_there(self, house: House) -> None:
        """The first is away and the second takes nothing: the second is asked all the same."""
        greet(house, 20)
        self.away(house, FIRST, 600)
        pair = Pair(house, backup=WRONG_TOKEN)
        pair.dispatch()
        pair.second.word = ""
        pair.later(house.messages()[0].use_by - timedelta(minutes=9) - house.clock.now())
        assert (len(pair.first.taken), pair.providers()) == (0, {SECOND: 20})
