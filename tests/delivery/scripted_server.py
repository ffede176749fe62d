"""An HTTP server that answers what it is told, byte for byte, and remembers what it was asked."""

import asyncio
import json
import ssl
from dataclasses import dataclass
from typing import Any, Self

from tests.contracts.mail_server import TLS


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


def json_answer(status: int, value: Any, headers: str = "") -> bytes:
    """Return a whole answer with a JSON body."""
    body = json.dumps(value).encode()
    return f"HTTP/1.1 {status} Word\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


class ScriptedServer:
    """Gives one answer per request; after the last, or after an unframed one, it hangs up."""

    def __init__(self, *answers: bytes | None, piece: int = 0, certificate: str = "") -> None:
        """An answer of None is silence until the client goes.

        `piece` bytes are written at a time, 0 for all; `certificate` is a file of the tests' TLS folder.
        """
        self.answers = list(answers)
        self.piece = piece
        self.certificate = certificate
        self.requests: list[Request] = []
        self.asked = asyncio.Event()
        self.connections = 0

    @property
    def url(self) -> str:
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        context = None
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / self.certificate)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.answers:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *rest = head.strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in rest)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests.append(Request(line, headers, body))
                self.asked.set()
                answer = self.answers.pop(0)
                if answer is None:
                    await reader.read()
                else:
                    await self._write(writer, answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _write(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        step = self.piece or max(len(answer), 1)
        for start in range(0, len(answer), step):
            writer.write(answer[start : start + step])
            await writer.drain()
            await asyncio.sleep(0)
