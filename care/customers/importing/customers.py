"""`care import customers`: what each column means, and what a row says about itself."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.among import among
from care.base.database import read
from care.base.settings import OperatorSettings
from care.base.vocabulary import Channel
from care.customers.addresses import AddressError, AddressHasher, normalise_email, normalise_phone
from care.customers.changes import ATTRIBUTE
from care.customers.importing import cells
from care.customers.importing.cells import CLEAR, KEEP, PLACEHOLDER, CellError, Converter, cell, remembered
from care.customers.importing.customer_rows import settle_customers
from care.customers.importing.run import Settled
from care.customers.importing.sheet import Sheet
from care.customers.tables import customer

_FIRST_CLOCK = timedelta(hours=14)
"""So far ahead of UTC is the first clock to show a new day."""

_FLAGS = ("key_account", "depends_on_line", "deceased", "minor", "hardship", "open_complaint")


class CustomerImport:
    """Customers with their contact points. Never touches consents, never lifts a suppression."""

    name = "customers"
    required: tuple[str, ...] = ("id",)
    key = "id"

    def __init__(
        self, *, operator: OperatorSettings, hasher: AddressHasher, currency_digits: int, now: Callable[[], datetime]
    ) -> None:
        """`currency_digits`: decimals of the operator's currency; `now` is asked once a batch."""
        self._operator, self._hasher, self._now = operator, hasher, now
        self._plain: dict[str, Converter] = {
            "id": cells.external_id,
            "name": remembered(cells.text_of(200)),
            "salutation": remembered(cells.text_of(100)),
            "locale": remembered(cells.locale),
            "timezone": remembered(cells.zone),
            "country": remembered(cells.country),
            "birthday": remembered(cells.birthday),
            "birthday_calendar": remembered(cells.one_of("solar", "lunar")),
            "birthday_leap": remembered(cells.truth),
            "joined_on": remembered(cells.past_day),
            "left_on": remembered(cells.past_day),
            "status": remembered(cells.one_of("active", "left")),
            "customer_type": remembered(lambda text: str(cells.text_of(32)(text.lower()))),
            "tier": remembered(cells.text_of(32)),
            "area": remembered(cells.text_of(64)),
            "account_manager": remembered(cells.text_of(100)),
            "monthly_spend": remembered(cells.price(currency_digits)),
            "lifetime_value": remembered(cells.money(currency_digits)),
        } | {flag: remembered(cells.truth) for flag in _FLAGS}
        self.columns: tuple[str, ...] = (*self._plain, "phone", "email")
        self._email = cell(_email)

    def check(self, engine: sa.Engine, sheet: Sheet) -> None:
        """Turn the cells of a batch into values of our columns; refuse rows with a bad cell."""
        for name, converter in self._plain.items():
            sheet.convert(name, converter)
        self._check_contacts(engine, sheet)
        for name in sheet.layout.attributes:
            values = sheet.converted(name, sheet.attribute_cells(name), cells.attribute)
            sheet.values[ATTRIBUTE + name] = values
        _keep_out_placeholders(sheet)
        now = self._now()
        today = now.astimezone(ZoneInfo(self._operator.timezone)).date()
        _refuse_unborn(sheet, today)
        _refuse_not_joined(sheet, (now + _FIRST_CLOCK).date())
        _to_stored_columns(sheet)
        _leave_when_gone(sheet, today)

    def settle(self, conn: sa.Connection, sheet: Sheet) -> Settled:
        """Compare the batch with the stored customers."""
        return settle_customers(conn, sheet, operator=self._operator, hasher=self._hasher, now=self._now())

    def _check_contacts(self, engine: sa.Engine, sheet: Sheet) -> None:
        if "email" in sheet.layout.known:
            sheet.values["email"] = sheet.converted("email", sheet.cells("email"), self._email)
        if "phone" in sheet.layout.known:
            raw = sheet.cells("phone")
            countries = self._countries_of(engine, sheet, raw)
            sheet.values["phone"] = sheet.converted("phone", raw, _phone, countries)

    def _countries_of(self, engine: sa.Engine, sheet: Sheet, phones: Sequence[str]) -> list[str | None]:
        """Return the country in whose form each number is written: the row's, the stored one, the operator's.

        None where the row names a country that is none.
        """
        given = sheet.values.get("country") or [KEEP] * len(sheet)
        home = self._operator.country
        national = [
            identity
            for identity, country, phone in zip(sheet.values["id"], given, phones, strict=True)
            if country is KEEP and identity and phone[:1] not in ("", "+")
        ]
        stored: dict[str, str] = {}
        if national:
            query = sa.select(customer.c.external_id, customer.c.country).where(customer.c.country != home)
            with read(engine) as conn:
                rows = conn.execute(query.where(among(customer.c.external_id, national)))
                stored = {row.external_id: row.country for row in rows}
        countries = [
            stored.get(identity, home) if country is KEEP or country is None else country
            for identity, country in zip(sheet.values["id"], given, strict=True)
        ]
        for index in sheet.refused():
            if sheet.is_refused(index, "country"):
                countries[index] = None
        return countries


