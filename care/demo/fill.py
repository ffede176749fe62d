"""Fills the demo's database the way an operator does: files from the billing system through the real importer."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision

from care.base.database import write
from care.bootstrap import Services
from care.customers.importing.kinds import import_kind
from care.customers.importing.run import ImportReport, Run, import_file
from care.customers.suppressions import suppress
from care.demo import contracts, customers, permissions
from care.demo.errors import DemoError
from care.migrations.upgrade import upgrade

BAN_SOURCE = "former system"
FILES = "files"
"""Folder of the files that were imported; `care import` takes them again."""


def fill(
    services: Services, folder: Path, *, count: int, until: datetime, seed: int, tell: Callable[[ImportReport], None]
) -> Sequence[customers.Customer]:
    """Set up the database, write the three files and import them; `tell` hears of each. Return the customers.

    Everything is known from the present instant of the services' clock on, so the clock must stand at the start of
    the week; `until` is its end.
    """
    upgrade(services.unchecked_engine)
    operator, start = services.settings.operator, services.clock.now()
    people = list(
        customers.draw_customers(count, today=until.astimezone(ZoneInfo(operator.timezone)).date(), seed=seed)
    )
    terms = contracts.draw_subscriptions(people, now=until, seed=seed)
    words = permissions.draw_consents(people, brand=operator.brand, before=start, seed=seed)
    (folder / FILES).mkdir()
    for kind, columns, rows in (
        ("customers", customers.COLUMNS, (one.row for one in people)),
        ("subscriptions", contracts.COLUMNS, terms),
        ("consents", permissions.COLUMNS, words),
    ):
        path = folder / FILES / f"{kind}.csv"
        _write(path, columns, rows)
        tell(_import(services, kind, path))
    _ban(services, permissions.draw_bans(people, seed=seed), start)
    return people


def _write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, columns)
        out.writeheader()
        out.writerows(rows)


def _import(services: Services, kind: str, path: Path) -> ImportReport:
    operator = services.settings.operator
    taken = import_kind(
        kind,
        operator=operator,
        hasher=services.hasher,
        currency_digits=get_currency_precision(operator.currency),
        now=services.clock.now,
    )
    run = Run(engine=services.engine, kind=taken, suppression_key=services.keys.suppression, clock=services.clock)
    report = import_file(run, path)
    if report.rejected:
        raise DemoError(f"{path}: {report.rejected} rows were rejected, the first: {report.refusals[0].reason}")
    return report


def _ban(services: Services, bans: Iterable[permissions.Ban], now: datetime) -> None:
    with write(services.engine) as conn:
        for ban in bans:
            suppress(
                conn,
                hasher=services.hasher,
                channel=ban.channel,
                address=ban.address,
                scope="all" if ban.reason != "opt_out" else "marketing_and_survey",
                reason=ban.reason,
                source=BAN_SOURCE,
                now=now,
            )
