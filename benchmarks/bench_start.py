"""P15: from `care run` to the first claimed message, against importing the same packages; `care --help` against typer.

    python benchmarks/bench_start.py [--rounds N]

`care run` starts three processes: the leader, the web process and the dispatcher, which claims. A message is due
before they start. The reference is one bare process that imports every third-party and standard module that the three
load. The other reference is a typer program with two commands that prints its help.
"""

import argparse
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import world as worlds
from benchmarks.measure import Compared, Row, Spent, compare, in_turn, say, table

MUST, STRETCH = 2.0, 1.3
LOOK_EVERY_SECONDS = 0.003
LONGEST_SECONDS = 60
_BARE = """\
import typer
app = typer.Typer(help="A bare program.")
@app.command()
def one(name: str = typer.Option("", help="Who.")) -> None:
    "Do one thing."
@app.command()
def two() -> None:
    "Do another."
app()
"""
_IMPORT = """\
import importlib, json, sys
for name in json.load(open(sys.argv[1])):
    try:
        importlib.import_module(name)
    except Exception:
        pass
"""


def run_program(command: Sequence[str], env: dict[str, str] | None = None) -> Spent:
    """Run a program to its end; return its time and CPU."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


class Daemon:
    """`care run` on a small world with one message due."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._services = folder, worlds.open_folder(folder)
        self._env = {**os.environ, **json.loads((folder / "env.json").read_text(encoding="utf-8"))}
        assert worlds.plan_now(self._services) == 1

    def start(self, log: int = subprocess.DEVNULL, **more: str) -> Spent:
        """Start the daemon, wait for the first claim, end it."""
        worlds.make_due_again(self._services)
        started = time.perf_counter()
        daemon = subprocess.Popen(
            [sys.executable, "-m", "care.cli.main", "run"],
            env=self._env | more,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            took = self._wait_for_claim(started)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(LONGEST_SECONDS)
        return Spent(took, 0.0)

    def modules(self) -> list[str]:
        """Return the modules that are not ours which the processes load, in the order they are first loaded."""
        with (self._folder / "imports").open("w+", encoding="utf-8") as trace:
            self.start(trace.fileno(), PYTHONPROFILEIMPORTTIME="1")
            trace.seek(0)
            found = [line.rpartition("|")[2].strip() for line in trace if line.startswith("import time:")]
        return [name for name in dict.fromkeys(found) if name.partition(".")[0] not in {"care", "__main__", "site"}]

    def close(self) -> None:
        """Let go of the database."""
        self._services.engine.dispose()

    def _wait_for_claim(self, started: float) -> float:
        with sqlite3.connect(self._folder / "care.db") as watcher:
            while not watcher.execute("SELECT 1 FROM message WHERE status <> 'planned'").fetchone():
                if time.perf_counter() - started > LONGEST_SECONDS:
                    raise RuntimeError("nothing was claimed")
                time.sleep(LOOK_EVERY_SECONDS)
            return time.perf_counter() - started


def measure_run(rounds: int) -> Row:
    """Return P15 for `care run`."""
    folder = worlds.make_folder({"bench": worlds.CAMPAIGN.format(channel="sms")}, {"CARE_WEB__PORT": "0"})
    try:
        services = worlds.open_folder(folder)
        worlds.add_customers(services, 1)
        services.engine.dispose()
        daemon = Daemon(folder)
        names = folder / "modules.json"
        names.write_text(json.dumps(daemon.modules()), encoding="utf-8")
        bare = [sys.executable, "-c", _IMPORT, str(names)]
        run_program(bare)
        say("P15: care run, bare imports")
        c = compare(in_turn(rounds, daemon.start, lambda: run_program(bare)))
        daemon.close()
    finally:
        with suppress(OSError):
            shutil.rmtree(folder)
    return _row("`care run` to its first claim", "import of its packages", c, cpu_counts=False)


def measure_help(rounds: int) -> Row:
    """Return P15 for `care --help`."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "bare.py"
        program.write_text(_BARE, encoding="utf-8")
        ours, bare = [sys.executable, "-m", "care.cli.main", "--help"], [sys.executable, str(program), "--help"]
        say("P15: care --help, a bare typer program")
        c = compare(in_turn(rounds, lambda: run_program(ours), lambda: run_program(bare), quiet=True))
    return _row("`care --help`", "a bare typer program", c, cpu_counts=True)


def _row(work: str, against: str, found: Compared, *, cpu_counts: bool) -> Row:
    return Row(
        row="P15",
        work=work,
        ours=f"{found.ours.wall * 1000:,.0f} ms",
        reference=f"{against}: {found.reference.wall * 1000:,.0f} ms",
        ratio=1 / found.ratio,
        cpu_ratio=1 / found.cpu_ratio if cpu_counts else None,
        must=MUST,
        stretch=STRETCH,
        is_limit=True,
    )


def measure(rounds: int) -> list[Row]:
    """Return both rows."""
    return [measure_run(rounds), measure_help(rounds * 2)]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(table(measure(given.rounds)))


if __name__ == "__main__":
    main()
