import asyncio
import gc
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.delivery.channels.http_answer import parse_answer
from care.delivery.channels.http_wire import HttpPool, NoAnswerError, NotSentError
from tests.delivery.scripted_server import ScriptedServer, json_answer

REQUEST = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
WHOLE = [
    OK,
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\nX: y\r\ncontent-length:2\r\n\r\nok",
]


class TestParseAnswer:
    @pytest.mark.parametrize("whole", WHOLE)
    def test_waits_until_the_answer_is_whole(self, whole: bytes) -> None:
        """Every shorter piece waits; the whole is read; what follows is kept apart."""
        for cut in range(len(whole)):
            assert parse_answer(whole[:cut], at_end=False) is None
        found = parse_answer(whole + b"more", at_end=False)
        assert found is not None
        answer, rest, keeps_alive = found
        assert (answer.status, answer.body, rest, keeps_alive) == (200, b"ok", b"more", True)

    @pytest.mark.parametrize("whole", WHOLE)
    def test_takes_no_torn_answer_for_whole(self, whole: bytes) -> None:
        """An answer that the connection's end cut short is none."""
        for cut in range(len(whole)):
            with pytest.raises(ValueError):
                parse_answer(whole[:cut], at_end=True)

    @given(st.binary(max_size=200), st.booleans())
    def test_survives_anything(self, noise: bytes, at_end: bool) -> None:
        """Whatever a server writes, the answer is one with a status, nothing yet, or a ValueError."""
        for data in (noise, b"HTTP/1.1 200 OK\r\n" + noise, b"HTTP/1.1 200 OK\r\n\r\n" + noise):
            try:
                found = parse_answer(data, at_end=at_end)
            except ValueError:
                continue
            if found is None:
                assert not at_end  # at the end it is whole or torn
            else:
                answer, rest, _ = found
                assert 200 <= answer.status <= 999
                assert data.endswith(rest)
                assert len(answer.body) + len(rest) < len(data)

    @pytest.mark.parametrize(
        "data",
        [
            b"x" * 70_000,
            b"SMTP/1.1 200 OK\r\n\r\n",
            b"HTTP/2 200\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n",
        ],
    )
    def test_refuses_what_is_not_http(self, data: bytes) -> None:
        """Endless heads, other protocols, absurd lengths and chunks that lie."""
        with pytest.raises(ValueError):
            parse_answer(data, at_end=False)


class TestPool:
    def test_does_not_reuse_a_connection_that_closes(self) -> None:
        """`Connection: close` is obeyed."""

        async def run() -> int:
            closing = json_answer(200, {}, "Connection: close\r\n")
            async with ScriptedServer(closing, closing) as server:
                pool = HttpPool(server.url, connections=2, timeout_seconds=1)
                pool.open()
                await pool.ask(REQUEST)
                await pool.ask(REQUEST)
                pool.close()
                return server.connections

        assert asyncio.run(run()) == 2

    def test_does_not_reuse_a_connection_that_said_too_much(self) -> None:
        """Bytes after an answer would be taken for the next one."""

        async def run() -> tuple[int, bytes]:
            async with ScriptedServer(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", OK) as server:
                pool = HttpPool(server.url, connections=1, timeout_seconds=1)
                pool.open()
                await pool.ask(REQUEST)
                answer = await pool.ask(REQUEST)
                pool.close()
                return server.connections, answer.body

        assert asyncio.run(run()) == (2, b"ok")

    def test_waiting_for_a_place_has_sent_nothing(self) -> None:
        """Who times out in the queue is certain that nothing left; who times out on the wire is not."""

        async def run() -> tuple[object, object, float]:
            async with ScriptedServer(None) as server:
                pool = HttpPool(server.url, connections=1, timeout_seconds=0.4)
                pool.open()
                started = time.monotonic()
                first = asyncio.ensure_future(pool.ask(REQUEST))
                await asyncio.sleep(0)
                second = asyncio.ensure_future(pool.ask(REQUEST, timeout_seconds=0.2))
                outcomes = await asyncio.gather(first, second, return_exceptions=True)
                pool.close()
                return *outcomes, time.monotonic() - started

        first, second, elapsed = asyncio.run(run())
        assert isinstance(first, NoAnswerError)
        assert isinstance(second, NotSentError)
        assert elapsed < 1.5

    def test_keeps_the_time_of_each_request_on_one_connection(self) -> None:
        """One timer looks after many requests: the shorter time of a later one is kept too."""

        async def run() -> tuple[float, int]:
            async with ScriptedServer(OK, None) as server:
                pool = HttpPool(server.url, connections=1, timeout_seconds=60)
                pool.open()
                await pool.ask(REQUEST)
                started = time.monotonic()
                with pytest.raises(NoAnswerError):
                    await pool.ask(REQUEST, timeout_seconds=0.2)
                pool.close()
                return time.monotonic() - started, server.connections

        elapsed, connections = asyncio.run(run())
        assert connections == 1
        assert elapsed < 30

    def test_cancelled_request_leaves_no_answer_behind(self) -> None:
        """An answer that comes after its caller has gone is not given to the next caller."""

        async def run() -> bytes:
            late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"
            async with ScriptedServer(late, OK, piece=1) as server:
                pool = HttpPool(server.url, connections=1, timeout_seconds=2)
                pool.open()
                gone = asyncio.ensure_future(pool.ask(REQUEST))
                await server.asked.wait()
                gone.cancel()
                await asyncio.gather(gone, return_exceptions=True)
                server.answers.insert(0, OK)
                answer = await pool.ask(REQUEST)
                pool.close()
                return answer.body

        assert asyncio.run(run()) == b"ok"

    @pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://no-such-host.invalid", "https://", "http://["])
    def test_that_cannot_connect_says_nothing_left(self, url: str) -> None:
        """Refused connections, unknown names and addresses that are none."""

        async def run() -> None:
            pool = HttpPool(url, connections=1, timeout_seconds=2)
            pool.open()
            with pytest.raises(NotSentError):
                await pool.ask(REQUEST)

        if url == "http://[":
            with pytest.raises(ValueError):
                asyncio.run(run())
        else:
            asyncio.run(run())

    def test_that_connects_too_late_leaves_no_socket_behind(self) -> None:
        """The loop stood still longer than a connection may take, so it is called off at the moment it is there."""

        async def play(port: int) -> None:
            pool = HttpPool(f"http://127.0.0.1:{port}", connections=5, timeout_seconds=0.2)
            pool.open()
            asked = [asyncio.create_task(pool.ask(REQUEST)) for _ in range(5)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            time.sleep(0.3)  # noqa: ASYNC251 - as a machine that has other work lets it stand
            found = await asyncio.gather(*asked, return_exceptions=True)
            pool.close()
            assert {type(each) for each in found} <= {NotSentError, NoAnswerError}

        with socket.create_server(("127.0.0.1", 0)) as server:
            asyncio.run(play(server.getsockname()[1]))
        gc.collect()  # a socket that is still open would be told of here
