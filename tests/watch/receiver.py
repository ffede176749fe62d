"""A loopback server that keeps what is posted to it or asked of it, and fails when told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """What came, in order. `status` is what it answers; while `open` is not set it does not answer at all."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.posts: list[dict[str, Any]] = []
        self.gets: list[str] = []
        self.status = 200
        self.open = threading.Event()
        self.open.set()

    @property
    def url(self) -> str:
        """Where Apprise posts JSON."""
        return f"json://127.0.0.1:{self.port}/hook/a-token-that-no-log-may-hold"

    @property
    def titles(self) -> list[str]:
        """Return the titles without the sender before them."""
        return [post["title"].partition(": ")[2] for post in self.posts]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Serve until the end of the block."""
    kept: list[Receiver] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept[0].open.wait(30)
            if kept[0].status == 200:
                kept[0].posts.append(json.loads(body))
            self._answer()

        def do_GET(self) -> None:
            kept[0].gets.append(self.path)
            kept[0].open.wait(30)
            self._answer()

        def _answer(self) -> None:
            self.send_response(kept[0].status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.append(Receiver(server.server_address[1]))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield kept[0]
    finally:
        kept[0].open.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
