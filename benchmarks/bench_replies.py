"""P13: replies to surveys read on one core, against 20,000 a second.

    python benchmarks/bench_replies.py [--count N] [--rounds N]

Half of the replies are a bare digit, as most are; the other half are the texts of `sayings.jsonl` beside its tests.
The parser remembers no text. Time is that of the processor.
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import Row, say
from care.surveys.replies.model import Reply, Stage
from care.surveys.replies.read import read_reply

SAYINGS = Path(__file__).resolve().parents[1] / "tests" / "surveys" / "replies" / "sayings.jsonl"
PER_SECOND = 20_000
MUST, STRETCH = 1.0, 2.0


def replies(count: int, *, seed: int = 13) -> list[Reply]:
    """Return `count` replies, half of them a bare digit."""
    dice = random.Random(seed)
    rows = [json.loads(line) for line in SAYINGS.read_text(encoding="utf-8").splitlines()]
    texts = [(text, row) for row in rows for text in row["texts"]]
    made = [Reply(text=dice.choice(("5", "4", "1", " 5 ", "3.", "５", "2分"))) for _ in range(count // 2)]
    for _ in range(count - len(made)):
        text, row = dice.choice(texts)
        made.append(Reply(text=text, scale=row["scale"], stage=Stage(row["stage"]), lang=row["lang"]))
    dice.shuffle(made)
    return made


def measure(count: int, rounds: int) -> Row:
    """Return the row of the best round."""
    say(f"P13: reading {count:,} replies")
    made = replies(count)
    read_reply(made[0])
    best = min(_seconds(made) for _ in range(rounds))
    rate = count / best
    return Row(
        row="P13",
        work=f"{count:,} replies to surveys, half of them a digit",
        ours=f"{rate:,.0f}/s",
        reference=f"{PER_SECOND:,}/s",
        ratio=rate / PER_SECOND,
        must=MUST,
        stretch=STRETCH,
    )


def _seconds(made: list[Reply]) -> float:
    started = time.process_time()
    for reply in made:
        read_reply(reply)
    return time.process_time() - started


def main() -> None:
    """Print the rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    row = measure(given.count, given.rounds)
    print(f"{row.row}: {row.ours} of {row.reference}, ratio {row.ratio:.2f}")


if __name__ == "__main__":
    main()
