"""`POST /api/v1/events`: check who sends, read, store, answer. Worked on after."""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from zoneinfo import ZoneInfo

import structlog
from fastapi import FastAPI
from fastapi.exception_handlers import http_exception_handler
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from care.base.database import read
from care.inbound.events.intake import problem_answer
from care.inbound.events.keys import RefusedError, who_sends
from care.inbound.events.model import Answer, EventProblem, Posted
from care.inbound.events.reading import read_body, read_entry
from care.inbound.events.signing import ID_HEADER
from care.web.event_docs import DESCRIPTION, OPERATION, SECURITY
from care.web.group_commit import OverloadedError
from care.web.state import WebState, state_of

PATH = "/api/v1/events"
DOCS_PATH = "/api/docs"
SCOPE = "events"
_BELOW = "/api/"
_PROBLEM = "application/problem+json"
_LONGEST_KEY = 120
_FIRST_PROBLEM = 400
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Bearer"},
    408: {"Connection": "close"},
    413: {"Connection": "close"},
    503: {"Retry-After": "5"},
}

log = structlog.get_logger()


def add_routes(app: FastAPI) -> None:
    """Mount the route and the document that describes it."""
    app.description = DESCRIPTION
    app.add_exception_handler(HTTPException, _refuse)
    app.add_api_route(PATH, post_events, methods=["POST"], response_class=Response, **OPERATION)

    async def docs(_request: Request) -> Response:
        document = app.openapi()
        document.setdefault("components", {})["securitySchemes"] = SECURITY
        return JSONResponse(document)

    app.add_route(DOCS_PATH, docs, methods=["GET"], include_in_schema=False)


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer for a path or a method that is not there; below /api as a problem, like all others."""
    assert isinstance(error, HTTPException)
    if not request.url.path.startswith(_BELOW):
        return await http_exception_handler(request, error)
    title = HTTPStatus(error.status_code).phrase
    answer = problem_answer(EventProblem(error.status_code, "refused", title, f"events are posted to {PATH}"))
    return Response(answer.body.encode(), answer.status, headers=error.headers, media_type=_PROBLEM)


async def post_events(request: Request) -> Response:
    """Take one event, or a list of them.

    202 stored, 200 known already, 207 part of a list; 401, 403, 409, 413 and 422 say why not, 503 to come back.
    """
    state = state_of(request)
    try:
        answer = await _take(state, request)
    except EventProblem as problem:
        answer = problem_answer(problem)
    except HTTPException as error:
        status, words = state.turn_away(error.status_code, error.detail)
        answer = problem_answer(EventProblem(status, "body", "Unusable body", words))
    except RefusedError as error:
        answer = problem_answer(_refusal(state, error.status))
    except (SQLAlchemyError, OverloadedError) as error:
        log.error("event.not_stored", problem=type(error).__name__)
        answer = problem_answer(EventProblem(503, "not-stored", "Not stored", "nothing was stored. Send it again"))
    state.metrics.count_answer("events", answer.status)
    is_problem = answer.status >= _FIRST_PROBLEM
    kind = _PROBLEM if is_problem else "application/json"
    headers = dict(_HEADERS.get(answer.status, {}))
    return Response(answer.body.encode(), answer.status, headers=headers, media_type=kind)


async def _take(state: WebState, request: Request) -> Answer:
    body = await request.body()
    headers = {name.lower(): value for name, value in request.headers.items()}
    key_id = await run_in_threadpool(_who, state, headers, body)
    posted = _read(state, headers, body, key_id)
    await state.events.store(posted)
    assert posted.answer is not None
    return posted.answer


def _who(state: WebState, headers: Mapping[str, str], body: bytes) -> str:
    with read(state.services.engine) as conn:
        return who_sends(conn, state.key_ring, headers, body, scope=SCOPE, now=state.services.clock.now())


def _read(state: WebState, headers: Mapping[str, str], body: bytes, key_id: str) -> Posted:
    """Return the request as it is stored.

    Raises:
        EventProblem: nothing of it can be read.
    """
    given = headers.get("idempotency-key")
    if given is not None and not (0 < len(given) <= _LONGEST_KEY and given.isascii() and given.isprintable()):
        detail = f"Idempotency-Key: give 1 to {_LONGEST_KEY} printable ASCII characters"
        raise EventProblem(400, "bad-key", "Unusable idempotency key", detail)
    now, zone = state.services.clock.now(), ZoneInfo(state.services.settings.operator.timezone)
    items, is_list = read_body(body)
    fallback = None if is_list else headers.get(ID_HEADER)
    return Posted(
        key_id=key_id,
        entries=[read_entry(item, zone=zone, now=now, fallback_id=fallback) for item in items],
        is_list=is_list,
        at=now,
        request_digest=hashlib.sha256(body).hexdigest()[:32],
        idempotency_key=given,
    )


def _refusal(state: WebState, status: int) -> EventProblem:
    if state.refusals.allows("events", state.services.clock.monotonic()):  # a flood of them is one line
        log.warning("event.refused", status=status)
    if status == 403:  # noqa: PLR2004
        detail = f"the key lacks the scope '{SCOPE}'. Make one: care keys create --scope {SCOPE}"
        return EventProblem(status, "missing-scope", "Missing scope", detail)
    return EventProblem(status, "unknown-key", "Unknown key", "the key, or the signature, is missing, wrong or revoked")
