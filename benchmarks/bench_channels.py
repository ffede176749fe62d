"""Measure each channel alone against bare loops on the same sink, in turn, in one run.

    python benchmarks/bench_channels.py [--rounds N] [--count N] [--uvloop]

Prints messages a second, CPU microseconds a message of the sending process, and the median of both ratios.
A sink that is not three times as fast as what it measures is named: then the row does not count.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.references import ACCOUNT, SENDER, bare_aiohttp, bare_sdk, bare_smtplib, messages, send_all
from benchmarks.sinks import ceiling, sink
from care.base.clock import SystemClock
from care.base.settings import EmailSettings, SmtpSettings, TwilioSettings
from care.base.vocabulary import Channel
from care.delivery.channels.base import Gateway
from care.delivery.channels.mime import MailComposer
from care.delivery.channels.sandbox import SandboxGateway
from care.delivery.channels.smtp_email import SmtpEmail
from care.delivery.channels.twilio_sms import TwilioSms

TOKEN = "no-secret"  # noqa: S105 - belongs to no account
Run = Callable[[int], None]  # takes how many messages


async def _through(gateway: Gateway, count: int) -> None:
    is_email = gateway.channel is Channel.EMAIL
    await gateway.open()

    async def send(each: object) -> None:
        result = await gateway.send(each)
        assert result.outcome == "accepted", result

    await send_all(send, messages(count, email=is_email), in_flight=32)
    await gateway.close()


async def _bare(opened: object, count: int) -> None:
    async with opened as send:
        await send_all(send, messages(count))


def twilio_gateway(port: int) -> TwilioSms:
    """Return our adapter on an HTTP sink."""
    settings = TwilioSettings(
        account_sid=ACCOUNT, auth_token=TOKEN, from_number=SENDER, base_url=f"http://127.0.0.1:{port}"
    )
    return TwilioSms(settings, public_url="https://care.example.com", clock=SystemClock())


def smtp_gateway(port: int) -> SmtpEmail:
    """Return our adapter on an SMTP sink."""
    settings = SmtpSettings(host="127.0.0.1", port=port, tls="none", connections=8)
    return SmtpEmail(settings, EmailSettings(sender="care@example.com"), composer=MailComposer, clock=SystemClock())


def sms_runs(port: int) -> dict[str, Run]:
    """Return what is measured on the HTTP sink; the first is ours."""
    return {
        "care, Twilio channel": lambda count: asyncio.run(_through(twilio_gateway(port), count)),
        "Twilio SDK, create_async": lambda count: asyncio.run(_bare(bare_sdk(port), count)),
        "aiohttp alone": lambda count: asyncio.run(_bare(bare_aiohttp(port), count)),
    }


def email_runs(port: int) -> dict[str, Run]:
    """Return what is measured on the SMTP sink; ours also builds each mail, the bare loop repeats one."""
    (sample,) = messages(1, email=True)
    mail = MailComposer("care@example.com").compose(
        to=sample.to,
        subject=sample.subject,
        text=sample.body,
        html=sample.html,
        message_id="m1",
        date=datetime.now(UTC),  # noqa: TID251 - a benchmark stands outside the product
    )
    return {
        "care, SMTP channel": lambda count: asyncio.run(_through(smtp_gateway(port), count)),
        "smtplib, one connection": lambda count: bare_smtplib(port, mail, count),
    }


def sandbox_run(count: int) -> None:
    """Write `count` SMS to an outbox."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_through(SandboxGateway(Channel.SMS, Path(folder), clock=SystemClock()), count))


def measure(runs: dict[str, Run], *, rounds: int, count: int) -> dict[str, list[tuple[float, float]]]:
    """Return rate per second and CPU microseconds a message, per run and round; runs take turns."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            started, used = time.perf_counter(), time.process_time()
            run(count)
            seconds, cpu = time.perf_counter() - started, time.process_time() - used
            found[name].append((count / seconds, cpu / count * 1e6))
    return found


def report(found: dict[str, list[tuple[float, float]]], limit: float) -> None:
    """Print one line per run; ratios are ours to the other's, medians over rounds."""
    ours, *others = found
    for name, rounds in found.items():
        rate = statistics.median(each[0] for each in rounds)
        cpu = statistics.median(each[1] for each in rounds)
        print(f"{name:28} {rate:8.0f}/s {cpu:8.0f} µs CPU", end="")
        if name in others:
            faster = statistics.median(a[0] / b[0] for a, b in zip(found[ours], rounds, strict=True))
            leaner = statistics.median(b[1] / a[1] for a, b in zip(found[ours], rounds, strict=True))
            print(f"   ours: {faster:.2f} × the rate, {leaner:.2f} × as much per CPU second", end="")
        print()
    best = max(statistics.median(each[0] for each in rows) for rows in found.values())
    if limit:
        print(f"{'the sink alone':28} {limit:8.0f}/s {'  sink-bound' if limit < 3 * best else ''}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--uvloop", action="store_true")
    given = parser.parse_args()
    if given.uvloop:
        import uvloop

        uvloop.install()
    for kind, runs_on in (("http", sms_runs), ("smtp", email_runs)):
        with sink(kind) as port:
            report(measure(runs_on(port), rounds=given.rounds, count=given.count), ceiling(kind, port))
    report(measure({"care, sandbox": sandbox_run}, rounds=given.rounds, count=given.count), 0)


if __name__ == "__main__":
    main()
