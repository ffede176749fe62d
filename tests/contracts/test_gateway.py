"""What every gateway promises, whoever the provider is."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import pytest

from care.delivery.channels.base import ErrorClass, Result
from care.messages.model import Outcome
from tests.contracts.harnesses import TIMEOUT_SECONDS, Harness, Opener, outgoing

SMUGGLED = "\r\nX-Smuggled: yes\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\n"


def with_gateway(opened: Opener, body: Callable[[Harness], Awaitable[None]]) -> None:
    """Open the adapter, run the test's body, close the adapter."""

    async def run() -> None:
        async with opened() as harness:
            await body(harness)

    asyncio.run(run())


class TestAccepted:
    def test_carries_the_providers_reference_and_left_once(self, opened: Opener) -> None:
        """One hand-over is one message at the provider, found again by its reference."""

        async def body(harness: Harness) -> None:
            to = harness.to.good(7)
            result = await harness.gateway.send(outgoing(to, 7))
            assert result.outcome is Outcome.ACCEPTED
            assert result.attempt_id == 7
            assert result.provider_ref
            assert result.status in ("queued", "accepted", "sent")
            assert result.rule is None
            assert harness.taken() == [to]
            assert harness.said is not None
            assert harness.said() == [outgoing(to).body]

        with_gateway(opened, body)

    def test_comes_a_hundred_at_a_time(self, opened: Opener) -> None:
        """A hundred calls in flight are a hundred messages, none twice, none mixed up."""

        async def body(harness: Harness) -> None:
            wanted = [harness.to.good(number) for number in range(100)]
            results = await asyncio.gather(
                *(harness.gateway.send(outgoing(to, number)) for number, to in enumerate(wanted))
            )
            assert [result.attempt_id for result in results] == list(range(100))
            assert {result.outcome for result in results} == {Outcome.ACCEPTED}
            assert len({result.provider_ref for result in results}) == 100
            assert sorted(harness.taken()) == sorted(wanted)

        with_gateway(opened, body)


class TestRefused:
    def test_permanently_says_so_and_nothing_left(self, opened: Opener) -> None:
        """No other try on this channel makes sense, and whom to spare is told."""

        async def body(harness: Harness) -> None:
            result = await harness.gateway.send(outgoing(harness.to.permanent))
            assert result.outcome is Outcome.REFUSED
            assert result.error_class is ErrorClass.NUMBER_PERMANENT
            assert result.error_code
            assert result.rule is not None
            assert result.rule.is_permanent
            assert harness.taken() == []

        with_gateway(opened, body)

    def test_for_now_says_so_and_nothing_left(self, opened: Opener) -> None:
        """Another try later makes sense."""

        async def body(harness: Harness) -> None:
            result = await harness.gateway.send(outgoing(harness.to.temporary))
            assert result.outcome is Outcome.REFUSED
            assert result.rule is not None
            assert not result.rule.is_permanent
            assert harness.taken() == []

        with_gateway(opened, body)

    def test_does_not_spoil_the_next(self, opened: Opener) -> None:
        """After a refusal and after a doubt the gateway goes on as before."""

        async def body(harness: Harness) -> None:
            for to in (harness.to.permanent, harness.to.cut, harness.to.temporary):
                await harness.gateway.send(outgoing(to))
            result = await harness.gateway.send(outgoing(harness.to.good(1), 2))
            assert result.outcome is Outcome.ACCEPTED
            assert harness.taken() == [harness.to.good(1)]

        with_gateway(opened, body)

    def test_when_nobody_listens_is_certain(self, opened: Opener) -> None:
        """No connection means nothing left: it may be tried again without a thought."""

        async def body(harness: Harness) -> None:
            gateway = harness.unreachable()
            result = await gateway.send(outgoing(harness.to.good(1)))
            await gateway.close()
            assert result.outcome is Outcome.REFUSED
            assert result.error_class is ErrorClass.TRANSPORT
            assert harness.taken() == []

        with_gateway(opened, body)


class TestUnknown:
    def test_when_the_reply_was_lost_and_never_sent_again(self, opened: Opener) -> None:
        """The provider took it and the answer was lost: one copy, in doubt."""

        async def body(harness: Harness) -> None:
            result = await harness.gateway.send(outgoing(harness.to.lost_reply))
            assert_in_doubt(result)
            assert harness.taken() == [harness.to.lost_reply]

        with_gateway(opened, body)

    def test_when_the_connection_was_cut(self, opened: Opener) -> None:
        """Not taken in truth, but the gateway cannot know and does not guess."""

        async def body(harness: Harness) -> None:
            assert_in_doubt(await harness.gateway.send(outgoing(harness.to.cut)))
            assert harness.taken() == []

        with_gateway(opened, body)


