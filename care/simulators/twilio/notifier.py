"""Status callbacks: in order and once each, unless the script wants them lost, doubled, shuffled or late."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

from care.simulators.twilio.faults import Faults
from care.simulators.twilio.model import Record, Settings
from care.simulators.twilio.webhooks import Courier

Form = dict[str, str]


def status_form(record: Record, account_sid: str, now: datetime) -> Form:
    """Return the parameters of the callback for the message's present status."""
    form = {
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "From": record.sender or "",
        "To": record.to,
        "MessageSid": record.sid,
        "SmsSid": record.sid,
        "MessageStatus": record.status,
        "SmsStatus": record.status,
    }
    if record.service:
        form["MessagingServiceSid"] = record.service
    if record.status in ("failed", "undelivered") and record.failure:
        form["ErrorCode"] = str(record.failure.code)
        form["ErrorMessage"] = record.failure.message
    if record.status in ("delivered", "undelivered"):
        form["RawDlrDoneDate"] = now.strftime("%y%m%d%H%M")
    return form


class Notifier:
    """Sends the callbacks of each message one after the other."""

    def __init__(self, settings: Settings, courier: Courier, faults: Callable[[], Faults]) -> None:
        """`faults` returns the script in force."""
        self._settings, self._courier, self._faults = settings, courier, faults
        self._tails: dict[str, asyncio.Task[None]] = {}  # sid -> its callback sent last
        self._held: dict[str, list[Form] | None] = {}  # sid -> kept back for shuffling; None: not shuffled
        self._tasks: set[asyncio.Task[None]] = set()
        self._let_go = asyncio.Event()
        self._is_closed = False

    def let_go(self) -> None:
        """Send at once whatever waits out a delay."""
        self._let_go.set()
        self._let_go = asyncio.Event()

    def notify(self, record: Record, *, is_last: bool, now: datetime) -> None:
        """Report the message's present status to its callback URL, if it has one."""
        url = record.callback_url or (self._settings.status_callback if record.service else None)
        if url is None or self._is_closed:
            return
        forms = self._after_faults(record, is_last=is_last, now=now)
        for form in forms:
            self._send(url, record.sid, form)
        if is_last:
            self._tails.pop(record.sid, None)

    @property
    def on_their_way(self) -> int:
        """Return how many callbacks are not answered yet."""
        return len(self._tasks)

    async def close(self) -> None:
        """Drop what is on its way and send nothing more."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _after_faults(self, record: Record, *, is_last: bool, now: datetime) -> list[Form]:
        """Return the callbacks to send now."""
        faults = self._faults()
        rules = faults.script.callbacks
        if record.sid not in self._held:
            self._held[record.sid] = [] if faults.happens(rules.shuffle) else None
        held = self._held[record.sid]
        copies = 1
        if faults.happens(rules.lose):
            copies = 0
            self._courier.counts["lost"] += 1
        elif faults.happens(rules.duplicate):
            copies = 2
            self._courier.counts["duplicated"] += 1
        ready = [status_form(record, self._settings.account_sid, now)] * copies
        if held is not None:
            held += ready
            ready = _shuffled(held, faults) if is_last else []
            self._courier.counts["shuffled"] += len(ready)
        if is_last:
            del self._held[record.sid]
        return ready

    def _send(self, url: str, sid: str, form: Form) -> None:
        faults = self._faults()
        span = faults.script.callbacks.delay_seconds
        if span is None:
            work = self._post(url, form, after=self._tails.get(sid), delay=0.0)
        else:
            work = self._post(url, form, after=None, delay=faults.random.uniform(*span))
        task = asyncio.create_task(work)
        self._tails[sid] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post(self, url: str, form: Form, *, after: asyncio.Task[None] | None, delay: float) -> None:
        if after is not None:
            await asyncio.wait({after})
        if delay:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._let_go.wait(), delay)
        await self._courier.post(url, form)


def _shuffled(forms: list[Form], faults: Faults) -> list[Form]:
    """Return the forms in another order than they came, if there is one."""
    order = forms.copy()
    faults.random.shuffle(order)
    return order if order != forms else order[::-1]
