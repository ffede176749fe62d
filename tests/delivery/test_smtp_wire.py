import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.delivery.channels.smtp_wire import Mail, Reply, SmtpWire, WireError, as_data, is_sound


def ends_of(stream: bytes) -> list[bytes]:
    """Cut a stream where any server might see a line end: strict ones at CRLF alone, lenient ones at CR or LF too."""
    return stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


class TestSoundLines:
    @given(st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"a", b"MAIL FROM:<x@y>", b"\r\n.\r\n"])))
    def test_end_at_the_final_dot_for_every_server(self, pieces: list[bytes]) -> None:
        """Lines called sound hold no second end, strictly or leniently read; and only those are."""
        lines = b"".join(pieces)
        is_plain = ends_of(lines) == lines.split(b"\r\n")
        assert is_sound(lines) == (is_plain and not any(line.startswith(b".") for line in lines.split(b"\r\n")))
        if is_sound(lines):
            data = as_data(Mail(lines + b"\r\n"))
            assert [at for at, line in enumerate(ends_of(data)) if line.startswith(b".")] == [len(ends_of(data)) - 2]
            assert data.endswith(b"\r\n.\r\n")

    def test_stay_sound_when_joined(self) -> None:
        """Parts are looked at one by one; joined with CRLF between them they are what each of them was."""
        parts = [b"A: b", b"", b"text.", b"a.b\r\n"]
        assert all(map(is_sound, parts))
        assert is_sound(b"\r\n".join(parts))

    def test_travel_as_they_are(self) -> None:
        """Only the final dot is added."""
        assert as_data(Mail(b"A: b\r\n\r\ntext\r\n")) == b"A: b\r\n\r\ntext\r\n.\r\n"


class TestReply:
    @pytest.mark.parametrize(
        ("line", "enhanced"),
        [(b"550 5.1.1 no", "5.1.1"), (b"550 5.1.10", "5.1.10"), (b"550 no 5.1.1", ""), (b"250 2.0.0.1 x", "")],
    )
    def test_shows_its_enhanced_status(self, line: bytes, enhanced: str) -> None:
        """Only a status that begins the text counts."""
        assert Reply(int(line[:3]), (line,)).enhanced == enhanced


class Peer:
    """The server's side of a wire under test: a transport that only records."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_aborted = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Nothing to do."""

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True


def talk(pieces: list[bytes], *, replies: int = 1) -> list[tuple[int, str]]:
    """Ask once and let the server answer in these pieces."""

    async def run() -> list[tuple[int, str]]:
        wire = SmtpWire(Peer(), asyncio.get_running_loop())
        asked = asyncio.ensure_future(wire.ask(b"NOOP\r\n", replies))
        await asyncio.sleep(0)
        for piece in pieces:
            wire.data_received(piece)
        return [(reply.code, reply.text) for reply in await asyncio.wait_for(asked, 1)]

    return asyncio.run(run())


class TestWire:
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
    def test_reads_replies_in_any_pieces(self, size: int) -> None:
        """Three replies, one of several lines, arrive whole however they were cut."""
        stream = b"250 2.1.0 sender ok\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n503 nothing to send\n"
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        assert talk(pieces, replies=3) == [
            (250, "2.1.0 sender ok"),
            (550, "5.1.1 no 5.1.1 such user"),
            (503, "nothing to send"),
        ]

    @pytest.mark.parametrize(
        "stream", [b"hello\r\n", b"99 low\r\n", b"2500 odd\r\n", b"x" * 70_000, b"250-a\r\n" * 500]
    )
    def test_ends_with_who_speaks_otherwise(self, stream: bytes) -> None:
        """What is not SMTP, or never ends, ends the connection."""
        with pytest.raises(WireError):
            talk([stream])

    def test_unasked_word_closes_it(self) -> None:
        """A goodbye between mails must not be taken for the next answer."""

        async def run() -> None:
            wire = SmtpWire(Peer(), asyncio.get_running_loop())
            wire.data_received(b"421 4.4.2 idle too long\r\n")
            assert not wire.is_open
            with pytest.raises(WireError):
                await wire.ask(b"NOOP\r\n")

        asyncio.run(run())

    def test_more_words_than_asked_for_close_it(self) -> None:
        """An answer too many must not be taken for that of the next mail, which then certainly did not leave."""

        async def run() -> None:
            peer = Peer()
            wire = SmtpWire(peer, asyncio.get_running_loop())
            asked = asyncio.ensure_future(wire.ask(b"NOOP\r\n"))
            await asyncio.sleep(0)
            wire.data_received(b"250 2.0.0 Ok\r\n421 4.4.2 bye\r\n")
            assert [reply.code for reply in await asked] == [250]
            with pytest.raises(WireError):
                await wire.ask(b"MAIL FROM:<a@b>\r\n")
            assert peer.written == [b"NOOP\r\n"]
            assert peer.is_aborted

        asyncio.run(run())


