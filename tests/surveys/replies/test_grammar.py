"""Refusals by their grammar, and what only looks like one: in many people's words, alone and inside other sentences."""

import json
from collections.abc import Iterator
from pathlib import Path

from care.surveys.replies.model import Kind
from tests.surveys.replies.saying import hear

_BEFORE = {
    "en": "hi could you |thanks for the visit but |its all fixed now |my mum cant read these |look mate |wrong number |5 stars now ",
    "zh": "我上夜班 |师傅很好，|已经修好了|你们发错了 |都说了多少次了|一天三条|家里老人看不懂|开会呢 |",
}
_BEHIND = {
    "en": " my wife deals with the account| I work nights| thanks x| because I'm never home| or ill complain| you muppets",
    "zh": "，谢谢合作| 我妈看不懂|了好吗|，否则投诉|啊拜托|，先把网修好| 唔該晒",
}
_ORDERS = {
    "en": "please stop these texts|stop the surveys|don't text me|dont send me any more of these|take me off your list|unsubscribe me"
    "|no more texts please|I don't want these texts|cancel these texts please|lose my number|do not contact me|remove my number",
    "zh": "别发短信了|不要再发短信给我|请停止发送|麻烦取消短信|不想再收到你们的短信|以后别发了|不用再回访了|請不要再傳了|唔好再send|咪再煩我",
}
_HARMLESS = {
    "en": "thanks but |the engineer was great |my mum says |i work nights |who is this | thanks x| because im never home| and call me",
    "zh": "师傅很好，|我很忙|你好 |已经修好了|5分，|，谢谢| 我上夜班|，我换号了|，不然我投诉|，烦死了",
}


def _texts(name: str) -> Iterator[tuple[str, str]]:
    """Yield (language, text) of a file beside this one."""
    for line in Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for text in row["texts"]:
            yield row["lang"][:2], text


def _dressed(text: str, words: str) -> Iterator[str]:
    """Yield a text with each of the words before or behind it, as their blanks say."""
    for part in words.split("|"):
        yield text + part if part[:1] in (" ", "，", "了", "啊") else part + text


class TestRefusals:
    def test_are_heard_in_many_peoples_words(self) -> None:
        """Orders, wishes, ways out, threats, consent taken back, questions how, somebody else instead, in four writings."""
        assert [text for _, text in _texts("refused.jsonl") if hear(text).kind is not Kind.OPT_OUT] == []

    def test_are_heard_beside_other_sentences_without_a_sign(self) -> None:
        """What is said before or behind an order, typed as people speak, changes nothing."""
        said = [
            dressed
            for lang, orders in _ORDERS.items()
            for order in orders.split("|")
            for dressed in _dressed(order, f"{_BEFORE[lang]}|{_BEHIND[lang]}")
        ]

        assert [text for text in said if hear(text).kind is not Kind.OPT_OUT] == []

    def test_are_not_heard_where_something_else_is_meant(self) -> None:
        """Services, visits, bills, calls, faults, what others do, what is denied or asked, messages that are wanted."""
        assert [text for _, text in _texts("not_refused.jsonl") if hear(text).kind is Kind.OPT_OUT] == []

    def test_are_not_made_by_what_stands_beside(self) -> None:
        """Of thousands of such sentences with others beside them next to none becomes a refusal."""
        near = list(_texts("not_refused.jsonl"))[::3]
        said = [text for lang, one in near for text in _dressed(one, _HARMLESS[lang])]
        wrong = [text for text in said if hear(text).kind is Kind.OPT_OUT]

        assert len(wrong) <= 0.001 * len(said), wrong

    def test_of_a_busy_person_are_no_automatic_answer(self) -> None:
        """Who is in a meeting and wants no more messages is a person; a machine's notice stays one."""
        assert hear("在开会 不要再发了谢谢").kind is Kind.OPT_OUT
        assert hear("I'm driving with Do Not Disturb While Driving turned on").kind is Kind.IGNORE
        assert hear("【自动回复】我在开会，请勿再发").kind is Kind.IGNORE

    def test_keep_our_own_instruction_apart_from_a_wish(self) -> None:
        """What we wrote at the end of a message is taken out; what sounds like it is not."""
        assert hear("Reply STOP to opt out of these").kind is Kind.UNCLEAR
        assert hear("I want these texts to stop").kind is Kind.OPT_OUT
        assert hear("I want to cancel text alerts").kind is Kind.OPT_OUT


class TestScores:
    def test_with_a_barb_behind_them_are_none(self) -> None:
        """Mockery beside a digit or praise."""
        texts = "5分？想得美|5? in your dreams|oh yeah amazing, only took you 6 weeks 🙄|5 stars for making me wait|1分 师傅太棒了必须表扬"
        assert [
            text for text in f"{texts}|给5分？你们配吗|no way am I giving you a 5".split("|") if hear(text).score
        ] == []

    def test_are_heard_as_people_speak(self) -> None:
        """Run on, behind a mark of number, in one numeral."""
        texts = "#5|so yeah five|那就五吧|Cant stop smiling finally got netflix back lol 5|5 - depends on the area tho"
        assert [text for text in texts.split("|") if hear(text).score != 5] == []

    def test_of_fewer_digits_than_questions_are_none(self) -> None:
        """Three digits where four are asked leave one out; a lone one is the overall score."""
        assert hear("5 5 5", scale="csat5x4").score is None
        assert hear("5", scale="csat5x4").score == (None, None, None, 5)
