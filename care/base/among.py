"""`column IN (many values)` as one parameter: the statement's text never changes, so it is compiled once.

SQLite reads the values from a JSON array, PostgreSQL from an array parameter. A plain IN list costs a bind per
value and a new text per length, which for batches of hundreds is dearer than the look-up itself.
"""

import json
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles


class _Values(sa.types.TypeDecorator[Any]):
    """A list: JSON text on SQLite, an array of the item type on PostgreSQL."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, item: type[sa.types.TypeEngine[Any]]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.ARRAY(self.item()))
        return dialect.type_descriptor(sa.Text())

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        listed = list(value)
        return listed if dialect.name == "postgresql" else json.dumps(listed)


class Among(sa.ColumnElement[bool]):
    """True where a column's value is one of a list given as one parameter."""

    inherit_cache = True
    type = sa.Boolean()
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy's protocol for cache keys
        ("column", sa.sql.visitors.InternalTraversal.dp_clauseelement),
        ("values", sa.sql.visitors.InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: sa.ColumnElement[Any], values: sa.BindParameter[Any]) -> None:
        self.column, self.values = column, values

    def self_group(self, against: Any = None) -> "Among":  # noqa: ARG002 - SQLAlchemy's signature
        """Stand as it is: the usual `… = 1` for SQLite would hide the column from its index."""
        return self

    @property
    def _from_objects(self) -> list[sa.FromClause]:
        return self.column._from_objects  # noqa: SLF001 - the column decides which tables take part


@compiles(Among)
def _generic(element: Among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in (element.column, element.values))
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - compiled parts, no data


@compiles(Among, "postgresql")
def _postgresql(element: Among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in (element.column, element.values))
    return f"{column} = ANY ({values})"


def among(column: sa.ColumnElement[Any], values: Collection[Any] | str) -> sa.ColumnElement[bool]:
    """Return: the column's value is one of `values`, integers or strings; false for an empty collection.

    A string names a parameter instead, for statements that are built once: its value is a list.
    """
    is_number = isinstance(column.type, sa.Integer)
    item: type[sa.types.TypeEngine[Any]] = sa.BigInteger if is_number else sa.String
    if isinstance(values, str):
        return Among(column, sa.bindparam(values, type_=_Values(item)))
    listed = [int(value) for value in values] if is_number else [str(value) for value in values]
    return Among(column, sa.bindparam(None, listed, type_=_Values(item), unique=True))


class _Beside(sa.ColumnElement[Any]):
    """A column that SQLite may not look rows up by."""

    inherit_cache = True
    _traverse_internals = [("column", sa.sql.visitors.InternalTraversal.dp_clauseelement)]  # noqa: RUF012 - as above

    def __init__(self, column: sa.ColumnElement[Any]) -> None:
        self.column, self.type = column, column.type

    @property
    def _from_objects(self) -> list[sa.FromClause]:
        return self.column._from_objects  # noqa: SLF001 - as above


@compiles(_Beside)
def _plain(element: _Beside, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.column, **options))


@compiles(_Beside, "sqlite")
def _without_index(element: _Beside, compiler: Any, **options: Any) -> str:
    return f"+{compiler.process(element.column, **options)}"


def beside(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return a column to compare where the rows are found by their numbers.

    SQLite would rather go through everything that has such a status and look for each of them among the numbers.
    """
    return _Beside(column)
