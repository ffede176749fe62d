"""Signed requests to the customer's own web server: status callbacks and inbound messages."""

import base64
import hashlib
import hmac
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urldefrag, urlencode

import aiohttp

_IN_FLIGHT: Final = 64  #: webhooks on their way at a time
_HEADERS: Final = {
    "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
    "User-Agent": "TwilioProxy/1.1",
    "Accept": "*/*",
}


def sign(auth_token: str, url: str, form: Mapping[str, str]) -> str:
    """Return X-Twilio-Signature of a form POST; the fragment of `url` is not signed."""
    text = urldefrag(url).url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()


@dataclass(frozen=True, slots=True)
class RetryRule:
    """What the URL's fragment asks for: `#rc=3&rp=all&ct=2000&rt=5000`."""

    retries: int = 1
    policies: frozenset[str] = frozenset({"ct"})
    connect_seconds: float = 5.0
    read_seconds: float = 15.0

    @classmethod
    def of(cls, url: str) -> "RetryRule":
        """Read the rule from a URL; values outside Twilio's ranges keep their defaults."""
        given = dict(parse_qsl(urldefrag(url).fragment))
        return cls(
            retries=_within(given.get("rc"), 0, 5, 1),
            policies=frozenset(given.get("rp", "ct").split(",")),
            connect_seconds=_within(given.get("ct"), 100, 10_000, 5_000) / 1000,
            read_seconds=_within(given.get("rt"), 100, 15_000, 15_000) / 1000,
        )

    def wants(self, problem: str) -> bool:
        """Tell whether this kind of failure (`ct`, `rt`, `4xx`, `5xx`) is tried again."""
        return problem in self.policies or "all" in self.policies


def _within(text: str | None, low: int, high: int, default: int) -> int:
    value = int(text) if text and text.isdecimal() else default
    return value if low <= value <= high else default


@dataclass(frozen=True, slots=True)
class Reply:
    """What the customer's server said."""

    status: int | None  # None: no answer
    body: str = ""


class Courier:
    """Posts webhooks and counts how they were received."""

    def __init__(self, auth_token: str) -> None:
        """Sign with the account's token; the connection pool opens with the first post."""
        self._auth_token = auth_token
        self._session: aiohttp.ClientSession | None = None
        self.counts: Counter[str] = Counter()

    async def post(self, url: str, form: Mapping[str, str]) -> Reply:
        """Post a signed form, again as the URL's fragment asks; return the last answer."""
        rule = RetryRule.of(url)
        headers = _HEADERS | {
            "X-Twilio-Signature": sign(self._auth_token, url, form),
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),  # the same on every retry
        }
        body = urlencode(form).encode()
        for _ in range(rule.retries + 1):
            reply, problem = await self._post_once(urldefrag(url).url, body, headers, rule)
            self.counts[problem or "answered"] += 1
            if problem is None or not rule.wants(problem):
                break
        return reply

    async def _post_once(
        self, url: str, body: bytes, headers: Mapping[str, str], rule: RetryRule
    ) -> tuple[Reply, str | None]:
        timeout = aiohttp.ClientTimeout(sock_connect=rule.connect_seconds, sock_read=rule.read_seconds)
        try:
            async with self._pool().post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                reply = Reply(response.status, await response.text())
        except (aiohttp.ServerTimeoutError, aiohttp.ClientConnectorError) as error:
            is_read = isinstance(error, aiohttp.SocketTimeoutError)
            return Reply(None), "rt" if is_read else "ct"
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return Reply(None), "rt"
        if reply.status is not None and reply.status >= 400:  # noqa: PLR2004
            return reply, "5xx" if reply.status >= 500 else "4xx"  # noqa: PLR2004
        return reply, None

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_IN_FLIGHT))
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
