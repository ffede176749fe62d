"""The steps add up to the tables in the code, on both databases, and refuse what they do not know."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import care
from care.base.database import open_engine, read, write
from care.base.errors import UnavailableError
from care.migrations.schema import full_metadata
from care.migrations.upgrade import upgrade
from care.migrations.version import VERSIONS, SchemaVersionError, ensure_current, newest, version_of


def _shape(engine: sa.Engine) -> dict[str, Any]:
    """Describe every table, column, key, check and index as the database itself reports them."""
    look = sa.inspect(engine)
    return {
        table: {
            "columns": [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in look.get_columns(table)],
            "options": look.get_table_options(table),
            "key": look.get_pk_constraint(table)["constrained_columns"],
            "foreign": sorted((f["constrained_columns"], f["referred_table"]) for f in look.get_foreign_keys(table)),
            "unique": sorted((u["name"], u["column_names"]) for u in look.get_unique_constraints(table)),
            "checks": sorted((c["name"], c["sqltext"]) for c in look.get_check_constraints(table)),
            "indexes": sorted(
                (i["name"], i["column_names"], i["unique"], _condition(i)) for i in look.get_indexes(table)
            ),
        }
        for table in look.get_table_names()
        if table != "alembic_version"
    }


def _condition(index: Any) -> str:
    """Return what a partial index holds, '' for a whole one."""
    return " ".join(str(where) for name, where in index.get("dialect_options", {}).items() if name.endswith("_where"))


class TestUpgrade:
    def test_builds_the_tables_that_the_code_declares(self, empty_engine: sa.Engine) -> None:
        """Comparing the upgraded database with the metadata finds nothing to do."""
        assert upgrade(empty_engine) == list(VERSIONS)

        with read(empty_engine) as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, full_metadata()) == []

    def test_builds_the_same_constraints_as_the_metadata(self, empty_engine: sa.Engine, tmp_path: Path) -> None:
        """Checks, defaults and indexes are equal too, which the comparison above does not look at."""
        upgrade(empty_engine)
        migrated = _shape(empty_engine)
        with write(empty_engine) as connection:
            full_metadata().drop_all(connection)
            full_metadata().create_all(connection)

        assert migrated == _shape(empty_engine)

    def test_does_nothing_the_second_time(self, empty_engine: sa.Engine) -> None:
        """A current database is left alone."""
        upgrade(empty_engine)

        assert upgrade(empty_engine) == []

    def test_keeps_nothing_of_a_step_that_fails(self, empty_engine: sa.Engine) -> None:
        """All steps are one transaction: a table in the way leaves the database as it was."""
        with write(empty_engine) as connection:
            connection.exec_driver_sql("CREATE TABLE move (x INTEGER)")

        with pytest.raises(UnavailableError):
            upgrade(empty_engine)

        assert sa.inspect(empty_engine).get_table_names() == ["move"]

    def test_refuses_a_database_from_the_future(self, empty_engine: sa.Engine) -> None:
        """A newer program's database is named as such and not touched."""
        upgrade(empty_engine)
        with write(empty_engine) as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        before = _shape(empty_engine)

        with pytest.raises(SchemaVersionError, match=r"is at version 9999, newer than this program knows \(\d{4}\)"):
            upgrade(empty_engine)

        assert _shape(empty_engine) == before


class TestEnsureCurrent:
    def test_accepts_an_upgraded_database(self, empty_engine: sa.Engine) -> None:
        """The version the program works with passes."""
        upgrade(empty_engine)

        ensure_current(empty_engine)

        with write(empty_engine) as conn:
            conn.execute(sa.text("UPDATE alembic_version SET version_num = :older"), {"older": VERSIONS[-2]})
        with pytest.raises(
            SchemaVersionError, match=f"is at version {VERSIONS[-2]}, this program needs {VERSIONS[-1]}"
        ):
            ensure_current(empty_engine)

    def test_names_the_command_for_an_empty_one(self, empty_engine: sa.Engine) -> None:
        """Nothing there yet: the line says what to run."""
        with pytest.raises(SchemaVersionError, match=r"(has no tables yet|is not there)\. Run: care db upgrade"):
            ensure_current(empty_engine)

    def test_explains_a_path_that_cannot_be_opened(self) -> None:
        """A folder that is not there is one line with the place."""
        engine = open_engine("sqlite:////nowhere/at/all/care.db")

        with pytest.raises(UnavailableError, match="nowhere/at/all/care.db: cannot be opened"):
            ensure_current(engine)

    def test_hides_the_password_of_a_server_that_does_not_answer(self) -> None:
        """The address is shown, the password never."""
        engine = open_engine("postgresql+psycopg://care:s3cret@127.0.0.1:1/care", connect_args={"connect_timeout": 2})

        with pytest.raises(UnavailableError, match="does not answer") as caught:
            ensure_current(engine)

        assert "s3cret" not in str(caught.value)


class TestVersions:
    def test_are_the_files_in_the_folder(self) -> None:
        """The list that is read without Alembic is the list of steps."""
        folder = Path(care.__file__).parent / "migrations" / "versions"

        assert sorted(path.name.split("_")[0] for path in folder.glob("0*.py")) == list(VERSIONS)

    def test_include_every_module_of_tables(self) -> None:
        """No `tables.py` is left out of the metadata the steps are made from."""
        house = Path(care.__file__).parent
        modules = {
            ".".join(("care", *path.relative_to(house).with_suffix("").parts)) for path in house.rglob("tables.py")
        }
        text = (house / "migrations" / "schema.py").read_text(encoding="utf-8")

        assert {module for module in modules if f"import {module}" not in text} == set()

    def test_the_newest_is_what_an_upgrade_reaches(self, empty_engine: sa.Engine) -> None:
        """The constant and the database agree."""
        upgrade(empty_engine)

        with read(empty_engine) as connection:
            assert version_of(connection) == newest()
