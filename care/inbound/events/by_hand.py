"""What a person says by a command goes the same way as what other systems post."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from care.base.database import read, to_micros, write
from care.base.settings import Settings
from care.customers.addresses import AddressHasher
from care.customers.tickets.store import find_tickets
from care.inbound.events import store
from care.inbound.events.applying import event_rules
from care.inbound.events.model import EventType
from care.inbound.events.reading import new_event
from care.inbound.events.worker import work_events

SOURCE = "cli"


def resolve_by_hand(
    engine: sa.Engine, ids: Sequence[str], *, at: datetime, settings: Settings, hasher: AddressHasher, now: datetime
) -> dict[str, str | None]:
    """Say that tickets were resolved; return for each where it stands now, None for one that nobody told us of."""
    with write(engine) as conn:
        known = find_tickets(conn, ids)
        rows = []
        for name in known:
            external_id = f"{SOURCE}:{name}:{to_micros(at)}"
            event = new_event(external_id, EventType.RESOLVED, customer=None, subject=name, at=at, data={})
            rows.append(store.row_of(event, source=SOURCE, now=now))
        store.add_events(conn, rows)
    work_events(engine, event_rules(settings, hasher), now=now)
    with read(engine) as conn:
        stands = find_tickets(conn, list(known))
    return {name: ("resolved" if stands[name]["resolved_at"] else "open") if name in known else None for name in ids}
