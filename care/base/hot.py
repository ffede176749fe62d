"""Statements that run for every batch: worked out once per database, then handed to the driver as they are.

SQLAlchemy's cached execution still costs about 100 µs a call and 7 µs a row of parameters, which is more than the
look-ups of a batch themselves. Here the statement is built and compiled by SQLAlchemy as always, so it means the
same on both databases; only what it works out anew for each call is worked out once.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

_Convert = Callable[[Any], Any]
_NO_JSON = (sa.Float, sa.Numeric, sa.LargeBinary)
_read_json = json.JSONDecoder().decode


class _Compiled:
    """One statement for one kind of database."""

    def __init__(self, statement: Any, dialect: sa.Dialect, each: Sequence[str], common: Sequence[str]) -> None:
        names = [*each, *common] if isinstance(statement, sa.Insert) else None
        compiled = statement.compile(dialect=dialect, column_keys=names)
        self.is_at_once = bool(each) and dialect.name == "postgresql"
        if self.is_at_once:
            types = {bind.key: _without_length(bind.type) for bind in compiled.bind_names}
            compiled = _at_once(statement, each, common, types).compile(dialect=dialect)
        self.text = str(compiled)
        self.positions: Sequence[str] | None = compiled.positiontup
        self.converters: dict[str, _Convert] = {}
        self.constants: dict[str, Any] = {}
        for bind, name in compiled.bind_names.items():
            assert not bind.expanding, "IN of a list: write `among`, or an OR of equals"
            convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if convert is not None:
                self.converters[name] = convert
            if not bind.required:
                self.constants[name] = convert(bind.value) if convert else bind.value
        if dialect.name == "sqlite" and self.positions is not None:
            self._spell_out()
        self.results = _result_converters(statement, dialect)
        self.is_gathered = dialect.name == "sqlite" and isinstance(statement, (sa.Select, sa.CompoundSelect))
        if self.is_gathered:
            self._gather(len(statement.exported_columns))

    def _gather(self, width: int) -> None:
        """Let all rows come as one JSON text.

        SQLite's driver asks for the interpreter's lock again after each row, and waits for it while messages are sent.
        """
        columns = ", ".join(f"c{number}" for number in range(width))
        self.text = (
            f"WITH found ({columns}) AS ({self.text}) "  # noqa: S608 - compiled text, no data
            f"SELECT json_group_array(json_array({columns})) FROM found"
        )

    def _spell_out(self) -> None:
        """Put constants into the text.

        SQLite plans a statement again each time that a parameter is compared with what an index is limited to.
        """
        pieces = self.text.split("?")
        assert len(pieces) == len(self.positions or ()) + 1, "a question mark that is no parameter"
        places = zip(self.positions or (), pieces[1:], strict=True)
        spelt = ((_literal(self.constants[name]) if name in self.constants else "?") + rest for name, rest in places)
        self.text = pieces[0] + "".join(spelt)
        self.positions = [name for name in self.positions or () if name not in self.constants]
        self.constants = {}

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the driver takes for parameters."""
        convert = self.converters
        return {name: convert[name](value) if name in convert else value for name, value in params.items()}


def _at_once(statement: Any, each: Sequence[str], common: Sequence[str], types: Mapping[str, Any]) -> Any:
    """Let all rows come as one array for each column.

    PostgreSQL takes as long to begin a statement as to write a row.
    """
    arrays = (sa.bindparam(name, type_=ARRAY(types[name])) for name in each)
    columns = (sa.column(name, types[name]) for name in each)
    rows = sa.func.unnest(*arrays).table_valued(*columns).render_derived()
    if isinstance(statement, sa.Insert):
        same = (sa.bindparam(name, type_=types[name]) for name in common)
        return statement.from_select([*each, *common], sa.select(*rows.c, *same))

    def from_its_row(element: Any, **_: Any) -> Any:
        is_given = isinstance(element, sa.BindParameter) and element.key in each
        return rows.c[element.key] if is_given else None

    return sa.sql.visitors.replacement_traverse(statement, {}, from_its_row)


def _without_length(kind: Any) -> Any:
    """Return a type whose cast cuts nothing off: what is too long is an error, as it is for one row."""
    return sa.String() if type(kind) is sa.String else kind


