"""The survey page. Looking never votes; a link that is unknown, used or too old shows the same page."""

from collections.abc import Mapping
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from care.base.database import read, write
from care.delivery.links import SurveyClaim
from care.surveys import page as survey_page
from care.surveys.asking_page import LONGEST_COMMENT, Filled, read_form, read_reason
from care.surveys.loop_rules import loop_rules_of
from care.surveys.model import MAIN
from care.surveys.page_store import Invitation
from care.web.guards import CLOSE
from care.web.pages import page
from care.web.state import WebState, state_of
from care.web.survey_words import PageWords, is_urgent

PATH = "/s/{token}"
_MOST_FIELDS = 20

log = structlog.get_logger()


async def show(request: Request) -> Response:
    """Show the questions; `?score=4` chooses that point and sends nothing."""
    state = _enter(request)
    return await run_in_threadpool(_show, state, request)


async def save(request: Request) -> Response:
    """Write answers, a reason or a refusal down, once each."""
    state = _enter(request)
    try:
        async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
    except HTTPException as error:
        return await run_in_threadpool(_not_taken, state, request, error.status_code)
    step = {"why": _save_why, "stop": _save_stop}.get(fields.get("step", ""), _save_answers)
    return await run_in_threadpool(step, state, request, fields)


def _enter(request: Request) -> WebState:
    """Turn too many requests of one visitor away."""
    state = state_of(request)
    visitor = request.client.host if request.client else ""
    if not state.public_pages.allows(visitor, state.services.clock.monotonic()):
        raise HTTPException(429, "Too many requests.", headers={"Retry-After": "10"})
    return state


def _claim(state: WebState, request: Request) -> SurveyClaim | None:
    return state.services.links.read_survey(str(request.path_params["token"]), state.services.clock.now())


def _show(state: WebState, request: Request) -> Response:
    claim, now = _claim(state, request), state.services.clock.now()
    with read(state.services.engine) as conn:
        invitation = survey_page.open_invitation(conn, claim, now=now)
    if invitation is None:
        return _closed(state, request)
    wished = {str(MAIN[invitation.survey]): request.query_params.get("score", "")}
    return _form(state, request, invitation, read_form(wished, invitation.survey))


def _save_answers(state: WebState, request: Request, fields: Mapping[str, str]) -> Response:
    services = state.services
    claim, now = _claim(state, request), services.clock.now()
    rules = loop_rules_of(services.settings, services.root, services.hasher)
    with write(services.engine) as conn:
        done = survey_page.answer(
            conn,
            claim,
            lambda invitation: read_form(fields, invitation.survey),
            rules=rules,
            locale=lambda invitation: _words(state, request, invitation).locale,
            now=now,
        )
    if done is None:
        return _closed(state, request)
    invitation, filled, answered = done
    if answered is None:
        return _form(state, request, invitation, filled, problem=True)
    log.info("survey.answered", message_id=invitation.message_id, cases=sorted(answered.reaction.cases.values()))
    words = _words(state, request, invitation)
    title, lines = words.after_answer(invitation, answered, now)
    reasons = words.reasons() if answered.asks_why else []
    return _done(words, title, lines, reasons=reasons, is_urgent=is_urgent(answered))


def _save_why(state: WebState, request: Request, fields: Mapping[str, str]) -> Response:
    services = state.services
    claim, now = _claim(state, request), services.clock.now()
    rules = loop_rules_of(services.settings, services.root, services.hasher)
    with write(services.engine) as conn:
        done = survey_page.answer_why(
            conn,
            claim,
            read_reason(fields),
            rules=rules,
            locale=lambda invitation: _words(state, request, invitation).locale,
            now=now,
        )
    if done is None:
        return _closed(state, request)
    invitation, answered = done
    log.info("survey.reason_given", message_id=invitation.message_id, cases=sorted(answered.reaction.cases.values()))
    words = _words(state, request, invitation)
    title, lines = words.after_reason(invitation, answered, now)
    return _done(words, title, lines, is_urgent=is_urgent(answered))


def _save_stop(state: WebState, request: Request, _fields: Mapping[str, str]) -> Response:
    """Silence surveys; the page looks the same whether the link leads to somebody or not."""
    words = _words(state, request, None)
    now = state.services.clock.now()
    claim = state.services.links.read_survey(str(request.path_params["token"]), None)
    with write(state.services.engine) as conn:
        known = survey_page.never_ask_again(conn, claim, wording=words["stop"], now=now)
    log.info("survey.refused", known=known)
    return _done(words, words["stopped_title"], [words["stopped"]])


def _form(
    state: WebState, request: Request, invitation: Invitation, filled: Filled, *, problem: bool = False
) -> Response:
    words = _words(state, request, invitation)
    values = {
        "words": words,
        "about": words.about(invitation),
        "questions": words.questions(invitation.survey, filled.chosen),
        "comment": filled.comment,
        "comment_title": words.comment(invitation.survey),
        "longest": LONGEST_COMMENT,
        "problem": problem,
    }
    return page("survey.html", values, status=400 if problem else 200)


def _closed(state: WebState, request: Request) -> Response:
    """Answer for every link that cannot be used, in the visitor's language: whose it was is not looked at."""
    words = _words(state, request, None)
    return _done(words, words["closed_title"], [words["closed"]], status=404)


def _not_taken(state: WebState, request: Request, status: int) -> Response:
    """Answer for a form that is too large, too slow or no form, in the customer's language."""
    claim, now = _claim(state, request), state.services.clock.now()
    with read(state.services.engine) as conn:
        invitation = survey_page.open_invitation(conn, claim, now=now)
    words = _words(state, request, invitation)
    response = _done(words, words["not_taken_title"], [words["not_taken"]], status=status)
    response.headers.update(CLOSE)  # what is left of the body is not read
    return response


def _done(words: PageWords, title: str, lines: Any, *, status: int = 200, **more: Any) -> Response:
    values = {"words": words, "title": title, "lines": lines, "longest": LONGEST_COMMENT}
    return page("survey_done.html", {"reasons": [], "is_urgent": False, **values, **more}, status=status)


def _words(state: WebState, request: Request, invitation: Invitation | None) -> PageWords:
    """Return the words in the customer's language, else in the browser's, else in the operator's."""
    operator = state.services.settings.operator
    accepted = request.headers.get("accept-language", "").partition(",")[0].partition(";")[0].strip()
    wanted = (invitation.locale or "") if invitation else ""
    wanted = wanted or (accepted if accepted.replace("-", "").isalnum() else "") or operator.locale
    return PageWords(wanted, operator)


ROUTES = (Route(PATH, show, methods=["GET", "HEAD"]), Route(PATH, save, methods=["POST"]))
