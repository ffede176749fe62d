"""A gateway around another one: does what the inner one does, for whoever changes one step of it."""

from care.base.vocabulary import Channel
from care.delivery.channels.base import Capabilities, Gateway, Outgoing, Result


class Around:
    """Hands everything over to `inner`."""

    def __init__(self, inner: Gateway) -> None:
        """Stand in for `inner`."""
        self.inner = inner
        self.channel: Channel = inner.channel
        self.provider: str = inner.provider

    @property
    def capabilities(self) -> Capabilities:
        """Return what the inner one can do."""
        return self.inner.capabilities

    async def open(self) -> None:
        """Open the inner one."""
        await self.inner.open()

    async def close(self) -> None:
        """Close the inner one."""
        await self.inner.close()

    async def check(self) -> str:
        """Return what the inner one says."""
        return await self.inner.check()

    async def send(self, outgoing: Outgoing) -> Result:
        """Hand over."""
        return await self.inner.send(outgoing)
