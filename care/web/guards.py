"""What holds for every request: careful headers, a body of limited size that comes in limited time."""

import asyncio
import sys

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES = 64 * 1024
LARGER_BODIES = {"/api/v1/events": 1024 * 1024}
"""By path: a list of as many events as are taken at once needs more room."""
BODY_SECONDS = 10.0

HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex, nofollow"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Cache-Control", "no-store"),
)
"""Sent with every answer; a route may set its own value for one of them."""

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of pages: our own style sheets, and no script of anybody's."""


RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS]
"""The same as the server writes them, for doors that speak ASGI."""


class Guards:
    """ASGI middleware around every route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def careful_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS:
                    headers.setdefault(name, value)
            await send(message)

        most = LARGER_BODIES.get(scope["path"], MOST_BODY_BYTES)
        await self._app(scope, BoundedBody(receive, declared_length(scope), most), careful_send)


def declared_length(scope: Scope) -> int:
    """Return the length that the request says its body has, 0 where it says none."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else sys.maxsize
    return 0


class BoundedBody:
    """Receives a body and refuses one that is too large or too slow; most of it is never read."""

    def __init__(self, receive: Receive, declared: int, most: int = MOST_BODY_BYTES) -> None:
        self._receive = receive
        self._declared = declared
        self._most = most
        self._seen = 0
        self._is_complete = False
        self._ends_at: float | None = None

    async def __call__(self) -> Message:
        """Return the next message.

        Raises:
            HTTPException: 413 or 408.
        """
        if self._is_complete:
            return await self._receive()  # waits for the visitor to leave
        if self._declared > self._most:
            raise self._too_large()
        loop = asyncio.get_running_loop()
        if self._ends_at is None:
            self._ends_at = loop.time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(self._ends_at):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The request took too long.", headers=CLOSE) from None
        self._seen += len(message.get("body", b""))
        if self._seen > self._most:
            raise self._too_large()
        self._is_complete = not message.get("more_body", False)
        return message

    async def whole(self) -> bytes:
        """Return the body.

        Raises:
            HTTPException: 413, 408, or 400 if the visitor left.
        """
        parts = []
        while not self._is_complete:
            message = await self()
            if message["type"] == "http.disconnect":
                raise HTTPException(400, "The request ended early.")
            parts.append(message.get("body", b""))
        return b"".join(parts)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"At most {self._most} bytes.", headers=CLOSE)


CLOSE = {"Connection": "close"}
