"""`care report quarter --locale`: the same report, in the language of whoever reads it."""

import re
from importlib import resources
from pathlib import Path

import pytest

from care.base.database import read
from care.base.yamlfile import parse_yaml
from care.cli.report import house_of
from care.reports.document_forms import as_markdown
from care.reports.quarter import read_quarter
from care.reports.quarter_document import write_document
from care.reports.wording import wording_of
from care.surveys.figures.period import quarter_named
from tests.cli.desk import Desk
from tests.surveys.factories_figures import make_quarter

KEPT = """CSAT NPS CES Wilson Student Benjamini Hochberg Spearman TF IDF NMF pip install care analysis surveys improvements
campaign format json Asia Shanghai East West South Chen Wei Li Na two more vans quality"""
"""Names, commands and what people wrote stay as they are."""


def left_in_english(report: str) -> set[str]:
    """Return the English words of a report, without quotes of customers and names of commitments."""
    plain = re.sub(r"“[^”]*”|T-\d+|\b\w+(?:\\?_\w+)+", "", report)
    return set(re.findall(r"[A-Za-z]{2,}", plain)) - set(KEPT.split())


class TestTheReport:
    def test_leaves_nothing_in_english(self, desk: Desk) -> None:
        """Every sentence, heading and word of a table; figures and names are those of the English one."""
        make_quarter(41, tickets=150).write(desk.engine)
        added = ("--theme", "slow", "--measure", "two more vans", "--by", "quality", "--from", "2026-08-10")
        assert desk("surveys", "improvements", "add", *added).code == 0
        house, now = house_of(desk.house.services), desk.house.clock.now()
        for name in ("2026Q3", "2026Q1"):  # one with everything in it, and one that is empty
            with read(desk.engine) as conn:
                document = write_document(read_quarter(conn, quarter_named(name, "Asia/Shanghai"), house, now=now))
            plain = as_markdown(document)
            for locale, title in (("zh-CN", "满意度与反馈报告"), ("zh-TW", "滿意度與回饋報告")):
                said = as_markdown(document, locale)
                assert said.startswith(f"# {title}，{name}\n")
                assert left_in_english(said) == set()
                assert len(said.splitlines()) == len(plain.splitlines())
                assert sorted(re.findall(r"\d+\.\d%", said)) == sorted(re.findall(r"\d+\.\d%", plain))

    def test_is_printed_in_it(self, desk: Desk) -> None:
        """The page says its language, and so do the words that only a page has."""
        page = desk("report", "quarter", "2026Q3", "--locale", "zh-TW").out
        assert '<html lang="zh-TW">' in page
        assert "滿意度與回饋報告，2026Q3</h1>" in page
        assert "none</td>" not in page

    def test_of_a_language_there_is_not_is_refused(self, desk: Desk) -> None:
        """Exit 2, one line with those there are."""
        answer = desk("report", "quarter", "2026Q3", "--locale", "zh_tw")
        assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
        assert "--locale zh_tw: not known" in answer.err


class TestMessages:
    def test_are_whole_in_every_language(self) -> None:
        """No language lacks one, and each fills the same gaps."""
        files = [file for file in resources.files("care.reports").iterdir() if file.name.startswith("words")]
        texts = [parse_yaml(file.read_text(encoding="utf-8"), Path(file.name))["messages"] for file in files]
        assert len(texts) == 2
        assert not texts[0].keys() & texts[1].keys()
        for english, said in (texts[0] | texts[1]).items():
            assert list(said) == ["zh-CN", "zh-TW"], english
            gaps = sorted(re.findall(r"\{\w+\}", english))
            assert all(sorted(re.findall(r"\{\w+\}", text)) == gaps for text in said.values()), english

    @pytest.mark.parametrize(
        ("english", "said"),
        [
            ("Late: 3.5%.", "逾期：3.5%。"),
            ("41.6% of 1,675", "1,675 中的 41.6%"),
            ("Wires of copper", "Wires of copper"),
            ("Against 2026Q2: not enough data to compare (0 answers after, 30 needed on each side).", None),
            ("Left out or not answered: exempt: opted out 45, phone task: a new reason 8.", None),
            ("a-b_3.c", "a-b_3.c"),
        ],
    )
    def test_are_found_whole_or_with_gaps(self, english: str, said: str | None) -> None:
        """A gap for numbers takes no words, so that names stay names; what fills another is looked up too."""
        found = wording_of("zh-CN").say(english)
        assert found == (said or found)
        assert said is not None or not re.search("answers|exempt|opted", found)
