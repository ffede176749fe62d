"""Fixtures that the whole suite shares: a clean database of each kind, a clock that moves when told."""

import gc
import logging
import os
import pickle
import secrets
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog
from hypothesis import settings
from ruamel.yaml.comments import CommentedMap
from sqlalchemy.util import LRUCache

from care.base import yamlfile
from care.base.clock import VirtualClock
from care.base.database import metadata, open_engine, write
from care.campaigns import templates
from care.campaigns.email_source import CompiledEmail
from care.campaigns.template_files import SHARED
from care.campaigns.templates import MessageTemplate
from care.migrations.schema import full_metadata
from care.migrations.version import newest
from tests.factories import number_from
from tests.house import House, build_house
from tests.postgres_server import postgres_server

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, not a file
MOST_STATEMENTS = 4_000
SLOW_SECONDS = 300  # several processes on a machine where others work
YOUNG = 5_000
"""So many new objects are worth a look for rubbish."""

ROOM = 6 << 30  # bytes; a whole run needs less than a tenth


def pytest_configure() -> None:
    """Let no example fail for being slow, draw the same ones each time, and keep what tests write in memory where there is room.

    `CARE_TEST_SEED=random` draws others.

    Ten thousand databases then need not wait for a disk; TMPDIR names another place. All that is synced is synced
    there too, and `tests/chaos/power.py` plays the cuts.
    """
    drawn_anew = os.environ.get("CARE_TEST_SEED") == "random"
    settings.register_profile("care", deadline=None, derandomize=not drawn_anew)
    settings.load_profile("care")
    gc.set_threshold(100 * YOUNG)  # until all are found
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # asked anew


def pytest_collection_finish() -> None:
    """Look no more for rubbish among what stays: ten thousand tests and all that they import."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with its share of what takes long, module by module, so that none ends on it.

    Mostly that waits for a process or a clock; the many quick ones after it are what a worker that is done takes over.
    """
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("slow"):
            modules.setdefault(item.path, []).append(item)
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(SLOW_SECONDS))
    shares: list[list[pytest.Item]] = [[] for _ in range(int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))]
    for module in sorted(modules.values(), key=len, reverse=True):
        min(shares, key=len).extend(module)
    quick = [item for item in items if not item.get_closest_marker("slow")]
    dealt: list[pytest.Item] = []
    for number, share in enumerate(shares):  # workers get equal stretches of the list, the last ones what is left over
        room = max(0, (len(items) - len(dealt)) // (len(shares) - number) - len(share))
        dealt += [*share, *quick[:room]]
        quick = quick[room:]
    items[:] = [*dealt, *quick]


def lay_tables(engine: sa.Engine) -> None:
    """Create every table at once, as an upgraded database has them."""
    with write(engine) as connection:
        full_metadata().create_all(connection)
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute(sa.text("DELETE FROM alembic_version"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:version)"), {"version": newest()})


_PLAIN = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    """Put logging back as it was: a command run in a test sets the least level that is written, for all after it.

    What is logged with an error shows no local values: to draw those of a whole house takes many seconds.
    """
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _PLAIN])
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture(autouse=True)
def _numbers_of_its_own(request: pytest.FixtureRequest) -> None:
    """Give a test the same customers whatever ran before it."""
    number_from(zlib.crc32(request.node.nodeid.encode()) % 900_000)


