"""A power cut under SQLite itself: what was written and not synced may be gone, sector by sector.

The library that Python's own `sqlite3` uses gets a file system that is its usual one, except that we see every write
and every sync. From that we know what a disk must hold after a cut, and what it merely may hold.
"""

import _sqlite3
import ctypes
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECTOR = 512
OK = 0
_P, _I, _L = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
_OPEN = ctypes.CFUNCTYPE(_I, _P, _P, _P, _I, _P)
_WRITE = ctypes.CFUNCTYPE(_I, _P, _P, _I, _L)
_TRUNCATE = ctypes.CFUNCTYPE(_I, _P, _L)
_SYNC = ctypes.CFUNCTYPE(_I, _P, _I)
_CLOSE = ctypes.CFUNCTYPE(_I, _P)


class _Vfs(ctypes.Structure):
    """The head of SQLite's `sqlite3_vfs`."""

    _fields_ = (
        ("version", _I),
        ("file_size", _I),
        ("longest_path", _I),
        ("next", _P),
        ("name", ctypes.c_char_p),
        ("data", _P),
        ("open", _P),
        ("others", _P * 15),
    )


class _Methods(ctypes.Structure):
    """SQLite's `sqlite3_io_methods`."""

    _fields_ = (
        ("version", _I),
        ("close", _P),
        ("read", _P),
        ("write", _P),
        ("truncate", _P),
        ("sync", _P),
        ("others", _P * 13),
    )


class _File(ctypes.Structure):
    """The head of SQLite's `sqlite3_file`."""

    _fields_ = (("methods", ctypes.POINTER(_Methods)),)