def _literal(value: Any) -> str:
    """Return a value that SQLite's driver takes as SQL text."""
    if value is None:
        return "NULL"
    if isinstance(value, (bool, int, float)):
        return repr(value + 0)
    assert isinstance(value, str), "a constant that is neither text nor number"
    return "'" + value.replace("'", "''") + "'"


def _result_converters(statement: Any, dialect: sa.Dialect) -> list[tuple[int, _Convert]]:
    found = []
    for number, column in enumerate(getattr(statement, "exported_columns", ())):
        assert not isinstance(column.type, _NO_JSON), "a fraction or bytes: they would not come as they were written"
        convert = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if convert is not None:
            found.append((number, convert))
    return found


class Hot:
    """A statement run for every batch.

    Lists go through `care.base.among`, as a statement's text must not depend on their length.
    """

    def __init__(
        self,
        statement: sa.Executable | Callable[[sa.Connection], sa.Executable],
        *,
        each: Sequence[str] = (),
        common: Sequence[str] = (),
    ) -> None:
        """Keep the statement, or what makes it where it is not the same for both databases.

        For `many`, `each` names the parameters that differ from row to row, in the order of a row, and `common` those
        that are the same for all.
        """
        self._statement, self._each, self._common = statement, tuple(each), tuple(common)
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, conn: sa.Connection, **params: Any) -> list[tuple[Any, ...]]:
        """Return all rows, as plain tuples in the order of the statement's columns."""
        compiled = self._for(conn)
        with conn.exec_driver_sql(compiled.text, self._given(compiled, params)) as result:
            found: list[tuple[Any, ...]] = list(result.cursor.fetchall())
        if compiled.is_gathered:
            found = [tuple(row) for row in _read_json(found[0][0])]
        return _converted(found, compiled.results) if compiled.results else found

    def run(self, conn: sa.Connection, **params: Any) -> int:
        """Return how many rows were changed."""
        compiled = self._for(conn)
        with conn.exec_driver_sql(compiled.text, self._given(compiled, params)) as result:
            return int(result.rowcount)

    def many(self, conn: sa.Connection, rows: Sequence[tuple[Any, ...]], **common: Any) -> int:
        """Run once per row; `common` holds what is the same for all. Return how many rows were changed."""
        if not rows:
            return 0
        compiled = self._for(conn)
        if compiled.is_at_once:
            return self.run(conn, **dict(zip(self._each, zip(*rows, strict=True), strict=True)), **common)
        fixed = compiled.constants | compiled.values(common)
        with conn.exec_driver_sql(compiled.text, self._laid_out(compiled, rows, fixed)) as result:
            return int(result.rowcount)

    def _for(self, conn: sa.Connection) -> _Compiled:
        dialect = conn.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            statement = self._statement
            made = statement if isinstance(statement, sa.Executable) else statement(conn)
            compiled = self._compiled[dialect.name] = _Compiled(made, dialect, self._each, self._common)
        return compiled

    @staticmethod
    def _given(compiled: _Compiled, params: Mapping[str, Any]) -> Any:
        values = compiled.constants | compiled.values(params)
        return values if compiled.positions is None else tuple([values[name] for name in compiled.positions])

    def _laid_out(self, compiled: _Compiled, rows: Sequence[tuple[Any, ...]], fixed: Mapping[str, Any]) -> list[Any]:
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for number, name in enumerate(self._each):
            convert = compiled.converters.get(name)
            if convert is not None:
                columns[number] = [convert(value) for value in columns[number]]
        by_name = dict(zip(self._each, columns, strict=True))
        laid = [by_name[name] if name in by_name else (fixed[name],) * len(rows) for name in compiled.positions or ()]
        return list(zip(*laid, strict=True))


def _converted(rows: Sequence[tuple[Any, ...]], converters: Sequence[tuple[int, _Convert]]) -> list[tuple[Any, ...]]:
    """Convert column by column: a call for each value that differs, none for what the driver gives as it should be."""
    if not rows:
        return []
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for number, convert in converters:
        known = {value: convert(value) for value in set(columns[number])}
        columns[number] = [known[value] for value in columns[number]]
    return list(zip(*columns, strict=True))
