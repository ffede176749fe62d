"""One Twilio account: what it accepts, refuses, sends and receives."""

from collections import Counter

from care.base.clock import Clock
from care.campaigns.sms_parts import count_parts
from care.simulators.twilio import numbers
from care.simulators.twilio.answers import PRICE_PER_PART
from care.simulators.twilio.carrier import Carrier
from care.simulators.twilio.catalogue import REFUSALS, Refusal
from care.simulators.twilio.faults import Faults, Script
from care.simulators.twilio.model import Record, Settings
from care.simulators.twilio.notifier import Notifier
from care.simulators.twilio.optout import OptOuts
from care.simulators.twilio.store import AcceptLog, MessageStore
from care.simulators.twilio.validation import Form, parse_instant, refuse
from care.simulators.twilio.webhooks import Courier


class Account:
    """The state behind the API."""

    def __init__(self, settings: Settings, clock: Clock, script: Script, log: AcceptLog) -> None:
        """Start with no messages."""
        self.settings, self.clock, self._log = settings, clock, log
        self.faults = Faults(script)
        self.store = MessageStore()
        self.opt_outs = OptOuts()
        self.courier = Courier(settings.auth_token)
        self.notifier = Notifier(settings, self.courier, lambda: self.faults)
        self.carrier = Carrier(settings, clock, self.notifier, lambda: self.faults)
        self.opened_at = clock.now()
        self.requests = 0  # creates asked for
        self.accepted = 0
        self.refused: Counter[int] = Counter()  # by code
        self.in_flight = 0

    def fault_of(self, request: int, to: str) -> str:
        """Return the fault this create request meets, `ok` for none."""
        limit = self.faults.script.max_in_flight
        if limit is not None and self.in_flight > limit:
            self.faults.report(request, "429")
            return "429"
        return numbers.fault_of(to) or self.faults.next_create(request)

    def create(self, form: Form, request: int, fault: str) -> Record | Refusal:
        """Accept a message or say why not; an accepted one is in the log before this returns."""
        now = self.clock.now()
        refusal = refuse(form, self.settings, is_blocked=self._is_blocked, now=now)
        if refusal is not None:
            return refusal
        service, body = form.get("MessagingServiceSid") or None, form.get("Body", "")
        send_at = parse_instant(form["SendAt"]) if "ScheduleType" in form else None
        record = Record(
            number=self.store.next_number(),
            sid=self.store.new_sid("MM" if "MediaUrl" in form else "SM"),
            to=form["To"],
            sender=form.get("From") or None,
            service=service,
            body=body,
            direction="outbound-api",
            status="queued" if service is None else "scheduled" if send_at else "accepted",
            segments=count_parts(body).parts if service is None and body else 0,
            created_at=now,
            updated_at=now,
            send_at=send_at,
            callback_url=form.get("StatusCallback") or None,
            validity_seconds=int(form.get("ValidityPeriod", 36_000)),
            media=1 if "MediaUrl" in form else 0,
        )
        self.keep(record, request, fault)
        return record

    def keep(self, record: Record, request: int, fault: str) -> None:
        """Log an accepted message and start its life."""
        self._log.append(record, request=request, fault=fault, at=record.created_at)
        self.store.add(record)
        self.accepted += 1
        self.carrier.take(record)

    def update(self, record: Record, form: Form) -> Refusal | None:
        """Redact a finished message (`Body` empty) or cancel a scheduled one."""
        if "Status" in form:
            if form["Status"] != "canceled":
                return REFUSALS[20001]
            if record.status != "scheduled":
                return REFUSALS[30409]
            record.status, record.updated_at = "canceled", self.clock.now()
            self.notifier.notify(record, is_last=True, now=record.updated_at)
        if "Body" in form:
            if form["Body"]:
                return REFUSALS[20001]
            if not record.is_finished:
                return REFUSALS[20009]
            record.body, record.updated_at = "", self.clock.now()
        return None

    def delete(self, record: Record) -> Refusal | None:
        """Forget a finished message."""
        if not record.is_finished:
            return REFUSALS[20009]
        self.store.remove(record)
        return None

    def spent(self) -> float:
        """Return what the finished messages cost, in dollars."""
        parts = sum(each.segments for each in self.store.by_sid.values() if each.is_finished)
        return parts * PRICE_PER_PART

    async def close(self) -> None:
        """Stop callbacks and close files."""
        await self.notifier.close()
        await self.courier.close()
        self._log.close()

    def _is_blocked(self, recipient: str, sender: str) -> bool:
        if self.opt_outs.is_blocked(recipient, sender):
            return True
        number = self.settings.services.get(sender, numbers.POOL_NUMBER) if sender.startswith("MG") else sender
        return self.opt_outs.is_blocked(recipient, number)
