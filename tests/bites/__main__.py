"""Take away one guarantee at a time, in a copy of the tree, and see its tests fail: `python -m tests.bites [WORDS]`.

First all the tests must pass in the copy as it is. Then each removal must make each of its tests fail by what it
finds; a test that cannot be collected, or ends by a name that is gone, proves nothing. What is played on both
databases is played on SQLite only; what needs PostgreSQL has it. Exit code 1 if any survives.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from tests.bites.removals import NotThereError, Removal, read_removals

ROOT = Path(__file__).resolve().parent.parent.parent
WORKERS = int(os.environ.get("WORKERS", "2"))
MOST_SECONDS = 300
BROKEN = ("NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "UnboundLocalError")
"""How a test ends where the removal itself is wrong."""


class UnplayedError(Exception):
    """The tests could not be run."""


class Ended(NamedTuple):
    """How a test ended that did not pass: failure, error or skipped."""

    test: str  # module, class and name, with dots
    how: str
    message: str


class Played(NamedTuple):
    """One removal, and why it proves nothing; '' if it bites."""

    removal: Removal
    problem: str


class Copy:
    """The files under version control, somewhere else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)

    def run(self, tests: Iterable[str]) -> list[Ended]:
        """Run tests, and return how each ended that did not pass."""
        report = self.folder / "report.xml"
        report.unlink(missing_ok=True)
        options = ["-q", "--tb=line", "-k", "not postgresql", "-o", "junit_family=xunit1", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", *options, *sorted(tests)]
        env = {**os.environ, "PYTHONPATH": str(self.folder)}
        done = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, check=False, timeout=MOST_SECONDS
        )
        if done.returncode not in (0, 1) or not report.exists():
            raise UnplayedError(f"pytest ended with {done.returncode}: {(done.stdout + done.stderr)[-300:]}")
        return list(ends_in(report))

    def play(self, removal: Removal) -> str:
        """Take a guarantee away, run its tests, put it back; return why nothing is proven, '' if it bites."""
        path = self.folder / removal.file
        text = path.read_text(encoding="utf-8")
        try:
            path.write_text(removal.applied_to(text), encoding="utf-8")
            ends = self.run(removal.tests)
        except (NotThereError, UnplayedError, subprocess.TimeoutExpired) as error:
            return str(error)
        finally:
            path.write_text(text, encoding="utf-8")
        return "; ".join(filter(None, (why_unproven(test, ends) for test in removal.tests)))


def ends_in(report: Path) -> Iterator[Ended]:
    """Yield how each test ended that did not pass."""
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - written a moment ago by our own run
        for how in ("failure", "error", "skipped"):
            if (found := case.find(how)) is not None:
                yield Ended(f"{case.get('classname')}.{case.get('name')}", how, found.get("message", ""))


def is_of(ended: Ended, test: str) -> bool:
    """Tell whether it is how this test ended, with whatever parameters."""
    path, *names = test.split("::")
    dotted = ".".join([path.removesuffix(".py").replace("/", "."), *names])
    return ended.test == dotted or ended.test.startswith(f"{dotted}[")


def why_unproven(test: str, ends: Sequence[Ended]) -> str:
    """Return why a test does not prove anything, '' if it failed by what it found."""
    failed = [ended for ended in ends if is_of(ended, test) and ended.how == "failure"]
    if not failed:
        others = [f"{ended.how}: {ended.message[:200]}" for ended in ends if is_of(ended, test)]
        return f"{test} did not fail {others or ''}"
    if all(ended.message.startswith(BROKEN) for ended in failed):
        return f"{test} ended by {failed[0].message.splitlines()[0]}"
    return ""


def play_share(share: Sequence[Removal], folder: Path) -> list[Played]:
    """Play some removals in one copy, but none whose tests do not pass where nothing is taken away."""
    copy = Copy(folder)
    before = copy.run({test for removal in share for test in removal.tests})
    results = []
    for removal in share:
        begun = time.monotonic()
        harmed = [ended for ended in before if any(is_of(ended, test) for test in removal.tests)]
        problem = f"does not pass as it is: {harmed}" if harmed else copy.play(removal)
        seconds = time.monotonic() - begun
        sys.stderr.write(f"{'SURVIVES' if problem else 'bites   '}  {removal.guarantee}, {seconds:.0f} s  {problem}\n")
        results.append(Played(removal, problem))
    return results


def table(results: Iterable[Played]) -> str:
    """Return the table of docs/chaos.md."""
    lines = ["| guarantee | row | taken away in | seen failing in |", "|---|---|---|---|"]
    for removal, problem in results:
        rows = ", ".join(map(str, removal.rows)) or "–"
        seen = ", ".join(f"`{test.split('::', 1)[1].replace('::', '.')}`" for test in removal.tests)
        lines.append(f"| {removal.guarantee} | {rows} | `{removal.file}` | {'**nothing**' if problem else seen} |")
    return "\n".join(lines)


def main(words: Sequence[str]) -> int:
    """Play all removals, or those whose guarantee has one of the words; return the exit code."""
    chosen = [one for one in read_removals() if not words or any(word in one.guarantee for word in words)]
    shares = [share for n in range(WORKERS) if (share := chosen[n::WORKERS])]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bites-") as made, ThreadPoolExecutor(len(shares) or 1) as threads:
        folders = [Path(made) / str(n) for n in range(len(shares))]
        played = [one for done in threads.map(play_share, shares, folders) for one in done]
    results = sorted(played, key=lambda one: chosen.index(one.removal))
    survived = [f"{removal.guarantee}: {problem}" for removal, problem in results if problem]
    today = datetime.now(UTC)  # noqa: TID251 - the day on which it was played
    sys.stdout.write(f"{table(results)}\n\n")
    sys.stdout.write(
        f"{today:%Y-%m-%d}: {len(results) - len(survived)} of {len(results)} bite, {time.monotonic() - begun:.0f} s\n"
    )
    sys.stdout.writelines(f"survives: {line}\n" for line in survived)
    return 1 if survived or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
