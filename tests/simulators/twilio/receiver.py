"""A customer's web server that checks Twilio's signature and keeps what it got."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator


@dataclass
class Hook:
    """One webhook as received."""

    path: str
    form: dict[str, str]
    is_signed: bool
    token: str


@dataclass
class Receiver:
    """Answers 204, or what `statuses` says for the next ones."""

    auth_token: str
    hooks: list[Hook] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._take(self)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        form = dict(parse_qsl(body, keep_blank_values=True))
        is_signed = RequestValidator(self.auth_token).validate(
            self.url + request.path, form, request.headers.get("X-Twilio-Signature", "")
        )
        token = request.headers.get("I-Twilio-Idempotency-Token", "")
        self.hooks.append(Hook(request.path, form, is_signed, token))
        request.send_response(self.statuses.pop(0) if self.statuses else 204)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def statuses_of(self, sid: str) -> list[str]:
        """The statuses reported for one message, as they came."""
        return [hook.form["MessageStatus"] for hook in self.hooks if hook.form["MessageSid"] == sid]

    def wait(self, done: Callable[[], bool], seconds: float = 5) -> None:
        """Wait until `done`."""
        ends = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < ends, "nothing came"
            time.sleep(0.01)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
