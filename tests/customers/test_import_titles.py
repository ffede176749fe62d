"""Titles of other systems: every one of the table leads to a column there is, and ours stay ours."""

from datetime import UTC, datetime
from importlib import resources

import pytest

from care.base.settings import OperatorSettings
from care.customers.addresses import AddressHasher
from care.customers.importing.kinds import KINDS, import_kind
from care.customers.importing.titles import meant_by
from tests.factories import SUPPRESSION_KEY

START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = {
    "customers": ("id", "name", "phone", "email", "birthday", "tier"),
    "tickets": ("id", "customer", "kind", "contact_phone"),
}


def table() -> list[tuple[str, str, list[str]]]:
    text = resources.files("care.customers.importing").joinpath("titles.tsv").read_text(encoding="utf-8")
    lines = [line.split("\t") for line in text.splitlines()[2:]]
    return [(kind, column, titles.split("|")) for kind, column, titles in lines]


def test_each_title_of_the_table_is_understood_with_any_signs() -> None:
    """Case, spaces, dots and dashes make no difference."""
    for kind, column, titles in table():
        for title in titles:
            for written in (title, title.upper(), title.replace(" ", "_"), f" {title.replace(' ', '-')}. "):
                assert meant_by(kind, [written], [column]) == {written: column}


def test_the_table_names_kinds_and_columns_that_there_are() -> None:
    """A column renamed in the code is renamed here too."""
    operator, hasher = OperatorSettings(), AddressHasher(SUPPRESSION_KEY)
    kinds = {
        name: import_kind(name, operator=operator, hasher=hasher, currency_digits=2, now=lambda: START)
        for name in (*KINDS, "tickets")
    }
    assert {kind for kind, _, _ in table()} == set(kinds)
    for kind, column, _ in table():
        assert column in kinds[kind].columns


@pytest.mark.parametrize(
    ("kind", "header", "meant"),
    [
        ("customers", ["手机", "电话"], {"手机": "phone"}),  # ours is meant once
        ("customers", ["备注", "rest"], {}),
        ("customers", ["birthdy", "Tierr"], {"birthdy": "birthday", "Tierr": "tier"}),
        ("tickets", ["手机", "类型"], {"手机": "contact_phone", "类型": "kind"}),
    ],
)
def test_a_header_is_read_as_a_whole(kind: str, header: list[str], meant: dict[str, str]) -> None:
    """One column of ours is meant by one of theirs; a slip of the pen counts as well."""
    assert meant_by(kind, header, COLUMNS[kind]) == meant
