"""A web server for `bench_webhooks`: ours, or a bare handler with the same durability on the same server.

Prints its address, then serves until its standard input closes.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
import uvicorn

from care.base.clock import SystemClock
from care.base.database import open_engine, write
from care.base.settings import Settings
from care.bootstrap import Services
from care.web.app import create_app
from care.web.server import build_server, listen, url_of
from care.web.state import WebState

TOKEN = "the token of a measurement"  # noqa: S105 - of no account
PUBLIC_URL = "https://care.example.com"
Handler = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def services_over(url: str, root: Path) -> Services:
    """Return services over a database that has its tables."""
    secrets = {"secret_key": "s" * 40, "suppression_key": "k" * 40}
    settings = {
        "database": {"url": url},
        "operator": {"public_url": PUBLIC_URL},
        "twilio": {"auth_token": TOKEN},
        "security": secrets,
        "log": {"level": "error"},
    }
    services = Services(settings=Settings.model_validate(settings), clock=SystemClock(), root=root)
    services.__dict__["unchecked_engine"] = open_engine(url)
    return services


def ours(url: str, root: Path, *, work: bool) -> Any:
    """Return our application; without `work` the stored callbacks stay as they are."""
    if not work:
        WebState.open = lambda _state: None  # type: ignore[method-assign]
    return create_app(services_over(url, root))


class Bare:
    """Read the body, keep it durably together with whatever else has come, answer 204. Nothing is checked."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        self._table = sa.Table("bare", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), _body())
        with write(self._engine) as conn:
            self._table.metadata.create_all(conn)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body = (await receive())["body"]
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((body, stored))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await stored
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def _run(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            await asyncio.to_thread(self._commit, [body for body, _ in group])
            for _, stored in group:
                stored.set_result(None)
        self._task = None

    def _commit(self, bodies: Sequence[bytes]) -> None:
        with write(self._engine) as conn:
            conn.execute(sa.insert(self._table), [{"body": body} for body in bodies])


def _body() -> sa.Column[bytes]:
    return sa.Column("body", sa.LargeBinary)


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


def main() -> None:
    """Serve."""
    kind, url, root = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    app = Bare(url) if kind == "bare" else ours(url, root, work=kind == "worked")
    listener = listen("127.0.0.1", 0)
    server: uvicorn.Server = build_server(app)
    print(url_of(listener), flush=True)

    def wait_for_the_end() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
