"""A ticket system on loopback: it keeps what it hears, and refuses, hangs, redirects or kills its caller when told to."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Heard:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class TicketSystem:
    """What came, in order, and what is answered next; the last answer is repeated."""

    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    answers: list[int] = field(default_factory=lambda: [200])
    location: str = ""
    hangs: threading.Event = field(default_factory=threading.Event)  # set: nobody is answered
    let_go: threading.Event = field(default_factory=threading.Event)
    kills: int | None = None  # a process that dies while its request is in hand

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/a-token-that-no-log-may-hold"

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.heard]


class Server(ThreadingHTTPServer):
    """Takes many callers at once."""

    daemon_threads = True
    request_queue_size = 64


@contextmanager
def ticket_system() -> Iterator[TicketSystem]:
    """Serve until the end of the block."""
    system = TicketSystem()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            system.heard.append(Heard({name.lower(): value for name, value in self.headers.items()}, body))
            if system.kills is not None:
                os.kill(system.kills, signal.SIGKILL)
                return
            if system.hangs.is_set():
                system.let_go.wait(30)
                return
            status = system.answers.pop(0) if len(system.answers) > 1 else system.answers[0]
            self.send_response(status)
            if system.location:
                self.send_header("Location", system.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            system.heard.append(Heard({}, b""))
            self.send_error(405)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = Server(("127.0.0.1", 0), Handler)
    system.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield system
    finally:
        system.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
