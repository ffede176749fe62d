"""Mail providers' webhooks: check, store, answer; worked on after.

They may be larger than anything else that comes in, so this door stands before the guards of the other routes.
"""

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from care.inbound.bounces.hooks.base import (
    MOST_BODY_BYTES,
    EmailHook,
    HookNotYetError,
    HookRefusedError,
    HookUnreadableError,
)
from care.web.group_commit import OverloadedError
from care.web.guards import HEADERS, BoundedBody, declared_length
from care.web.state import WebState

PATH = "/webhooks/email/"

log = structlog.get_logger()


class EmailDoor:
    """ASGI middleware that serves `POST /webhooks/email/{ses,sendgrid,mailgun}` and lets everything else pass.

    403 unsigned, 400 unreadable, 413 too large, 503 not stored or not checked yet, else 204, repeats too.
    """

    def __init__(self, app: ASGIApp, *, state: WebState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope["path"] if scope["type"] == "http" else ""
        name = path.removeprefix(PATH)
        hook = self._state.email_hooks.get(name) if name != path else None
        if hook is None:
            await self._app(scope, receive, send)
            return
        status, words = await self._take(hook, scope, receive)
        self._state.metrics.count_answer(name, status)
        await _answer(status, words)(scope, receive, send)

    async def _take(self, hook: EmailHook, scope: Scope, receive: Receive) -> tuple[int, str]:
        """Return the answer's status and words."""
        if scope["method"] != "POST":
            return self._state.turn_away(405, "POST only")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        clock = self._state.services.clock
        try:
            body = await BoundedBody(receive, declared_length(scope), MOST_BODY_BYTES).whole()
            rows = await asyncio.to_thread(hook.take, body, headers, clock.now())
            await asyncio.gather(*(self._state.webhooks.store(row) for row in rows))
        except HTTPException as error:
            return self._state.turn_away(error.status_code, error.detail)
        except HookRefusedError as error:
            if self._state.refusals.allows("all", clock.monotonic()):  # a flood of them is one line
                log.warning("webhook.refused", problem=str(error))
            return 403, "bad signature"
        except HookUnreadableError as error:
            log.warning("webhook.unreadable", field=str(error))
            return 400, f"unusable {error}"
        except Exception as error:  # noqa: BLE001 - the provider posts it again, and the line says what or where
            _tell_of(error)
            return 503, "try again"
        return 204, ""


def _tell_of(error: Exception) -> None:
    """Log why a request could not be stored: what we know of by its words, anything else with its place."""
    if isinstance(error, HookNotYetError):
        log.error("webhook.not_stored", problem=str(error))
    elif isinstance(error, (SQLAlchemyError, OverloadedError)):
        log.error("webhook.not_stored", problem=type(error).__name__)
    else:
        log.error("webhook.failed", exc_info=error)


def _answer(status: int, words: str) -> Response:
    headers = dict(HEADERS)
    if status in (408, 413):
        headers["Connection"] = "close"
    if status == 503:  # noqa: PLR2004
        headers["Retry-After"] = "5"
    return PlainTextResponse(words, status, headers) if words else Response(status_code=status, headers=headers)
