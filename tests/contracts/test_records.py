"""What every provider that keeps records answers, and which adapters say that theirs does."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from care.base.errors import UnavailableError
from care.delivery.channels.base import ProviderMessage, Records, records_of
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

        with_records(opened, body)
