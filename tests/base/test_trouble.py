"""What a driver's error means, from real servers: is the database away for a while, and what to do."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from care.base.database import open_engine, read, why_not_writable, write
from care.base.trouble import AWAY, explain
from care.customers.tables import customer
from tests.factories import make_customer
from tests.read_only import read_only


@pytest.fixture
def guest(postgres_engine: sa.Engine) -> Iterator[sa.URL]:
    """The address of a role that may do nothing, and come in twice at a time."""
    with write(postgres_engine) as conn:
        conn.exec_driver_sql("CREATE ROLE guest LOGIN CONNECTION LIMIT 2")
    yield postgres_engine.url.set(username="guest")
    with write(postgres_engine) as conn:
        conn.exec_driver_sql("DROP ROLE guest")


def said(url: sa.URL, *statements: str, **settings: str) -> str:
    """Return what is told of the trouble that statements run into."""
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    engine = open_engine(url.render_as_string(hide_password=False), connect_args={"options": options})
    try:
        with pytest.raises(AWAY) as caught, read(engine) as conn:
            for statement in statements:
                conn.exec_driver_sql(statement)
    finally:
        engine.dispose()
    return explain(caught.value)


class TestExplain:
    """Each of them is trouble that passes, never a mistake in what was asked."""

    def test_tells_a_server_without_a_free_connection(self, guest: sa.URL) -> None:
        """It runs: to look whether it does would waste the time of whoever was woken."""
        engine = open_engine(guest.render_as_string(hide_password=False))
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(engine.connect())
            assert said(guest) == "has no connection left. End what holds them, or raise max_connections"
        engine.dispose()

    def test_tells_a_statement_that_took_too_long(self, postgres_engine: sa.Engine) -> None:
        """The server answered, by its own rule."""
        told = said(postgres_engine.url, "SELECT pg_sleep(20)", statement_timeout="20")
        assert told.startswith("cut off a statement that took too long. Raise statement_timeout")

    def test_tells_a_lock_that_was_not_given(self, postgres_engine: sa.Engine) -> None:
        """As of a locked file."""
        with write(postgres_engine) as conn:
            conn.exec_driver_sql("LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
            told = said(postgres_engine.url, "SELECT * FROM customer", lock_timeout="20")
        assert told.startswith("is locked by another program.")

    def test_tells_rights_that_are_missing(self, guest: sa.URL) -> None:
        """Some hosts take the right to write away when the disk is full."""
        assert said(guest, "UPDATE customer SET name = ''").startswith("does not let care's role do this. Grant")

    def test_tells_a_server_that_may_only_be_read(self, postgres_engine: sa.Engine) -> None:
        """No file of ours is to blame."""
        told = said(postgres_engine.url, "UPDATE customer SET name = ''", default_transaction_read_only="on")
        assert told.startswith("is read-only: a standby, or protected from writing. Point database.url at the primary")

    def test_tells_a_server_that_is_ended(self, postgres_engine: sa.Engine) -> None:
        """It comes back by itself, most likely."""
        assert (
            said(postgres_engine.url, "SELECT pg_terminate_backend(pg_backend_pid())")
            == "is being stopped or started. Wait, then try again"
        )


class TestAReadOnlyDatabase:
    def test_is_away_and_lets_go_of_its_connections(self, engine: sa.Engine) -> None:
        """It can be written as soon as the database can be, with no connection left that was opened before."""
        with write(engine) as conn:
            make_customer(conn)
        with read_only(engine), pytest.raises(AWAY), write(engine) as conn:
            conn.execute(sa.update(customer).values(name="another"))
        with write(engine) as conn:
            conn.execute(sa.update(customer).values(name="another"))
        with read(engine) as conn:
            assert conn.execute(sa.select(customer.c.name)).scalars().all() == ["another"]


class TestWhyNotWritable:
    def test_tells_only_what_may_not_be_written(self, engine: sa.Engine) -> None:
        """And no row is changed by looking."""
        with write(engine) as conn:
            make_customer(conn, name="before")
        assert why_not_writable(engine, customer) == ""
        with read_only(engine):
            words = why_not_writable(engine, customer)
        assert words.startswith(("is read-only", "may not be written"))
        assert why_not_writable(engine, customer) == ""
        with read(engine) as conn:
            assert conn.execute(sa.select(customer.c.name)).scalars().all() == ["before"]

    def test_waits_for_nobody_who_writes(self, engine: sa.Engine) -> None:
        """What another program has locked can be written; the next who uses the connection waits for it as ever."""
        second = open_engine(engine.url.render_as_string(hide_password=False), pool_size=1)
        with write(engine) as conn:
            make_customer(conn)
            assert why_not_writable(second, customer) == ""
            with second.connect() as other:
                if engine.dialect.name == "sqlite":
                    assert other.exec_driver_sql("PRAGMA busy_timeout").scalar() == 10_000
        second.dispose()
