"""What an adapter declares about itself is true: every declaration is shown on every adapter."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from care.base.vocabulary import Channel
from care.delivery.channels.base import Capabilities, ErrorClass, Idempotency, records_of
from care.messages.model import Outcome
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.contracts.harnesses import CLOCK, SECRET, Harness, Opener, outgoing, sandbox, smtp, twilio
from tests.contracts.keyed import keyed
from tests.contracts.listeners import Listener
from tests.contracts.test_gateway import assert_in_doubt, with_gateway
from tests.guards.tree import ROOT

PAGE = ROOT / "docs" / "adapters.md"
REF = "<17.aaaaaaaaaaaaaaaaaaaa@example.com>"
OVER_A_NETWORK = {"dropped before", "dropped after", "torn answer", "silent"}
MINUTES = timedelta(minutes=10)
SLACK = timedelta(seconds=2)
PATIENCE_SECONDS = 20


@pytest.fixture(scope="module")
def talking() -> Iterator[tuple[TwilioSimulator, Listener]]:
    """A Twilio look-alike that calls back, and who listens to it."""
    with ExitStack() as stack:
        listener = stack.enter_context(Listener())
        yield stack.enter_context(start_twilio_simulator(auth_token=SECRET)), listener


@pytest.fixture(
    params=[
        "twilio",
        "smtp",
        "smtp-pipelined",
        "sandbox-sms",
        "sandbox-email",
        *(i for i in Idempotency if i != "none"),
    ]
)
def declared(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """How to open one adapter, or a provider for the test that knows a second request for the first."""
    kind: str = request.param
    if kind == "twilio":
        return twilio(*request.getfixturevalue("talking"))
    if kind.startswith("smtp"):
        return smtp(pipelining=kind.endswith("pipelined"), tls="none")
    if kind.startswith("sandbox"):
        return sandbox(Channel(kind.partition("-")[2]), tmp_path / "outbox")
    return keyed(Idempotency(kind))


async def until(done: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Wait for what comes by itself."""
    ends = time.monotonic() + seconds
    while not done() and time.monotonic() < ends:  # noqa: ASYNC110 - it comes from another process
        await asyncio.sleep(0.02)
    return done()


def of(harness: Harness) -> Capabilities:
    return harness.gateway.capabilities


def line_of(harness: Harness) -> str:
    """Return the line of docs/adapters.md that says the same."""
    declares, gateway = of(harness), harness.gateway
    second = {Idempotency.NONE: "another message"}.get(declares.idempotency, str(declares.idempotency))
    told = ["yes" if each else "no" for each in (declares.callback_per_message, declares.client_ref_echo)]
    found = declares.list_by_recipient
    listed = "no" if found is None else f"within {found.settle.seconds} s" if found.settle else "at once"
    valid = "yes" if declares.validity_period else "no"
    replies = "yes" if declares.lists_inbound else "no"
    certain = ", ".join(sorted(declares.definitive_errors))
    return (
        f"| {' | '.join([f'{gateway.provider}, {gateway.channel}', second, *told, listed, replies, valid, certain])} |"
    )


class TestDeclarations:
    def test_stand_in_the_page(self, declared: Opener) -> None:
        """Whoever chooses a provider reads what the code relies on."""

        async def body(harness: Harness) -> None:
            if harness.gateway.provider != "keyed":
                assert line_of(harness) in PAGE.read_text(encoding="utf-8").splitlines()

        with_gateway(declared, body)


class TestIdempotency:
    def test_tells_what_becomes_of_a_second_request(self, declared: Opener) -> None:
        """Under the same reference it is the same message where that is declared, and another one elsewhere."""

        async def body(harness: Harness) -> None:
            to, knows_again = harness.to.good(1), of(harness).idempotency is not Idempotency.NONE
            results = [await harness.gateway.send(outgoing(to, n, message_ref=REF)) for n in (1, 2)]
            assert [result.outcome for result in results] == [Outcome.ACCEPTED] * 2
            assert harness.taken() == [to] * (1 if knows_again else 2)
            await harness.gateway.send(outgoing(to, 3, message_ref="<18.b@example.com>"))
            assert len(harness.taken()) == (2 if knows_again else 3)

        with_gateway(declared, body)

    def test_lets_a_lost_answer_be_asked_for_again(self, declared: Opener) -> None:
        """A repeat of what was taken in silence is accepted, and nothing more is sent."""

        async def body(harness: Harness) -> None:
            if of(harness).idempotency is Idempotency.NONE:
                assert of(harness).repeatable_until(CLOCK.now()) is None
                return
            to = harness.to.lost_reply
            assert_in_doubt(await harness.gateway.send(outgoing(to, 1, message_ref=REF)))
            assert (await harness.gateway.send(outgoing(to, 2, message_ref=REF))).outcome is Outcome.ACCEPTED
            assert harness.taken() == [to]

        with_gateway(declared, body)

    def test_has_an_end_where_it_hangs_on_a_key(self, declared: Opener) -> None:
        """A key is forgotten some day, a reference never; repeats stop before."""

        async def body(harness: Harness) -> None:
            declares, now = of(harness), CLOCK.now()
            assert (declares.key_ttl is not None) == (declares.idempotency is Idempotency.KEY)
            ends = declares.repeatable_until(now)
            if declares.key_ttl is not None:
                assert ends is not None
                assert now < ends < now + declares.key_ttl

        with_gateway(declared, body)


class TestAMail:
    def test_has_one_message_id_for_all_its_attempts(self, declared: Opener) -> None:
        """So that a mailbox that takes two copies can show one."""

        async def body(harness: Harness) -> None:
            if harness.message_ids is None:
                assert harness.gateway.channel is Channel.SMS or harness.gateway.provider == "keyed"
                return
            for number in (1, 2):
                await harness.gateway.send(outgoing(harness.to.good(1), number, message_ref=REF))
            assert harness.message_ids() == [REF, REF]

        with_gateway(declared, body)


