"""P1, P2, P4: messages dispatched end to end against the bare loops of the libraries underneath.

    python benchmarks/bench_dispatch.py sms|email [--messages N] [--rounds N]

Ours: claimed, re-checked, rendered, written ahead, sent, recorded, durable (SQLite, synchronous=FULL). The
references only send, on the same event loop and against the same sink process. Rounds alternate; medians count.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import world as worlds
from benchmarks.sinks import sink
from care.delivery.dispatcher import Dispatcher

SID, TOKEN = "AC" + "0" * 32, "bench-token"
BODY = "Hailan: Happy birthday, Ann! Thank you for being with us. Have a lovely day. Reply STOP to opt out"


def ours(services: object, count: int) -> float:
    """Dispatch everything that is due and return messages per second."""
    worlds.make_due_again(services)
    started = time.perf_counter()
    with asyncio.Runner(loop_factory=worlds.fast_loop()) as runner:
        sent = runner.run(Dispatcher(services.work()).run(asyncio.Event(), until_idle=True))
    took = time.perf_counter() - started
    assert sent == count, f"{sent} of {count} sent"
    return count / took


def bare_sdk(port: int, count: int) -> float:
    """Return messages per second of the official SDK's async client, 16 in flight."""
    from twilio.http.async_http_client import AsyncTwilioHttpClient
    from twilio.rest import Client

    async def run() -> float:
        http = AsyncTwilioHttpClient()
        client = Client(SID, TOKEN, http_client=http)
        client.api.base_url = f"http://127.0.0.1:{port}"
        left = iter(range(count))

        async def worker() -> None:
            for _ in left:
                await client.messages.create_async(to="+447400000000", from_="+15005550006", body=BODY)

        started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(16)))
        took = time.perf_counter() - started
        await http.close()
        return count / took

    with asyncio.Runner(loop_factory=worlds.fast_loop()) as runner:
        return runner.run(run())


def bare_aiohttp(port: int, count: int) -> float:
    """Return requests per second of a bare aiohttp loop, 16 in flight."""
    import aiohttp
    from urllib.parse import urlencode

    async def run() -> float:
        url = f"http://127.0.0.1:{port}/2010-04-01/Accounts/{SID}/Messages.json"
        auth = aiohttp.BasicAuth(SID, TOKEN)
        left = iter(range(count))
        async with aiohttp.ClientSession(auth=auth) as session:

            async def worker() -> None:
                for _ in left:
                    data = urlencode({"To": "+447400000000", "From": "+15005550006", "Body": BODY})
                    headers = {"Content-Type": "application/x-www-form-urlencoded"}
                    async with session.post(url, data=data, headers=headers) as answer:
                        await answer.json()

            started = time.perf_counter()
            await asyncio.gather(*(worker() for _ in range(16)))
            return count / (time.perf_counter() - started)

    with asyncio.Runner(loop_factory=worlds.fast_loop()) as runner:
        return runner.run(run())


def alternate(rounds: int, messages: int, runs: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Run each in turn, `rounds` times; return the median rate and the median CPU microseconds of each."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            before = time.process_time()
            rates[name].append(run())
            rates.setdefault(f"{name}_cpu_us", []).append((time.process_time() - before) * 1e6 / messages)
    return {name: statistics.median(found) for name, found in rates.items()}


def measure_sms(messages: int, rounds: int) -> dict[str, float]:
    """Return P1 and P2: our rate over the bare SDK's and over bare aiohttp's."""
    with sink("http") as port:
        settings = {
            "CARE_SMS__PROVIDER": "twilio",
            "CARE_TWILIO__ACCOUNT_SID": SID,
            "CARE_TWILIO__AUTH_TOKEN": TOKEN,
            "CARE_TWILIO__FROM_NUMBER": "+15005550006",
            "CARE_TWILIO__BASE_URL": f"http://127.0.0.1:{port}",
            "CARE_OPERATOR__PUBLIC_URL": "https://care.example.com",
        }
        with worlds.world(channel="sms", settings=settings) as services:
            worlds.add_customers(services, messages)
            assert worlds.plan_now(services) == messages
            runs = {
                "ours": lambda: ours(services, messages),
                "sdk": lambda: bare_sdk(port, messages),
                "aiohttp": lambda: bare_aiohttp(port, messages),
            }
            rates = alternate(rounds, messages, runs)
    return {**rates, "P1": rates["ours"] / rates["sdk"], "P2": rates["ours"] / rates["aiohttp"]}


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("sms",))
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(json.dumps(measure_sms(given.messages, given.rounds)))


if __name__ == "__main__":
    main()
