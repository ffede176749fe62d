"""Our own HTTP client under Twilio's SDK: its documented extension point.

The SDK's own asynchronous client ignores its timeout and, told to retry, sends a message again after a 5xx.
This one keeps connections, keeps its time, never retries, never logs, and says whether a request certainly
did not leave.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from yarl import URL

CONNECT_SECONDS: Final = 5.0
_SILENT: Final = logging.getLogger("care.twilio")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class NotSentError(Exception):
    """No byte of the request left: name not found, connection refused, TLS failed."""

    def __init__(self, *, is_certificate: bool = False) -> None:
        """Keep no text: it could hold an address."""
        super().__init__("the request did not leave")
        self.is_certificate = is_certificate


class NoAnswerError(Exception):
    """The request left, wholly or in part, and no complete answer came."""


class TwilioHttp(AsyncHttpClient):  # type: ignore[misc]  # the SDK has no types
    """Keep-alive connections to one base URL, whatever host the SDK asks for.

    `base_url` replaces scheme and host of every request, so TWILIO_EDGE and TWILIO_REGION cannot divert one.
    """

    def __init__(self, base_url: str, *, timeout_seconds: float, connections: int) -> None:
        """Prepare; `open` makes the connections' pool inside the event loop."""
        super().__init__(_SILENT, is_async=True, timeout=timeout_seconds)
        self._base_url = base_url.rstrip("/")
        self._connections = connections
        self._urls: dict[str, URL] = {}
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool; connections are opened when first needed."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=min(CONNECT_SECONDS, self.timeout / 2)),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
        )

    async def request(  # noqa: PLR0917 - the SDK's signature
        self,
        method: str,
        uri: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, object] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the same
        allow_redirects: bool = False,  # noqa: ARG002 - a redirect is an answer like any other
    ) -> Response:
        """Make one request, at most once, within the timeout.

        Raises:
            NotSentError: certainly nothing left.
            NoAnswerError: something left, and no complete answer came.
        """
        if self._session is None:
            raise NotSentError
        sent_headers = dict(headers or {})
        if auth is not None:
            sent_headers["Authorization"] = aiohttp.encode_basic_auth(*auth)
        try:
            async with (
                asyncio.timeout(timeout or self.timeout),
                self._session.request(
                    method, self._url(uri), params=params, data=data, headers=sent_headers, allow_redirects=False
                ) as answer,
            ):
                body = await answer.read()
        except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError):
            raise NotSentError(is_certificate=True) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
            raise NotSentError from None
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise NoAnswerError from None
        return Response(answer.status, body.decode(errors="replace"), answer.headers)

    async def close(self) -> None:
        """Close the connections; closing twice does no harm."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _url(self, uri: str) -> URL:
        found = self._urls.get(uri)
        if found is None:
            path = uri.split("/", 3)[3]
            found = URL(f"{self._base_url}/{path}", encoded=True)
            if len(self._urls) < 8:  # noqa: PLR2004 - the few that repeat
                self._urls[uri] = found
        return found


def header(response: Any, name: str) -> str:
    """Return one header of an SDK response, '' when it is absent; names are matched without case."""
    headers: Mapping[str, str] = response.headers or {}
    return headers.get(name, "")
