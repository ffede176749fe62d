"""The page behind an unsubscribe link. Looking changes nothing; a link that leads nowhere looks like any other."""

from functools import cache
from pathlib import Path
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from care.base.database import read, write
from care.base.yamlfile import load_yaml
from care.campaigns.locales import choose_locale
from care.delivery.links import UnsubscribeClaim
from care.inbound.preferences import Choice, choose, locale_of, one_click
from care.web.pages import page
from care.web.state import WebState, state_of

PATH = "/u/{token}"
_WORDS_FILE = Path(__file__).parents[1] / "unsubscribe.yaml"
_LONGEST_TOKEN = 400

log = structlog.get_logger()


@cache
def _words() -> dict[str, dict[str, str]]:
    return {locale: dict(words) for locale, words in load_yaml(_WORDS_FILE).items()}


async def show(request: Request) -> Response:
    """Show the choices."""
    state, claim = _enter(request)
    words = await run_in_threadpool(_language, state, claim, request)
    return page("unsubscribe.html", {"words": words, "choices": _choices(words)})


async def save(request: Request) -> Response:
    """Carry out a choice, or the one click of a mail program: no cookie, no question, no redirect."""
    state, claim = _enter(request)
    form = await _form(request)
    words = await run_in_threadpool(_language, state, claim, request)
    is_one_click = form.get("List-Unsubscribe") == "One-Click"
    choice = _choice(form, claim, is_one_click=is_one_click)
    if choice is None:
        return page("unsubscribe.html", {"words": words, "choices": _choices(words)}, status=400)
    if claim is not None:
        wording = "List-Unsubscribe=One-Click" if is_one_click else words[choice]
        await run_in_threadpool(_choose, state, claim, choice, wording)
    return page("unsubscribe_done.html", {"words": words})


def _enter(request: Request) -> tuple[WebState, UnsubscribeClaim | None]:
    """Return what the link stands for; too many requests of one visitor are turned away."""
    state = state_of(request)
    visitor = request.client.host if request.client else ""
    if not state.public_pages.allows(visitor, state.services.clock.monotonic()):
        raise HTTPException(429, "Too many requests.", headers={"Retry-After": "10"})
    token = str(request.path_params["token"])
    return state, state.services.links.read(token) if len(token) <= _LONGEST_TOKEN else None


async def _form(request: Request) -> FormData:
    async with request.form(max_files=1, max_fields=20) as form:
        return form


def _choice(form: FormData, claim: UnsubscribeClaim | None, *, is_one_click: bool) -> Choice | None:
    if is_one_click:
        return one_click(claim) if claim else Choice.MARKETING
    chosen = form.get("choice")
    return Choice(chosen) if isinstance(chosen, str) and chosen in set(Choice) else None


def _language(state: WebState, claim: UnsubscribeClaim | None, request: Request) -> dict[str, str]:
    """Return the page's words in the customer's language, else in the browser's."""
    wanted = None
    if claim is not None:
        with read(state.services.engine) as conn:
            wanted = locale_of(conn, claim.customer_id)
    operator = state.services.settings.operator
    accepted = request.headers.get("accept-language", "").partition(",")[0].partition(";")[0].strip()
    wanted = wanted or (accepted if accepted.replace("-", "").isalnum() else "") or operator.locale
    locale = choose_locale(wanted, _words()) or "en"
    given = {"brand": operator.brand, "hotline": operator.hotline}
    return {name: text.format(**given) for name, text in _words()[locale].items()}


def _choices(words: dict[str, str]) -> list[dict[str, Any]]:
    return [{"name": str(choice), "label": words[choice]} for choice in Choice]


def _choose(state: WebState, claim: UnsubscribeClaim, choice: Choice, wording: str) -> None:
    with write(state.services.engine) as conn:
        choose(conn, claim, choice, wording=wording, now=state.services.clock.now())
    log.info("preferences.chosen", choice=str(choice), purpose=claim.purpose)


async def robots(_request: Request) -> Response:
    """Keep crawlers out."""
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


ROUTES = (
    Route(PATH, show, methods=["GET", "HEAD"]),
    Route(PATH, save, methods=["POST"]),
    Route("/robots.txt", robots, methods=["GET"]),
)
