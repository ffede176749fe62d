"""Transactions, instants and errors that mean the same on both databases."""

import os
import socket
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from care.base import database
from care.base.database import from_micros, insert, open_engine, plain_errors, read, to_micros, write
from care.base.errors import UnavailableError
from care.customers.tables import customer
from tests.factories import make_customer


def _count(engine: sa.Engine) -> int:
    with read(engine) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(customer)).scalar_one())


class TestInstant:
    @given(st.datetimes(timezones=st.just(UTC)))
    def test_survives_to_the_microsecond(self, instant: datetime) -> None:
        """What is stored comes back equal."""
        assert from_micros(to_micros(instant)) == instant

    def test_is_the_same_from_every_zone(self, engine: sa.Engine) -> None:
        """An instant given in Shanghai time is read back in UTC."""
        shanghai = datetime(2026, 9, 25, 10, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
        with write(engine) as connection:
            made = make_customer(connection, created_at=shanghai)

        with read(engine) as connection:
            stored = connection.execute(sa.select(customer.c.created_at).where(customer.c.id == made)).scalar_one()

        assert stored == shanghai
        assert stored.tzinfo is UTC

    def test_refuses_a_naive_time(self) -> None:
        """A time without a zone is a mistake, not a guess."""
        with pytest.raises(ValueError, match="time zone"):
            to_micros(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake itself


class TestWrite:
    def test_keeps_nothing_after_an_error(self, engine: sa.Engine) -> None:
        """The block is one transaction."""
        with pytest.raises(ZeroDivisionError), write(engine) as connection:
            make_customer(connection)
            _ = 1 / 0

        assert _count(engine) == 0

    def test_waits_for_another_writer_instead_of_failing(self, engine: sa.Engine) -> None:
        """Two threads that read and then write both succeed; on SQLite a deferred transaction would not."""

        def add() -> None:
            for _ in range(10):
                with write(engine) as connection:
                    connection.execute(sa.select(sa.func.count()).select_from(customer)).scalar_one()
                    make_customer(connection)

        threads = [threading.Thread(target=add) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert _count(engine) == 30

    def test_lets_readers_see_the_state_before(self, engine: sa.Engine) -> None:
        """A reader neither waits for a writer nor sees half of its work."""
        with write(engine) as connection:
            make_customer(connection)
            assert _count(engine) == 0

        assert _count(engine) == 1


class TestOpenEngine:
    def test_makes_sqlite_durable_and_strict(self, sqlite_engine: sa.Engine) -> None:
        """WAL, an fsync for every commit, and foreign keys that count."""
        with read(sqlite_engine) as connection:
            found = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]

        assert found == ["wal", 2, 1]

    def test_speaks_psycopg_for_a_plain_postgresql_address(self) -> None:
        """The address that most tools write works too."""
        assert open_engine("postgresql://care@127.0.0.1/care").dialect.driver == "psycopg"

    @pytest.mark.parametrize("url", ["nonsense", "oracle9://x", "mysql+nothing://u@h/d"])
    def test_explains_an_address_it_cannot_use(self, url: str) -> None:
        """The key is named and a right value is shown."""
        with pytest.raises(UnavailableError, match="database.url: cannot be used"):
            open_engine(url)


class TestAProcessThatStandsStill:
    def test_lets_others_have_what_it_has_locked(self, postgres_engine: sa.Engine) -> None:
        """PostgreSQL ends its transaction; when it wakes, that did not happen, and the next one is as any other."""
        with write(postgres_engine) as conn:
            make_customer(conn)
        frozen = open_engine(postgres_engine.url.render_as_string(hide_password=False))
        database.outlive_the_frozen(frozen, 0.2)
        with pytest.raises(sa.exc.OperationalError), write(frozen) as conn:
            conn.execute(sa.update(customer).values(name="frozen"))
            with write(postgres_engine) as other:  # waits for the row
                other.execute(sa.update(customer).values(name="another"))
            conn.execute(sa.select(customer.c.id))
        with read(frozen) as conn:
            assert conn.execute(sa.select(customer.c.name)).scalars().all() == ["another"]
        frozen.dispose()


@pytest.mark.skipif(sys.platform != "linux", reason="the limits have other names elsewhere")
class TestAServerThatVanishes:
    def test_is_noticed_in_time(self, postgres_engine: sa.Engine) -> None:
        """Whoever waits for its answer asks whether it is there; whoever asked it something gives up."""
        url = postgres_engine.url.update_query_dict({"tcp_user_timeout": "7000"})
        engine = open_engine(url.render_as_string(hide_password=False))
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            with socket.socket(fileno=os.dup(driver.fileno())) as wire:
                assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
                idle, each, times = (wire.getsockopt(socket.IPPROTO_TCP, name) for name in names)
                assert idle + each * times <= 30
                assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7_000, "the address has its say"
            assert driver.info.get_parameters()["connect_timeout"] == "10"
        engine.dispose()


class TestInsert:
    def test_knows_on_conflict(self, engine: sa.Engine) -> None:
        """The same statement does nothing on both databases when the row is there."""
        with write(engine) as connection:
            make_customer(connection, external_id="C1")
            again = insert(connection, customer).values(
                external_id="C1", country="CN", draw=1, created_at=from_micros(0), updated_at=from_micros(0)
            )
            statement = again.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
            assert connection.execute(statement).rowcount == 0


class TestPlainErrors:
    def test_tell_a_locked_database(self, sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Another program holds the write lock for longer than we wait: one line, and nothing was written."""
        monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
        second = open_engine(sqlite_engine.url.render_as_string())
        locked = pytest.raises(UnavailableError, match="is locked by another program")
        with write(sqlite_engine), locked, plain_errors(second), write(second) as connection:
            make_customer(connection)
        second.dispose()

        assert _count(sqlite_engine) == 0

    def test_tell_a_full_disk(self, sqlite_engine: sa.Engine) -> None:
        """No page left: the whole transaction is gone, what was there before is sound, and work goes on after."""
        with write(sqlite_engine) as connection:
            make_customer(connection)
        with sqlite_engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
        full = pytest.raises(UnavailableError, match="the disk is full. Free space")
        with full, plain_errors(sqlite_engine), write(sqlite_engine) as connection:
            for _ in range(500):
                make_customer(connection, name="x" * 200)

        assert _count(sqlite_engine) == 1
        with sqlite_engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            connection.exec_driver_sql("PRAGMA max_page_count=1000000")
        with write(sqlite_engine) as connection:
            make_customer(connection)
        assert _count(sqlite_engine) == 2

    def test_tell_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        """Rubbish in the file is named as such, with the way back."""
        (tmp_path / "care.db").write_bytes(b"rubbish" * 1000)
        engine = open_engine(f"sqlite:///{tmp_path / 'care.db'}")

        damaged = pytest.raises(UnavailableError, match="is damaged or not a database. Restore a backup")
        with damaged, plain_errors(engine), read(engine):
            pass

    def test_tell_a_constraint_without_its_values(self, engine: sa.Engine) -> None:
        """Neither statement nor values are part of the line."""
        with pytest.raises(UnavailableError) as caught, plain_errors(engine), write(engine) as connection:
            make_customer(connection, name="王小明", status="gone")

        assert "王小明" not in str(caught.value)
        assert "refused a statement" in str(caught.value)
