"""The web process as its visitors meet it: a real server on a free port, real HTTP."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import sqlalchemy as sa
from twilio.request_validator import RequestValidator

from care.base.clock import VirtualClock
from care.base.database import read
from care.bootstrap import Services
from care.web.app import create_app
from care.web.listening import listen, url_of
from care.web.server import build_server
from tests.inbound.house import PUBLIC_URL, TOKEN, open_house


@dataclass
class Site:
    """A running web process, and a visitor without cookies."""

    services: Services
    url: str
    client: httpx.Client
    stop: Callable[[], None] = field(repr=False)

    def post_signed(self, path: str, form: dict[str, str], *, token: str = TOKEN) -> httpx.Response:
        """Post as Twilio does, signed by Twilio's own library."""
        return self.post_form(path, form, RequestValidator(token).compute_signature(PUBLIC_URL + path, form))

    def post_form(self, path: str, form: dict[str, str] | str, signature: str) -> httpx.Response:
        body = form if isinstance(form, str) else urlencode(form)
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
        if signature:
            headers["X-Twilio-Signature"] = signature
        return self.client.post(path, content=body, headers=headers)

    def rows(self, table: sa.Table) -> list[Any]:
        with read(self.services.engine) as conn:
            return list(conn.execute(sa.select(table).order_by(table.c.id)))

    def wait(self, done: Callable[[], object], seconds: float = 10) -> None:
        """Wait until `done`."""
        ends = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < ends, "it did not come about"
            time.sleep(0.02)


def serve(services: Services) -> Site:
    """Start a server in a thread of its own."""
    listener = listen("127.0.0.1", services.settings.web.port)
    server = build_server(create_app(services))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    client = httpx.Client(base_url=url_of(listener), timeout=20, trust_env=False)

    def stop() -> None:
        client.close()
        server.should_exit = True
        thread.join(20)
        listener.close()

    return Site(services=services, url=url_of(listener), client=client, stop=stop)


@pytest.fixture
def open_site(
    engine: sa.Engine, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Site]]:
    """Start web processes over a test's database; tables of settings may be laid over."""
    monkeypatch.chdir(tmp_path)
    sites: list[Site] = []

    def start(**tables: Any) -> Site:
        sites.append(serve(open_house(engine, clock, tmp_path, **tables)))
        return sites[-1]

    yield start
    for site in sites:
        site.stop()


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    """One web process with the usual settings."""
    return open_site()


@pytest.fixture
def sqlite_site(
    sqlite_engine: sa.Engine, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """One web process on SQLite, where the database is not the question."""
    monkeypatch.chdir(tmp_path)
    site = serve(open_house(sqlite_engine, clock, tmp_path))
    yield site
    site.stop()
