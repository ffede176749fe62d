"""Replies that were written down before the parser was shown them, ordinary messages full of refusals' words, slips."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from care.surveys.replies.model import Kind
from tests.surveys.replies.everyday_stops import everyday_stops
from tests.surveys.replies.saying import Saying, hear

SEED = 20_261_127
_HERE = Path(__file__).parent


def unseen() -> Iterator[tuple[Saying, str]]:
    """Yield each reply with the flag that a person would put on it, '' for none."""
    for name in ("unseen_first", "unseen_second", "unseen_third"):
        for line in (_HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            flag = row.pop("flag")
            for text in row.pop("texts"):
                yield Saying(**row, text=text), flag


class TestUnseen:
    """The figures that hold for replies nobody tuned to; a change of the lists must not lose them."""

    def test_kinds_scores_and_refusals_are_right(self) -> None:
        """Kind, score, refusals, and no refusal that nobody meant."""
        rows = [(row, hear(row.text, scale=row.scale, stage=row.stage, lang=row.lang)) for row, _ in unseen()]
        right = [row for row, found in rows if found.kind == row.kind]
        given = [(row, found.as_dict()["score"]) for row, found in rows if found.kind is Kind.SCORE]
        refusals = [found.kind is Kind.OPT_OUT for row, found in rows if row.kind == "opt_out"]

        assert len(right) >= 0.97 * len(rows), [row.text for row, found in rows if found.kind != row.kind]
        assert [row.text for row, score in given if row.kind == "score" and score != row.score] == []
        assert len([row for row, _ in given if row.kind != "score"]) <= 0.005 * len(rows)
        assert sum(refusals) >= 0.98 * len(refusals)
        assert [row.text for row, found in rows if found.kind is Kind.OPT_OUT and row.kind != "opt_out"] == []

    def test_ways_out_are_flagged(self) -> None:
        """Nine of ten: where a flag is missing, a person still reads the words."""
        flagged = [(row, flag) for row, flag in unseen() if flag]
        found = [flag in hear(row.text, scale=row.scale, stage=row.stage, lang=row.lang).flags for row, flag in flagged]

        assert sum(found) >= 0.9 * len(found)

    @pytest.mark.parametrize(
        "change",
        [
            lambda text, dice: text.upper() if text.isascii() else text,
            lambda text, dice: f"  {text} ",
            lambda text, dice: text.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}),
            lambda text, dice: text + dice.choice(["!", "!!", "。", "~", " ", "\n"]),
            lambda text, dice: text.replace(",", "，").replace(".", "。") if not text.isascii() else text,
            lambda text, dice: text.replace(" ", "  "),
        ],
        ids=["capitals", "blanks", "full-width", "signs", "commas", "wide-blanks"],
    )
    def test_clothes_change_no_score_and_invent_none(self, change) -> None:
        """Case, width, blanks and closing signs never turn a score into another, nor words into a score."""
        dice = random.Random(SEED)
        turned = []
        for row, _ in unseen():
            plain = hear(row.text, scale=row.scale, stage=row.stage, lang=row.lang)
            dressed = hear(change(row.text, dice), scale=row.scale, stage=row.stage, lang=row.lang)
            if dressed.score is not None and dressed.score != plain.score:
                turned.append((row.text, plain.score, dressed.score))
        assert turned == [], SEED

    def test_slips_of_the_finger_invent_no_score(self) -> None:
        """Two letters swapped, one lost, one doubled: the reply may become unclear, but hardly ever another score."""
        dice = random.Random(SEED)
        wrong, tried = [], 0
        for row, _ in unseen():
            if row.kind != "score" or row.scale != "csat5" or not row.text.isascii():
                continue
            for _ in range(6):
                text = _slip(row.text, dice)
                found = hear(text, scale=row.scale, stage=row.stage, lang=row.lang)
                tried += 1
                if found.kind is Kind.SCORE and found.score != row.score:
                    wrong.append((text, found.score, row.score))
        assert len(wrong) <= 0.01 * tried, (SEED, wrong)


class TestOrdinaryMessages:
    def test_that_stop_cancel_and_return_things_refuse_nothing(self) -> None:
        """Forty thousand with "stop", "cancel", "退" and "停" in them: not one is a refusal of ours."""
        texts = set(everyday_stops(40_000, seed=SEED))

        assert len(texts) > 15_000
        assert [text for text in texts if hear(text, stage="none").kind is Kind.OPT_OUT] == []


def _slip(text: str, dice: random.Random) -> str:
    letters = [index for index, sign in enumerate(text[:-1]) if sign.isalpha() and text[index + 1].isalpha()]
    if not letters:
        return text
    at = dice.choice(letters)
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return dice.choice([swapped, text[:at] + text[at + 1 :], text[:at] + text[at] + text[at:]])
