"""The web process as an application: webhooks, public pages, health, console."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from care import __version__
from care.bootstrap import Services
from care.web.guards import Guards
from care.web.pages import StyleSheets
from care.web.routes import console, events, health, survey, unsubscribe
from care.web.routes.email_hooks import EmailDoor
from care.web.routes.twilio import TwilioDoor
from care.web.state import WebState


def create_app(services: Services) -> FastAPI:
    """Return the application.

    Raises:
        CareError: the database or the suppression key is not the one the settings need.
    """
    state = WebState(services=services)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        state.open()
        yield
        await state.close()

    app = FastAPI(title="care", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.care = state
    app.add_middleware(Guards)
    app.add_middleware(EmailDoor, state=state)
    app.add_middleware(TwilioDoor, state=state)
    app.add_exception_handler(Exception, _own_fault)
    for part in (survey, unsubscribe, health, console):
        app.router.routes.extend(part.ROUTES)
    events.add_routes(app)
    app.mount("/static", StyleSheets())
    return app


async def _own_fault(_request: Request, _error: Exception) -> Response:
    """Answer for an error of ours; the log has it, the visitor learns nothing of it."""
    return PlainTextResponse("Something went wrong on our side. Please try again later.", 500)
