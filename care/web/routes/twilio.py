"""Twilio's webhooks: check, store, answer. Worked on after, so the answer never waits for anything but the disk.

They come by the thousand, so this door stands before the framework and speaks ASGI itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_plus

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from care.inbound.twilio import UnreadableHookError, inbound_row, status_row
from care.inbound.twilio_signature import SETTINGS_HEADER, SIGNATURE_HEADER
from care.web.group_commit import OverloadedError, Row
from care.web.guards import RAW_HEADERS, BoundedBody, declared_length
from care.web.state import WebState

STATUS_PATH = "/webhooks/twilio/status/"
INBOUND_PATH = "/webhooks/twilio/inbound"
_FORM = b"application/x-www-form-urlencoded"
_MOST_FIELDS = 200
_HEARD = {name.encode(): name for name in ("content-type", SIGNATURE_HEADER, SETTINGS_HEADER)}
_STORED = {"type": "http.response.start", "status": 204, "headers": []}

log = structlog.get_logger()
ReadRow = Callable[[Mapping[str, str], datetime, str], Row]
"""From a form, the instant, and the provider whose account signed it, to the row that is stored."""


class TwilioDoor:
    """ASGI middleware that serves the two webhooks and lets everything else pass.

    403 unsigned, 400 unreadable, 413 too large, 503 not stored, else 204, repeats too.
    """

    def __init__(self, app: ASGIApp, *, state: WebState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope["raw_path"].decode("ascii", "replace") if scope["type"] == "http" else ""
        token = path.removeprefix(STATUS_PATH)
        if path == INBOUND_PATH:
            status, words = await self._take(scope, receive, path, _inbound)
        elif token != path and token and "/" not in token:

            def read_row(form: Mapping[str, str], now: datetime, provider: str) -> Row:
                return status_row(form, now, token=token, provider=provider)

            status, words = await self._take(scope, receive, path, read_row)
        else:
            await self._app(scope, receive, send)
            return
        kind = "inbound" if path == INBOUND_PATH else "status"
        self._state.metrics.count_answer(kind, status)
        await _answer(send, status, words)

    async def _take(self, scope: Scope, receive: Receive, path: str, read_row: ReadRow) -> tuple[int, str]:
        """Return the answer's status and words."""
        if scope["method"] != "POST":
            return self._state.turn_away(405, "POST only")
        try:
            body = await BoundedBody(receive, declared_length(scope)).whole()
        except HTTPException as error:
            return self._state.turn_away(error.status_code, error.detail)
        signed = self._signed_form(scope, path, body)
        if not isinstance(signed, _Signed):
            return signed
        arrived = self._state.services.clock.now()
        try:
            await self._state.webhooks.store(read_row(signed.form, arrived, signed.provider))
        except UnreadableHookError as error:
            log.warning("webhook.unreadable", field=str(error))
            return 400, f"unusable {error}"
        except (SQLAlchemyError, OverloadedError) as error:
            self._state.refused.note(arrived)
            if self._state.refusals.allows("not stored", self._state.services.clock.monotonic()):
                log.error("webhook.not_stored", problem=type(error).__name__)
            return 503, "try again"
        except Exception:
            self._state.refused.note(arrived)
            raise
        return 204, ""

    def _signed_form(self, scope: Scope, path: str, body: bytes) -> "_Signed | tuple[int, str]":
        """Return the form if Twilio signed it for this path, else the refusal."""
        headers = {_HEARD[name]: value.decode("latin-1") for name, value in scope["headers"] if name in _HEARD}
        if not headers.get("content-type", "").lower().startswith(_FORM.decode()):
            return self._refuse()
        try:
            pairs = read_form(body)
        except ValueError:
            return self._state.turn_away(400, "not a form")
        query = scope["query_string"].decode("ascii", "replace")
        provider = self._state.twilio.owner_of(f"{path}?{query}" if query else path, pairs, headers)
        return self._refuse() if provider is None else _Signed(form=dict(pairs), provider=provider)

    def _refuse(self) -> tuple[int, str]:
        if self._state.refusals.allows("all", self._state.services.clock.monotonic()):  # a flood of them is one line
            log.warning("webhook.refused", problem="not signed by Twilio for operator.public_url")
        return 403, "bad signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """What an account of ours has signed."""

    form: dict[str, str]
    provider: str


def _inbound(form: Mapping[str, str], now: datetime, _provider: str) -> Row:
    """Read a customer's message; to which of our accounts it came does not matter."""
    return inbound_row(form, now)


def read_form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form in their order, empty ones too; as the standard library does, but faster.

    Raises:
        ValueError: not UTF-8, or more fields than any webhook has.
    """
    text = body.decode()
    if text.count("&") >= _MOST_FIELDS:
        raise ValueError("too many fields")
    parts = (part.partition("=") for part in text.split("&") if part)
    return [(_plain(name), _plain(value)) for name, _, value in parts]


def _plain(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


async def _answer(send: Send, status: int, words: str) -> None:
    if status == 204:  # noqa: PLR2004 - nothing to say, and nothing to protect
        await send(_STORED)
        await send({"type": "http.response.body", "body": b""})
        return
    body = words.encode()
    headers = [*RAW_HEADERS, (b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    if status in (408, 413):
        headers.append((b"connection", b"close"))
    if status == 503:  # noqa: PLR2004
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
