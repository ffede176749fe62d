"""`care customers`: what we hold of a customer."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from care.customers.record import CustomerRecord

_MINOR = "_minor"  # ends the names of amounts that count the smallest coin

app = typer.Typer(help="What we hold of a customer.", no_args_is_help=True)


@app.callback()
def customers() -> None:
    """What we hold of a customer."""


@app.command()
def show(
    customer: Annotated[str, typer.Argument(metavar="ID", help="The customer's id as imported.")],
    plain: Annotated[bool, typer.Option("--plain", help="Show phone and e-mail in full.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show all that is held of a customer: record, contact points, subscriptions, consents, opt-outs.

    Exit 0: shown. Exit 1: no such customer.
    """
    from care.base.database import plain_errors, read
    from care.base.errors import AnswerIsNoError
    from care.base.masking import mask_text
    from care.base.money import minor_digits
    from care.bootstrap import build_services
    from care.cli.output import print_json
    from care.customers.record import customer_record

    services = build_services()
    with plain_errors(services.engine), read(services.engine) as conn:
        record = customer_record(conn, customer, plain=plain)
    if record is None:
        fix = "Check the id, or import: care import customers FILE"
        raise AnswerIsNoError(f"customer '{mask_text(customer)}': not known. {fix}")
    if json:
        print_json(record.as_dict())
    else:
        _tell(record, minor_digits(services.settings.operator.currency))


def _tell(record: "CustomerRecord", digits: int) -> None:
    from care.cli.output import print_rows, say

    for name, value in _readable(record.fields, digits).items():
        if value not in (None, {}, False):
            say(f"{name.replace('_', ' '):<18} {_word(value)}")
    tables = (
        ("Contact points", record.contact_points),
        ("Subscriptions", record.subscriptions),
        ("Consents", record.consents),
        ("Opt-outs and bans", record.suppressions),
        ("Changes", record.changes),
    )
    for title, rows in tables:
        if rows:
            say()
            say(title)
            print_rows([_readable(row, digits) for row in rows], as_json_lines=False)


def _readable(row: "Mapping[str, Any]", digits: int) -> dict[str, Any]:
    """Return amounts in whole units, and the parts of a birthday as one."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if name == "birth_mmdd" and value:
            shown["birthday"] = _birthday(row)
        elif name.endswith(_MINOR):
            shown[name.removesuffix(_MINOR)] = None if value is None else _amount(value, digits)
        elif not name.startswith("birth_"):
            shown[name] = value
    field = str(row.get("field"))
    if field.endswith(_MINOR):
        amounts = {side: row[side] and _amount(int(row[side]), digits) for side in ("old", "new")}
        shown |= {"field": field.removesuffix(_MINOR)} | amounts
    return shown


def _amount(minor: int, digits: int) -> str:
    return f"{Decimal(minor).scaleb(-digits):,.{digits}f}"


def _birthday(row: "Mapping[str, Any]") -> str:
    month, day = divmod(row["birth_mmdd"], 100)
    calendar = row["birth_calendar"] + (", leap month" if row["birth_leap"] else "")
    return f"{row['birth_year'] or '-'}-{month:02}-{day:02} ({calendar})"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {item}" for name, item in value.items())
    return str(value)