@dataclass
class Disk:
    """One file: what is safe, what is written, and which sectors differ."""

    safe: bytearray = field(default_factory=bytearray)
    written: bytearray = field(default_factory=bytearray)
    dirty: set[int] = field(default_factory=set)

    def write(self, offset: int, data: bytes) -> None:
        end = offset + len(data)
        self.written.extend(bytes(max(0, end - len(self.written))))
        self.written[offset:end] = data
        self.dirty.update(range(offset // SECTOR, (end - 1) // SECTOR + 1))

    def truncate(self, size: int) -> None:
        self.dirty.update(range(size // SECTOR, len(self.written) // SECTOR + 1))
        del self.written[size:]

    def sync(self) -> None:
        self.safe, self.dirty = bytearray(self.written), set()

    def after_a_cut(self, dice: random.Random) -> bytes:
        """Return what may be found: everything safe, and each unsynced sector as it was or as it is."""
        found = bytearray(self.safe)
        for sector in sorted(self.dirty):
            new = self.written[sector * SECTOR : (sector + 1) * SECTOR]
            if new and dice.random() < 0.5:
                found.extend(bytes(max(0, sector * SECTOR + len(new) - len(found))))
                found[sector * SECTOR : sector * SECTOR + len(new)] = new
        return bytes(found)


@dataclass(kw_only=True)
class Power:
    """Watches the files of one folder. `moment` is called after every write and sync."""

    folder: Path
    moment: Callable[[], None] = lambda: None
    disks: dict[Path, Disk] = field(default_factory=dict)
    problems: list[BaseException] = field(default_factory=list)
    writes: int = 0
    syncs: int = 0
    _open: dict[int, Disk] = field(default_factory=dict)  # by the address of SQLite's file
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def opened(self, address: int, path: Path) -> None:
        if not path.exists() or not path.stat().st_size:
            self.disks[path] = Disk()
        elif path not in self.disks:
            whole = bytearray(path.read_bytes())
            self.disks[path] = Disk(safe=bytearray(whole), written=whole)
        self._open[address] = self.disks[path]

    def closed(self, address: int) -> None:
        self._open.pop(address, None)

    def done(self, address: int, act: Callable[[Disk], None]) -> None:
        """Note what was done to a file, if it is one of ours."""
        with self._lock:
            disk = self._open.get(address)
            if disk is not None:
                act(disk)
                self.moment()

    def cut(self, into: Path, dice: random.Random) -> Path:
        """Write into a folder what would be found when the power came back; return the database there."""
        with self._lock:
            for path, disk in self.disks.items():
                if path.exists() and not path.name.endswith("-shm"):
                    (into / path.name).write_bytes(disk.after_a_cut(dice))
        return into / "care.db"


class _Watch:
    """SQLite's usual file system with our eyes on it, as the default of this process."""

    def __init__(self, library: Any, power: Power) -> None:
        self._power, self._library = power, library
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        usual = library.sqlite3_vfs_find(None)
        self._usual_open = _OPEN(usual.contents.open)
        self._vfs = _Vfs()
        ctypes.memmove(ctypes.byref(self._vfs), usual, ctypes.sizeof(_Vfs))
        self._open = _OPEN(self._do_open)
        self._vfs.name, self._vfs.open = b"power", ctypes.cast(self._open, _P)
        self._patched: dict[int, _Methods] = {}
        self._kept: list[Any] = []  # what C holds on to

    def start(self) -> None:
        assert self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1) == OK

    def stop(self) -> None:
        assert self._library.sqlite3_vfs_unregister(ctypes.byref(self._vfs)) == OK

    def _do_open(self, vfs: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        code = self._usual_open(vfs, name, file, flags, out)
        path = Path(os.fsdecode(ctypes.string_at(name))) if name else None
        if code == OK and path is not None and path.parent == self._power.folder:
            head = ctypes.cast(file, ctypes.POINTER(_File)).contents
            head.methods = ctypes.pointer(self._methods_for(head.methods))
            self._guard(self._power.opened, file, path)
        return code

    def _methods_for(self, usual: Any) -> _Methods:
        address = ctypes.addressof(usual.contents)
        if address not in self._patched:
            self._patched[address] = self._patch(usual.contents)
        return self._patched[address]

    def _patch(self, usual: _Methods) -> _Methods:
        write, truncate = _WRITE(usual.write), _TRUNCATE(usual.truncate)
        sync, close = _SYNC(usual.sync), _CLOSE(usual.close)
        power = self._power

        def do_write(file: int, data: int, size: int, offset: int) -> int:
            code = write(file, data, size, offset)
            if code == OK:
                power.writes += 1
                whole = ctypes.string_at(data, size)
                self._guard(power.done, file, lambda disk: disk.write(offset, whole))
            return code

        def do_truncate(file: int, size: int) -> int:
            code = truncate(file, size)
            if code == OK:
                self._guard(power.done, file, lambda disk: disk.truncate(size))
            return code

        def do_sync(file: int, flags: int) -> int:
            code = sync(file, flags)
            if code == OK:
                power.syncs += 1
                self._guard(power.done, file, Disk.sync)
            return code

        def do_close(file: int) -> int:
            self._guard(power.closed, file)
            return close(file)

        made = _Methods()
        ctypes.memmove(ctypes.byref(made), ctypes.byref(usual), ctypes.sizeof(_Methods))
        for name, kind, act in (
            ("write", _WRITE, do_write),
            ("truncate", _TRUNCATE, do_truncate),
            ("sync", _SYNC, do_sync),
            ("close", _CLOSE, do_close),
        ):
            held = kind(act)
            self._kept.append(held)
            setattr(made, name, ctypes.cast(held, _P))
        return made

    def _guard(self, act: Callable[..., None], *args: Any) -> None:
        """An error in a callback would be printed and forgotten: keep it."""
        try:
            act(*args)
        except BaseException as error:  # noqa: BLE001 - given back to the test
            self._power.problems.append(error)


def why_not() -> str:
    """Return why no power can be cut here, '' where it can."""
    try:
        ctypes.CDLL(_sqlite3.__file__).sqlite3_vfs_find  # noqa: B018 - the symbol must be there
    except (AttributeError, OSError):
        return "Python's SQLite is linked into it and cannot be watched"
    return ""


@contextmanager
def power_over(folder: Path) -> Iterator[Power]:
    """Watch all files that SQLite opens in a folder from now on."""
    power = Power(folder=folder)
    watch = _Watch(ctypes.CDLL(_sqlite3.__file__), power)
    watch.start()
    try:
        yield power
    finally:
        watch.stop()
        _ALIVE.append(watch)
        assert power.problems == []


_ALIVE: list[Any] = []
"""A connection that is closed late still calls what it was opened with."""
