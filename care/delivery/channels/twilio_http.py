"""Our own HTTP client under Twilio's SDK: its documented extension point.

The SDK's own asynchronous client ignores its timeout and, told to retry, sends a message again after a 5xx.
This one keeps connections, keeps its time, never retries, never logs, and says whether a request certainly
did not leave.
"""

import base64
import json
import logging
import re
from collections.abc import Coroutine, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from twilio.http import AsyncHttpClient
from twilio.http.response import Response

from care.delivery.channels.http_answer import Answer
from care.delivery.channels.http_wire import HttpPool, NoAnswerError

_SILENT: Final = logging.getLogger("care.twilio")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False
_is_plain: Final = re.compile(r"[!-~]+").fullmatch
_SAFE_IN_TARGET: Final = "/?&=%:+,;@!$'()*~"
_WELL: Final = range(200, 300)


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
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the same
        allow_redirects: bool = False,  # noqa: ARG002 - a redirect is an answer like any other
    ) -> Response:
        """Make one request, at most once, within the timeout.

        Raises:
            NotSentError: certainly nothing left.
            NoAnswerError: something left, and no complete answer came, or one that is not Twilio's.
        """
        head = self.head(method, uri, params=params, headers=headers or {}, auth=auth)
        answer = await self.post(head, urlencode(data or {}).encode(), timeout_seconds=timeout)
        text = answer.body.decode(errors="replace")
        if answer.status in _WELL and not _is_object(text):
            raise NoAnswerError
        return Response(answer.status, text, answer.headers())

    def head(
        self,
        method: str,
        uri: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str],
        auth: tuple[str, str] | None,
    ) -> bytes:
        """Return a request as far as its body does not matter, for `post`."""
        lines = [f"{method.upper()} {self._target(uri, params)} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if auth is not None:
            lines.append(f"Authorization: Basic {base64.b64encode(':'.join(auth).encode()).decode()}")
        return "".join(f"{line}\r\n" for line in lines).encode()

    def post(self, head: bytes, body: bytes, *, timeout_seconds: float | None = None) -> Coroutine[Any, Any, Answer]:
        """Make one request of a head and a body, at most once, within the timeout.

        Raises:
            NotSentError: certainly nothing left.
            NoAnswerError: something left, and no complete answer came.
        """
        request = b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
        return self._pool.ask(request, timeout_seconds=timeout_seconds)

    def _target(self, uri: str, params: Mapping[str, str] | None) -> str:
        """Return what stands in the request line: never with a space or a line end in it."""
        target = f"{self._prefix}/{uri.split('/', 3)[3]}"
        if params:
            target += ("&" if "?" in target else "?") + urlencode(params)
        return target if _is_plain(target) else quote(target, safe=_SAFE_IN_TARGET)


def _is_object(text: str) -> bool:
    """Tell whether this is JSON as Twilio's: a proxy's page with a good status is no answer."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
