"""The provider's callbacks in our own hand: signed, posted, and every answer written down."""

import http.client
import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urldefrag, urlencode, urlsplit

from twilio.request_validator import RequestValidator

from care.simulators.twilio.process import ACCOUNT_SID

RANKS = ("accepted", "sent", "delivered")


@dataclass(frozen=True)
class Callback:
    """One word about one message."""

    sid: str
    url: str
    status: str


@dataclass(kw_only=True)
class Caller:
    """Posts callbacks from several threads; knows what was said, and what of it was answered 2xx."""

    auth_token: str
    said: dict[str, set[str]] = field(default_factory=dict)
    answered: dict[str, set[str]] = field(default_factory=dict)
    refused: int = 0  # answers that were no 2xx
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def post(self, callback: Callback) -> bool:
        """Say one word; return whether it was answered 2xx."""
        with self._lock:
            self.said.setdefault(callback.sid, set()).add(callback.status)
        status = self._request(callback)
        with self._lock:
            if 200 <= status < 300:
                self.answered.setdefault(callback.sid, set()).add(callback.status)
            elif status:
                self.refused += 1
        return 200 <= status < 300

    def post_all(self, callbacks: list[Callback], *, is_over: Callable[[], bool]) -> list[Callback]:
        """Post until all are said or it is over; return those that were not answered."""
        left: list[Callback] = []

        def one(callback: Callback) -> None:
            if is_over() or not self.post(callback):
                with self._lock:
                    left.append(callback)

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(one, callbacks))
        return left

    def _request(self, callback: Callback) -> int:
        url = urldefrag(callback.url).url
        form = {"MessageSid": callback.sid, "MessageStatus": callback.status, "AccountSid": ACCOUNT_SID}
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": RequestValidator(self.auth_token).compute_signature(url, form),
        }
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        try:
            connection.request("POST", urlsplit(url).path, urlencode(form), headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def callbacks_of(accepted: list[dict[str, str]], dice: random.Random) -> list[Callback]:
    """Return two words about every message the provider took, some of them twice, in any order."""
    made = [
        Callback(taken["sid"], taken["status_callback"], status)
        for taken in accepted
        for status in ("sent", "delivered")
        for _ in range(1 + (dice.random() < 0.15))
    ]
    dice.shuffle(made)
    return made


def too_low(caller: Caller, standing: Mapping[str, str]) -> list[str]:
    """Return what was answered 2xx and does not stand in the ledger; `standing` is the status by reference."""
    return [
        sid
        for sid, words in caller.answered.items()
        if RANKS.index(standing.get(sid, "accepted")) < max(RANKS.index(word) for word in words)
    ]


def too_high(caller: Caller, standing: Mapping[str, str]) -> list[str]:
    """Return what stands in the ledger and was never said."""
    highest = {sid: max(RANKS.index(word) for word in words) for sid, words in caller.said.items()}
    return [sid for sid, status in standing.items() if RANKS.index(status) > highest.get(sid, 0)]
