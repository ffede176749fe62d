"""The web process itself: its port, its end, and visitors who are slow on purpose."""

import asyncio
import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from twilio.request_validator import RequestValidator

from care.base.database import open_engine, read
from care.inbound.tables import webhook
from care.web import server
from care.web.group_commit import GroupCommit, OverloadedError
from care.web.limiter import Limiter
from care.web.listening import PortTakenError, listen_patiently
from tests.inbound.house import PUBLIC_URL, ROOT, TOKEN, inbound_form
from tests.web.conftest import Site


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with settings and an empty database."""
    (tmp_path / "care.toml").write_text(f'[paths]\ntemplates = "{ROOT / "templates" / "messages"}"\n[web]\nport = 0\n')
    subprocess.run([sys.executable, "-m", "care.cli.main", "db", "upgrade"], cwd=tmp_path, check=True, env=_env())
    return tmp_path


def _env(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "CARE_LOG__FORMAT": "json", **more}


@pytest.fixture
def process(workspace: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`care web` as its users start it, and its address."""
    started = subprocess.Popen(
        [sys.executable, "-m", "care.cli.main", "web"],
        cwd=workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_env(),
    )
    assert started.stdout is not None
    url = started.stdout.readline().split()[-1]
    yield started, url
    if started.poll() is None:
        started.kill()
    started.communicate()


class TestThePort:
    def test_is_waited_for_while_the_one_before_ends(self) -> None:
        """The orphan of a leader that was killed gives it back in a moment; what stays is another program's."""
        with socket.create_server(("127.0.0.1", 0)) as orphan, socket.create_server(("127.0.0.1", 0)) as other:
            port = orphan.getsockname()[1]
            with listen_patiently("127.0.0.1", port, tries=2, pause=orphan.close) as listener:
                assert listener.getsockname()[1] == port
            with pytest.raises(PortTakenError):
                listen_patiently("127.0.0.1", other.getsockname()[1], tries=2, pause=lambda: None)