class Later:
    """A loop whose time the test moves; what was planned happens when its time has come."""

    def __init__(self) -> None:
        self.now = 100.0
        self.planned: list[asyncio.TimerHandle] = []

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        self.planned.append(asyncio.TimerHandle(when, callback, (), asyncio.get_running_loop()))
        return self.planned[-1]

    @property
    def open_timers(self) -> int:
        return sum(not timer.cancelled() for timer in self.planned)

    def move(self, seconds: float) -> None:
        self.now += seconds
        for timer in [timer for timer in self.planned if timer.when() <= self.now]:
            self.planned.remove(timer)
            if not timer.cancelled():
                timer._run()


class TestTime:
    def test_that_runs_out_ends_the_wait_and_the_connection(self) -> None:
        """Whoever waits is told once the time allowed is over, not before, and nothing more is written."""

        async def run() -> None:
            later, peer = Later(), Peer()
            wire = SmtpWire(peer, later)
            wire.allow(10)
            asked = asyncio.ensure_future(wire.ask(b"DATA\r\n"))
            await asyncio.sleep(0)
            later.move(9.9)
            await asyncio.sleep(0)
            assert not asked.done()
            later.move(0.1)
            with pytest.raises(WireError, match="time ran out"):
                await asyncio.wait_for(asked, 5)
            assert peer.is_aborted
            assert not wire.is_open

        asyncio.run(run())

    def test_begins_anew_with_each_mail(self) -> None:
        """Hundred mails in a row share one timer; the last one still gets its whole time, and no more."""

        async def run() -> None:
            later = Later()
            wire = SmtpWire(Peer(), later)
            for _ in range(100):
                wire.allow(10)
                asked = asyncio.ensure_future(wire.ask(b"DATA\r\n"))
                await asyncio.sleep(0)
                later.move(4)
                wire.data_received(b"354 go ahead\r\n")
                await asked
                assert later.open_timers <= 1
            wire.allow(10)
            asked = asyncio.ensure_future(wire.ask(b"DATA\r\n"))
            await asyncio.sleep(0)
            later.move(9.9)
            await asyncio.sleep(0)
            assert not asked.done()
            later.move(0.2)
            with pytest.raises(WireError):
                await asyncio.wait_for(asked, 5)

        asyncio.run(run())

    def test_allowed_is_the_shorter_one_too(self) -> None:
        """A shorter time after a longer one is kept, and an idle or closed connection leaves no timer behind."""

        async def run() -> None:
            later = Later()
            wire = SmtpWire(Peer(), later)
            wire.allow(60)
            wire.allow(1)
            asked = asyncio.ensure_future(wire.ask(b"DATA\r\n"))
            await asyncio.sleep(0)
            later.move(1)
            with pytest.raises(WireError):
                await asyncio.wait_for(asked, 5)
            assert later.open_timers == 0
            idle = SmtpWire(Peer(), later)
            idle.allow(5)
            later.move(5)
            assert idle.is_open
            assert later.open_timers == 0
            idle.allow(5)
            idle.close()
            assert later.open_timers == 0

        asyncio.run(run())
