"""The console: one page for the day, one for each message. Reads only; works without a script."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from care import __version__
from care.base.database import read
from care.base.trouble import explain
from care.bootstrap import Services
from care.explain.whom import UnknownCustomerError, find_customer
from care.messages.model import MessageStatus
from care.reports.books import campaign_ids
from care.reports.log import Question, find_entries
from care.reports.people import Masked, masked_people
from care.reports.story import tell_story
from care.web.loopback import why_closed
from care.web.overview import look
from care.web.pages import page
from care.web.state import state_of

PAGE = 50
S = MessageStatus
PROBLEMS = "problems"
_PROBLEMS = (S.FAILED, S.UNDELIVERED, S.UNKNOWN, S.UNCONFIRMED)
_SINCE = {"": None, "1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
_COLOURS = {
    S.DELIVERED: "green",
    S.SENT: "blue",
    S.ACCEPTED: "blue",
    S.SENDING: "blue",
    S.FAILED: "red",
    S.UNDELIVERED: "red",
    S.UNKNOWN: "orange",
    S.UNCONFIRMED: "orange",
}
_BIGGEST_ID = 2**63 - 1


async def today(request: Request) -> Response:
    """Show the day and the delivery log."""
    return await _answer(request, _today)


async def message(request: Request) -> Response:
    """Show what happened to one message."""
    return await _answer(request, _message)


async def _answer(request: Request, show: Any) -> Response:
    services = state_of(request).services
    closed = why_closed(request, services.settings.web.host)
    if closed:
        return PlainTextResponse(closed + "\n", 403)
    try:
        shown: Response = await run_in_threadpool(show, request, services)
    except sa.exc.DBAPIError as error:
        return PlainTextResponse(f"The database {explain(error)}.\n", 503)
    return shown


def _today(request: Request, services: Services) -> Response:
    asked = request.query_params
    filters = {
        "state": asked.get("state", "") if asked.get("state", "") in {PROBLEMS, *S} else "",
        "campaign": asked.get("campaign", "")[:64],
        "customer": asked.get("customer", "").strip()[:64],
        "since": asked.get("since", "") if asked.get("since", "") in _SINCE else "",
    }
    with read(services.engine) as conn:
        campaigns = campaign_ids(conn)
        entries, problem = _entries(conn, filters, _number(asked.get("before", "")), services.clock.now())
        people = masked_people(conn, {entry.customer_id for entry in entries})
    older = ""
    if len(entries) == PAGE:
        kept = {name: value for name, value in filters.items() if value}
        older = "/?" + urlencode({**kept, "before": entries[-1].id}) + "#log"
    return page(
        "console.html",
        {
            **_frame(services),
            "overview": look(services),
            "entries": entries,
            "people": people,
            "nobody": Masked(),
            "filters": filters,
            "problem": problem,
            "older": older,
            "is_first_page": "before" not in asked,
            "campaigns": campaigns,
            "statuses": [str(status) for status in S],
            "problems": PROBLEMS,
            "spans": [name for name in _SINCE if name],
        },
    )


def _entries(conn: sa.Connection, filters: Mapping[str, str], before: int | None, now: datetime) -> tuple[Any, str]:
    """Return a page of the log and what is wrong with the question."""
    span = _SINCE[filters["since"]]
    state = filters["state"]
    statuses = _PROBLEMS if state == PROBLEMS else (S(state),) if state else ()
    question = Question(
        statuses=statuses,
        campaign_id=filters["campaign"] or None,
        since=now - span if span else None,
        until=None if statuses or filters["customer"] else now + timedelta(microseconds=1),
        before=before,
        limit=PAGE,
    )
    if filters["customer"]:
        try:
            question = replace(question, customer_id=find_customer(conn, filters["customer"]))
        except UnknownCustomerError as error:
            return [], str(error)
    return find_entries(conn, question), ""


def _message(request: Request, services: Services) -> Response:
    message_id = _number(request.path_params["message_id"])
    with read(services.engine) as conn:
        story = tell_story(conn, message_id) if message_id else None
        if story is None:
            return page("missing.html", _frame(services), status=404)
        person = masked_people(conn, [story.entry.customer_id]).get(story.entry.customer_id, Masked())
    return page("message.html", {**_frame(services), "story": story, "entry": story.entry, "person": person})


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_BIGGEST_ID))
    number = int(text) if is_number else 0
    return number if 0 < number <= _BIGGEST_ID else None


def _frame(services: Services) -> dict[str, Any]:
    """Return what every page of the console has."""
    operator = services.settings.operator
    zone = ZoneInfo(operator.timezone)

    def local(at: datetime | None, form: str = "%m-%d %H:%M") -> str:
        return at.astimezone(zone).strftime(form) if at else ""

    return {
        "brand": operator.brand,
        "zone": operator.timezone,
        "version": __version__,
        "now": services.clock.now(),
        "local": local,
        "colours": _COLOURS,
    }


ROUTES = (
    Route("/", today, methods=["GET"]),
    Route("/messages/{message_id}", message, methods=["GET"]),
)