@pytest.fixture(scope="session", autouse=True)
def _texts_compiled_once() -> Iterator[None]:
    """Keep what was made of a text, and of a mail the shared pieces beside it: all that are shipped take a second."""
    mails: dict[tuple[object, ...], CompiledEmail] = {}
    texts: dict[str, MessageTemplate] = {}
    mail_anew, text_anew = templates.compile_email, templates._compile_sms

    def kept_mail(source: str, path: Path, directory: Path) -> CompiledEmail:
        key = (source, *((piece.name, piece.read_bytes()) for piece in sorted(directory.glob(f"{SHARED}/**/*.mjml"))))
        if key not in mails:
            mails[key] = mail_anew(source, path, directory)
        return mails[key]

    def kept_text(name: str, locale: str, path: Path, source: str) -> MessageTemplate:
        if source not in texts:
            texts[source] = text_anew(name, locale, path, source)
        return replace(texts[source], name=name, locale=locale, path=path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(templates, "compile_email", kept_mail)
        patch.setattr(templates, "_compile_sms", kept_text)
        yield


@pytest.fixture(scope="session", autouse=True)
def _files_parsed_once() -> Iterator[None]:
    """Give each reader of a file a copy of what was found in the same text, places and all: a copy takes a thirtieth."""
    parsed: dict[str, bytes] = {}
    anew = yamlfile.parse_yaml

    def copied(text: str, path: Path) -> CommentedMap:
        if text not in parsed:
            parsed[text] = pickle.dumps(anew(text, path))
        document: CommentedMap = pickle.loads(parsed[text])  # noqa: S301 - our own
        return document

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yamlfile, "parse_yaml", copied)
        yield


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of this worker's own PostgreSQL; `CARE_TEST_POSTGRES` names an existing empty database instead."""
    given = os.environ.get("CARE_TEST_POSTGRES")
    if given:
        yield given
        return
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def _postgres_engine(postgres_url: str) -> Iterator[sa.Engine]:
    engine = open_engine(postgres_url, query_cache_size=MOST_STATEMENTS)
    lay_tables(engine)
    yield engine
    engine.dispose()


_FILLED = sa.union_all(
    *(
        sa.select(sa.literal(table.name, sa.Text)).where(sa.exists(sa.select(sa.true()).select_from(table)))
        for table in metadata.sorted_tables
    )
)
_COUNTED = sa.text("""SELECT owner.relname FROM pg_sequences AS one
    JOIN pg_class AS own ON own.relname = one.sequencename AND own.relkind = 'S'
    JOIN pg_depend ON pg_depend.objid = own.oid AND pg_depend.deptype IN ('a', 'i')
    JOIN pg_class AS owner ON owner.oid = pg_depend.refobjid
    WHERE one.last_value IS NOT NULL""")


@pytest.fixture
def postgres_engine(_postgres_engine: sa.Engine) -> sa.Engine:
    """PostgreSQL with every table there and empty; only what a test has touched is emptied, which is much faster."""
    with write(_postgres_engine) as connection:
        touched = {name for found in (_FILLED, _COUNTED) for (name,) in connection.execute(found)}
        if touched:
            names = ", ".join(f'"{name}"' for name in sorted(touched))
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
    return _postgres_engine


@pytest.fixture
def empty_postgres(postgres_url: str) -> Iterator[str]:
    """URL of a PostgreSQL database without a single table."""
    url = sa.make_url(postgres_url)
    name = f"empty_{secrets.token_hex(4)}"
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    server.dispose()


@pytest.fixture(scope="session")
def _laid_sqlite(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('laid') / 'care.db'}")
    engine.update_execution_options(compiled_cache=LRUCache(MOST_STATEMENTS))
    lay_tables(engine)
    engine.dispose()
    return engine


@pytest.fixture
def sqlite_engine(tmp_path: Path, _laid_sqlite: sa.Engine) -> Iterator[sa.Engine]:
    """SQLite in a file of its own, every table there and empty; what one test has compiled serves all after it."""
    shutil.copy(_laid_sqlite.url.database or "", tmp_path / "care.db")
    engine = open_engine(f"sqlite:///{tmp_path / 'care.db'}")
    engine.dialect = _laid_sqlite.dialect
    engine.update_execution_options(**_laid_sqlite.get_execution_options())
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    """The test runs once on each database."""
    return request.getfixturevalue(f"{'sqlite' if request.param == 'sqlite' else 'postgres'}_engine")


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that stands at 2026-09-25 02:00 UTC, which is 10:00 in Shanghai on Mid-Autumn day."""
    return VirtualClock(datetime(2026, 9, 25, 2, 0, tzinfo=UTC))


@pytest.fixture
def house(tmp_path: Path, engine: sa.Engine, clock: VirtualClock) -> House:
    """Services on each database, at 10:00 in Shanghai, with no campaign yet."""
    return build_house(tmp_path, engine, clock)
