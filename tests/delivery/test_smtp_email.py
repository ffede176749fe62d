import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from care.base.clock import Clock, SystemClock, VirtualClock
from care.base.errors import SettingsError
from care.base.settings import EmailSettings, SmtpSettings
from care.delivery.channels.base import ErrorClass, Outgoing, Result, Suppress
from care.delivery.channels.mime import MailComposer
from care.delivery.channels.smtp_email import SmtpEmail
from care.delivery.channels.smtp_session import LONGEST_IDLE_SECONDS, MAILS_PER_CONNECTION
from care.delivery.mail_ids import MailIds, claimed_return_paths
from care.messages.model import Outcome
from tests.contracts.mail_server import CA_FILE, MailServer

NOW = datetime(2026, 9, 25, 2, tzinfo=UTC)


def adapter(port: int, *, clock: Clock | None = None, bounce_domain: str = "", **changes: object) -> SmtpEmail:
    values: dict[str, object] = {"host": "localhost", "port": port, "tls": "none", "timeout_seconds": 2}
    email = EmailSettings(sender="海岚通信 <care@example.com>", bounce_domain=bounce_domain)
    settings = SmtpSettings(**(values | changes))
    return SmtpEmail(settings, email, composer=MailComposer, clock=clock or SystemClock(), mail_ids=MailIds(b"secret"))


def mail(to: str = "customer@example.com", **changes: object) -> Outgoing:
    values: dict[str, object] = {
        "attempt_id": 1,
        "message_id": 1,
        "token": "tok_-en",
        "to": to,
        "body": "您好\n.\n..two\nbye",
        "subject": "生日快乐",
        "valid_until": NOW + timedelta(hours=1),
        "message_ref": "m1",
    }
    return Outgoing(**(values | changes))


def use(server: MailServer, body: Callable[[SmtpEmail], Awaitable[None]], **settings: object) -> None:
    async def run() -> None:
        gateway = adapter(server.port, **settings)
        await gateway.open()
        try:
            await body(gateway)
        finally:
            await gateway.close()
            await asyncio.sleep(0.02)

    asyncio.run(run())


def send(server: MailServer, message: Outgoing, **settings: object) -> Result:
    results: list[Result] = []

    async def body(gateway: SmtpEmail) -> None:
        results.append(await gateway.send(message))

    use(server, body, **settings)
    return results[0]


class TestTls:
    @pytest.mark.parametrize("tls", ["starttls", "implicit"])
    def test_refuses_a_certificate_nobody_vouches_for(self, tls: str) -> None:
        """Without smtp.ca_file the test's own authority is a stranger: nothing is sent, and the reason is told."""
        with MailServer(tls=tls) as server:
            result = send(server, mail(), tls=tls)
            assert (result.outcome, result.error_code) == (Outcome.REFUSED, "bad-certificate")
            assert result.error_class is ErrorClass.CONFIG
            assert server.handler.taken == []
            advice = asyncio.run(adapter(server.port, tls=tls).check())
            assert advice == (
                f"smtp.host: localhost:{server.port} shows a certificate that is not trusted."
                " Set smtp.ca_file, or correct the name"
            )

    @pytest.mark.parametrize("tls", ["starttls", "implicit"])
    def test_refuses_another_servers_certificate(self, tls: str) -> None:
        """The name counts as much as the authority."""
        with MailServer(tls=tls, certificate="elsewhere.pem") as server:
            result = send(server, mail(), tls=tls, ca_file=CA_FILE)
            assert result.error_code == "bad-certificate"
            assert server.handler.taken == []

    def test_is_never_given_up_for_plain_text(self) -> None:
        """A server without STARTTLS gets neither mail nor password."""
        with MailServer() as server:
            result = send(server, mail(), tls="starttls", ca_file=CA_FILE, username="care", password="pw")
            assert (result.outcome, result.error_code) == (Outcome.REFUSED, "no-tls")
            assert server.handler.taken == []

    def test_asked_of_a_plain_server_does_not_hang(self) -> None:
        """Implicit TLS against a server that speaks plain text ends in time, with nothing sent."""
        with MailServer() as server:
            started = time.monotonic()
            result = send(server, mail(), tls="implicit", ca_file=CA_FILE, timeout_seconds=1)
            assert result.outcome is Outcome.REFUSED
            assert time.monotonic() - started < 5
            assert server.handler.taken == []

    def test_needs_a_readable_authority(self, tmp_path: Path) -> None:
        """A wrong path and a file that is no certificate are told with their key."""
        broken = tmp_path / "broken.pem"
        broken.write_text("no certificate")
        for path in (tmp_path / "missing.pem", broken):
            with pytest.raises(SettingsError, match=r"^smtp\.ca_file: .* is not a readable file"):
                adapter(25, tls="starttls", ca_file=path)


