"""`care import subscriptions`: services, prices and terms of known customers."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from care.base.settings import OperatorSettings
from care.customers.addresses import AddressHasher
from care.customers.changes import ATTRIBUTE
from care.customers.importing import cells
from care.customers.importing.cells import Converter, cell, remembered
from care.customers.importing.run import Settled
from care.customers.importing.sheet import Sheet
from care.customers.importing.subscription_rows import SubscriptionBatch


class SubscriptionImport:
    """Subscriptions by the id of the billing system. A row whose customer is not known is refused."""

    name = "subscriptions"
    required: tuple[str, ...] = ("id",)
    key = "id"

    def __init__(
        self, *, operator: OperatorSettings, hasher: AddressHasher, currency_digits: int, now: Callable[[], datetime]
    ) -> None:
        """`currency_digits`: decimals of the operator's currency; no address is read here, so nothing is hashed."""
        del hasher
        self._operator_zone, self._now = operator.timezone, now
        self._converters: dict[str, Converter] = {
            "id": cells.external_id,
            "customer": cell(cells.text_of(cells.LONGEST_ID)),
            "service": remembered(cells.text_of(64)),
            "plan": remembered(cells.text_of(100)),
            "monthly_amount": remembered(cells.price(currency_digits)),
            "started_on": remembered(cells.day),
            "ends_at": remembered(cells.moment),
            "auto_renew": remembered(cells.truth),
            "area": remembered(cells.text_of(64)),
        }
        self.columns: tuple[str, ...] = tuple(self._converters)

    def check(self, engine: sa.Engine, sheet: Sheet) -> None:
        """Turn the cells of a batch into values; what depends on the customer waits for `settle`."""
        del engine
        for name, converter in self._converters.items():
            sheet.convert(name, converter)
        for name in sheet.layout.attributes:
            sheet.values[ATTRIBUTE + name] = sheet.converted(name, sheet.attribute_cells(name), cells.attribute)

    def settle(self, conn: sa.Connection, sheet: Sheet) -> Settled:
        """Compare the batch with the stored subscriptions and their customers."""
        batch = SubscriptionBatch(conn, sheet, operator_zone=self._operator_zone, now=self._now())
        for index in range(len(sheet)):
            batch.compare(index)
        sheet.drop_refused()
        unchanged = len(sheet) - len(batch.inserts) - len(batch.updates)
        return Settled(added=len(batch.inserts), updated=len(batch.updates), unchanged=unchanged, write=batch.write)
