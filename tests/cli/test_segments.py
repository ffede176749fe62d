"""`care segments` answers for people and for programs."""

import json
from pathlib import Path

import pytest

from care.base.database import open_engine, write
from tests.factories import make_customer

BOOK = """\
gold: {title: {en: Gold, zh-CN: 金卡}, tier: {equals: gold}}
top: {monthly_spend: {top_percent: 50, leave_below: 60}}
"""


@pytest.fixture
def house(upgraded, tmp_path: Path):
    """A working folder with two gold customers and one other."""
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "templates" / "messages").mkdir(parents=True)
    (tmp_path / "campaigns" / "segments.yaml").write_text(BOOK, encoding="utf-8")
    engine = open_engine(f"sqlite:///{tmp_path / 'care.db'}")
    with write(engine) as conn:
        for name, tier, spend in (("A", "gold", 100), ("B", "gold", 200), ("C", None, None)):
            make_customer(
                conn, external_id=name, tier=tier, monthly_spend_minor=spend, phone=None, email=f"{name}@example.com"
            )
    engine.dispose()
    return upgraded


class TestSegments:
    def test_are_listed_with_titles(self, house) -> None:
        """In the operator's language; one JSON object a line for programs."""
        rows = [json.loads(line) for line in house("segments", "list", "--json").out.splitlines()]

        assert [(row["name"], row["title"], row["place"]) for row in rows] == [
            ("gold", "金卡", "segments.yaml:1"),
            ("top", "", "segments.yaml:2"),
        ]

    def test_are_counted_with_the_time_it_took(self, house) -> None:
        """The number, the day and the milliseconds."""
        answer = json.loads(house("segments", "count", "gold", "--on", "2026-09-25", "--json").out)

        assert (answer["customers"], answer["on"], answer["warning"]) == (2, "2026-09-25", None)
        assert answer["took_ms"] >= 0
        assert house("segments", "count", "gold", "--on", "2026-09-25").out.startswith(
            "gold: 2 customers on 2026-09-25"
        )

    def test_warn_until_the_month_is_ranked(self, house) -> None:
        """A rule over ranks says so when there are none, and what to run."""
        assert "Run: care segments rank" in house("segments", "count", "top").out
        ranked = house("segments", "rank", "--json")

        assert json.loads(ranked.out) == {
            "ranked": {"monthly_spend": 2, "lifetime_value": 0},
            "members": {"monthly_spend:50:60": 1},
        }
        assert house("segments", "count", "top").out.startswith("top: 1 customers")
        assert "rank" not in house("segments", "count", "top").out

    def test_are_sampled_without_contacts(self, house) -> None:
        """Ids only: no address leaves the database."""
        answer = house("segments", "sample", "gold", "-n", "5")

        assert sorted(answer.out.split()) == ["A", "B", "customer"]
        assert "@" not in answer.out

    def test_are_explained_part_by_part(self, house) -> None:
        """A member exits 0; whoever is none exits 1 and learns which leaf failed."""
        member, other = (
            house("segments", "explain", "gold", "--customer", "A"),
            house("segments", "explain", "gold", "--customer", "C"),
        )

        assert (member.code, other.code) == (0, 1)
        assert "✓ tier gold is gold  (segments.yaml:1)" in member.out
        assert "✗ tier is not known, needs to be gold  (segments.yaml:1)" in other.out
        told = json.loads(house("segments", "explain", "gold", "--customer", "C", "--json").out)
        assert (told["member"], told["why_not"]) == (False, "tier is not known, needs to be gold (segments.yaml:1)")

    @pytest.mark.parametrize(
        ("words", "code", "told"),
        [
            (("count", "golden"), 2, "care: segment golden: is not known. Did you mean 'gold'?"),
            (("count", "gold", "--on", "tomorrow"), 2, "care: --on tomorrow: is not a day. Write it as 2027-02-06"),
            (("explain", "gold", "--customer", "Z"), 1, "care: customer 'Z': not known. Check the id, or import"),
            (("sample", "top"), 1, "care: segment top: has no customers on "),
        ],
    )
    def test_refuse_what_they_do_not_know(self, house, words, code, told) -> None:
        """One line: where, what, what to do."""
        answer = house("segments", *words)

        assert answer.code == code
        assert answer.err.startswith(told)
        assert answer.err.count("\n") == 1

    def test_tell_every_mistake_of_the_file(self, house, tmp_path) -> None:
        """Two mistakes, two lines, exit 2."""
        broken = "gold: {tir: {equals: gold}}\ntop: {tier: {is: gold}}\n"
        (tmp_path / "campaigns" / "segments.yaml").write_text(broken, encoding="utf-8")

        answer = house("segments", "list")

        assert answer.code == 2
        assert [line.partition("segments.yaml")[2] for line in answer.err.splitlines()] == [
            ":1:8: field 'tir' is not known. Did you mean 'tier'?",
            ":2:14: operator 'is' is not known. Known: contains, equals, one_of",
        ]

    def test_print_the_schema_for_editors(self, house) -> None:
        """JSON that names every field."""
        schema = json.loads(house("segments", "schema").out)

        assert "field.tenure_years" in schema["$defs"]
