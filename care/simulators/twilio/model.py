"""Settings of the simulator and the messages it keeps."""

from dataclasses import dataclass, field
from datetime import datetime

from care.simulators.twilio.catalogue import Failure

FINAL = frozenset({"delivered", "undelivered", "failed", "canceled", "received", "read"})


@dataclass(slots=True, kw_only=True)
class Settings:
    """How this account behaves; URLs may change while it runs."""

    account_sid: str
    auth_token: str
    callbacks: bool = True
    callback_delay: float = 0.05  # seconds between two statuses of a message
    status_callback: str | None = None  # of the Messaging Services, when a request names none
    inbound_url: str | None = None
    advanced_opt_out: bool = False  # adds OptOutType to what comes in
    senders: frozenset[str] = frozenset()  # numbers of this account; empty: any that is well formed
    services: dict[str, str] = field(default_factory=dict)  # sid -> its number; empty: any that is well formed
    closed_prefixes: tuple[str, ...] = ()  # "+53": no permission to send there
    parts_per_second: float | None = None  # per sender; None: no limit


@dataclass(slots=True, kw_only=True, eq=False)
class Record:
    """One message as Twilio keeps it."""

    number: int  # order of creation, from 0
    sid: str
    to: str
    sender: str | None  # None until a Messaging Service has chosen
    service: str | None
    body: str
    direction: str
    status: str
    segments: int  # 0 until a Messaging Service has chosen
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None
    send_at: datetime | None = None  # of a scheduled message
    failure: Failure | None = None
    callback_url: str | None = None
    validity_seconds: int = 36_000
    media: int = 0

    @property
    def is_finished(self) -> bool:
        """Tell whether the status can no longer change."""
        return self.status in FINAL