def _phone(raw: str, country: str | None) -> Any:
    text = raw.strip()
    if text == CLEAR:
        return None
    if not text or country is None:
        return KEEP
    try:
        return normalise_phone(text, country)
    except AddressError as error:
        raise CellError(str(error)) from None


def _email(text: str) -> str:
    try:
        return normalise_email(text)
    except AddressError as error:
        raise CellError(str(error)) from None


def _keep_out_placeholders(sheet: Sheet) -> None:
    for name in ("birthday", "joined_on", "left_on"):
        column = sheet.values.get(name, [])
        if count := column.count(PLACEHOLDER):
            sheet.values[name] = [KEEP if value is PLACEHOLDER else value for value in column]
            sheet.warn(name, "a placeholder such as 1970-01-01, kept out", count)


def _refuse_unborn(sheet: Sheet, today: date) -> None:
    latest = (today.year, today.month * 100 + today.day)
    for index, born in enumerate(sheet.values.get("birthday", ())):
        if born is not KEEP and born is not None and born[0] is not None and born > latest:
            sheet.refuse(index, "birthday", "lies in the future")


def _refuse_not_joined(sheet: Sheet, latest: date) -> None:
    joined = sheet.values.get("joined_on", ())
    if any(isinstance(day, date) and day > latest for day in set(joined)):  # few days are different
        for index, day in enumerate(joined):
            if isinstance(day, date) and day > latest:
                sheet.refuse(index, "joined_on", "lies in the future")


def _leave_when_gone(sheet: Sheet, today: date) -> None:
    """Mark as left who has a day of leaving that is past, unless the row says otherwise."""
    if "left_on" not in sheet.values:
        return
    status = sheet.values.setdefault("status", [KEEP] * len(sheet))
    for index, left_on in enumerate(sheet.values["left_on"]):
        if status[index] is KEEP and left_on is not KEEP and left_on is not None and left_on <= today:
            status[index] = "left"


_STORED_AS = {
    "id": "external_id",
    "birthday_calendar": "birth_calendar",
    "birthday_leap": "birth_leap",
    "monthly_spend": "monthly_spend_minor",
    "lifetime_value": "lifetime_value_minor",
    "phone": Channel.SMS.value,
}


def _to_stored_columns(sheet: Sheet) -> None:
    """Rename columns to those of the table, and split what is stored in parts."""
    values = {_STORED_AS.get(name, name): column for name, column in sheet.values.items()}
    born = values.pop("birthday", None)
    if born is not None:
        values["birth_year"] = [day if day is KEEP or day is None else day[0] for day in born]
        values["birth_mmdd"] = [day if day is KEEP or day is None else day[1] for day in born]
    if "joined_on" in values:
        values["joined_mmdd"] = [
            day if day is KEEP or day is None else day.month * 100 + day.day for day in values["joined_on"]
        ]
    sheet.values = values
