"""A file of segments is read whole, or every mistake in it is told."""

from pathlib import Path

import pytest

from care.base.errors import FileError, ManyErrors
from care.segments.fields import Fields
from care.segments.load import load_segments
from care.segments.model import EVERYONE, Days, Group, Leaf, SegmentRef, Share
from care.segments.schema import segments_schema
from tests.segments.all_fields import ALL_FIELDS
from tests.segments.books import book_of, lines, rule_of

SHIPPED = Path(__file__).parents[2] / "campaigns" / "segments.yaml"


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ManyErrors) as caught:
        book_of(folder, text)
    return lines(caught.value)


class TestLoadSegments:
    def test_reads_names_titles_and_rules(self, tmp_path) -> None:
        """A segment keeps its title by locale, its description and its rule."""
        book = book_of(
            tmp_path,
            "long_tenure:\n  title: {en: Long, zh-CN: 老客户}\n  description: Five years.\n"
            "  tenure_years: {at_least: 5}\nshort: {title: Short, none: [long_tenure]}\n",
        )

        long, short = book
        assert (long.name, long.title, long.description) == (
            "long_tenure",
            {"en": "Long", "zh-CN": "老客户"},
            "Five years.",
        )
        assert isinstance(long.rule, Leaf)
        assert (long.rule.field, long.rule.operator, long.rule.value) == ("tenure_years", "at_least", 5)
        assert str(long.rule.place) == "segments.yaml:4"
        assert short.title == {"": "Short"}
        assert book.rule("everyone") == EVERYONE

    def test_tells_every_mistake_in_one_pass(self, tmp_path) -> None:
        """Each with its line, its column and what to do, in the order of the file."""
        told = mistakes(
            tmp_path,
            "a:\n"
            "  all:\n"
            "    - tenur_years: {at_least: 5}\n"
            "    - monthly_spend: {at_lest: 10}\n"
            "    - tier: {top_percent: 20}\n"
            "    - long_tenur\n"
            "    - key_account: 1\n"
            "  any: []\n"
            "long_tenure: {tenure_years: {at_least: many}}\n",
        )

        assert told == [
            "3:7: field 'tenur_years' is not known. Did you mean 'tenure_years'?",
            "4:23: operator 'at_lest' is not known. Did you mean 'at_least'?",
            "5:14: 'top_percent' does not fit 'tier' (text). Use equals, one_of, contains",
            "6:7: segment 'long_tenur' is not known. Did you mean 'long_tenure'?",
            "7:7: 'key_account' is yes or no, not 1. Write key_account: true",
            "8:3: the list of 'any' is empty. Name at least one field or segment",
            "9:30: tenure_years: needs a whole number, not 'many'. Use tenure_months for parts of a year",
        ]

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("a: [b]\nb: {none: [c]}\nc: {a: true}\n", "3:5: segments name each other in a circle: a → b → c → a"),
            ("a: {all: [a]}\n", "1:11: segments name each other in a circle: a → a"),
            ("A b: {key_account: true}\n", "1:1: 'A b' cannot name a segment"),
            ("any: {key_account: true}\n", "1:1: 'any' cannot name a segment"),
            ("a: {title: Empty}\n", "1:1: the rule is empty"),
            ("a:\n", "1:1: a rule is a name, a list or a mapping, not nothing"),
            ("a: 5\n", "1:1: a rule is a name, a list or a mapping, not 5"),
            ("a: {title: 5, key_account: true}\n", "1:5: 'title' needs words, not 5"),
            ("a: {description: [x], key_account: true}\n", "1:5: 'description' needs text, not a list"),
            ("a: {all: key_account}\n", "1:5: 'all' needs a list, not 'key_account'"),
            ("a: {at_least: 5}\n", "1:5: 'at_least' has no field to compare"),
            ("a: tier\n", "1:1: 'tier' is a field that needs a comparison"),
            ("a: {everyone: 5}\n", "1:5: segment 'everyone' is compared with 5"),
        ],
    )
    def test_refuses(self, tmp_path, text, told) -> None:
        """One broken file per kind of mistake."""
        assert mistakes(tmp_path, text)[0].startswith(told)

    def test_refuses_a_rule_that_is_nested_without_end(self, tmp_path) -> None:
        """A rule nobody can read aloud is a mistake, not a crash."""
        deep = "{all: [" * 30 + "key_account" + "]}" * 30

        assert "the rule is nested deeper than 12" in mistakes(tmp_path, f"a: {deep}\n")[0]

    def test_refuses_a_long_chain_of_names(self, tmp_path) -> None:
        """Hundreds of segments that name the next one are refused by a line, not by the interpreter."""
        chain = "".join(f"s{n}: [s{n + 1}]\n" for n in range(500)) + "s500: {key_account: true}\n"

        assert "more than 12 segments name one another in a row" in mistakes(tmp_path, chain)[0]

    def test_refuses_segments_that_unfold_to_a_giant(self, tmp_path) -> None:
        """Ten names that double each time are a thousand comparisons; the database is spared."""
        doubling = "".join(f"s{n}: [s{n + 1}, s{n + 1}]\n" for n in range(10)) + "s10: {all: [minor, minor]}\n"

        assert "'s0' unfolds to 2048 comparisons" in mistakes(tmp_path, doubling)[0]

    def test_names_the_place_of_broken_yaml(self, tmp_path) -> None:
        """What is not YAML at all is told with its line too."""
        with pytest.raises(FileError, match=r"segments\.yaml:\d+:\d+"):
            book_of(tmp_path, "a: {key_account: true}\nb: {key_account: true\n")

    def test_reads_the_shipped_file(self) -> None:
        """Every shipped segment has a title in English and Chinese."""
        book = load_segments(SHIPPED)

        assert {"high_value", "long_tenure", "students", "families", "business", "elderly"} <= book.names
        assert [segment.name for segment in book if not {"en", "zh-CN"} <= set(segment.title)] == []
        assert [name for name in book.names if name not in SHIPPED.read_text(encoding="utf-8")] == ["everyone"]


