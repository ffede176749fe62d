"""What operators and customers do while all else goes wrong, and what must not happen any more once they have."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from care.base.clock import SystemClock
from care.base.database import write
from care.delivery.doubt import SETTLE
from care.messages.tables import attempt
from tests.chaos.crew import micros, patiently
from tests.chaos.stage import Stage
from tests.chaos.test_kills import NOBODY
from tests.stories.operator import OURS, PATIENCE, Answer, phone, wait_until

REFUSAL = "退订"
"""What the provider itself does not know for a STOP, so that nobody but us keeps it."""

MOVED = 50_000_000
SERVICES = frozenset({"reconciled", "at-least-once", "withdrawn"})
HEARD = "SELECT 1 FROM inbound_message WHERE address = :who AND handled_as = 'opt_out'"
UNSENT = (
    "SELECT c.external_id FROM message m JOIN customer c ON c.id = m.customer_id "
    "WHERE m.campaign_id = :campaign AND m.status IN ('planned', 'held') ORDER BY c.external_id"
)
FAILED = (
    "SELECT c.external_id FROM message m JOIN customer c ON c.id = m.customer_id "
    "WHERE m.campaign_id = 'once' AND m.status = 'failed' ORDER BY c.external_id"
)
GIVEN_UP_BEFORE = 3_000_000
"""Microseconds after which the provider has certainly worked on what a sender that died had let go."""


def new_phone(n: int) -> str:
    """Return the number that the n-th customer has later."""
    return phone(n + MOVED)


def owner(address: str) -> str:
    """Return the number under which a customer was entered, whichever of the two this is."""
    number = int(address.removeprefix("+86138")) - 10_000_000
    return phone(number - MOVED) if number > MOVED else address


@dataclass(kw_only=True)
class Silence:
    """No intent may be younger than `since` for some campaigns, or one address, until it is over."""

    why: str
    campaigns: frozenset[str]
    since: int
    until: int | None = None
    address: str = ""  # '' for all

    def forbids(self, campaign: str, address: str, at: int) -> bool:
        """Tell whether an intent of that moment should not be."""
        is_meant = campaign in self.campaigns and self.address in ("", address)
        return is_meant and self.since < at and (self.until is None or at < self.until)


@dataclass(kw_only=True)
class Office:
    """Does one thing after the other, in a thread of its own."""

    stood: Stage
    dice: random.Random
    rows: list[str]  # of the customers' file, the head first
    done: Counter[str] = field(default_factory=Counter)
    silences: list[Silence] = field(default_factory=list)
    said_stop: dict[str, bool] = field(default_factory=dict)  # by number: whether it was worked on
    touched: set[str] = field(default_factory=set)
    is_over: threading.Event = field(default_factory=threading.Event)

    def work(self, acts: list[str], pause: tuple[float, float]) -> None:
        """Do it all."""
        for act in acts:
            if self.is_over.is_set():
                return
            time.sleep(self.dice.uniform(*pause))
            if getattr(self, act)():
                self.done[act] += 1
            self.listen()

    def care(self, *words: str, **env: str) -> Answer:
        """Run a command, again and again while the database is down."""
        ends = time.monotonic() + 60 * PATIENCE
        while "care: database" in (answer := self.stood.made.care(*words, **env)).err and answer.code:
            assert time.monotonic() < ends, (words, answer)
            time.sleep(0.2)
        assert answer.code in (0, 1), (words, answer)
        return answer

    def does(self, *words: str, **env: str) -> bool:
        """Run a command; return whether it did what it was told."""
        return self.care(*words, **env).code == 0

    def stop(self, why: str, campaigns: Iterable[str], *words: str, address: str = "") -> Silence | None:
        """Run a command after which nothing of this may leave any more."""
        if not self.does(*words):
            return None
        made = Silence(why=why, campaigns=frozenset(campaigns), since=micros(), address=address)
        self.silences.append(made)
        return made

    def pause(self) -> bool:
        """Stop a purpose or a campaign for a moment."""
        scope, campaigns = self.dice.choice([(("--purpose", "service"), SERVICES), (("--campaign", "once"), {"once"})])
        made = self.stop("paused", campaigns, "pause", *scope)
        time.sleep(self.dice.uniform(0.2, 1.5))
        before = micros()
        if made is not None:
            made.until = before
        self.does("resume", *scope)
        return made is not None

    def approve(self) -> bool:
        """Approve the greetings as they are planned now."""
        look = self.care("plan", "--campaign", "once", "--json")
        (seen,) = json.loads(look.out)["approvals"]
        before = micros()
        for one in self.silences:
            if one.why == "revoked" and one.until is None:
                one.until = before
        return self.does("approve", "once", "--plan", str(seen["plan"]))

    def revoke(self) -> bool:
        """Withdraw the approval for a moment."""
        made = self.stop("revoked", {"once"}, "approve", "once", "--revoke")
        time.sleep(self.dice.uniform(0.2, 1))
        self.approve()
        return made is not None

    def cancel(self) -> bool:
        """Withdraw a campaign for good; what a sender has in hand may still go."""
        return self.does("cancel", "--campaign", "withdrawn")

    def retry(self) -> bool:
        """Lift what providers said of some numbers, and send again what failed."""
        failed = [row[0] for row in patiently(lambda: self.stood.ask(FAILED))]
        for who in self.dice.sample(failed, min(2, len(failed))):
            self.care("suppressions", "lift", who)
        return self.does("retry", "--campaign", "once")

    def say_stop(self) -> bool:
        """Some customers write that they want no more, and again until somebody answers."""
        for who in [phone(int(who[1:])) for who in self.some_unsent("once", 3)]:
            wait_until("a STOP is answered", lambda who=who: self._is_taken(who))
            self.said_stop[who] = False
        return bool(self.said_stop)

    def _is_taken(self, who: str) -> bool:
        try:
            status = self.stood.twilio.reply(who, OURS, REFUSAL).status
        except TimeoutError:  # callbacks that wait for a server that is down are before it in the provider's queue
            return False
        return status is not None and 200 <= status < 300

    def listen(self) -> None:
        """Note which of them were understood by now."""
        for who in [who for who, is_heard in self.said_stop.items() if not is_heard]:
            if patiently(lambda who=who: self.stood.ask(HEARD, who=who)):
                self.said_stop[who] = True
                self.silences.append(Silence(why="STOP", campaigns=frozenset({"once"}), since=micros(), address=who))

    def withdraw(self) -> bool:
        """The back office records that two customers took their consent back."""
        who = self.some_unsent("once", 2)
        file = self.stood.made.folder / f"withdrawn-{time.monotonic_ns()}.csv"
        at = SystemClock().now().isoformat()
        lines = [f"{one},greeting,sms,false,{at},letter,no more" for one in who]
        head = "customer,purpose,channel,given,at,source,wording"
        file.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
        if not who or not self.does("import", "consents", str(file)):
            return False
        since = micros()
        for one in who:
            number = phone(int(one[1:]))
            self.silences.append(Silence(why="withdrawal", campaigns=frozenset({"once"}), since=since, address=number))
        return True

    def move(self) -> bool:
        """Customers have new numbers by the next import."""
        who = [*self.some_unsent("once", 2), *self.some_unsent("reconciled", 1)]
        head, *_ = self.rows
        lines = [self.rows[int(one[1:])].replace(phone(int(one[1:])), new_phone(int(one[1:]))) for one in who]
        file = self.stood.made.folder / f"moved-{time.monotonic_ns()}.csv"
        file.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
        if not who or not self.does("import", "customers", str(file)):
            return False
        since, everything = micros(), SERVICES | {"once"}
        for one in who:
            self.silences.append(
                Silence(why="new number", campaigns=everything, since=since, address=phone(int(one[1:])))
            )
        return True

    def some_unsent(self, campaign: str, most: int) -> list[str]:
        """Return customers who wait to be told and to whom nothing else happens."""
        waiting = [row[0] for row in patiently(lambda: self.stood.ask(UNSENT, campaign=campaign))]
        free = [who for who in waiting if who not in self.touched]
        chosen = self.dice.sample(free, min(most, len(free)))
        self.touched.update(chosen)
        return chosen

    def resolve(self) -> bool:
        """Settle what has been in doubt for a while, with a list that does not answer half the time."""
        patiently(self._let_time_pass)
        env = {"CARE_TWILIO__BASE_URL": NOBODY} if self.dice.random() < 0.5 else {}
        self.care("resolve", "--json", **env)
        return True

    def _let_time_pass(self) -> None:
        """Make requests older that were given up seconds ago; their senders have certainly let go or never will."""
        made = sa.type_coerce(attempt.c.done_at, sa.BigInteger)
        earlier = made - int(SETTLE.total_seconds()) * 1_000_000
        is_over = sa.and_(attempt.c.outcome == "unknown", made < micros() - GIVEN_UP_BEFORE)
        with write(self.stood.made.engine) as conn:
            conn.execute(
                sa.update(attempt).where(is_over).values(done_at=sa.type_coerce(earlier, attempt.c.done_at.type))
            )
