"""What holds for every conversation, whatever is said in which order."""

import hypothesis.strategies as st
from hypothesis import example, given, settings

from care.surveys.conversation.model import NEXT_QUESTION, Heard, Lot, Standing
from care.surveys.conversation.moves import MOVES, UNASKED
from care.surveys.conversation.naming import take_reference
from care.surveys.conversation.refusing import refuses_only_questions
from care.surveys.conversation.rules import Letter, take_turn
from care.surveys.model import DIMENSIONS, Question, Stage, Survey
from care.surveys.replies.read import read_reply

ASKED = (Stage.INVITED, Stage.ASKING, Stage.REASON)
TEXTS = st.sampled_from(
    [
        "5",
        "1",
        "3",
        "４",
        "5454",
        "满意",
        "很差",
        "2 太慢",
        "谢谢",
        "收到",
        "师傅三点来的",
        "我家住5楼",
        "几点恢复",
        "退订",
        "stop texting me",
        "START",
        "恢复",
        "漏电了",
        "wrong number",
        "退订宽带",
        "请删除我的个人信息",
        "还是不能上网",
        "call me",
        "打错了 是5",
        "sorry meant 2",
        "Liked “请回复5到1”",
        "3",
        "没有了",
        "5是最好的吗",
        "？",
        "6",
        "0",
        "10",
        "好的",
        "不",
        "[图片]",
    ]
)


def talk(texts: list[str]) -> list[tuple[str, Standing, object]]:
    """Play one conversation by the rules alone."""
    standing = Standing(survey=Survey.TICKET, stage=Stage.INVITED, question=Question.OVERALL)
    told = []
    for text in texts:
        letter = Letter(text=text, lang="zh-CN", context={"open": [{"id": "1"}]})
        turn, _ = take_turn(standing, letter, read_reply)
        told.append((text, standing, turn))
        scores = {**standing.scores, **{a.question: a.score for a in turn.answers if a.question in DIMENSIONS}}
        standing = Standing(
            survey=Survey.TICKET,
            stage=turn.stage,
            question=turn.question,
            reprompts=turn.reprompts,
            scores=scores,
        )
    return told


class TestEveryConversation:
    @given(st.lists(TEXTS, max_size=12))
    @settings(max_examples=300, deadline=None)
    def test_has_one_open_question_at_most_and_says_one_thing(self, texts: list[str]) -> None:
        """Whatever comes in which order: no stage asks without a question, and no placeholder is ever said."""
        for text, _, turn in talk(texts):
            assert (turn.question is not None) or turn.stage not in (Stage.INVITED, Stage.ASKING), text
            assert turn.say != NEXT_QUESTION
            assert not turn.say.startswith("("), text

    @given(st.lists(TEXTS, max_size=14))
    @example(["5", "师傅三点来的", "sorry meant 2", "打错了 是5", "恢复"])  # away from a question and back to it
    @settings(max_examples=300, deadline=None)
    def test_asks_each_question_once_more_at_most(self, texts: list[str]) -> None:
        """However often nothing is understood."""
        again: dict[Question | None, int] = {}
        for _, before, turn in talk(texts):
            if turn.say == "survey_reprompt":
                again[before.question] = again.get(before.question, 0) + 1
        assert all(times <= 1 for times in again.values())

    @given(st.lists(TEXTS, max_size=12))
    @settings(max_examples=300, deadline=None)
    def test_invents_no_answer(self, texts: list[str]) -> None:
        """What is written down was typed, or said in words of judgement, in that very message."""
        worth = {
            "5": 5,
            "1": 1,
            "3": 3,
            "４": 4,
            "满意": 4,
            "很差": 1,
            "2 太慢": 2,
            "打错了 是5": 5,
            "sorry meant 2": 2,
        }
        for text, _, turn in talk(texts):
            for answer in turn.answers:
                if answer.question in DIMENSIONS:
                    assert text == "5454" or worth.get(text.strip()) == answer.score, text

    @given(st.permutations(["5", "4", "谢谢", "满意", "收到", "3"]))
    @settings(max_examples=100, deadline=None)
    def test_comes_to_an_end(self, texts: list[str]) -> None:
        """Four good scores in any order, with courtesies between them, are four answers and one thanks."""
        told = talk(texts)
        assert told[-1][2].stage is Stage.DONE
        assert [turn.say for _, _, turn in told].count("survey_thanks") == 1


class TestTheListOfMoves:
    def test_covers_every_stage(self) -> None:
        """No stage is left without moves."""
        assert set(MOVES) == set(Stage)

    def test_hears_danger_and_refusals_at_every_stage(self) -> None:
        """Also where nothing was asked, and after everything was answered."""
        for moves in (*MOVES.values(), UNASKED):
            assert moves[Heard.DANGER].case
            assert moves[Heard.OPT_OUT].lot is Lot.OPT_OUT
            assert moves[Heard.NO_SURVEYS].lot is Lot.NO_SURVEYS

    def test_opens_a_question_only_by_asking_it(self) -> None:
        """No move waits for an answer that it did not ask for."""
        for moves in MOVES.values():
            for move in moves.values():
                assert move.to not in ASKED or move.say


class TestHowFarARefusalReaches:
    @given(
        st.sampled_from(
            [
                "NO SURVEYS",
                "no more surveys please",
                "don't ask me again",
                "Stop asking",
                "stop the surveys",
                "unsubscribe from surveys",
                "不要再问",
                "不要再問",
                "别再问了",
                "請勿再問",
                "不要再给我发问卷",
                "不想再做回访",
                "唔好再問我",
                "拒绝回访",
                "no survey texts",
            ]
        ),
        st.sampled_from(["", "5 ", "4 but ", "谢谢，", "please "]),
        st.sampled_from(["", "!", "。", " thanks", " 谢谢"]),
        st.sampled_from(
            [
                "",
                ", STOP",
                ". stop texting me",
                "，退订",
                " and no offers",
                "，也不要发短信",
                "，别打扰我",
                " unsubscribe",
            ]
        ),
    )
    @settings(max_examples=200, deadline=None)
    def test_is_wider_than_surveys_where_more_is_said(self, wish: str, before: str, after: str, more: str) -> None:
        """Whatever stands around "no surveys", only a word about our messages widens it."""
        assert refuses_only_questions(before + wish + after + more) is not bool(more)

    def test_is_wide_where_surveys_are_not_named(self) -> None:
        """A keyword, and a refusal of texts, stay what they are."""
        for text in (
            "STOP",
            "退订",
            "TD",
            "stop texting me",
            "别发了",
            "remove me",
            "unsubscribe",
            "no more texts",
            "R",
        ):
            assert not refuses_only_questions(text)


class TestReferences:
    def test_are_taken_out_of_the_text(self) -> None:
        """In any case, width and company; what is left is the answer."""
        known = ["A12", "T-881", "20231"]
        assert take_reference("A12 4", known) == ("A12", "4")
        assert take_reference("t-881: 5 谢谢", known) == ("T-881", "5 谢谢")
        assert take_reference("工单20231 4分", known) == ("20231", "4分")
        assert take_reference("Ａ１２　４", known) == ("A12", "4")

    def test_have_to_stand_by_themselves(self) -> None:
        """No part of a longer word or number, no two digits, and something besides must be said."""
        for text in ("BA12 4", "A123 4", "A12", "4", ""):
            assert take_reference(text, ["A12", "12"]) == ("", text)
