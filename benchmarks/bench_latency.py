"""L1: how long after its hour a message is at the provider, at 70 % of the pace.

    python benchmarks/bench_latency.py [--seconds N] [--pace N]

Messages come due one by one at random moments, 70 % as many a second as the sender's pace allows; a Twilio look-alike
answers each after 50 ms and writes down when it took it. The full protocol on SQLite, one sending process with its tick
as shipped. The limit is 10 seconds for 99 of 100.
"""

import argparse
import asyncio
import random
import sys
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa

from benchmarks import world as worlds
from benchmarks.measure import Row, say, table
from benchmarks.references import SENDER
from care.base.database import write
from care.bootstrap import Services
from care.delivery.dispatcher import Dispatcher
from care.messages.tables import message
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator

SHARE = 0.7
LIMIT_SECONDS = 10.0
L1 = {"must": 1.0, "stretch": 0.3}
ANSWERS_AFTER = {"create_rates": {"slow-reply": 1.0}, "hang_seconds": 0.05}
HEAD_START = timedelta(seconds=3)
PATIENCE_SECONDS = 60.0


def settings_for(twilio: TwilioSimulator, pace: float) -> dict[str, str]:
    """Return settings that send to the look-alike at a pace."""
    return {
        "CARE_SMS__PROVIDER": "twilio",
        "CARE_SMS__RATE_PER_SECOND": str(pace),
        "CARE_TWILIO__ACCOUNT_SID": twilio.account_sid,
        "CARE_TWILIO__AUTH_TOKEN": twilio.auth_token,
        "CARE_TWILIO__FROM_NUMBER": SENDER,
        "CARE_TWILIO__BASE_URL": twilio.url,
        "CARE_OPERATOR__PUBLIC_URL": "https://care.example.com",
        "CARE_OPERATOR__BRAND": "Hailan",
    }


def lay_out(services: Services, count: int, rate: float, dice: random.Random) -> dict[str, datetime]:
    """Let messages come due from now on at random moments; return by number when."""
    begins = services.clock.now() + HEAD_START
    at = [
        begins + timedelta(seconds=seconds) for seconds in sorted(dice.uniform(0, count / rate) for _ in range(count))
    ]
    rows = [{"whose": number, "at": when} for number, when in enumerate(at, start=1)]
    due = sa.update(message).where(message.c.customer_id == sa.bindparam("whose")).values(wake_at=sa.bindparam("at"))
    with write(services.engine) as conn:
        conn.execute(due, rows)
    return {f"+4474{number:08d}": when for number, when in enumerate(at, start=1)}


async def dispatch(services: Services, count: int, seconds: float) -> None:
    """Let the dispatcher work until everything is handed over, or its time is over."""
    stop, dispatcher = asyncio.Event(), Dispatcher(services.work())
    running = asyncio.create_task(dispatcher.run(stop))
    async with asyncio.timeout(seconds):
        while dispatcher._senders.sent < count:  # noqa: ASYNC110, SLF001 - asked from within, it costs no time
            await asyncio.sleep(0.1)
    stop.set()
    await running


def delays(pace: float, seconds: float, seed: int) -> list[float]:
    """Return for each message how many seconds after its moment the provider had it, shortest first."""
    rate = SHARE * pace
    count = round(rate * seconds)
    with (
        start_twilio_simulator(callbacks=False, script=ANSWERS_AFTER) as twilio,
        worlds.world(channel="sms", settings=settings_for(twilio, pace)) as services,
    ):
        worlds.add_customers(services, count)
        assert worlds.plan_now(services) == count
        due = lay_out(services, count, rate, random.Random(seed))
        with asyncio.Runner(loop_factory=worlds.fast_loop()) as runner:
            runner.run(dispatch(services, count, seconds + PATIENCE_SECONDS))
        taken = {each["to"]: datetime.fromisoformat(each["at"]) for each in twilio.accepted()}
    assert taken.keys() == due.keys()
    return sorted((taken[to] - due[to]).total_seconds() for to in due)


def measure(pace: float, seconds: float, seed: int = 1) -> Row:
    """Return L1 at one pace."""
    say(f"L1: {SHARE:.0%} of {pace:g}/s for {seconds:g} s, seed {seed}")
    found = delays(pace, seconds, seed)

    def at(share: float) -> float:
        return found[min(len(found) - 1, int(len(found) * share))]

    return Row(
        row="L1",
        work=f"{len(found):,} SMS that come due one by one, {SHARE:.0%} of {pace:g}/s, SQLite",
        ours=f"99 of 100 within {at(0.99):.1f} s, half within {at(0.5):.1f} s, all within {found[-1]:.1f} s",
        reference=f"{LIMIT_SECONDS:g} s",
        ratio=at(0.99) / LIMIT_SECONDS,
        is_limit=True,
        **L1,
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pace", type=float, default=100)
    given = parser.parse_args()
    print(table([measure(given.pace, given.seconds)]))


if __name__ == "__main__":
    main()
