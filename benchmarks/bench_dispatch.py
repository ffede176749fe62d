"""P1, P2: SMS dispatched end to end by one process against the bare loops of the libraries underneath.

    python benchmarks/bench_dispatch.py [--messages N] [--rounds N]

Ours: claimed, re-checked, rendered, written ahead, sent, recorded, durable (SQLite, synchronous=FULL). The
references only send the same form to the same sink: the SDK's client as its documentation runs it, on the standard
event loop; aiohttp on the loop that ours runs on. Rounds take turns; medians count.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import world as worlds
from benchmarks.measure import SINK_FACTOR, Row, Spent, compare, in_turn, rate, say, slope, table, timed
from benchmarks.references import ACCOUNT, SENDER, Send, bare_aiohttp, bare_sdk, messages, send_all
from benchmarks.sinks import ceiling, sink
from care.bootstrap import Services
from care.delivery.dispatcher import Dispatcher
from care.delivery.process import settle_memory

P1 = {"must": 1.5, "stretch": 4.0}
P2 = {"must": 0.45, "stretch": 0.8}


def sms_settings(port: int) -> dict[str, str]:
    """Return settings that send SMS to an HTTP sink as to Twilio."""
    return {
        "CARE_SMS__PROVIDER": "twilio",
        "CARE_TWILIO__ACCOUNT_SID": ACCOUNT,
        "CARE_TWILIO__AUTH_TOKEN": "bench-token",
        "CARE_TWILIO__FROM_NUMBER": SENDER,
        "CARE_TWILIO__BASE_URL": f"http://127.0.0.1:{port}",
        "CARE_OPERATOR__PUBLIC_URL": "https://care.example.com",
        "CARE_OPERATOR__BRAND": "Hailan",
    }


def dispatch_all(services: Services, count: int, loop: worlds.LoopFactory) -> Spent:
    """Dispatch everything that is due."""
    worlds.make_due_again(services)
    work = services.work()
    settle_memory(work)
    sent = []

    def dispatch() -> None:
        with asyncio.Runner(loop_factory=loop) as runner:
            sent.append(runner.run(Dispatcher(work).run(asyncio.Event(), until_idle=True)))

    spent = timed(dispatch)
    assert sent == [count], f"{sent} of {count} sent"
    return spent


def send_bare(
    open_sender: Callable[[int], AbstractAsyncContextManager[Send]], port: int, count: int, loop: worlds.LoopFactory
) -> Spent:
    """Send so many with a bare loop, the client made beforehand."""

    async def run() -> Spent:
        import time

        async with open_sender(port) as send:
            used, started = time.process_time(), time.perf_counter()
            await send_all(send, messages(count))
            return Spent(time.perf_counter() - started, time.process_time() - used)

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(run())


def measure_on(loop: worlds.LoopFactory, name: str, count: int, rounds: int) -> list[Row]:
    """Return P1 and P2 on one kind of event loop."""
    with sink("http") as port, worlds.world(channel="sms", settings=sms_settings(port)) as services:
        worlds.add_customers(services, count)
        assert worlds.plan_now(services) == count
        say(f"P1, P2 on {name}: {count:,} SMS, the SDK's async client, aiohttp")
        found = in_turn(
            rounds,
            lambda: dispatch_all(services, count, loop),
            lambda: send_bare(bare_sdk, port, count, worlds.plain_loop()),
            lambda: send_bare(bare_aiohttp, port, count, loop),
        )
        alone = ceiling("http", port)
    rows = []
    for number, (row, against, levels) in enumerate((("P1", "SDK, async client", P1), ("P2", "aiohttp", P2)), start=1):
        c = compare(found, reference=number)
        fastest = count / min(c.ours.wall, c.reference.wall)
        rows.append(
            Row(
                row=row,
                work=f"SMS dispatch, one process, SQLite, {name}",
                ours=rate(count, c.ours),
                reference=f"{against}: {rate(count, c.reference)}",
                ratio=c.ratio,
                cpu_ratio=c.cpu_ratio,
                sink=f"{alone:,.0f}/s",
                is_sink_bound=alone < SINK_FACTOR * fastest,
                **levels,
            )
        )
    return rows


def measure(count: int, rounds: int) -> list[Row]:
    """Return P1 and P2 on both kinds of event loop."""
    return [
        *measure_on(worlds.fast_loop(), "uvloop", count, rounds),
        *measure_on(worlds.plain_loop(), "plain asyncio", count, rounds),
    ]


def growth(sizes: tuple[int, ...]) -> float:
    """Return the slope of dispatch cost over the number of messages."""
    costs = {}
    with sink("http") as port:
        for size in sizes:
            with worlds.world(channel="sms", settings=sms_settings(port)) as services:
                worlds.add_customers(services, size)
                worlds.plan_now(services)
                costs[size] = min(dispatch_all(services, size, worlds.fast_loop()).cpu for _ in range(2))
    return slope(costs)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(table(measure(given.messages, given.rounds)))


if __name__ == "__main__":
    main()
