"""Several accounts on one port, as at Twilio: each request goes to the account that its address names."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from care.simulators.twilio.server import Server

_API: Final = "/2010-04-01/Accounts/"
_STEER: Final = "/_sim/"
_SID_LENGTH: Final = 34


class Host:
    """Hands requests to the servers of accounts; what names none of them goes to the first."""

    def __init__(self, servers: Sequence[Server]) -> None:
        """Serve these accounts."""
        self._first = servers[0]
        self._by_sid = {server.account_sid: server for server in servers}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; `/_sim/AC…/report` steers the account named, `/_sim/report` the first."""
        path = request.raw_path.partition("?")[0]
        if path.startswith(_STEER):
            server, word = self._steered(path.removeprefix(_STEER))
            return await server.steer(request, _STEER + word)
        sid = path.removeprefix(_API)[:_SID_LENGTH]
        return await self._by_sid.get(sid, self._first).handle(request)

    async def close(self) -> None:
        """Stop the callbacks of all."""
        for server in self._by_sid.values():
            await server.close()

    def _steered(self, rest: str) -> tuple[Server, str]:
        sid, _, word = rest.partition("/")
        server = self._by_sid.get(sid)
        return (server, word) if server else (self._first, rest)
