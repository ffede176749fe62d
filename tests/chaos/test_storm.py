"""The storm: everything at once. Processes die and freeze, the database crashes, the provider errs, people work."""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from care.base.vocabulary import Delivery
from care.simulators.twilio.process import start_twilio_simulator
from tests.chaos.conftest import Figures, Scale
from tests.chaos.crew import Crew, SharedCrew
from tests.chaos.law import Tally, tally
from tests.chaos.office import Office, owner
from tests.chaos.stage import NO_DISPATCHER, NOTICE, OWN, Stage
from tests.postgres_server import running_postgres
from tests.stories.operator import OURS, Operator, operator, phone, wait_until

AREAS = ("once",) * 4 + ("reconciled",) * 2 + ("at-least-once",) * 3 + ("withdrawn",)
CLASSES = {
    "once": ("greeting", Delivery.ONCE),
    "reconciled": ("service", Delivery.RECONCILED),
    "at-least-once": ("service", Delivery.AT_LEAST_ONCE),
    "withdrawn": ("service", Delivery.AT_LEAST_ONCE),
}
"""Who gets what, by area; the last campaign is cancelled in the midst of it."""

CONFIRMED = "您已退订"
BUSY = "capacity: again later"
MOST_TURNS = 8
AT_THE_SOCKET = 1
"""Of each sender that froze so many may leave when it wakes: it stopped between its last look at the clock and the socket."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.crash,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not Scale.is_long, reason="a storm takes many minutes: `make chaos` plays it, each row by itself here"
    ),
]


def faults(each: float, seed: int) -> dict[str, Any]:
    """Return a provider of which everything is to be expected, but not so much that it is closed for it."""
    errors = dict.fromkeys(("503", "503-after", "cut", "lost-reply"), each)
    return {
        "seed": seed,
        "create_rates": {**errors, "429": 0.03, "21614": 0.03, "slow-reply": 0.2, "late": 0.05},
        "hang_seconds": 0.2,
        "callbacks": {"lose": 0.1, "duplicate": 0.15, "shuffle": 0.2, "delay_seconds": [0, 1.5]},
    }


def area_of(n: int) -> str:
    """Return the area of the n-th customer."""
    return AREAS[n % len(AREAS)]


def enter(made: Operator, people: int) -> list[str]:
    """Import the customers, with a campaign for each area; return the lines of their file."""
    (made.folder / "campaigns" / "birthday.yaml").unlink()
    for area, (purpose, delivery) in CLASSES.items():
        text = NOTICE.format(id=area, purpose=purpose, delivery=delivery)
        (made.folder / "campaigns" / f"{area}.yaml").write_text(text, encoding="utf-8")
    file = made.write_customers(people)
    head, *rows = file.read_text(encoding="utf-8").splitlines()
    lines = [f"{head},area", *(f"{row},{area_of(n)}" for n, row in enumerate(rows, 1))]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    made.must("import", "customers", str(file))
    made.must("import", "consents", str(made.write_consents(people)))
    return lines


@contextmanager
def calm(folder: Path, people: int, dice: random.Random, *, url: str = "", **settings: str) -> Iterator[Stage]:
    """Set an empty stage, on SQLite or on the PostgreSQL database at `url`."""
    seed = dice.randrange(1_000_000)
    settings["APPROVAL__ABOVE"] = str(people * 35 // 100)  # only the greetings wait for somebody's second look
    with (
        start_twilio_simulator(senders=[OURS], seed=seed) as twilio,
        operator(folder, url=url, twilio=twilio, **settings) as made,
    ):
        yield Stage(made=made, twilio=twilio, people=people, dice=dice)


TAKEN = """SELECT a.token, a.intent_at, a.incarnation, m.campaign_id
    FROM attempt a JOIN message m ON m.id = a.message_id"""
STANDING = """SELECT c.external_id, m.status FROM message m JOIN customer c ON c.id = m.customer_id
    WHERE m.campaign_id IN ('once', 'reconciled', 'at-least-once', 'withdrawn')"""
DOUBTED = """SELECT DISTINCT c.external_id FROM message m JOIN customer c ON c.id = m.customer_id
    JOIN move v ON v.message_id = m.id WHERE v.status = 'unknown'"""
UNFREE = {
    "messages in work": "SELECT count(*) FROM message WHERE status = 'sending' OR lease_owner IS NOT NULL",
    "intents without an outcome": "SELECT count(*) FROM attempt WHERE outcome = 'intent'",
    "lives of senders": "SELECT count(*) FROM incarnation WHERE role = 'dispatch' AND ended_at IS NULL",
    "messages in doubt of which no request is": """SELECT count(*) FROM message m WHERE m.status = 'unknown' AND NOT EXISTS
        (SELECT 1 FROM attempt a WHERE a.message_id = m.id AND a.outcome = 'unknown')""",
    "leaders": "SELECT count(*) FROM leader",
    "webhooks": "SELECT count(*) FROM webhook WHERE done_at IS NULL OR problem IS NOT NULL",
}


@dataclass(kw_only=True)
class Storm:
    """What was played, and the judges."""

    stood: Stage
    crew: Crew
    office: Office
    late: Counter[int] = field(default_factory=Counter)  # left when their sender woke, by its number

    def play(self, acts: list[str], chores: list[str], pause: tuple[float, float]) -> None:
        """Let everything happen at once."""
        self.crew.begin()
        with ThreadPoolExecutor(1) as threads:
            working = threads.submit(self.office.work, chores, pause)
            try:
                self.crew.play(acts, pause)
            except BaseException:
                self.office.is_over.set()
                raise
            working.result()
        self.crew.end()

    def calm_down(self) -> None:
        """Let everything go that may, and settle what is in doubt, until nothing changes any more."""
        before: dict[str, int] = {}
        with self.stood.made.running("web"):
            self.office.approve()
            for _ in range(MOST_TURNS):
                self.stood.drain(600)
                self.stood.hear(120)
                self.office.listen()
                if (now := self.stood.made.statuses()) == before:
                    return
                before = now
                self.stood.resolve()

    def taken(self) -> list[dict[str, Any]]:
        """Return what the provider took of messages to customers, but for confirmations."""
        return [one for one in self.stood.twilio.accepted() if one["to"] != OWN and CONFIRMED not in one["body"]]

    def tally(self, *areas: str) -> Tally:
        """Hold the ledger against the accept log, of all areas or of some."""
        numbers = [n for n in range(1, self.stood.people + 1) if not areas or area_of(n) in areas]
        everyone = {phone(n): CLASSES[area_of(n)][1] for n in numbers}
        taken = Counter(to for one in self.taken() if (to := owner(one["to"])) in everyone or not areas)
        said = {phone(int(who[1:])): status for who, status in self.stood.ask(STANDING)}
        standing = {to: status for to, status in said.items() if to in everyone}
        return tally(everyone, taken, standing, {phone(int(row[0][1:])) for row in self.stood.ask(DOUBTED)})

    def broken(self) -> list[str]:
        """Return every breach that the accept log shows of what operators and customers had said by then."""
        made = {row[0]: row[1:] for row in self.stood.ask(TAKEN)}
        wrong = []
        for one in self.stood.twilio.accepted():
            if one["to"] == OWN:
                continue
            token = next((word for word in one["status_callback"].split("/") if word.split("#")[0] in made), "")
            if not token:
                wrong.append(f"{one['sid']} left without an intent")
                continue
            intent_at, number, campaign = made[token.split("#")[0]]
            wrong += [
                f"{one['sid']} of {campaign}: {silence.why}"
                for silence in self.office.silences
                if silence.forbids(campaign, one["to"], intent_at)
            ]
            at = round(datetime.fromisoformat(one["at"]).timestamp() * 1_000_000)
            if at < intent_at:
                wrong.append(f"{one['sid']} left before its intent")
            for freeze in self.crew.freezes:
                if number == freeze.number and intent_at < freeze.since and at > freeze.until:
                    self.late[number] += 1
        return wrong + [f"{count} left when their sender woke" for count in self.late.values() if count > AT_THE_SOCKET]

    def unfree(self) -> dict[str, int]:
        """Return what is still held by somebody who is gone."""
        found = {name: int(self.stood.ask(question)[0][0]) for name, question in UNFREE.items()}
        return {name: count for name, count in found.items() if count}

    def check(self, figures: Figures, name: str) -> Tally:
        """Check the law and everything else that must hold afterwards."""
        found = self.tally()
        by_area = {area: self.tally(area) for area in CLASSES}
        heard, said = sum(self.office.said_stop.values()), len(self.office.said_stop)
        books = self.stood.made.care("books", "--days", "3")
        played = ", ".join(f"{count} {act}" for act, count in sorted(self.crew.played.items()))
        done = ", ".join(f"{count} {act}" for act, count in sorted(self.office.done.items()))
        figures.show(0, f"{name}: {played}", "0 lost, 0 denied, 0 copies but those declared", str(found))
        figures.show(
            0, f"  {done}", "obeyed at once", f"{said} said STOP, {heard} heard; {len(self.office.silences)} words"
        )
        for area, told in by_area.items():
            figures.show(0, f"  {area}", "the law", str(told))
        waiting = self.stood.ask("SELECT count(*) FROM message WHERE reason = :busy", busy=BUSY)[0][0]
        assert self.broken() == []
        assert found.balances, found
        assert heard == said
        assert self.unfree() == {}
        assert books.code == 0, books.out
        assert found.open == waiting
        assert self.stood.listed("unknown") == found.doubt
        assert self.crew.said_badly() == []
        return found


def plan(stood: Stage, dice: random.Random) -> list[str]:
    """Enter everybody and plan them, nobody sending; then let the provider err."""
    rows = enter(stood.made, stood.people)
    with stood.made.running("run", "--no-web", **NO_DISPATCHER) as daemon:
        wait_until("all are planned", lambda: sum(stood.made.statuses().values()) == stood.people)
        assert daemon.end() == 0
    stood.trust_the_list()
    stood.twilio.script(faults(0.005, dice.randrange(1_000_000)))
    return rows


DEATHS = ("kill_sender", "kill_sender", "kill_leader", "kill_web", "end_and_begin")
CHORES = ("pause", "say_stop", "resolve", "move", "resolve", "withdraw", "retry")


def schedule(dice: random.Random, rounds: int, befalls: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return what befalls the processes and what people do, so many times in another order each."""
    acts, chores = list[str](), ["approve", "cancel"]
    for number in range(rounds):
        acts += ["freeze", *dice.sample(befalls, len(befalls))]
        chores += dice.sample([*CHORES, *["revoke"][: number % 2]], len(CHORES) + number % 2)
    return acts, chores


