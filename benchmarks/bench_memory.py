"""P12: the memory of the daemon with a million customers who are all due, against the same with ten thousand.

    python benchmarks/bench_memory.py [--customers N] [--small N] [--url URL --small-url URL]

One process does all the daemon's work: it runs the periodic jobs, which plan everybody, and dispatches some thousand
of the messages. What counts is the most memory it ever held.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import big
from benchmarks import world as worlds
from benchmarks.bench_dispatch import sms_settings
from benchmarks.measure import Row, say, table
from benchmarks.sinks import sink

MUST, STRETCH, MOST_MB = 1.4, 1.15, 250
SENDS = 5_000


def hold(folder: Path, sends: int) -> dict[str, Any]:
    """Return what a fresh process held that planned this world and sent some of it."""
    with sink("http") as port:
        worlds.change_settings(folder, sms_settings(port))
        services = worlds.open_folder(folder)
        worlds.unplan(services.engine)
        services.engine.dispose()
        script = Path(__file__).with_name("worker_memory.py")
        done = subprocess.run(
            [sys.executable, str(script), str(folder), str(sends)], stdout=subprocess.PIPE, check=True, text=True
        )
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["sent"] >= min(sends, found["rows"] // 2), found
    return found


def measure_in(folders: dict[int, Path], *, sends: int = SENDS) -> Row:
    """Return P12 over the largest and the smallest of some worlds where everybody is due."""
    large, small = max(folders), min(folders)
    engine = worlds.open_folder(folders[large]).engine
    name = "PostgreSQL" if engine.dialect.name == "postgresql" else "SQLite"
    say(f"P12 on {name}: memory at {small:,} and {large:,} customers")
    little, much = hold(folders[small], sends), hold(folders[large], sends)
    return Row(
        row="P12",
        work=f"daemon's memory, {large:,} customers, all due, {name}",
        ours=f"{much['peak']:.0f} MB ({much['loaded']:.0f} at the start)",
        reference=f"{small:,} customers: {little['peak']:.0f} MB",
        ratio=much["peak"] / little["peak"],
        must=MUST,
        stretch=STRETCH,
        is_limit=True,
        also=f"more than {MOST_MB} MB" if much["peak"] > MOST_MB else "",
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--url", default="", help="a PostgreSQL database for the large world; its tables are dropped")
    parser.add_argument("--small-url", default="", help="another one for the small world")
    given = parser.parse_args()
    with (
        big.big_world(given.customers, url=given.url) as large,
        big.big_world(given.small, url=given.small_url) as small,
    ):
        print(table([measure_in({given.customers: large, given.small: small})]))


if __name__ == "__main__":
    main()
