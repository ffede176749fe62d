"""The periodic jobs of the closed loop: overdue cases are escalated, and other systems hear what they must.

`care.schedule` has their table.
"""

import random
from datetime import datetime, timedelta

import structlog

from care.base.database import write
from care.base.settings_cases import secret_bytes
from care.bootstrap import Services
from care.inbound.events.outgoing import forget_untold
from care.inbound.events.outgoing_sending import Receiver, send_due
from care.surveys.case_moves import escalate_overdue

log = structlog.get_logger()


def escalate_cases(services: Services, now: datetime, _last: datetime | None) -> None:
    """Escalate the cases whose time has passed; each once."""
    with write(services.engine) as conn:
        ids = escalate_overdue(conn, now=now)
    if ids:
        log.warning("cases.overdue", cases=ids)


def tell_ticket_system(services: Services, now: datetime, _last: datetime | None) -> None:
    """Send what the ticket system is to hear, beside everything else; where there is none, nothing piles up."""
    settings = services.settings.ticket_system
    if not settings.url:
        with write(services.engine) as conn:
            forget_untold(conn, now=now)
        return
    receiver = Receiver(
        url=settings.url,
        secret=secret_bytes(settings.secret.get_secret_value()),
        timeout=timedelta(seconds=settings.timeout_seconds),
        give_up_after=timedelta(days=settings.give_up_days),
    )
    dice = random.SystemRandom()
    services.errands.run("ticket-system", lambda: send_due(services.engine, receiver, clock=services.clock, dice=dice))
