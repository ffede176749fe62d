"""Row 8: the power fails while the product sends. An intent that was committed is there when it comes back."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import open_engine, read, write
from care.base.vocabulary import Channel
from care.delivery.channels.base import Outgoing, Result
from care.messages.tables import attempt
from tests.chaos.conftest import Figures, Scale
from tests.chaos.power import Power, power_over, why_not
from tests.conftest import lay_tables
from tests.delivery.test_dispatcher import Postbox
from tests.factories import make_customer
from tests.house import House, build_house

TEN = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
PEOPLE = 6
pytestmark = [
    pytest.mark.slow,
    pytest.mark.crash,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]


@dataclass(frozen=True)
class Cut:
    """A disk after a cut, and what had been handed over by then."""

    database: Path
    tokens: frozenset[str]
    told: Counter[str]


@dataclass(kw_only=True)
class Provider(Postbox):
    """Takes everything; between any two steps the power may fail."""

    power: Power
    folder: Path
    dice: random.Random
    chance: float
    cuts: list[Cut] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(Channel.SMS)
        self.power.moment = self.moment

    async def send(self, outgoing: Outgoing) -> Result:
        result = await super().send(outgoing)
        self.moment()
        return result

    def moment(self) -> None:
        if self.taken and self.dice.random() < self.chance:
            into = self.folder / f"cut-{len(self.cuts)}"
            into.mkdir()
            told = Counter(outgoing.to for outgoing in self.taken)
            tokens = frozenset(outgoing.token for outgoing in self.taken)
            self.cuts.append(Cut(self.power.cut(into, self.dice), tokens, told))


def send_under_cuts(folder: Path, synchronous: str, wanted: int, dice: random.Random) -> list[Cut]:
    """Plan and send in many short rounds, with cuts at random moments; return at least so many."""
    home = folder / "home"
    home.mkdir()
    with power_over(home) as power:
        engine = open_engine(f"sqlite:///{home / 'care.db'}")
        if synchronous != "FULL":
            sa.event.listen(engine, "connect", lambda conn, _: conn.execute(f"PRAGMA synchronous={synchronous}"))
        lay_tables(engine)
        fold(engine)
        house = build_house(home, engine, VirtualClock(TEN))
        house.write_campaign()
        provider = Provider(power=power, folder=folder, dice=dice, chance=0.1)
        while len(provider.cuts) < wanted:
            with write(engine) as conn:
                for _ in range(PEOPLE):
                    make_customer(conn, consents=("greeting",), birth_mmdd=925)
            house.plan()
            if dice.random() < 0.5:
                fold(engine)
            assert house.dispatch({Channel.SMS: provider, Channel.EMAIL: Postbox(Channel.EMAIL)}) == PEOPLE
        engine.dispose()
        assert power.writes > 100
    return provider.cuts


def fold(engine: sa.Engine) -> None:
    """Let SQLite fold its log into the database, as it does by itself now and then."""
    connection = engine.raw_connection()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def lost_intents(cut: Cut) -> int:
    """Return how many intents of messages that had left are not on the disk."""
    engine = open_engine(f"sqlite:///{cut.database}")
    with read(engine) as conn:
        assert conn.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        kept = set(conn.execute(sa.select(attempt.c.token)).scalars())
    engine.dispose()
    return len(cut.tokens - kept)


def told_again(cut: Cut) -> int:
    """Start the product anew on what is left; return how many it tells a second time."""
    house, box = _awake(cut), Postbox()
    house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)})
    house.engine.dispose()
    return sum(cut.told[outgoing.to] > 0 for outgoing in box.taken)


def _awake(cut: Cut) -> House:
    engine = open_engine(f"sqlite:///{cut.database}")
    house = build_house(cut.database.parent, engine, VirtualClock(TEN))
    house.write_campaign()
    return house


class TestAPowerCut:
    def test_loses_no_committed_intent(self, tmp_path: Path, scale: Scale, dice: random.Random, figures: Figures):
        """With the durability of `open_engine` every message that left has its intent, and nobody is told again."""
        cuts = send_under_cuts(tmp_path, "FULL", scale.of(40, 300), dice)
        lost = [lost_intents(cut) for cut in cuts]
        again = [told_again(cut) for cut in cuts[:: scale.of(4, 1)]]
        bad = sum(map(bool, lost))
        figures.show(
            8, f"{len(cuts)} cuts, synchronous=FULL", "0 lose an intent", f"{bad} lose, {sum(again)} told again"
        )
        assert (sum(lost), sum(again)) == (0, 0)

    def test_would_with_less_durability(self, tmp_path: Path, scale: Scale, dice: random.Random, figures: Figures):
        """The often recommended synchronous=NORMAL loses them, and people are told twice: the cuts are real."""
        cuts = send_under_cuts(tmp_path, "NORMAL", scale.of(10, 300), dice)
        lost = [lost_intents(cut) for cut in cuts]
        again = [told_again(cut) for cut in cuts[:: scale.of(4, 1)]]
        bad = sum(map(bool, lost))
        figures.show(8, f"{len(cuts)} cuts, synchronous=NORMAL", "some lose", f"{bad} lose, {sum(again)} told again")
        assert bad > 0
        assert sum(again) > 0