class TestSignIn:
    def test_that_fails_stops_the_channel_and_is_told(self) -> None:
        """A wrong password is ours to mend; the advice holds neither name nor password."""
        with MailServer(tls="starttls", account=("care", "right")) as server:
            wrong = {"tls": "starttls", "ca_file": CA_FILE, "username": "care-user", "password": "wrong-one"}
            result = send(server, mail(), **wrong)
            assert (result.outcome, result.error_class) == (Outcome.REFUSED, ErrorClass.CONFIG)
            assert result.error_code == "535"
            advice = asyncio.run(adapter(server.port, **wrong).check())
            assert advice.startswith(f"smtp.username: localhost:{server.port} refuses the sign-in.")
            assert "wrong-one" not in advice
            assert server.handler.taken == []
            gc.collect()  # a connection that is still open would be told of here


class TestMail:
    def test_arrives_as_written(self) -> None:
        """Leading dots and foreign words survive; subject, sender and id are what they should be."""
        with MailServer() as server:
            assert send(server, mail()).provider_ref == "Q1"
            (envelope,) = server.handler.taken
            seen = message_from_bytes(envelope.original_content, policy=policy.default)
            assert seen.get_content().replace("\r\n", "\n").rstrip("\n") == "您好\n.\n..two\nbye"
            assert seen["Subject"] == "生日快乐"
            assert seen["Message-ID"] == "<m1@example.com>"
            assert envelope.mail_from == "care@example.com"

    def test_keeps_its_id_over_attempts(self) -> None:
        """Two attempts of one message carry one Message-ID, so that a second copy threads away."""
        with MailServer() as server:
            for number in (1, 2):
                send(server, mail(attempt_id=number, token=f"token-{number}"))
            ids = {message_from_bytes(each.original_content)["Message-ID"] for each in server.handler.taken}
            assert len(server.handler.taken) == 2
            assert ids == {"<m1@example.com>"}

    def test_returns_to_an_address_of_its_attempt(self) -> None:
        """With a bounce domain the return path is signed for the attempt and its token."""
        with MailServer() as server:
            send(server, mail(), bounce_domain="bounce.example.com")
            sender = server.handler.taken[0].mail_from
            (claimed,) = claimed_return_paths(sender)
            assert sender.endswith("@bounce.example.com")
            assert claimed.id == 1
            assert MailIds(b"secret").is_return_path(claimed, "tok_-en")

    def test_comes_from_the_sender_of_its_purpose(self) -> None:
        """Another sender changes From and return path."""
        with MailServer() as server:
            send(server, mail(sender="Service <service@example.com>"))
            (envelope,) = server.handler.taken
            assert envelope.mail_from == "service@example.com"
            assert message_from_bytes(envelope.original_content)["From"] == "Service <service@example.com>"