def assert_in_doubt(result: Result) -> None:
    assert result.outcome is Outcome.UNKNOWN
    assert result.error_class is ErrorClass.AMBIGUOUS
    assert result.rule is not None
    assert not result.rule.outcome_is_certain


class TestGateway:
    def test_keeps_its_time_when_the_provider_is_silent(self, opened: Opener) -> None:
        """A hanging provider costs the timeout and no more."""

        async def body(harness: Harness) -> None:
            if not harness.to.hang:
                pytest.skip("the sandbox is never silent for long")
            harness.make_silent()
            started = time.monotonic()
            assert_in_doubt(await harness.gateway.send(outgoing(harness.to.hang)))
            assert TIMEOUT_SECONDS * 0.9 <= time.monotonic() - started < TIMEOUT_SECONDS + 1

        with_gateway(opened, body)

    def test_may_be_closed_twice_and_then_only_refuses(self, opened: Opener) -> None:
        """Closing is idempotent; what is sent afterwards is refused or sent, never lost in an exception."""

        async def body(harness: Harness) -> None:
            await harness.gateway.send(outgoing(harness.to.good(1)))
            await harness.gateway.close()
            await harness.gateway.close()
            result = await harness.gateway.send(outgoing(harness.to.good(2), 2))
            assert result.outcome in (Outcome.REFUSED, Outcome.ACCEPTED)
            assert len(harness.taken()) == 1 + (result.outcome is Outcome.ACCEPTED)

        with_gateway(opened, body)

    def test_is_well(self, opened: Opener) -> None:
        """`check` is silent when all is well and speaks one line when nobody listens."""

        async def body(harness: Harness) -> None:
            assert await harness.gateway.check() == ""
            assert harness.taken() == []

        with_gateway(opened, body)

    @pytest.mark.parametrize(
        "field",
        ["to", "body", "subject", "html", "sender", "message_ref", "unsubscribe_url", "token", "template", "locale"],
    )
    def test_lets_no_line_end_smuggle_anything(self, opened: Opener, field: str) -> None:
        """A line end in any field makes no second message, no header and no other recipient."""

        async def body(harness: Harness) -> None:
            good = harness.to.good(1)
            value = {"to": good, "sender": "care@example.com", "unsubscribe_url": "https://care.example.com/u/x"}
            message = outgoing(good, **{field: value.get(field, "x") + SMUGGLED})
            result = await harness.gateway.send(message)
            assert result.outcome in (Outcome.ACCEPTED, Outcome.REFUSED)
            taken = harness.taken()
            assert len(taken) <= 1
            assert "victim@example.com" not in taken

        with_gateway(opened, body)

    @pytest.mark.parametrize(
        "text", ["", "\x00", "\ud800 half a pair", "🎂" * 900, ".", "..\r\n.\r\n", "a" * 5000, "%s {x} \\n", "\x1b[31m"]
    )
    def test_never_raises_for_strange_text(self, opened: Opener, text: str) -> None:
        """Whatever a template makes, the answer is a result."""

        async def body(harness: Harness) -> None:
            message = outgoing(harness.to.good(1), body=text, subject=text, html=text)
            assert (await harness.gateway.send(message)).outcome in (Outcome.ACCEPTED, Outcome.REFUSED)
            assert len(harness.taken()) <= 1

        with_gateway(opened, body)

    @pytest.mark.parametrize("to", ["", "nobody", "+", "a@b@c", "名字@例子.公司", "\ud800", "x" * 400 + "@example.com"])
    def test_never_raises_for_a_strange_recipient(self, opened: Opener, to: str) -> None:
        """An address that is none is a result as well."""

        async def body(harness: Harness) -> None:
            assert (await harness.gateway.send(outgoing(to))).outcome in (Outcome.ACCEPTED, Outcome.REFUSED)

        with_gateway(opened, body)

    def test_shows_no_secret_and_no_address(self, opened: Opener, caplog: pytest.LogCaptureFixture) -> None:
        """Neither `repr` nor any log line, even at debug level, holds a secret, an address or a text."""
        caplog.set_level(logging.DEBUG)
        shown: list[str] = []

        async def body(harness: Harness) -> None:
            message = outgoing(harness.to.good(4242), 4242, token="the-token-4242", body="the-body-4242")
            sent = (message, outgoing(harness.to.permanent), outgoing(harness.to.cut))
            shown.extend([repr(await harness.gateway.send(each)) for each in sent])
            shown.extend([repr(message), repr(harness.gateway), str(harness.gateway.capabilities)])
            await harness.gateway.check()
            text = "\n".join([*shown, ours(caplog)])
            for canary in (harness.to.good(4242), "the-token-4242", "the-body-4242", *harness.secrets):
                assert canary not in text

        with_gateway(opened, body)


def ours(caplog: pytest.LogCaptureFixture) -> str:
    """Return what was logged, but for the test's own mail server."""
    return "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("mail."))
