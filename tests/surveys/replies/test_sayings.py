"""What people write, and what a person would take it for."""

import random
from pathlib import Path

import pytest

from care.surveys.replies.model import Flag, Kind
from tests.surveys.replies.everyday import everyday
from tests.surveys.replies.saying import hear, sayings

SEED = 20261127
_HALF_TO_FULL = {ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)}


class TestSayings:
    def test_are_read_as_a_person_would(self) -> None:
        """Kind and score, for every text of the collection."""
        wrong = []
        for saying in sayings():
            found = hear(saying.text, scale=saying.scale, stage=saying.stage, lang=saying.lang).as_dict()
            if (found["kind"], found["score"]) != (saying.kind, saying.score):
                wrong.append((saying, found["kind"], found["score"]))

        assert wrong == []


class TestScores:
    @pytest.mark.parametrize(
        ("scale", "low", "high"), [("csat5", 1, 5), ("csat10", 1, 10), ("nps", 0, 10), ("ces7", 1, 7)]
    )
    def test_come_in_every_shape(self, scale, low, high) -> None:
        """Width, unit, courtesy, blanks and signs around a digit change nothing."""
        numerals = "零一二三四五六七八九十"
        shapes = [
            "{n}",
            "{n}.",
            " {n} ",
            "{n}!!",
            "{n}分",
            "打{n}分",
            "我给{n}分",
            "{n}，谢谢",
            "{n} thanks",
            "score: {n}",
        ]
        shapes += [
            "thanks, {n}",
            "I give it {n}",
            "{n} points",
            "師傅你好，{n}分",
            "{n}\n谢谢",
            "（{n}）",
            "俾{n}分",
            "好的，{n}",
        ]
        for value in range(low, high + 1):
            for shape in shapes:
                plain = shape.format(n=value)
                for text in (plain, plain.translate(_HALF_TO_FULL)):
                    assert hear(text, scale=scale).score == value, (scale, text)
            assert hear(f"给{numerals[value]}分", scale=scale).score == value

    @pytest.mark.parametrize("value", [-1, 0, 6, 7, 10, 11, 42, 99])
    def test_are_never_clamped(self, value) -> None:
        """A digit that the scale does not have is no score."""
        reading = hear(str(value))

        assert (reading.kind, reading.score) == (Kind.UNCLEAR, None)
        assert Flag.OUT_OF_RANGE in reading.flags

    def test_of_low_points_call_a_person(self) -> None:
        """Alerts follow the side of the scale that is bad."""
        assert [hear(str(point)).alert for point in range(1, 6)] == [True, True, False, False, False]
        assert [hear(str(point), scale="csat5r").alert for point in range(1, 6)] == [False, False, False, True, True]

    def test_keep_the_customers_own_words(self) -> None:
        """The comment stands in the letters it was typed in."""
        assert hear("5分 但等太久").comment == "但等太久"
        assert hear("唔該晒 5").comment == "唔該晒"
        assert hear("4-5, good").comment == "good"
        assert hear("5 4 5 4", scale="csat5x4").comment == ""
        assert hear("5-4-5-4 but slow", scale="csat5x4").comment == "but slow"
        assert hear("5 2 days wait").comment == "2 days wait"
        assert hear("Please don't stop the good work! 5").comment == "Please don't stop the good work!"


class TestEveryday:
    def test_refuses_nothing_and_rates_nobody(self) -> None:
        """Of thirty thousand ordinary messages, each looked at once, none is an opt-out, and next to none a score."""
        texts = list(dict.fromkeys(everyday(30_000, seed=SEED)))
        readings = [(hear(text), text) for text in texts]

        assert [text for reading, text in readings if reading.kind is Kind.OPT_OUT] == []
        scored = [text for reading, text in readings if reading.score is not None]
        assert len(scored) <= len(texts) * 0.005, (SEED, scored[:10])

    def test_is_never_scored_where_nothing_was_asked(self) -> None:
        """Without an open question a digit is no score, but a refusal still counts."""
        assert hear("5", stage="none").kind is Kind.UNCLEAR
        assert hear("非常满意", stage="none").score is None
        assert hear("退订", stage="none").kind is Kind.OPT_OUT


