"""`care import consents`: permissions and withdrawals from another system's records, with their proof."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.database import insert
from care.base.settings import OperatorSettings
from care.base.vocabulary import Channel, Purpose
from care.calendars.walltime import instant_at, load_zone
from care.customers.addresses import AddressHasher
from care.customers.importing import cells
from care.customers.importing.cells import KEEP, CellError, Converter, remembered
from care.customers.importing.run import Settled
from care.customers.importing.sheet import Sheet
from care.customers.model import SuppressionReason, SuppressionScope
from care.customers.store import customer_ids, insert_columns
from care.customers.tables import consent, consent_now, contact_point, customer, suppression

PURPOSES = (Purpose.GREETING, Purpose.OFFER, Purpose.SURVEY, Purpose.SERVICE)
_LONGEST_WORDING = 2_000
_CLOCK_SKEW = timedelta(minutes=5)  # between the system that wrote the file and ours
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
Key = tuple[int, str, str]  # customer, purpose, channel


@dataclass(slots=True)
class _Known:
    """What is stored about the customers of a batch."""

    customers: Mapping[str, int]
    words: dict[Key, set[datetime]] = field(default_factory=dict)  # instants that have a word already
    withdrawn: dict[Key, datetime] = field(default_factory=dict)  # the latest withdrawal or opt-out
    now: dict[Key, tuple[datetime, bool]] = field(default_factory=dict)  # the word that counts

    def note(self, key: Key, at: datetime, *, given: bool) -> None:
        """Take in one word."""
        self.words.setdefault(key, set()).add(at)
        if not given:
            self.withdraw(key, at)

    def withdraw(self, key: Key, at: datetime) -> None:
        """Take in a withdrawal; only the latest matters."""
        self.withdrawn[key] = max(at, self.withdrawn.get(key, at))


class ConsentImport:
    """Words about consent. A grant is refused unless it is proved and later than any withdrawal or opt-out."""

    name = "consents"
    required: tuple[str, ...] = ("customer", "purpose", "channel", "given", "at")
    key = ""

    def __init__(
        self, *, operator: OperatorSettings, hasher: AddressHasher, currency_digits: int, now: Callable[[], datetime]
    ) -> None:
        """A time without offset is meant in the operator's zone."""
        del hasher, currency_digits
        self._zone, self._now = load_zone(operator.timezone), now
        self._converters: dict[str, Converter] = {
            "customer": cells.external_id,
            "purpose": _needed(cells.one_of(*(purpose.value for purpose in PURPOSES))),
            "channel": _needed(cells.one_of(*(channel.value for channel in Channel))),
            "given": _needed(cells.truth),
            "at": _needed(cells.moment),
            "source": remembered(cells.text_of(64)),
            "wording": remembered(cells.text_of(_LONGEST_WORDING)),
        }
        self.columns: tuple[str, ...] = tuple(self._converters)

    def check(self, engine: sa.Engine, sheet: Sheet) -> None:
        """Turn cells into values; refuse a grant without proof and words from the future."""
        del engine
        for name, converter in self._converters.items():
            sheet.convert(name, converter)
        for name in ("source", "wording"):
            column = sheet.values.get(name, [KEEP] * len(sheet))
            sheet.values[name] = [value if isinstance(value, str) else None for value in column]
        values = sheet.values
        said = values["at"]
        values["at"] = [
            at and self._instant(at, given=given is not False) for at, given in zip(said, values["given"], strict=True)
        ]
        latest = self._now() + _CLOCK_SKEW
        for index, given in enumerate(values["given"]):
            at = values["at"][index]
            if at and at > latest and self._instant(said[index], given=True) > latest:  # a day that has begun is none
                sheet.refuse(index, "at", "lies in the future")
            for name in ("source", "wording"):
                if given and not values[name][index]:
                    sheet.refuse(index, name, "is missing: a consent needs its source and its wording as proof")

    def _instant(self, at: datetime | date, *, given: bool) -> datetime:
        """Return an instant; of a mere day, a consent takes the start and a withdrawal the end: the safe side."""
        if not isinstance(at, datetime):
            return instant_at(at if given else at + timedelta(days=1), time.min, self._zone)
        return at.astimezone(UTC) if at.tzinfo else instant_at(at.date(), at.time(), self._zone)

    def settle(self, conn: sa.Connection, sheet: Sheet) -> Settled:
        """Compare with the words known so far, in the order of the file."""
        now = self._now()
        known = _load(conn, sheet)
        rows: list[dict[str, Any]] = []
        latest: dict[Key, dict[str, Any]] = {}
        columns = [sheet.values[name] for name in self._converters]
        for index, (name, purpose, channel, given, at, source, wording) in enumerate(zip(*columns, strict=True)):
            owner = known.customers.get(name)
            if owner is None:
                sheet.refuse(index, "customer", "is not known. Import the customers first")
                continue
            key = (owner, purpose, channel)
            if at in known.words.get(key, ()):
                continue
            if given and at and at <= known.withdrawn.get(key, _LONG_AGO):
                sheet.refuse(index, "at", "is not later than a withdrawal or opt-out of this customer")
            if sheet.is_refused(index):
                continue
            known.note(key, at, given=given)
            place = {"customer_id": owner, "purpose": purpose, "channel": channel, "given": given, "at": at}
            rows.append(place | {"source": source or "import", "wording": wording})
            if key not in known.now or known.now[key][0] <= at:
                known.now[key] = (at, given)
                latest[key] = place
        before = len(sheet)
        refusals = len(sheet.refusals)
        sheet.drop_refused()
        unchanged = before - (len(sheet.refusals) - refusals) - len(rows)
        return Settled(
            added=len(rows), unchanged=unchanged, write=lambda conn: _write(conn, rows, list(latest.values()), now)
        )