class TestParseRule:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("{monthly_spend: {at_least: 199.9}}", 19990),
            ("{monthly_spend: {at_least: 300}}", 30000),
            ("{joined_on: {at_most: 2020-02-29}}", "2020-02-29"),
            ("{joined_on: {within_last: 2w}}", Days(days=14)),
            ("{monthly_spend: {top_percent: 20}}", Share(enter=20, leave=20)),
            ("{monthly_spend: {top_percent: 20, leave_below: 25}}", Share(enter=20, leave=25)),
            ("{area: {one_of: [north, 北区]}}", ("north", "北区")),
            ("{attributes.student: true}", "true"),
            ("{birthday_month: {one_of: [1, 2]}}", (1, 2)),
            ("open_complaint", True),
            ("{open_complaint: false}", False),
        ],
    )
    def test_reads_values_by_the_kind_of_their_field(self, text, value) -> None:
        """Money in minor units, days as dates, lengths in days."""
        rule = rule_of(text)

        assert isinstance(rule, Leaf)
        assert (str(rule.value) if isinstance(value, str) else rule.value) == value

    def test_reads_a_bare_name_a_list_and_a_mapping(self) -> None:
        """A list is any of it, a mapping all of its lines, two operators a group of two."""
        names = ("gold", "silver")
        assert isinstance(rule_of("gold", segments=names), SegmentRef)
        either, both = (
            rule_of("[gold, silver]", segments=names),
            rule_of("{any: [gold], none: [silver]}", segments=names),
        )
        span = rule_of("{tenure_years: {at_least: 5, less_than: 10}}")
        negated = rule_of("{gold: false}", segments=names)

        for rule, kind, parts in ((either, "any", 2), (both, "all", 2), (span, "all", 2), (negated, "none", 1)):
            assert isinstance(rule, Group)
            assert (rule.kind, len(rule.parts)) == (kind, parts)

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("{monthly_spend: {at_least: 1.999}}", "has more than 2 decimals"),
            ("{monthly_spend: {at_least: '300'}}", "needs a number, not '300'"),
            ("{monthly_spend: {at_least: .inf}}", "out of range"),
            ("{monthly_spend: {at_least: .nan}}", "out of range"),
            ("{monthly_spend: {top_percent: 0}}", "needs a whole number from 1 to 100, not 0"),
            ("{monthly_spend: {top_percent: 20, leave_below: 10}}", "leave_below 10 is less than top_percent 20"),
            ("{monthly_spend: {leave_below: 10}}", "leave_below needs top_percent"),
            ("{tenure_years: {at_least: 5000}}", "5000 is out of range"),
            ("{tenure_years: {at_least: true}}", "needs a whole number, not true"),
            ("{joined_on: {at_least: '30.2.2025'}}", "needs a day, not '30.2.2025'"),
            ("{joined_on: {within_next: 24h}}", "needs a number of days or weeks, not '24h'"),
            ("{joined_on: {within_next: 9999d}}", "longer than 3660 days"),
            ("{plan: {one_of: gold}}", "needs a list, not 'gold'"),
            ("{plan: {one_of: []}}", "the list is empty"),
            ("{plan: {equals: 300}}", "needs text, not 300"),
            ('{plan: {contains: "a\\0b"}}', "empty, too long or not printable"),
            ("{plan: gold}", "'plan' needs a comparison, not 'gold'"),
            ("{plan: {}}", "'plan' needs a comparison, not a mapping"),
            ("{status: {equals: gone}}", "'gone' is not a status"),
            ("{attributes.x: {at_least: '5'}}", "'at_least' needs a number, not '5'"),
            ("{attributes.x: {one_of: ['a', 1]}}", "mixes numbers and texts"),
            ("{'attributes.a\"b': {equals: x}}", "is not known"),
        ],
    )
    def test_refuses_values_that_do_not_fit(self, text, told) -> None:
        """Each wrong value is one line that says what is needed."""
        with pytest.raises(ManyErrors, match="segments.yaml:1:") as caught:
            rule_of(text)

        assert told in str(caught.value)

    def test_counts_money_in_the_coins_of_the_currency(self) -> None:
        """A currency without decimals takes whole amounts only."""
        yen = Fields(minor_digits=0)
        rule = rule_of("{monthly_spend: {at_least: 300}}", fields=yen)

        assert isinstance(rule, Leaf)
        assert rule.value == 300
        with pytest.raises(ManyErrors, match="more than 0 decimals"):
            rule_of("{monthly_spend: {at_least: 300.5}}", fields=yen)


class TestSegmentsSchema:
    def test_is_shipped_as_it_is(self) -> None:
        """The file that editors read beside the segments is the one the command prints."""
        import json

        shipped = SHIPPED.with_name("segments.schema.json").read_text(encoding="utf-8")

        assert json.loads(shipped) == segments_schema(ALL_FIELDS)

    def test_knows_every_field_and_its_operators(self) -> None:
        """An editor offers `top_percent` where it fits and nowhere else."""
        schema = segments_schema()
        operators = {
            name: set(part.get("properties", {})) for name, part in schema["$defs"].items() if name.startswith("field.")
        }

        assert {name for name, known in operators.items() if "top_percent" in known} == {
            "field.monthly_spend",
            "field.lifetime_value",
        }
        assert {f"field.{name}" for name in Fields().named} <= set(operators)
