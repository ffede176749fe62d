"""SQL expressions for the stored values that conditions compare, equal on SQLite and PostgreSQL."""

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from care.customers.tables import customer
from care.segments.conditions import NUMBER_LENGTH, NUMBER_PATTERN
from care.segments.fields import BIRTH_MONTH, BORN


class position_in(GenericFunction[int]):  # noqa: N801 - reads as the SQL function it is
    """`position_in(text, part)`: where a part begins, 0 if nowhere. LIKE would ignore case on SQLite only."""

    type = sa.Integer()
    inherit_cache = True
    name = "instr"


class attribute_text(GenericFunction[str]):  # noqa: N801 - as above
    """`attribute_text(column, path, name)`: a JSON member as text; NULL if absent, null, a list or an object.

    SQLite looks members up by their text in the file, so `path` is escaped as the JSON is; PostgreSQL uses `name`.
    """

    type = sa.Text()
    inherit_cache = True


class text_number(GenericFunction[float]):  # noqa: N801 - as above
    """`text_number(text)`: the number a text spells in plain digits; NULL if it spells none."""

    type = sa.Float()
    inherit_cache = True


@compiles(position_in, "postgresql")
def _position_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


@compiles(attribute_text, "postgresql")
def _attribute_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    column, _path, name = (compiler.process(clause, **options) for clause in element.clauses)
    return (
        f"CASE WHEN json_typeof({column} -> CAST({name} AS TEXT)) IN ('string', 'number', 'boolean') "
        f"THEN {column} ->> CAST({name} AS TEXT) END"
    )


@compiles(attribute_text)
def _attribute_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    column, path, _name = (compiler.process(clause, **options) for clause in element.clauses)
    return (
        f"CASE json_type({column}, {path}) WHEN 'text' THEN json_extract({column}, {path}) "
        f"WHEN 'integer' THEN {column} -> {path} WHEN 'real' THEN {column} -> {path} "
        f"WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' END"
    )


@compiles(text_number, "postgresql")
def _number_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    return (
        f"CASE WHEN length({text}) <= {NUMBER_LENGTH} AND {text} ~ '^{NUMBER_PATTERN}$' "
        f"THEN CAST({text} AS DOUBLE PRECISION) END"
    )


@compiles(text_number)
def _number_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    digits = f"CASE WHEN substr({text}, 1, 1) = '-' THEN substr({text}, 2) ELSE {text} END"
    return (
        f"CASE WHEN length({text}) <= {NUMBER_LENGTH} AND ({digits}) NOT GLOB '*[^0-9.]*' "
        f"AND ({digits}) GLOB '[0-9]*' AND ({digits}) GLOB '*[0-9]' AND ({digits}) NOT GLOB '*.*.*' "
        f"THEN CAST({text} AS REAL) END"
    )


def customer_value_of(column: str) -> sa.ColumnElement[Any]:
    """Return the expression behind a customer field: a column, or what follows from several."""
    if column not in (BORN, BIRTH_MONTH):
        return customer.c[column]
    month_day = sa.cast(customer.c.birth_mmdd, sa.Integer)  # a small integer cannot be compared with a large one
    day = sa.cast(customer.c.birth_year, sa.Integer) * 10_000 + month_day
    return sa.case((customer.c.birth_calendar == "solar", day if column == BORN else month_day // 100))


def attribute(name: str) -> sa.ColumnElement[str]:
    """Return one member of the customer's attributes as text."""
    column = sa.type_coerce(customer.c.attributes, sa.JSON)
    escaped = attribute_text(column, f"$.{json.dumps(name)}", name)
    if name.isascii():
        return escaped
    return sa.func.coalesce(escaped, attribute_text(column, f'$."{name}"', name))
