"""Several worker processes that start together on a word and tell what they spent.

A worker is a script that calls `serve(work)`: it says "ready", then for each line "go N" does the work and answers with
one JSON line. Starting and warming up is thus in nobody's time.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.measure import Spent

HERE = Path(__file__).resolve().parent


class Crew:
    """Worker processes that are ready."""

    def __init__(self, processes: Sequence["subprocess.Popen[str]"]) -> None:
        self._processes = processes
        self.done = 0
        for process in processes:
            self._line(process)

    def run(self, counts: Sequence[int]) -> Spent:
        """Let each worker do its count; return the time until the last ended, and the CPU of all."""
        started = time.perf_counter()
        for process, count in zip(self._processes, counts, strict=True):
            assert process.stdin is not None
            process.stdin.write(f"go {count}\n")
            process.stdin.flush()
        answers = [json.loads(self._line(process)) for process in self._processes]
        self.done = sum(answer["done"] for answer in answers)
        return Spent(time.perf_counter() - started, sum(answer["cpu"] for answer in answers))

    @staticmethod
    def _line(process: "subprocess.Popen[str]") -> str:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended: {process.args}")
        return line


@contextmanager
def crew(script: str, number: int, *arguments: str) -> Iterator[Crew]:
    """Start so many processes of a script in this folder, and end them afterwards."""
    with ExitStack() as stack:
        processes = []
        for _ in range(number):
            process = subprocess.Popen(
                [sys.executable, str(HERE / script), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=HERE.parent,
            )
            processes.append(stack.enter_context(process))
            stack.callback(process.kill)
        yield Crew(processes)
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()  # the end of the words is the end of the work
            process.wait()


def serve(work: Callable[[int], int], *, cpu: Callable[[], float] = time.process_time) -> None:
    """Work on words from standard input until there are no more; `work` takes a count and returns what it did."""
    print("ready", flush=True)
    for line in sys.stdin:
        used = cpu()
        done = work(int(line.split()[1]))
        print(json.dumps({"done": done, "cpu": cpu() - used}), flush=True)
