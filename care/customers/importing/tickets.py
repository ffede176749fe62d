"""`care import tickets`: what the ticket system's own list says, against what we were told."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.settings import OperatorSettings, TicketSettings
from care.calendars.walltime import instant_at
from care.customers.addresses import AddressHasher
from care.customers.importing import cells
from care.customers.importing.cells import PLACEHOLDER, CellError, Converter, Untouched, cell, remembered
from care.customers.importing.run import Settled
from care.customers.importing.sheet import Sheet
from care.customers.importing.ticket_rows import settle_tickets
from care.customers.tickets.model import ATTRIBUTE, TEST_WORD, TEXT_WORDS, TIME_WORDS
from care.customers.tickets.settings import ticket_rules
from care.customers.tickets.tables import LONGEST_TICKET_ID

CLOCKS_DIFFER = timedelta(minutes=5)
"""So far ahead of our clock may another system's be."""

MOMENTS = ("resolved_at", "reopened_at")


class TicketImport:
    """Tickets by the id of the ticket system. A row whose customer is not known is refused."""

    name = "tickets"
    required: tuple[str, ...] = ("id",)
    key = "id"

    def __init__(
        self,
        *,
        operator: OperatorSettings,
        hasher: AddressHasher,
        now: Callable[[], datetime],
        tickets: TicketSettings,
    ) -> None:
        """`now` is asked once a batch; times without offset are the operator's own."""
        self._operator, self._hasher, self._now = operator, hasher, now
        self._rules = ticket_rules(tickets)
        moment = remembered(moment_in(ZoneInfo(operator.timezone)))
        self._converters: dict[str, Converter] = {
            "id": ticket_id,
            "customer": cell(cells.text_of(cells.LONGEST_ID)),
            **{name: remembered(cells.text_of(longest)) for name, longest in TEXT_WORDS.items()},
            "kind": remembered(kind),
            **dict.fromkeys((*TIME_WORDS, *MOMENTS), moment),
            TEST_WORD: remembered(cells.truth),
        }
        self.columns: tuple[str, ...] = tuple(self._converters)

    def check(self, engine: sa.Engine, sheet: Sheet) -> None:
        """Turn the cells of a batch into values; what depends on the customer waits for `settle`."""
        del engine
        for name, converter in self._converters.items():
            sheet.convert(name, converter)
        for name in sheet.layout.attributes:
            sheet.values[ATTRIBUTE + name] = sheet.converted(name, sheet.attribute_cells(name), cells.attribute)
        self._look_at_moments(sheet)

    def settle(self, conn: sa.Connection, sheet: Sheet) -> Settled:
        """Compare the batch with the stored tickets and their customers."""
        country = self._operator.country
        return settle_tickets(conn, sheet, rules=self._rules, hasher=self._hasher, country=country, now=self._now())

    def _look_at_moments(self, sheet: Sheet) -> None:
        latest = self._now() + CLOCKS_DIFFER
        for name in (*TIME_WORDS, *MOMENTS):
            column: list[Any] = sheet.values.get(name, [])
            for index, moment in enumerate(column):
                if isinstance(moment, datetime) and moment > latest:
                    sheet.refuse(index, name, "lies in the future")
            if count := column.count(PLACEHOLDER):
                sheet.values[name] = [cells.KEEP if moment is PLACEHOLDER else moment for moment in column]
                sheet.warn(name, "a placeholder such as 1970-01-01, kept out", count)


def ticket_id(raw: str) -> str:
    """Read the id of a ticket; with the number of a resolution behind it, it must still fit."""
    found = cells.external_id(raw)
    if len(found) > LONGEST_TICKET_ID:
        raise CellError(f"is longer than {LONGEST_TICKET_ID} characters")
    return found


def kind(text: str) -> str:
    """Read the kind of a ticket, whatever its case."""
    return str(cells.text_of(TEXT_WORDS["kind"])(text.lower()))


def moment_in(zone: ZoneInfo) -> Converter:
    """Return a converter to instants; a time without offset, or a day's beginning, is meant in `zone`."""

    def convert(text: str) -> datetime | Untouched:
        found = cells.moment(text)
        if found.year <= _NO_TICKET_WAS_OLDER:
            return PLACEHOLDER
        if not isinstance(found, datetime):
            return instant_at(found, time.min, zone)
        return found if found.tzinfo else instant_at(found.date(), found.time(), zone)

    return convert


_NO_TICKET_WAS_OLDER = 1970
