"""A mail server that fails on demand: aiosmtpd with a handler that reads the recipient's name."""

import asyncio
import ssl
import threading
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

TLS = Path(__file__).parent / "tls"
CA_FILE = TLS / "ca.pem"
HANG_SECONDS = 5

AT_RECIPIENT = {
    "unknown-user": "550 5.1.1 no such user here",
    "busy": "451 4.7.1 greylisted, try later",
    "full": "452 4.2.2 over quota",
    "plain-no": "550 we would rather not",
}
AT_CONTENT = {"spam": "554 5.7.1 this looks like spam", "later": "451 4.3.0 try later"}


class Handler:
    """Keeps what was taken; names before the @ decide what happens."""

    def __init__(self, *, pipelining: bool) -> None:
        """Offer PIPELINING or not."""
        self.pipelining = pipelining
        self.taken: list[Envelope] = []
        self.mails_by_peer: dict[Any, int] = {}
        self.resets = 0
        self.refused_senders: set[str] = set()

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]] if self.pipelining else responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused_senders:
            return "553 5.7.1 sender not allowed"
        envelope.mail_from = address
        return "250 2.1.0 ok"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        name = address.partition("@")[0]
        if name == "goodbye":
            server.transport.write(b"421 4.3.2 closing\r\n")
            server.transport.close()
            await asyncio.sleep(HANG_SECONDS)
        if name == "early-cut":
            server.transport.abort()
            await asyncio.sleep(HANG_SECONDS)
        if name in AT_RECIPIENT:
            return AT_RECIPIENT[name]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_RSET(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.resets += 1
        return "250 2.0.0 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        name = envelope.rcpt_tos[0].partition("@")[0]
        if name in AT_CONTENT:
            return AT_CONTENT[name]
        if name not in ("cut", "hang"):
            self.taken.append(envelope)
            self.mails_by_peer[session.peer] = self.mails_by_peer.get(session.peer, 0) + 1
        if name == "hang":
            await asyncio.sleep(HANG_SECONDS)
        if name in ("cut", "lost-reply"):
            server.transport.abort()
        if name == "torn":
            server.transport.write(b"250 2.0.0 Ok: que")
            server.transport.close()
            await asyncio.sleep(HANG_SECONDS)
        return "250 2.0.0 Ok: queued as Q" + str(len(self.taken))


class FreePortController(Controller):
    """Listens on whatever port is free, and remembers whom it has met."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.met: list[SMTP] = []

    def factory(self) -> SMTP:
        self.met.append(super().factory())
        return self.met[-1]

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class MailServer:
    """A running server on the loopback address; `with` stops it."""

    def __init__(
        self,
        *,
        pipelining: bool = False,
        tls: str = "none",
        certificate: str = "localhost.pem",
        account: tuple[str, str] | None = None,
    ) -> None:
        """`tls` as in the settings; with an `account` (STARTTLS only) a sign-in is needed."""
        self.handler = Handler(pipelining=pipelining)
        context = None
        if tls != "none":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / certificate)
        options: dict[str, Any] = {"enable_SMTPUTF8": False, "ident": "test"}
        if tls == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        if account is not None:
            options |= {"authenticator": _checker(account), "auth_required": True}
        self.controller = FreePortController(
            self.handler,
            hostname="127.0.0.1",
            port=0,
            ssl_context=context if tls == "implicit" else None,
            **options,
        )

    @property
    def port(self) -> int:
        return self.controller.port

    def __enter__(self) -> Self:
        self.controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        loop = self.controller.loop
        stopped = threading.Event()

        def cancel_rest() -> None:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            for one in self.controller.met:
                if one.transport is not None:  # its client was killed, or did not say goodbye
                    one.transport.abort()
            loop.call_later(0.05, stopped.set)

        loop.call_soon_threadsafe(cancel_rest)
        stopped.wait(2)
        self.controller.stop()


def _checker(account: tuple[str, str]) -> Any:
    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == account
        return AuthResult(success=is_right, handled=False)

    return check