def office_of(stood: Stage, dice: random.Random, rows: list[str]) -> Office:
    return Office(stood=stood, dice=random.Random(dice.random()), rows=rows)


class TestAStorm:
    def test_breaks_no_law_on_postgresql(self, tmp_path: Path, dice: random.Random, figures: Figures):
        """Leaders, senders and web killed, a sender frozen, the server crashed, all ended and begun, people at work."""
        people, rounds, pace = 4_500, 12, "25"
        with running_postgres() as server, ExitStack() as stack:
            stood = stack.enter_context(calm(tmp_path, people, dice, url=server.url, SMS__RATE_PER_SECOND=pace))
            rows = plan(stood, dice)
            crew = SharedCrew(stood=stood, stack=stack, dice=random.Random(dice.random()), server=server)
            storm = Storm(stood=stood, crew=crew, office=office_of(stood, dice, rows))
            storm.play(*schedule(dice, rounds, (*DEATHS, "crash_database")), (0.2, 2))
            storm.calm_down()
            storm.check(figures, "PostgreSQL")
        assert crew.most_frozen > 0

    def test_breaks_no_law_on_sqlite(self, tmp_path: Path, dice: random.Random, figures: Figures):
        """The same beside a file: one `care run` whose children are killed and frozen, and which is killed itself."""
        people, rounds, pace = 4_500, 12, "25"
        with ExitStack() as stack:
            stood = stack.enter_context(calm(tmp_path, people, dice, SMS__RATE_PER_SECOND=pace))
            rows = plan(stood, dice)
            crew = Crew(stood=stood, stack=stack, dice=random.Random(dice.random()))
            storm = Storm(stood=stood, crew=crew, office=office_of(stood, dice, rows))
            storm.play(*schedule(dice, rounds, DEATHS), (0.2, 2))
            storm.calm_down()
            storm.check(figures, "SQLite")
