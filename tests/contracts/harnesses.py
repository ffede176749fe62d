"""One harness per adapter: a gateway, recipients that fail on demand, and the provider's own word on what it took."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
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
from tests.contracts.listeners import HALF, NO_GATEWAY, Listener, OneAnswer
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
    undelivered: str = ""  # taken, and told with 30003 that it did not arrive


@dataclass(kw_only=True)
class Doubtful:
    """A way in which an answer gets lost."""

    to: str
    is_taken: bool
    prepare: Callable[[], object] = lambda: None
    gateway: Callable[[], Gateway] | None = None  # another one than the harness's, not opened yet


@dataclass
class Harness:
    """A gateway under test."""

    gateway: Gateway
    to: Recipients
    definitive: Mapping[str, str]  # a recipient for each answer that is declared to be one
    doubtful: Mapping[str, Doubtful]
    taken: Callable[[], list[str]]  # recipients of what the provider took
    unreachable: Callable[[], Gateway]  # the same adapter with nobody listening
    said: Callable[[], list[str]] | None = None  # the words of what the provider took
    account: str = ""  # that keeps the list
    secrets: tuple[str, ...] = ()
    make_silent: Callable[[], None] = lambda: None  # before a message to `to.hang`
    heard: Callable[[], list[str]] = list  # tokens in what the provider has told by itself
    valid_until: Callable[[], datetime] | None = None  # what the provider was told of the last message
    message_ids: Callable[[], list[str]] | None = None  # of mails, as they were taken
    customer_writes: Callable[[str, str], str] | None = None  # from whom, and what; returns the provider's reference
    complete: Callable[[], Gateway] | None = None  # the same adapter, its list having been seen to be complete


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


def twilio(simulator: TwilioSimulator, listener: Listener | None = None) -> Opener:
    """Return how to open the Twilio adapter on a running simulator, and perhaps on what listens to its callbacks."""

    def build(url: str, *, list_is_complete: bool = False) -> TwilioSms:
        settings = TwilioSettings(
            account_sid=simulator.account_sid,
            auth_token=simulator.auth_token,
            from_number="+15005550006",
            base_url=url,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        public_url = listener.url if listener else "https://care.example.com"
        return TwilioSms(settings, public_url=public_url, clock=CLOCK, list_is_complete=list_is_complete)

    return _twilio(simulator, build, heard=listener.tokens if listener else list)


def twilio_backup(simulator: TwilioSimulator) -> Opener:
    """Return how to open the adapter of the second account on the same simulator, as the registry does."""
    second = simulator.second()

    def build(url: str, *, list_is_complete: bool = False) -> Gateway:
        own = {"account_sid": second.account_sid, "auth_token": second.auth_token, "from_number": "+15005550006"}
        first = {"account_sid": simulator.account_sid, "auth_token": "x", "from_number": "+1", "base_url": url}
        tables = {
            "operator": {"public_url": "https://care.example.com"},
            "sms": {"provider": "twilio"},
            "twilio": {**first, "timeout_seconds": TIMEOUT_SECONDS, "backup": own},
            "security": {"secret_key": "s" * 32, "suppression_key": "k" * 32},
        }
        complete = frozenset({"twilio.backup"} if list_is_complete else ())
        return build_gateways(Settings.model_validate(tables), clock=CLOCK, complete_lists=complete).of(Channel.SMS)[1]

    return _twilio(second, build)


def _twilio(
    simulator: TwilioSimulator, build: Callable[..., Gateway], *, heard: Callable[[], list[str]] = list
) -> Opener:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Harness]:
        simulator.script({"hang_seconds": 3})
        already = len(simulator.accepted())
        gateway = build(simulator.url)
        await gateway.open()
        torn, proxy = OneAnswer(HALF, is_torn=True), OneAnswer(NO_GATEWAY)
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
                    undelivered="+8613805530003",
                ),
                definitive={"429": "+8613805500429", "4xx": "+8613805521614"},
                doubtful=_faults_of(simulator, torn=lambda: build(torn.url), proxy=lambda: build(proxy.url)),
                heard=heard,
                valid_until=lambda: _validity_of(simulator),
                customer_writes=lambda who, text: _written(simulator, who, text),
                complete=lambda: build(simulator.url, list_is_complete=True),
                make_silent=lambda: simulator.script({"create": ["hang"], "hang_seconds": 3}),
                taken=lambda: [each["to"] for each in simulator.accepted()[already:]],
                said=lambda: [each["body"] for each in simulator.accepted()[already:]],
                account=simulator.account_sid,
                unreachable=lambda: build("http://127.0.0.1:9"),
                secrets=(simulator.auth_token,),
            )
        finally:
            torn.close()
            proxy.close()
            await gateway.close()

    return opened


def _faults_of(
    simulator: TwilioSimulator, *, torn: Callable[[], Gateway], proxy: Callable[[], Gateway]
) -> Mapping[str, Doubtful]:
    to = "+8613800007777"

    def fails(fault: str, *, is_taken: bool) -> Doubtful:
        script = {"create": [fault], "hang_seconds": 3}
        return Doubtful(to=to, is_taken=is_taken, prepare=lambda: simulator.script(script))

    return {
        "dropped before": fails("cut", is_taken=False),
        "dropped after": fails("lost-reply", is_taken=True),
        "silent": fails("hang", is_taken=False),
        "error before": fails("503", is_taken=False),
        "error after": fails("500-after", is_taken=True),
        "error of a proxy": Doubtful(to=to, is_taken=False, gateway=proxy),
        "torn answer": Doubtful(to=to, is_taken=False, gateway=torn),
    }


def _written(simulator: TwilioSimulator, who: str, text: str) -> str:
    """Let a customer write while nobody hears the webhook."""
    simulator.configure(inbound_url="http://127.0.0.1:9/webhooks/twilio/inbound")
    sid = simulator.reply(who, "+15005550006", text).sid
    assert sid is not None
    return sid


def _validity_of(simulator: TwilioSimulator) -> datetime:
    last = simulator.accepted()[-1]
    return datetime.fromisoformat(last["at"]) + timedelta(seconds=last["validity_period"])


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
                    definitive={"4xx": "busy@example.com", "5xx": "plain-no@example.com"},
                    doubtful={
                        "dropped before": Doubtful(to="cut@example.com", is_taken=False),
                        "dropped after": Doubtful(to="lost-reply@example.com", is_taken=True),
                        "silent": Doubtful(to="hang@example.com", is_taken=False),
                        "torn answer": Doubtful(to="torn@example.com", is_taken=True),
                    },
                    message_ids=lambda: [_message_id(each.content) for each in server.handler.taken],
                    taken=lambda: [each.rcpt_tos[0] for each in server.handler.taken],
                    said=lambda: [_plain_text(each.content) for each in server.handler.taken],
                    unreachable=lambda: build(9),
                    secrets=(SECRET,),
                )
            finally:
                await gateway.close()
                await asyncio.sleep(0.02)  # lets the server see the goodbye

    return opened


def _plain_text(content: bytes | str | None) -> str:
    mail = message_from_bytes(content if isinstance(content, bytes) else b"", policy=default)
    part = mail.get_body(("plain",))
    return str(part.get_content()).strip() if part else ""


def _message_id(content: bytes | str | None) -> str:
    return str(message_from_bytes(content if isinstance(content, bytes) else b"")["Message-ID"])


def sandbox(channel: Channel, directory: Path, *, provider: str = "sandbox") -> Opener:
    """Return how to open the sandbox on an outbox of its own."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Harness]:
        told: list[str] = []
        gateway = SandboxGateway(
            channel, directory, clock=CLOCK, provider=provider, on_receipt=lambda *, token, **_: told.append(token)
        )
        await gateway.open()
        is_sms = channel is Channel.SMS

        def heard() -> list[str]:
            gateway.pump(CLOCK.now() + timedelta(hours=1))
            return told

        def valid_until() -> datetime:
            return datetime.fromisoformat([sent for _, sent in gateway.outbox.read()][-1].valid_until)

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
                definitive={"429": "+8613805500429", "4xx": "+8613805521614"}
                if is_sms
                else {"4xx": "busy@sandbox.test", "5xx": "unknown-user@sandbox.test"},
                doubtful={
                    "dropped before": Doubtful(to="+8613805500409" if is_sms else "cut@sandbox.test", is_taken=False),
                    "dropped after": Doubtful(
                        to="+8613805500408" if is_sms else "lost-reply@sandbox.test", is_taken=True
                    ),
                },
                heard=heard,
                valid_until=valid_until if is_sms else None,
                message_ids=None if is_sms else lambda: [sent.message_ref for _, sent in gateway.outbox.read()],
                taken=lambda: [sent.to for _, sent in gateway.outbox.read()],
                said=lambda: [sent.body for _, sent in gateway.outbox.read()],
                unreachable=lambda: SandboxGateway(channel, directory, clock=CLOCK, provider=provider),  # never opened
            )
        finally:
            await gateway.close()

    return opened