class TestCallbacks:
    def test_come_for_each_message_where_declared(self, declared: Opener) -> None:
        """And name our own token where that is declared, also for a message whose answer was lost."""

        async def body(harness: Harness) -> None:
            before = len(harness.heard())
            for number in (1, 2, 3):
                await harness.gateway.send(outgoing(harness.to.good(number), number))
            await harness.gateway.send(outgoing(harness.to.lost_reply, 4))
            wanted = {f"token-{number}" for number in (1, 2, 3, 4)}
            if of(harness).callback_per_message:
                assert await until(lambda: len(set(harness.heard()[before:])) >= len(wanted))
                assert (set(harness.heard()[before:]) == wanted) == of(harness).client_ref_echo
            else:
                assert not of(harness).client_ref_echo
                assert harness.heard() == []

        with_gateway(declared, body)


class TestAPeriodOfValidity:
    def test_reaches_the_provider_where_declared(self, declared: Opener) -> None:
        """It is told until when, and never later than we said."""

        async def body(harness: Harness) -> None:
            assert of(harness).validity_period == (harness.valid_until is not None)
            if harness.valid_until is None:
                return
            ends = CLOCK.now() + MINUTES
            await harness.gateway.send(outgoing(harness.to.good(1), valid_until=ends))
            assert ends - SLACK <= harness.valid_until() <= ends + SLACK

        with_gateway(declared, body)


class TestAListByRecipient:
    def test_has_within_its_time_what_was_taken(self, declared: Opener) -> None:
        """Under the words that were sent, and their time; what was taken in silence too; and nothing that was not taken."""

        async def body(harness: Harness) -> None:
            declares, records = of(harness).list_by_recipient, records_of(harness.gateway)
            if declares is None or records is None:
                assert (declares, records) == (None, None)
                return
            since = CLOCK.now() - SLACK
            for to, number in ((harness.to.good(71), 1), (harness.to.lost_reply, 2), (harness.to.cut, 3)):
                before = len(await records.list_to(to, since))
                words = f"您好 {time.monotonic_ns()}"
                await harness.gateway.send(outgoing(to, number, body=words))
                ends = time.monotonic() + min(declares.settle.total_seconds(), PATIENCE_SECONDS)
                is_taken = number != 3
                while len(listed := await records.list_to(to, since)) == before and is_taken:
                    assert time.monotonic() < ends
                assert len(listed) == before + is_taken
                assert [each.body for each in listed[:1]] == [words][:is_taken]
                assert all(since <= each.created_at <= CLOCK.now() + SLACK for each in listed)
                assert await records.list_to(to, CLOCK.now() + MINUTES) == []

        with_gateway(declared, body)

    def test_begins_with_the_newest(self, declared: Opener) -> None:
        """Of two messages to one address."""

        async def body(harness: Harness) -> None:
            declares, records = of(harness).list_by_recipient, records_of(harness.gateway)
            if declares is None or records is None:
                return
            to, since = harness.to.good(72), CLOCK.now() - SLACK
            async with asyncio.timeout(PATIENCE_SECONDS):
                for count in (1, 2):
                    await harness.gateway.send(outgoing(to, count, body=f"您好 {count}"))
                    while len(listed := await records.list_to(to, since)) < count:
                        continue
            assert [each.body for each in listed] == ["您好 2", "您好 1"]

        with_gateway(declared, body)

    def test_is_of_the_account_that_is_declared(self, declared: Opener) -> None:
        """What another account lacks proves nothing, so each request is remembered with its own."""

        async def body(harness: Harness) -> None:
            assert of(harness).account == harness.account
            assert not harness.account or harness.account not in repr(of(harness))

        with_gateway(declared, body)

    def test_is_relied_on_only_when_it_was_seen_to_be_complete(self, declared: Opener) -> None:
        """No adapter declares it by itself; one that can be told so says it then."""

        async def body(harness: Harness) -> None:
            assert not of(harness).list_is_authoritative
            if harness.complete is not None:
                assert harness.complete().capabilities.list_is_authoritative

        with_gateway(declared, body)


class TestDefinitiveErrors:
    def test_are_those_that_are_declared(self, declared: Opener) -> None:
        """After each the provider has nothing, and it is never called a doubt."""

        async def body(harness: Harness) -> None:
            assert of(harness).definitive_errors == {"not-sent", *harness.definitive}
            for to in harness.definitive.values():
                result = await harness.gateway.send(outgoing(to))
                assert result.outcome is Outcome.REFUSED
                assert result.rule is not None
                assert result.rule.outcome_is_certain
            result = await harness.unreachable().send(outgoing(harness.to.good(1)))
            assert (result.outcome, result.error_class) == (Outcome.REFUSED, ErrorClass.TRANSPORT)
            assert harness.taken() == []

        with_gateway(declared, body)

    def test_are_no_others(self, declared: Opener) -> None:
        """A lost answer, an error within the provider, silence: taken or not, each is a doubt, and sent once."""

        async def body(harness: Harness) -> None:
            if harness.gateway.provider in ("twilio", "smtp"):
                assert set(harness.doubtful) >= OVER_A_NETWORK
            for way, case in harness.doubtful.items():
                case.prepare()
                before, gateway = len(harness.taken()), case.gateway() if case.gateway else harness.gateway
                if gateway is not harness.gateway:
                    await gateway.open()
                assert_in_doubt(await gateway.send(outgoing(case.to)))
                if gateway is not harness.gateway:
                    await gateway.close()
                assert len(harness.taken()) - before == case.is_taken, way

        with_gateway(declared, body)
