"""Which gateways there are: for each channel the first account or relay, and the second where the settings name one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from care.base.vocabulary import Channel
from care.delivery.accounts import digest_of
from care.delivery.channels.base import Gateway


@dataclass(frozen=True, slots=True)
class Routes:
    """Every gateway of a process; of one channel the primary stands first."""

    gateways: tuple[Gateway, ...]

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return the channels that have a gateway, each once."""
        return tuple(dict.fromkeys(gateway.channel for gateway in self.gateways))

    def of(self, channel: Channel) -> tuple[Gateway, ...]:
        """Return the gateways of a channel, primary first; none where it has none."""
        return tuple(gateway for gateway in self.gateways if gateway.channel is channel)

    def primary(self, channel: Channel) -> Gateway:
        """Return the first gateway of a channel.

        Raises:
            LookupError: it has none.
        """
        return self.of(channel)[0]

    def by_name(self, provider: str, channel: Channel) -> Gateway | None:
        """Return the gateway that an attempt on this channel names as its provider, None where it is set up no more.

        One name may serve both channels, as the sandbox's does.
        """
        return next((each for each in self.of(channel) if each.provider == provider), None)

    def holder(self, provider: str, channel: Channel, account: str | None) -> Gateway | None:
        """Return the gateway of the account that got an attempt, None where that account is set up no more.

        An attempt that names no account counts as the account's that goes by its provider's name now.
        """
        if account is None:
            return self.by_name(provider, channel)
        return next((each for each in self.of(channel) if digest_of(each) == account), None)

    def all(self) -> Sequence[Gateway]:
        """Return every gateway."""
        return self.gateways

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open every gateway, and close them all at the end."""
        for gateway in self.gateways:
            await gateway.open()
        try:
            yield
        finally:
            for gateway in self.gateways:
                await gateway.close()
