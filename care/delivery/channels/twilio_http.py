"""Our own HTTP client under Twilio's SDK: its documented extension point.

The SDK's own asynchronous client ignores its timeout and, told to retry, sends a message again after a 5xx.
This one keeps connections, keeps its time, never retries, never logs, and says whether a request certainly
did not leave.
"""

import base64
import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from twilio.http import AsyncHttpClient
from twilio.http.response import Response

from care.delivery.channels.http_wire import HttpPool

_SILENT: Final = logging.getLogger("care.twilio")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False
_is_plain: Final = re.compile(r"[!-~]+").fullmatch
_SAFE_IN_TARGET: Final = "/?&=%:+,;@!$'()*~"


class TwilioHttp(AsyncHttpClient):  # type: ignore[misc]  # the SDK has no types
    """Keep-alive connections to one base URL, whatever host the SDK asks for.

    `base_url` replaces scheme and host of every request, so TWILIO_EDGE and TWILIO_REGION cannot divert one.
    """

    def __init__(self, base_url: str, *, timeout_seconds: float, connections: int) -> None:
        """Prepare; `open` allows connections."""
        super().__init__(_SILENT, is_async=True, timeout=timeout_seconds)
        base = urlsplit(base_url)
        self._host, self._prefix = base.netloc, base.path.rstrip("/")
        self._pool = HttpPool(base_url, connections=connections, timeout_seconds=timeout_seconds)

    async def open(self) -> None:
        """Allow connections; they are opened when first needed."""
        self._pool.open()

    async def close(self) -> None:
        """Close the connections; closing twice does no harm."""
        self._pool.close()

    async def request(  # noqa: PLR0917 - the SDK's signature
        self,
        method: str,
        uri: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | bytes | None = None,
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
        body = data if isinstance(data, bytes) else urlencode(data or {}).encode()
        head = (
            f"{method.upper()} {self._target(uri, params)} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"{_lines(tuple(headers.items()) if headers else (), auth)}Content-Length: {len(body)}\r\n\r\n"
        )
        answer = await self._pool.ask(head.encode() + body, timeout_seconds=timeout)
        headers = {} if answer.status < 300 else answer.headers()  # noqa: PLR2004 - only refusals are asked for theirs
        return Response(answer.status, answer.body.decode(errors="replace"), headers)

    def _target(self, uri: str, params: Mapping[str, str] | None) -> str:
        """Return what stands in the request line: never with a space or a line end in it."""
        target = f"{self._prefix}/{uri.split('/', 3)[3]}"
        if params:
            target += ("&" if "?" in target else "?") + urlencode(params)
        return target if _is_plain(target) else quote(target, safe=_SAFE_IN_TARGET)


@lru_cache(maxsize=16)
def _lines(headers: tuple[tuple[str, str], ...], auth: tuple[str, str] | None) -> str:
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    if auth is not None:
        lines.append(f"Authorization: Basic {base64.b64encode(':'.join(auth).encode()).decode()}\r\n")
    return "".join(lines)


def header(response: Any, name: str) -> str:
    """Return one header of an SDK response, '' when it is absent; `name` in lower case."""
    headers: Mapping[str, str] = response.headers or {}
    return headers.get(name, "")
