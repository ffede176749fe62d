"""Comments by theme, with and without the extra libraries; nothing personal is quoted."""

import random
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read
from care.surveys.figures import further_themes
from care.surveys.figures.further_themes import find_themes, read_comments, read_themes
from care.surveys.figures.period import quarter_named
from care.surveys.figures.themes import Comment, group_comments, quote, themes_of
from tests.surveys.factories_figures import START, World, add_answer, make_quarter

Q3 = quarter_named("2026Q3", "Asia/Shanghai")


class TestThemesOf:
    @pytest.mark.parametrize(
        ("text", "themes"),
        [
            ("师傅来得太慢了", ["slow"]),
            ("師傅來得太慢了", ["slow"]),
            ("Waited three days, technician was rude", ["slow", "attitude"]),
            ("资费太贵 网速还慢", ["price", "signal"]),
            ("问题没有解决", ["not_solved"]),
            ("预约了没人来", ["appointment"]),
            ("No-show!", ["appointment"]),
            ("wifi drops every night", ["signal"]),
            ("热线打不通", ["hotline"]),
            ("thank you", ["thanks"]),
            ("not slow at all", []),
            ("不是很满意", []),
            ("I live in Latexville", []),
            ("", []),
        ],
    )
    def test_are_found_by_words_in_both_languages_and_scripts(self, text: str, themes: list[str]) -> None:
        """Whole words, negations passed over."""
        assert list(themes_of(text)) == themes


class TestQuote:
    @pytest.mark.parametrize(
        "text",
        ["call 13800138000", "+86 138 0013 8000 please", "write to li.na@example.com", "id 11010519491231002X", "我是王小明", "order 1234567"],
    )  # fmt: skip
    def test_holds_nothing_personal(self, text: str) -> None:
        """Numbers, addresses and the customer's name are gone, the rest stays."""
        found = quote(Comment(text=text, names=("王小明",)))
        assert "***" in found
        assert not any(secret in found for secret in ("8000", "138", "example", "1002", "王小明", "4567"))

    def test_is_one_short_line(self) -> None:
        """However long the comment was."""
        assert len(quote(Comment(text="slow\n" * 200))) == 120
        assert "\n" not in quote(Comment(text="a\nb"))


class TestGroups:
    def test_count_a_comment_in_each_of_its_themes(self) -> None:
        """The most frequent first, those beside low scores quoted first; what none holds is left over."""
        themes, rest = group_comments(
            [
                Comment(text="too slow and rude", is_good=False),
                Comment(text="slow", is_good=True),
                Comment(text="hm"),
                Comment(text="", theme="slow", is_good=False),
            ]
        )
        assert [(t.name, t.n, t.bad, t.good) for t in themes] == [("slow", 3, 2, 1), ("attitude", 1, 1, 0)]
        assert list(themes[0].quotes) == ["too slow and rude", "slow"]
        assert [comment.text for comment in rest] == ["hm"]

    def test_find_what_the_lists_did_not_foresee(self) -> None:
        """Two unknown topics in two languages come apart; the same comments give the same themes again."""
        dice = random.Random(5)
        texts = ["施工噪音大 吵得睡不着", "噪音吵 邻居抱怨噪音", "remote control broken", "the remote control is dead"]
        comments = [Comment(text=dice.choice(texts), is_good=None) for _ in range(120)]
        found = find_themes(comments)
        assert "TF-IDF" in found.method
        of_text = {quoted: theme.name for theme in found.themes for quoted in theme.quotes}
        assert (
            of_text["remote control broken"]
            == of_text["the remote control is dead"]
            != of_text["施工噪音大 吵得睡不着"]
        )
        assert sum(theme.n for theme in found.themes) + found.others == 120
        assert find_themes(comments) == found

    def test_learn_the_words_that_go_with_low_scores(self) -> None:
        """From the scores that customers typed themselves."""
        comments = [Comment(text="router reboots", is_good=False)] * 40 + [
            Comment(text="technician smiled", is_good=True)
        ] * 40
        assert set(find_themes(comments).telling) == {"router", "reboots"}

    def test_do_without_the_libraries(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The lists still work, and the report says what is missing."""
        monkeypatch.setattr(further_themes, "find_spec", lambda name: None)
        found = find_themes([Comment(text="too slow")] + [Comment(text="remote control")] * 50)
        assert [theme.name for theme in found.themes] == ["slow"]
        assert found.others == 50
        assert "pip install 'care[analysis]'" in found.method

    @pytest.mark.parametrize("count", [0, 1, 30, 200])
    def test_bear_comments_without_words(self, count: int) -> None:
        """Nothing, signs, one letter, the same again and again."""
        for text in ("", "。。。", "a", "unique", "👍"):
            found = find_themes([Comment(text=text, is_good=bool(n % 2)) for n in range(count)])
            assert found.total == count


class TestReadComments:
    def test_joins_comments_with_the_score_beside_them(self, engine: sa.Engine) -> None:
        """Comments, menus of reasons; no test, nothing superseded, nothing of another quarter."""
        world = make_quarter(1, tickets=10)
        world["survey_answer"].clear()
        for row in world["ticket_resolution"]:
            row["is_test"] = row["id"] == 3
        add_answer(world, follow_up_id=1, customer_id=1, score=1, comment="太慢")
        add_answer(world, follow_up_id=2, customer_id=2, score=5)
        add_answer(world, follow_up_id=2, customer_id=2, question="comment", scale=None, score=None, comment="good")
        add_answer(world, follow_up_id=1, customer_id=1, question="reason", scale="reason4", score=2)
        add_answer(world, follow_up_id=3, question="comment", scale=None, score=None, comment="a test")
        add_answer(
            world, follow_up_id=2, question="comment", scale=None, score=None, comment="old", superseded_at=START
        )
        add_answer(world, follow_up_id=2, question="comment", scale=None, score=None, comment="next", at=Q3.until)
        world.write(engine)
        with read(engine) as conn:
            found = read_comments(conn, Q3)
        assert [(c.text, c.is_good, c.theme) for c in found] == [
            ("太慢", False, ""),
            ("good", True, ""),
            ("", False, "attitude"),
        ]
        assert found[0].names == ("王小明",)

    def test_of_an_empty_house_are_none(self, engine: sa.Engine) -> None:
        """No comment, no theme."""
        with read(engine) as conn:
            assert (read_themes(conn, Q3).total, list(read_themes(conn, Q3).themes)) == (0, [])


def test_a_world_is_the_same_for_the_same_seed() -> None:
    """Seeded: what fails once fails again."""
    assert make_quarter(3).rows == make_quarter(3).rows
    assert make_quarter(3, start=START + timedelta(1)).rows != make_quarter(3).rows
    assert isinstance(make_quarter(3), World)
