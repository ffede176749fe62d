"""The web process from start to end."""

from collections.abc import Callable

import structlog

from care.base.database import outlive_the_frozen
from care.base.errands import Errands
from care.base.processes import call_on_end
from care.bootstrap import Services
from care.web.app import create_app
from care.web.listening import held_listener, listen, url_of
from care.web.server import build_server

log = structlog.get_logger()


def run_web(services: Services, *, say: Callable[[str], None]) -> None:
    """Serve until asked to end. `say` is told the address once it is taken.

    Raises:
        UnavailableError: the port is in use, or the address is not this machine's.
    """
    settings = services.settings.web
    services.errands = Errands(beside=True)
    outlive_the_frozen(services.engine)
    listener = held_listener() or listen(settings.host, settings.port)
    with listener:
        server = build_server(create_app(services))

        def end() -> None:
            server.should_exit = True

        call_on_end(end)
        say(f"care web: {url_of(listener)}")
        log.info("web.started", port=listener.getsockname()[1])
        server.run(sockets=[listener])
        log.info("web.stopped")
