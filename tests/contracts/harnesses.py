"""One harness per adapter: a gateway, recipients that fail on demand, and the provider's own word on what it took."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from care.base.clock import SystemClock
from care.base.settings import EmailSettings, Settings, SmtpSettings, TwilioSettings
from care.base.vocabulary import Channel
from care.delivery.channels.base import Gateway, Outgoing
from care.delivery.channels.mime import MailComposer
from care.delivery.channels.sandbox import SandboxGateway
from care.delivery.channels.smtp_email import SmtpEmail
from care.delivery.channels.twilio_sms import TwilioSms
from care.delivery.registry import build_gateways
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.contracts.mail_server import CA_FILE, MailServer

CLOCK = SystemClock()
TIMEOUT_SECONDS = 1.0
SECRET = "a-secret-that-no-log-may-hold"


@dataclass
class Recipients:
    """Who stands for what with one adapter; '' where the adapter cannot show it."""

    good: Callable[[int], str]
    permanent: str
    temporary: str
    lost_reply: str  # taken, yet the caller is not told
    cut: str  # not taken, and the caller cannot know
    hang: str = ""


@dataclass
class Harness:
    """A gateway under test."""

    gateway: Gateway
    to: Recipients
    taken: Callable[[], list[str]]  # recipients of what the provider took
    unreachable: Callable[[], Gateway]  # the same adapter with nobody listening
    secrets: tuple[str, ...] = ()
    make_silent: Callable[[], None] = lambda: None  # before a message to `to.hang`


Opener = Callable[[], AbstractAsyncContextManager[Harness]]


def outgoing(to: str, number: int = 1, /, **changes: object) -> Outgoing:
    """Return a message to `to`."""
    values: dict[str, object] = {
        "attempt_id": number,
        "message_id": number,
        "token": f"token-{number}",
        "to": to,
        "body": "您好，祝您生日快乐！",
        "subject": "生日快乐",
        "html": "<p>您好，祝您生日快乐！</p>",
        "valid_until": CLOCK.now() + timedelta(hours=1),
        "message_ref": f"m{number}",
        "template": "birthday",
        "locale": "zh-CN",
    }
    return Outgoing(**(values | changes))  # type: ignore[arg-type]


@contextmanager
def twilio_simulator() -> Iterator[TwilioSimulator]:
    """Run the Twilio look-alike, without callbacks."""
    with start_twilio_simulator(auth_token=SECRET, callbacks=False, has_second=True) as simulator:
        yield simulator


def twilio(simulator: TwilioSimulator) -> Opener:
    """Return how to open the Twilio adapter on a running simulator."""

    def build(url: str) -> TwilioSms:
        settings = TwilioSettings(
            account_sid=simulator.account_sid,
            auth_token=simulator.auth_token,
            from_number="+15005550006",
            base_url=url,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        return TwilioSms(settings, public_url="https://care.example.com", clock=CLOCK)

    return _twilio(simulator, build)


def twilio_backup(simulator: TwilioSimulator) -> Opener:
    """Return how to open the adapter of the second account on the same simulator, as the registry does."""
    second = simulator.second()

    def build(url: str) -> Gateway:
        own = {"account_sid": second.account_sid, "auth_token": second.auth_token, "from_number": "+15005550006"}
        first = {"account_sid": simulator.account_sid, "auth_token": "x", "from_number": "+1", "base_url": url}
        tables = {
            "operator": {"public_url": "https://care.example.com"},
            "sms": {"provider": "twilio"},
            "twilio": {**first, "timeout_seconds": TIMEOUT_SECONDS, "backup": own},
            "security": {"secret_key": "s" * 32, "suppression_key": "k" * 32},
        }
        return build_gateways(Settings.model_validate(tables), clock=CLOCK).of(Channel.SMS)[1]

    return _twilio(second, build)


def _twilio(simulator: TwilioSimulator, build: Callable[[str], Gateway]) -> Opener:

    @asynccontextmanager
    async def opened() -> AsyncIterator[Harness]:
        simulator.script({"hang_seconds": 3})
        already = len(simulator.accepted())
        gateway = build(simulator.url)
        await gateway.open()
        try:
            yield Harness(
                gateway=gateway,
                to=Recipients(
                    good=lambda number: f"+86138000{number:05}",
                    permanent="+8613805521614",
                    temporary="+8613805500429",
                    lost_reply="+8613805500408",
                    cut="+8613805500409",
                    hang="+8613800009999",
                ),
                make_silent=lambda: simulator.script({"create": ["hang"], "hang_seconds": 3}),
                taken=lambda: [each["to"] for each in simulator.accepted()[already:]],
                unreachable=lambda: build("http://127.0.0.1:9"),
                secrets=(simulator.auth_token,),
            )
        finally:
            await gateway.close()

    return opened


def smtp(*, pipelining: bool, tls: str) -> Opener:
    """Return how to open the SMTP adapter on a server of its own."""
    account = ("care", SECRET) if tls == "starttls" else None

    def build(port: int) -> SmtpEmail:
        settings = SmtpSettings(
            host="localhost",
            port=port,
            tls=tls,
            ca_file=None if tls == "none" else CA_FILE,
            username=account[0] if account else "",
            password=account[1] if account else "",
            timeout_seconds=TIMEOUT_SECONDS,
        )
        return SmtpEmail(settings, EmailSettings(sender="care@example.com"), composer=MailComposer, clock=CLOCK)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Harness]:
        with MailServer(pipelining=pipelining, tls=tls, account=account) as server:
            gateway = build(server.port)
            await gateway.open()
            try:
                yield Harness(
                    gateway=gateway,
                    to=Recipients(
                        good=lambda number: f"customer{number}@example.com",
                        permanent="unknown-user@example.com",
                        temporary="busy@example.com",
                        lost_reply="lost-reply@example.com",
                        cut="cut@example.com",
                        hang="hang@example.com",
                    ),
                    taken=lambda: [each.rcpt_tos[0] for each in server.handler.taken],
                    unreachable=lambda: build(9),
                    secrets=(SECRET,),
                )
            finally:
                await gateway.close()
                await asyncio.sleep(0.02)  # lets the server see the goodbye

    return opened


def sandbox(channel: Channel, directory: Path, *, provider: str = "sandbox") -> Opener:
    """Return how to open the sandbox on an outbox of its own."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Harness]:
        gateway = SandboxGateway(channel, directory, clock=CLOCK, provider=provider)
        await gateway.open()
        is_sms = channel is Channel.SMS
        try:
            yield Harness(
                gateway=gateway,
                to=Recipients(
                    good=(lambda number: f"+86138000{number:05}")
                    if is_sms
                    else (lambda number: f"customer{number}@example.com"),
                    permanent="+8613805521614" if is_sms else "unknown-user@sandbox.test",
                    temporary="+8613805500429" if is_sms else "busy@sandbox.test",
                    lost_reply="+8613805500408" if is_sms else "lost-reply@sandbox.test",
                    cut="+8613805500409" if is_sms else "cut@sandbox.test",
                ),
                taken=lambda: [sent.to for _, sent in gateway.outbox.read()],
                unreachable=lambda: SandboxGateway(channel, directory, clock=CLOCK, provider=provider),  # never opened
            )
        finally:
            await gateway.close()

    return opened
