"""Short ways to ask the parser."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from care.surveys.replies.model import Reading, Reply, Stage
from care.surveys.replies.read import read_reply

SAYINGS = ("sayings.jsonl", "taken_back.jsonl")


class Saying(NamedTuple):
    kind: str
    score: Any
    scale: str
    stage: str
    lang: str
    text: str


def sayings() -> Iterator[Saying]:
    """Yield every text of the collections with what a person would take it for.

    `taken_back.jsonl` holds scores that are almost given, called too much, hung on a condition or corrected, numbers
    that name or measure something, and near misses of each.
    """
    for name in SAYINGS:
        for line in Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            for text in row.pop("texts"):
                yield Saying(**row, text=text)


def hear(text: str, *, scale: str = "csat5", stage: str = "score", lang: str = "", **context: Any) -> Reading:
    return read_reply(Reply(text=text, scale=scale, stage=Stage(stage), lang=lang, context=context))
