"""Servers that take everything as fast as Python can: a Twilio-shaped HTTP one and an SMTP one.

    python benchmarks/sinks.py http|smtp [--port N] [--plain]

prints the port when ready. They only count, so that what is measured is the sender. `--plain` makes the SMTP
sink withhold PIPELINING.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

_ACCOUNT = "AC" + "0" * 32
_AT = "Thu, 24 Sep 2026 10:00:00 +0000"
_HERE = f"/2010-04-01/Accounts/{_ACCOUNT}/Messages/%(sid)s"
ANSWER = json.dumps(
    {
        "account_sid": _ACCOUNT,
        "api_version": "2010-04-01",
        "body": "【海岚通信】王女士，今天是您的生日",
        "date_created": _AT,
        "date_sent": None,
        "date_updated": _AT,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": "+15005550006",
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "sid": "%(sid)s",
        "status": "queued",
        "subresource_uris": {"media": f"{_HERE}/Media.json"},
        "to": "+8613800000000",
        "uri": f"{_HERE}.json",
    }
)
HEAD = "\r\n".join(
    (
        "HTTP/1.1 201 CREATED",
        "Date: Thu, 24 Sep 2026 10:00:00 GMT",
        "Content-Type: application/json;charset=utf-8",
        "Content-Length: %d",
        "Connection: keep-alive",
        "Twilio-Concurrent-Requests: 1",
        "Twilio-Request-Id: RQ" + "0" * 32,
        "Twilio-Request-Duration: 0.098",
        "Access-Control-Allow-Origin: *",
        "Access-Control-Allow-Headers: Accept, Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key",
        "Access-Control-Allow-Methods: GET, POST, DELETE, OPTIONS",
        "Access-Control-Expose-Headers: ETag",
        "Access-Control-Allow-Credentials: true",
        "X-Powered-By: AT-5000",
        "X-Shenanigans: none",
        "X-Home-Region: us1",
        "X-API-Domain: api.twilio.com",
        "Strict-Transport-Security: max-age=31536000",
        "\r\n",
    )
).encode()
"""Headers and resource as Twilio's API answers: whoever reads an answer reads all of them."""


class HttpSink(asyncio.Protocol):
    """Answers every request with a created message."""

    taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            HttpSink.taken += 1
            body = (ANSWER % {"sid": f"SM{HttpSink.taken:032x}"}).encode()
            self.transport.write(HEAD % len(body) + body)


class SmtpSink(asyncio.Protocol):
    """Takes every mail."""

    extensions = b"250-PIPELINING\r\n"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self.transport, self.buffer, self.is_content = transport, b"", False
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer each whole command, and each mail at its final dot."""
        self.buffer += data
        answers = []
        while self.buffer:
            ending = b"\r\n.\r\n" if self.is_content else b"\r\n"
            line, found, rest = self.buffer.partition(ending)
            if not found:
                break
            self.buffer = rest
            answers.append(b"250 2.0.0 Ok: queued as 4F1A2B3C\r\n" if self.is_content else self.answer(line))
            self.is_content = (not self.is_content and line == b"DATA") or line == b"data"
        self.transport.write(b"".join(answers))

    def answer(self, line: bytes) -> bytes:
        """Answer one command."""
        verb = line[:4].upper()
        if verb == b"EHLO":
            return b"250-sink\r\n" + self.extensions + b"250 8BITMIME\r\n"
        return {b"DATA": b"354 go ahead\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}.get(verb, b"250 2.1.0 Ok\r\n")


@contextlib.contextmanager
def sink(kind: str, *options: str) -> Iterator[int]:
    """Run a sink as a process of its own and yield its port."""
    process = subprocess.Popen([sys.executable, __file__, kind, *options], stdout=subprocess.PIPE)
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def ceiling(kind: str, port: int, *, count: int = 40_000, at_once: int = 50) -> float:
    """Return how many messages a second a sink takes from a client that hardly does anything."""
    if kind == "http":
        one = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n" + b"x" * 400
        answer = b"HTTP/1.1 201"
    else:
        one = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + b"x" * 2500 + b"\r\n.\r\n"
        answer = b"queued as"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        started = time.perf_counter()
        for _ in range(count // at_once):
            connection.sendall(one * at_once)
            seen = 0
            tail = b""
            while seen < at_once:
                data = tail + connection.recv(1 << 20)
                seen += data.count(answer)
                tail = data[-len(answer) + 1 :]
    return count / (time.perf_counter() - started)


async def serve(kind: str, port: int) -> None:
    """Listen on the loopback address until stopped."""
    protocol = HttpSink if kind == "http" else SmtpSink
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("http", "smtp"))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--plain", action="store_true")
    given = parser.parse_args()
    if given.plain:
        SmtpSink.extensions = b""
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(given.kind, given.port))


if __name__ == "__main__":
    main()
