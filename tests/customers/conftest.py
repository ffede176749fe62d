"""Importing into either database, without a command line."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read
from care.base.settings import OperatorSettings
from care.customers.addresses import AddressHasher
from care.customers.importing.kinds import import_kind
from care.customers.importing.run import ImportReport, Run, import_file
from care.customers.tables import contact_point, customer
from tests.factories import SUPPRESSION_KEY

Import = Callable[..., ImportReport]


@pytest.fixture
def hasher() -> AddressHasher:
    """Hashes as the factories do."""
    return AddressHasher(SUPPRESSION_KEY)


@pytest.fixture
def import_rows(engine: sa.Engine, clock: VirtualClock, hasher: AddressHasher, tmp_path: Path) -> Import:
    """Write a CSV file of the given header and rows, import it, return the report."""

    def run(kind: str, header: str, *rows: str, operator: OperatorSettings | None = None, **options: Any):
        file = tmp_path / f"{kind}.csv"
        file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return import_path(kind, file, operator=operator, **options)

    def import_path(kind: str, file: Path, *, operator: OperatorSettings | None = None, **options: Any):
        renames = options.pop("renames", None)
        maker = import_kind(
            kind, operator=operator or OperatorSettings(), hasher=hasher, currency_digits=2, now=clock.now
        )
        job = Run(engine=engine, kind=maker, suppression_key=SUPPRESSION_KEY, clock=clock, **options)
        return import_file(job, file, renames=renames)

    run.path, run.folder = import_path, tmp_path  # type: ignore[attr-defined] # for files that are not plain CSV
    return run


def stored(engine: sa.Engine, external_id: str) -> dict[str, Any]:
    """Return one customer's row with its addresses as `sms` and `email`."""
    with read(engine) as conn:
        row = conn.execute(sa.select(customer).where(customer.c.external_id == external_id)).mappings().one()
        points = conn.execute(sa.select(contact_point).where(contact_point.c.customer_id == row["id"]))
        return {**row, **{point.channel: point.address for point in points}}


def everything(engine: sa.Engine, tables: Sequence[sa.Table]) -> list[list[tuple[Any, ...]]]:
    """Return all rows of some tables, to compare before and after."""
    with read(engine) as conn:
        return [
            [tuple(row) for row in conn.execute(sa.select(table).order_by(*table.primary_key.columns))]
            for table in tables
        ]
