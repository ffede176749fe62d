"""What every provider that keeps records answers, and which adapters say that theirs does."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from care.base.errors import UnavailableError
from care.delivery.channels.base import (
    CustomerMessage,
    InboundRecords,
    ProviderMessage,
    Records,
    inbound_records_of,
    records_of,
)
from tests.contracts.harnesses import CLOCK, Harness, Opener, outgoing
from tests.contracts.test_gateway import with_gateway

LONG = timedelta(hours=1)


def with_records(opened: Opener, body: Callable[[Harness, Records], Awaitable[None]]) -> None:
    """Run the body where the adapter keeps records; elsewhere see that it does not say so."""

    async def run(harness: Harness) -> None:
        records = records_of(harness.gateway)
        if records is None:
            assert not hasattr(harness.gateway, "fetch")
            pytest.skip("the provider keeps no list")
        await body(harness, records)

    with_gateway(opened, run)


async def listed(records: Records, start: datetime, end: datetime) -> list[ProviderMessage]:
    return [each async for each in records.list_between(start, end)]


async def heard(records: InboundRecords, start: datetime, end: datetime) -> list[CustomerMessage]:
    return [each async for each in records.list_inbound(start, end)]


class TestInboundRecords:
    def test_have_what_customers_wrote(self, opened: Opener) -> None:
        """What a webhook would have brought, once each, and nothing that we sent; nothing before, nothing after."""

        async def body(harness: Harness) -> None:
            records = inbound_records_of(harness.gateway)
            assert (records is None) == (harness.customer_writes is None)
            if records is None or harness.customer_writes is None:
                assert not hasattr(harness.gateway, "list_inbound")
                return
            begun, who = CLOCK.now().replace(microsecond=0), harness.to.good(32)
            await harness.gateway.send(outgoing(who))
            sids = [await asyncio.to_thread(harness.customer_writes, who, text) for text in ("退订", "5 谢谢")]
            found = {each.sid: each for each in await heard(records, begun, CLOCK.now() + LONG)}
            assert set(sids) <= set(found)
            assert harness.taken() == [who]
            assert [found[sid].form["Body"] for sid in sids] == ["退订", "5 谢谢"]
            assert {found[sid].form["From"] for sid in sids} == {who}
            assert all(begun <= found[sid].at <= CLOCK.now() for sid in sids)
            assert who not in repr(found)
            assert "退订" not in repr(found)
            before = await heard(records, begun - LONG, begun)
            after = await heard(records, CLOCK.now() + LONG, CLOCK.now() + 2 * LONG)
            assert not set(sids) & {each.sid for each in [*before, *after]}

        with_gateway(opened, body)

    def test_never_guess_when_the_provider_is_silent(self, opened: Opener) -> None:
        """No answer is an error, not an empty list."""

        async def body(harness: Harness) -> None:
            nobody = inbound_records_of(harness.unreachable())
            if nobody is not None:
                with pytest.raises(UnavailableError):
                    await heard(nobody, CLOCK.now() - LONG, CLOCK.now())

        with_gateway(opened, body)


class TestRecords:
    def test_know_one_message_and_no_other(self, opened: Opener) -> None:
        """By its reference; a strange reference is not known, and nobody's number is in a `repr`."""

        async def body(harness: Harness, records: Records) -> None:
            to = harness.to.good(31)
            sent = await harness.gateway.send(outgoing(to))
            found = await records.fetch(sent.provider_ref)
            assert found is not None
            assert (found.sid, found.to) == (sent.provider_ref, to)
            assert found.status
            assert to not in repr(found)
            assert await records.fetch("no such reference") is None
            assert [each.sid for each in await records.list_to(to, CLOCK.now() - LONG)] == [sent.provider_ref]

        with_records(opened, body)

    def test_tell_what_became_of_it(self, opened: Opener) -> None:
        """It was taken, and did not arrive: the same word and code as in the provider's callback, singly and in the list."""

        async def body(harness: Harness, records: Records) -> None:
            if not (to := harness.to.undelivered):
                pytest.skip("it takes the sandbox a while")
            begun = CLOCK.now()
            sent = await harness.gateway.send(outgoing(to))
            async with asyncio.timeout(20):
                while (found := await records.fetch(sent.provider_ref)) and not found.error_code:
                    assert found.status in ("accepted", "queued", "sending", "sent")
            (on_list,) = await records.list_to(to, begun)
            for each in (found, on_list):
                assert each
                assert (each.sid, each.status, each.error_code) == (sent.provider_ref, "undelivered", "30003")

        with_records(opened, body)

    def test_list_a_stretch_of_time(self, opened: Opener) -> None:
        """Everything created in it, once each; nothing before, nothing after, nothing inbound."""

        async def body(harness: Harness, records: Records) -> None:
            begun = CLOCK.now().replace(microsecond=0)
            sent = [await harness.gateway.send(outgoing(harness.to.good(n), n)) for n in range(120, 150)]
            refs = {each.provider_ref for each in sent}
            later = CLOCK.now() + LONG
            async with asyncio.timeout(20):
                listing = await listed(records, begun, later)
                while not refs <= {each.sid for each in listing}:  # a provider may list only what has left it
                    listing = await listed(records, begun, later)
            found = [each.sid for each in listing if each.sid in refs]
            assert sorted(found) == sorted(refs)
            assert await listed(records, later, later + LONG) == []
            before = [each.sid for each in await listed(records, begun - LONG, begun)]
            assert refs.isdisjoint(before)

        with_records(opened, body)

    def test_never_guess_when_the_provider_is_silent(self, opened: Opener) -> None:
        """No answer is an error, not an empty list."""

        async def body(harness: Harness, _: Records) -> None:
            nobody = records_of(harness.unreachable())
            assert nobody is not None
            if "Sandbox" in type(nobody).__name__:
                pytest.skip("the sandbox is a file")
            with pytest.raises(UnavailableError):
                await listed(nobody, CLOCK.now() - LONG, CLOCK.now())
            with pytest.raises(UnavailableError):
                await nobody.fetch("x")
            with pytest.raises(UnavailableError):
                await nobody.list_to(harness.to.good(1), CLOCK.now() - LONG)

        with_records(opened, body)
