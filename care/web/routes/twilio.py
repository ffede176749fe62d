"""Twilio's webhooks: check, store, answer. Worked on after, so the answer never waits for anything but the disk."""

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from care.inbound.twilio import UnreadableHookError, inbound_row, status_row
from care.web.group_commit import OverloadedError, Row
from care.web.state import WebState, state_of

STATUS_PATH = "/webhooks/twilio/status/"
INBOUND_PATH = "/webhooks/twilio/inbound"
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 200

log = structlog.get_logger()


async def twilio_status(request: Request) -> Response:
    """Keep one status callback: 403 unsigned, 400 unreadable, 503 not stored, else 204, repeats too."""
    token = request.path_params["token"]

    def read_row(form: Mapping[str, str], now: datetime) -> Row:
        return status_row(form, token=token, now=now)

    return await _take(request, "status", STATUS_PATH + token, read_row)


async def twilio_inbound(request: Request) -> Response:
    """Keep one message of a customer: 403 unsigned, 400 unreadable, 503 not stored, else 204, repeats too."""
    return await _take(request, "inbound", INBOUND_PATH, inbound_row)


async def _take(
    request: Request, kind: str, path: str, read_row: Callable[[Mapping[str, str], datetime], Row]
) -> Response:
    state = state_of(request)
    answer = await _signed_form(request, state, path)
    if not isinstance(answer, Response):
        try:
            row = read_row(answer, state.services.clock.now())
        except UnreadableHookError as error:
            answer = _unreadable(error)
        else:
            answer = await _store(state, row)
    state.metrics.answers.labels(kind, str(answer.status_code)).inc()
    return answer


async def _signed_form(request: Request, state: WebState, path: str) -> dict[str, str] | Response:
    """Return the form if Twilio signed it for this path, else the refusal."""
    body = await request.body()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return _refused()
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:  # neither text nor a form
        return Response("not a form", 400)
    query = request.url.query
    if not state.signature.is_valid(f"{path}?{query}" if query else path, pairs, request.headers):
        return _refused()
    return dict(pairs)


def _refused() -> Response:
    log.warning("webhook.refused", problem="not signed by Twilio for operator.public_url")
    return Response("bad signature", 403)


def _unreadable(error: UnreadableHookError) -> Response:
    log.warning("webhook.unreadable", field=str(error))
    return Response(f"unusable {error}", 400)


async def _store(state: WebState, row: Row) -> Response:
    try:
        await state.webhooks.store(row)
    except (SQLAlchemyError, OverloadedError) as error:
        log.error("webhook.not_stored", problem=type(error).__name__)
        return Response("try again", 503, headers={"Retry-After": "5"})
    return Response(status_code=204)


ROUTES = (
    Route(STATUS_PATH + "{token}", twilio_status, methods=["POST"]),
    Route(INBOUND_PATH, twilio_inbound, methods=["POST"]),
)