def _needed(convert: Callable[[str], Any]) -> Converter:
    """Return a converter that refuses an empty cell and `-`."""
    remember = remembered(convert)

    def converted(raw: str) -> Any:
        value = remember(raw)
        if value is KEEP or value is None:
            raise CellError("is missing")
        return value

    return converted


def _load(conn: sa.Connection, sheet: Sheet) -> _Known:
    names = sorted(name for name in set(sheet.values["customer"]) if name)
    known = _Known(customer_ids(conn, names))
    mine = among(customer.c.external_id, names)
    words = sa.select(consent.c.customer_id, consent.c.purpose, consent.c.channel, consent.c.at, consent.c.given)
    for row in conn.execute(words.join(customer, customer.c.id == consent.c.customer_id).where(mine)):
        known.note((row.customer_id, row.purpose, row.channel), row.at, given=row.given)
    current = sa.select(consent_now).join(customer, customer.c.id == consent_now.c.customer_id).where(mine)
    for row in conn.execute(current):
        key = (row.customer_id, row.purpose, row.channel)
        known.now[key] = (row.at, row.given)
        if not row.given:
            known.withdraw(key, row.at)
    opted_out = (
        sa.select(contact_point.c.customer_id, suppression.c.channel, suppression.c.scope, suppression.c.created_at)
        .join(contact_point, contact_point.c.address_hash == suppression.c.address_hash)
        .join(customer, customer.c.id == contact_point.c.customer_id)
        .where(mine, suppression.c.reason == SuppressionReason.OPT_OUT.value)
    )
    for owner, channel, scope, at in conn.execute(opted_out):
        for purpose in SuppressionScope(scope).silenced & set(PURPOSES):
            known.withdraw((owner, purpose.value, channel), at)
    return known


def _write(conn: sa.Connection, rows: list[dict[str, Any]], latest: list[dict[str, Any]], now: datetime) -> None:
    if not rows:
        return
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    insert_columns(conn, consent, columns, {"recorded_at": now})
    if latest:
        upsert = insert(conn, consent_now)
        upsert = upsert.on_conflict_do_update(
            index_elements=["customer_id", "purpose", "channel"],
            set_={"given": upsert.excluded.given, "at": upsert.excluded.at},
        )
        conn.execute(upsert, latest)