class TestRefusal:
    @pytest.mark.parametrize("pipelining", [False, True])
    @pytest.mark.parametrize(
        ("to", "error_code", "error_class", "is_permanent"),
        [
            ("unknown-user@example.com", "5.1.1", ErrorClass.NUMBER_PERMANENT, True),
            ("plain-no@example.com", "550", ErrorClass.NUMBER_SOFT, True),
            ("busy@example.com", "4.7.1", ErrorClass.CAPACITY, False),
            ("full@example.com", "4.2.2", ErrorClass.UNREACHABLE, False),
            ("spam@example.com", "5.7.1", ErrorClass.FILTERED, True),
            ("later@example.com", "4.3.0", ErrorClass.CAPACITY, False),
        ],
    )
    def test_is_read_from_the_reply(
        self, pipelining: bool, to: str, error_code: str, error_class: ErrorClass, is_permanent: bool
    ) -> None:
        """A refused recipient and a refused content, for good and for now; nothing is taken."""
        with MailServer(pipelining=pipelining) as server:
            result = send(server, mail(to))
            assert (result.outcome, result.error_code, result.error_class) == (
                Outcome.REFUSED,
                error_code,
                error_class,
            )
            assert result.rule is not None
            assert result.rule.is_permanent is is_permanent
            assert server.handler.taken == []

    @pytest.mark.parametrize("pipelining", [False, True])
    def test_of_our_sender_spares_the_recipient(self, pipelining: bool) -> None:
        """When the relay rejects us the customer's address is none the worse."""
        with MailServer(pipelining=pipelining) as server:
            server.handler.refused_senders.add("care@example.com")
            result = send(server, mail())
            assert (result.outcome, result.error_class) == (Outcome.REFUSED, ErrorClass.CONFIG)
            assert result.rule is not None
            assert result.rule.suppress is Suppress.NONE

    def test_leaves_the_connection_clean(self) -> None:
        """After a refusal the transaction is reset and the connection goes on."""
        with MailServer() as server:

            async def body(gateway: SmtpEmail) -> None:
                await gateway.send(mail("unknown-user@example.com"))
                await gateway.send(mail())

            use(server, body, connections=1)
            assert server.handler.resets == 1
            assert len(server.handler.taken) == 1

    def test_with_goodbye_is_for_now(self) -> None:
        """421 closes the connection and says: not now."""
        with MailServer() as server:
            result = send(server, mail("goodbye@example.com"))
            assert (result.outcome, result.error_class) == (Outcome.REFUSED, ErrorClass.CAPACITY)
            assert result.rule is not None
            assert not result.rule.is_permanent

    def test_beyond_ascii_is_told_before_connecting(self) -> None:
        """An address the relay could not carry is refused by ourselves."""
        with MailServer() as server:
            assert send(server, mail("名字@example.com")).error_code == "5.6.7"


class TestConnection:
    def test_cut_before_the_content_is_certain(self) -> None:
        """Nothing had left but the envelope: not a doubt."""
        with MailServer() as server:
            result = send(server, mail("early-cut@example.com"))
            assert (result.outcome, result.error_code) == (Outcome.REFUSED, "not-sent")

    def test_is_kept_for_a_hundred_mails(self) -> None:
        """One connection carries many mails, and is then replaced."""
        with MailServer(pipelining=True) as server:

            async def body(gateway: SmtpEmail) -> None:
                for number in range(MAILS_PER_CONNECTION + 5):
                    result = await gateway.send(mail(f"c{number}@example.com"))
                    assert result.outcome is Outcome.ACCEPTED

            use(server, body, connections=1)
            assert sorted(server.handler.mails_by_peer.values()) == [5, MAILS_PER_CONNECTION]

    def test_numbers_no_more_than_allowed(self) -> None:
        """Fifty mails at a time share the connections of the settings."""
        with MailServer() as server:

            async def body(gateway: SmtpEmail) -> None:
                await asyncio.gather(*(gateway.send(mail(f"c{number}@example.com")) for number in range(50)))

            use(server, body, connections=3)
            assert len(server.handler.taken) == 50
            assert len(server.handler.mails_by_peer) <= 3

    def test_idle_for_long_is_replaced(self) -> None:
        """A connection that may have been hung up on is not trusted with a mail."""
        clock = VirtualClock(NOW)
        with MailServer() as server:

            async def body(gateway: SmtpEmail) -> None:
                await gateway.send(mail())
                clock.advance(timedelta(seconds=LONGEST_IDLE_SECONDS + 1))
                await gateway.send(mail())

            use(server, body, clock=clock)
            assert len(server.handler.mails_by_peer) == 2

    def test_hung_up_on_in_silence_costs_no_mail(self) -> None:
        """The server closed the kept connection: the mail goes over a fresh one, once."""
        with MailServer() as first:

            async def body(gateway: SmtpEmail) -> None:
                await gateway.send(mail())
                for session in gateway._idle:
                    session._wire._transport.abort()
                result = await gateway.send(mail("second@example.com"))
                assert result.outcome is Outcome.ACCEPTED

            use(first, body)
            assert [each.rcpt_tos[0] for each in first.handler.taken] == ["customer@example.com", "second@example.com"]

    def test_nobody_accepts_says_what_to_do(self) -> None:
        """`check` names the place."""
        assert asyncio.run(adapter(9).check()) == (
            "smtp.host: no connection to localhost:9. Check the name, the port and the network"
        )