class TestQuotes:
    @pytest.mark.parametrize(
        "name", ["survey_invite", "survey_result", "survey_resolved", "survey_ces", "survey_reprompt"]
    )
    @pytest.mark.parametrize("locale", ["en", "zh-CN", "zh-TW"])
    def test_of_our_own_question_are_no_score(self, name, locale) -> None:
        """A customer who sends our text back has not answered it; a digit below it is the answer."""
        ours = Path("templates/messages", name, f"{locale}.sms.txt.j2").read_text(encoding="utf-8")
        ours = ours.replace("{{", "").replace("}}", "")
        scale = {"survey_resolved": "yn", "survey_ces": "ces7"}.get(name, "csat5")

        assert hear(ours, scale=scale).score is None
        assert hear(f"{ours}\n1", scale=scale).score in (1, None)
        assert hear(f"> {ours}\n1".replace("\n1", "\n\n1"), scale=scale).score in (1, None)


class TestDangers:
    @pytest.mark.parametrize("text", ["漏电了", "there is a gas leak", "路由器冒烟", "mum's pendant is dead", "着咗火"])
    def test_call_a_person_at_once(self, text) -> None:
        """Also where a score stands beside it."""
        for said in (text, f"5 {text}", f"{text}，1分"):
            reading = hear(said)
            assert Flag.SAFETY in reading.flags
            assert reading.alert

    def test_that_are_denied_call_nobody(self) -> None:
        """'There is no gas leak' is no danger."""
        assert Flag.SAFETY not in hear("没有漏电").flags


class TestContext:
    def test_ties_an_answer_to_the_survey_it_names(self) -> None:
        """A reference wins over the survey asked last."""
        open_ones = [{"id": "A", "ref": "1234"}, {"id": "B", "ref": "5678"}]

        assert hear("工单1234 4分", open=open_ones).about == "A"
        assert hear("4", open=open_ones).about == "B"

    def test_marks_late_answers_and_refuses_ones_of_long_ago(self) -> None:
        """Fourteen days after the question there is none any more."""
        assert hear("4", open=[], closed=[{"id": "A", "asked": "-10d"}]).flags == (Flag.LATE,)
        assert hear("4", open=[], closed=[{"id": "A", "asked": "-90d"}]).kind is Kind.UNCLEAR

    def test_asks_when_two_messages_wait_for_a_digit(self) -> None:
        """An offer that asked for a digit while a survey is open makes it ambiguous."""
        assert hear("1", last_out="renewal_offer", open=[{"id": "A"}]).flags == (Flag.AMBIGUOUS,)


class TestRefusals:
    def test_survive_noise(self) -> None:
        """Case, signs, width and courtesy around a refusal change nothing."""
        dice = random.Random(SEED)
        words = [
            "stop",
            "unsubscribe",
            "退订",
            "取消订阅",
            "拒收",
            "stop texting me",
            "别再给我发短信",
            "no more texts",
            "opt out",
        ]
        heads, tails = ["", "please ", "  ", "“", "ok, "], ["", "!!!", " thanks", " 🙏", "。", " pls", "”", " now"]
        for word in words:
            for _ in range(40):
                text = dice.choice(heads) + dice.choice([word, word.upper(), word.title()]) + dice.choice(tails)
                assert hear(text).kind is Kind.OPT_OUT, (SEED, text)

    @pytest.mark.parametrize(
        "text", ["don't unsubscribe me", "不要退订", "退订宽带", "我要退订宽带", "Please don't stop the good work! 5"]
    )
    def test_are_not_heard_in_a_mention(self, text) -> None:
        """Denied, or meant for the service."""
        assert hear(text).kind is not Kind.OPT_OUT

    def test_of_one_letter_count_where_carriers_made_it_a_word(self) -> None:
        """R refuses in Chinese, and is a slip in English; N answers a question of yes or no."""
        assert hear("R", lang="zh-CN").kind is Kind.OPT_OUT
        assert hear("R", lang="en").kind is Kind.UNCLEAR
        assert hear("N", scale="yn", lang="zh-CN").score == 0
