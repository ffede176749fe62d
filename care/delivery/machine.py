"""Which machine and journal this is, and which database: together they tell the original from a copy.

A journal knows what was sent beside it, so each counts by itself, also where several lie on one machine. A cloned
machine keeps its machine-id but gets other network cards; a container has neither, so its name counts.
"""

import socket
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from care.base.ids import digest

_MACHINE_ID = "etc/machine-id"
_CARDS = "sys/class/net"
_BOOT = "proc/sys/kernel/random/boot_id"
_HOST_LETTERS = 64
_PERMANENT = "0"  # a card's address was not made up by software


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine that this process runs on, with its journal, as seen by one database."""

    digest: str  # 16 hex digits of the machine and its journal, 16 of where the database lies
    former: str  # the same as programs say it that ask for the machine alone
    host: str  # for people: its name, and where its journal lies

    @property
    def alone(self) -> tuple[str, str]:
        """The halves that are the machine's own, wherever the database lies."""
        return self.digest[:16], self.former[:16]


def machine_facts(name: str, root: Path = Path("/")) -> str:
    """Return what stays the same on this machine, and differs on every other; `name` from the settings is enough."""
    if name:
        return f"name:{name}"
    cards = sorted(filter(None, map(_card, (root / _CARDS).glob("*"))))
    return "\n".join((_read(root / _MACHINE_ID), *(cards or [socket.gethostname()])))


def boot_id(root: Path = Path("/")) -> str:
    """Return what names this run of the kernel, '' where it tells nothing."""
    return _read(root / _BOOT)


def _card(folder: Path) -> str:
    """Return the address of a built-in network card, '' for what comes and goes: bridges, tunnels, USB."""
    device = folder / "device"
    if not device.exists() or "/usb" in str(device.resolve()) or _read(folder / "addr_assign_type") != _PERMANENT:
        return ""
    return _read(folder / "address")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def this_machine(engine: sa.Engine, name: str, *, journal: Path, journal_name: str) -> Machine:
    """Return this machine as the database knows it; another copy of the database, or of the journal, is another."""
    facts, place, journal = machine_facts(name), digest(_place(engine))[:16], journal.resolve()
    return Machine(
        digest=digest(f"{facts}\njournal:{journal_name}:{journal}")[:16] + place,
        former=digest(facts)[:16] + place,
        host=_for_people(name or socket.gethostname(), journal),
    )


def _for_people(host: str, journal: Path) -> str:
    """Return host and folder; of a long path the end, which tells one from the other."""
    host = host[: _HOST_LETTERS // 2]
    room = _HOST_LETTERS - len(host) - len(" ()")
    where = str(journal)
    return f"{host} ({where if len(where) <= room else '…' + where[1 - room :]})"


def _place(engine: sa.Engine) -> str:
    """Return where the database lies: a path, or the cluster and number of a database on a server."""
    if engine.dialect.name == "sqlite":
        return str(Path(engine.url.database or "").resolve())
    with engine.connect() as conn:
        number = conn.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()").scalar()
        allowed = "SELECT has_function_privilege('pg_control_system()', 'execute')"
        cluster: object = ""
        if conn.exec_driver_sql(allowed).scalar():
            cluster = conn.exec_driver_sql("SELECT system_identifier FROM pg_control_system()").scalar()
    return f"{cluster}/{number}"