class TestTheCommand:
    def test_serves_until_asked_to_end(self, process: tuple[subprocess.Popen[str], str]) -> None:
        """SIGTERM ends it cleanly, exit code 0, and the log holds no address that was asked for."""
        started, url = process
        with httpx.Client(base_url=url, trust_env=False) as client:
            assert client.get("/healthz").text == "ok"
            assert client.get("/u/a-token-that-nobody-may-read").status_code == 200
            assert client.get("/?customer=C77777").status_code == 200
        started.send_signal(signal.SIGTERM)
        _, log = started.communicate(timeout=20)

        assert started.returncode == 0, log
        assert "web.stopped" in log
        assert "a-token" not in log
        assert "C77777" not in log

    def test_says_in_one_line_that_the_port_is_taken(self, workspace: Path) -> None:
        """Exit 2, one line with the setting and what to do."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            ended = subprocess.run(
                [sys.executable, "-m", "care.cli.main", "web"],
                cwd=workspace,
                capture_output=True,
                text=True,
                check=False,
                env=_env(CARE_WEB__PORT=port),
            )
        assert ended.returncode == 2
        (line,) = [line for line in ended.stderr.splitlines() if line.startswith("care:")]
        assert "web.port" in line
        assert port in line
        assert "CARE_WEB__PORT" in line
        assert "Traceback" not in ended.stderr

    def test_refuses_another_suppression_key(self, workspace: Path) -> None:
        """With a wrong key opt-outs would be filed where nobody finds them."""
        key = {"CARE_SECURITY__SUPPRESSION_KEY": "k" * 40}
        (workspace / "first.py").write_text(
            "from care.bootstrap import build_services\nassert build_services().hasher\n"
        )
        subprocess.run([sys.executable, "first.py"], cwd=workspace, check=True, env=_env(**key))
        ended = subprocess.run(
            [sys.executable, "-m", "care.cli.main", "web"],
            cwd=workspace,
            capture_output=True,
            text=True,
            check=False,
            env=_env(CARE_SECURITY__SUPPRESSION_KEY="other" * 10),
        )
        assert ended.returncode == 2
        assert "wrong suppression key" in ended.stderr


class TestAnAnswer:
    @pytest.mark.crash
    def test_holds_when_the_process_is_killed(self, workspace: Path) -> None:
        """Every callback that was answered 204 is in the database after kill -9 in the middle of a flood."""
        secrets = {"CARE_SECURITY__SECRET_KEY": "s" * 40, "CARE_SECURITY__SUPPRESSION_KEY": "k" * 40}
        twilio = {"CARE_TWILIO__AUTH_TOKEN": TOKEN, "CARE_OPERATOR__PUBLIC_URL": PUBLIC_URL}
        command = [sys.executable, "-m", "care.cli.main", "web"]
        with subprocess.Popen(
            command, cwd=workspace, stdout=subprocess.PIPE, text=True, env=_env(**secrets, **twilio)
        ) as started:
            assert started.stdout is not None
            url = started.stdout.readline().split()[-1]
            answered: list[str] = []
            visitors = [threading.Thread(target=_flood, args=(url, answered)) for _ in range(8)]
            for visitor in visitors:
                visitor.start()
            while len(answered) < 100:
                time.sleep(0.01)
            started.kill()
            for visitor in visitors:
                visitor.join()
        engine = open_engine(f"sqlite:///{workspace / 'care.db'}")
        with read(engine) as conn:
            kept = set(conn.execute(sa.select(webhook.c.dedupe)).scalars())
        engine.dispose()
        assert {f"{sid}:received" for sid in answered} <= kept


def _flood(url: str, answered: list[str]) -> None:
    """Post messages of customers until the server is gone; note those that were answered."""
    path = "/webhooks/twilio/inbound"
    with httpx.Client(base_url=url, trust_env=False) as client, contextlib.suppress(httpx.HTTPError):
        while True:
            form = inbound_form("+8613800001111", "在吗")
            signature = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + path, form)
            if client.post(path, data=form, headers={"X-Twilio-Signature": signature}).status_code == 204:
                answered.append(form["MessageSid"])


class TestSlowVisitors:
    def test_do_not_slow_the_others(self, sqlite_site: Site) -> None:
        """Two hundred connections that never finish their head: everybody else is answered as before."""
        site = sqlite_site
        host, port = site.url.removeprefix("http://").split(":")
        with ExitStack() as stack:
            for _ in range(200):
                slow = stack.enter_context(socket.create_connection((host, int(port))))
                slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            took = []
            for _ in range(200):
                begun = time.perf_counter()
                assert site.client.get("/healthz").status_code == 200
                took.append(time.perf_counter() - begun)
        assert statistics.quantiles(took, n=100)[98] < 0.3

    def test_are_cut_off(self, sqlite_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        """A head must come in time, the first on a connection and any after it."""
        monkeypatch.setattr(server, "HEADER_SECONDS", 0.3)
        host, port = sqlite_site.url.removeprefix("http://").split(":")
        for before in (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"):
            with socket.create_connection((host, int(port)), timeout=10) as slow:
                if before:
                    slow.sendall(before)
                    assert slow.recv(4096).startswith(b"HTTP/1.1 200")
                slow.sendall(b"GET /healthz HTT")
                begun = time.monotonic()
                assert slow.recv(4096) == b""
                assert time.monotonic() - begun < 5

    def test_may_rest_between_requests(self, sqlite_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        """A connection kept open without a byte is not a slow head."""
        monkeypatch.setattr(server, "HEADER_SECONDS", 0.2)
        assert sqlite_site.client.get("/healthz").status_code == 200
        time.sleep(0.5)
        assert sqlite_site.client.get("/healthz").status_code == 200


class TestGroupCommit:
    async def _all(self, writer: GroupCommit, count: int) -> list[BaseException | None]:
        return await asyncio.gather(*(writer.store({"n": n}) for n in range(count)), return_exceptions=True)

    def test_stores_everything_in_few_groups(self) -> None:
        """A thousand rows at once: each is stored once, in groups of at most five hundred."""
        groups: list[int] = []

        async def run() -> None:
            writer = GroupCommit(lambda rows: groups.append(len(rows)))
            assert await self._all(writer, 1_000) == [None] * 1_000
            await writer.close()

        asyncio.run(run())
        assert sum(groups) == 1_000
        assert max(groups) <= 500
        assert len(groups) <= 4

    def test_tells_everyone_of_a_failure(self) -> None:
        """Nobody whose row is not stored hears that it is."""

        def fail(_rows: object) -> None:
            raise OSError("disk full")

        async def run() -> list[BaseException | None]:
            writer = GroupCommit(fail)
            answers = await self._all(writer, 20)
            await writer.close()
            return answers

        assert all(isinstance(answer, OSError) for answer in asyncio.run(run()))

    def test_refuses_more_than_it_can_hold(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A database that hangs does not eat the memory."""
        monkeypatch.setattr("care.web.group_commit.MOST_WAITING", 50)
        go_on = threading.Event()

        def hang(_rows: object) -> None:
            go_on.wait(5)

        async def run() -> list[BaseException | None]:
            writer = GroupCommit(hang)
            asyncio.get_running_loop().call_later(0.1, go_on.set)
            answers = await self._all(writer, 200)
            await writer.close()
            return answers

        assert any(isinstance(answer, OverloadedError) for answer in asyncio.run(run()))


class TestLimiter:
    def test_refills(self) -> None:
        """A burst, then a steady trickle; each visitor has a bucket of their own."""
        limiter = Limiter(per_second=2, burst=3)
        assert [limiter.allows("a", 0.0) for _ in range(5)] == [True, True, True, False, False]
        assert limiter.allows("b", 0.0)
        assert [limiter.allows("a", 0.5), limiter.allows("a", 0.5)] == [True, False]

    def test_forgets_the_oldest(self) -> None:
        """Memory stays bounded however many visitors come."""
        limiter = Limiter(per_second=1, burst=1, remember=10)
        for n in range(1_000):
            limiter.allows(str(n), 0.0)
        assert len(limiter._buckets) == 10
