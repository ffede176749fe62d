"""For machines that watch: alive, ready, and figures."""

from datetime import timedelta

import sqlalchemy as sa
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from care.base.database import read, why_not_writable
from care.base.trouble import explain
from care.delivery.tables import job_run
from care.reports.metrics import why_not_ready
from care.reports.providers import closed_now
from care.watch.incidents import open_incidents
from care.web.state import WebState, state_of


async def healthz(_request: Request) -> Response:
    """Answer that the process is alive; nothing else is asked."""
    return PlainTextResponse("ok")


async def readyz(request: Request) -> Response:
    """Answer 200 when the database takes a write and nothing has been due for too long, else 503 with the reason."""
    reason, incidents, closed = await run_in_threadpool(_trouble, state_of(request))
    answer = {"ready": not reason, "reason": reason, "incidents": incidents, "closed_providers": closed}
    return JSONResponse(answer, 503 if reason else 200)


def _trouble(state: WebState) -> tuple[str, list[str], list[str]]:
    """Return why we are not ready, the kinds of incidents that are open, and the providers that are closed."""
    services, now = state.services, state.services.clock.now()
    limit = timedelta(minutes=services.settings.alerts.oldest_due_minutes)
    try:
        with read(services.engine) as conn:
            reason, standing = why_not_ready(conn, now, limit), open_incidents(conn, now)
            found = [each.rule for each in standing], closed_now(conn, now)
    except sa.exc.SQLAlchemyError as error:
        return _told(error), [], []
    if still := why_not_writable(services.engine, job_run):
        reason = f"the database {still}"
    return reason, *found


def _told(error: sa.exc.SQLAlchemyError) -> str:
    if isinstance(error, sa.exc.DBAPIError):
        return f"the database {explain(error)}"
    return f"the database does not answer ({type(error).__name__})"


async def metrics(request: Request) -> Response:
    """Answer with the figures for Prometheus."""
    state = state_of(request)
    try:
        text = await run_in_threadpool(state.metrics.text, state.services)
    except sa.exc.SQLAlchemyError as error:
        return PlainTextResponse(f"{_told(error)}\n", 503)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


ROUTES = (
    Route("/healthz", healthz, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
)
