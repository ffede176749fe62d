"""Find out, with real messages to numbers of one's own, whether a provider's list has whatever was sent."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.base.clock import Clock
from care.base.database import insert
from care.base.errors import AnswerIsNoError
from care.base.ids import random_token
from care.delivery.accounts import account_digest
from care.delivery.channels.base import Gateway, Outgoing, Records, records_of
from care.delivery.doubt import SETTLE
from care.delivery.tables import list_proof
from care.messages.model import Outcome

LOOK_EVERY_SECONDS = 0.25
VALID_FOR = timedelta(minutes=10)
SLACK = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was seen: for each message after how many seconds it was listed, None for never."""

    listed_after: tuple[float | None, ...]
    settle: timedelta = SETTLE  # before it nothing is decided about a message in doubt

    @property
    def is_complete(self) -> bool:
        """Tell whether everything was listed well before anything is decided about a message in doubt."""
        return bool(self.listed_after) and not self.why_not

    @property
    def why_not(self) -> str:
        """Return in words why the list is not trusted, '' where it is."""
        missing = sum(took is None for took in self.listed_after)
        if missing:
            return f"it never showed {missing} of what the provider took"
        half = self.settle / 2
        late = sum(took > half.total_seconds() for took in self._listed)
        return f"it showed {late} later than {half.total_seconds():.0f} seconds after the request" if late else ""

    @property
    def listed(self) -> int:
        """Return how many were listed."""
        return len(self._listed)

    @property
    def slowest_ms(self) -> int:
        """Return how long the slowest of those listed took."""
        return int(max(self._listed, default=0.0) * 1000)

    @property
    def _listed(self) -> list[float]:
        return [took for took in self.listed_after if took is not None]


async def prove_list(
    gateway: Gateway,
    numbers: Sequence[str],
    *,
    count: int,
    clock: Clock,
    patience_seconds: float,
    taken: list[str] | None = None,
) -> Proof:
    """Send so many messages to the numbers in turn, and look for each in the list.

    The references of those that the provider took are added to `taken`, also where it refuses one later.

    Raises:
        AnswerIsNoError: the provider keeps no list, or refuses a message.
        UnavailableError: it gives no usable answer.
    """
    records = records_of(gateway)
    if records is None:
        raise AnswerIsNoError(f"{gateway.provider}: keeps no list that could be asked. Nothing to verify")
    await gateway.open()
    try:
        refs = [] if taken is None else taken
        look = _Look(gateway=gateway, records=records, clock=clock, patience_seconds=patience_seconds, taken=refs)
        took = [await look.at_one(numbers[n % len(numbers)], n) for n in range(count)]
        return Proof(listed_after=tuple(took), settle=max(SETTLE, gateway.capabilities.list_settle))
    finally:
        await gateway.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    gateway: Gateway
    records: Records
    clock: Clock
    patience_seconds: float
    taken: list[str]

    async def at_one(self, number: str, n: int) -> float | None:
        """Send one message and return after how many seconds it was listed."""
        now, begun = self.clock.now(), self.clock.monotonic()
        test = Outgoing(
            attempt_id=0,
            message_id=0,
            token=random_token(),
            to=number,
            body=f"care: test {n + 1} of the message list. No answer is needed.",
            valid_until=now + VALID_FOR,
        )
        result = await self.gateway.send(test)
        if result.outcome is not Outcome.ACCEPTED:
            raise AnswerIsNoError(f"{self.gateway.provider}: refused the test ({result.error_code}). See: care doctor")
        self.taken.append(result.provider_ref)
        while (took := self.clock.monotonic() - begun) <= self.patience_seconds:
            if any(listed.sid == result.provider_ref for listed in await self.records.list_to(number, now - SLACK)):
                return took
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        return None


def keep_proof(conn: sa.Connection, provider: str, account: str, proof: Proof, now: datetime) -> None:
    """Keep what was seen; it takes the place of what was seen before."""
    values = {
        "is_complete": proof.is_complete,
        "sent": len(proof.listed_after),
        "listed": proof.listed,
        "slowest_ms": proof.slowest_ms,
        "at": now,
    }
    statement = insert(conn, list_proof).values(provider=provider, account=account_digest(account), **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["provider", "account"], set_=values))


def is_proven(conn: sa.Connection, provider: str, account: str) -> bool:
    """Tell whether the account's list was seen to be complete."""
    mine = sa.select(list_proof.c.is_complete).where(
        list_proof.c.provider == provider, list_proof.c.account == account_digest(account)
    )
    return bool(conn.execute(mine).scalar())
