"""Families of replies, and rules checked against each other."""

import random

from care.surveys.replies.model import Kind
from care.surveys.replies.normalise import normalise
from tests.surveys.replies.families import numbers_that_rate_nothing, refusals
from tests.surveys.replies.saying import hear, sayings

SEED = 20_261_127
_OF_OURS_NOTHING = """I never got a text|no text received|I don't get any messages from you|nobody sent me a text
you never text me back|don't forget to text me|don't hesitate to contact me|my phone won't send texts|no message came
don't send the same engineer again|no need to send an engineer|cancel the engineer visit|remove the old cable please
take the charge off my bill|I don't want a new router|no more problems since the visit|fed up with the slow internet
stop overcharging me|stop wasting my time|text me again when it is fixed|leave a message|the reminder text was handy
没收到短信|收不到短信|你们没发短信通知我|来之前也不发个消息|以后提前发个短信|再发一次|别再断网了|不要再派那个师傅来了
取消预约|不用来了已经好了|停止乱扣费|把旧线移除|网又停|经常停|没人联系我|下午别打电话|别再拖了|客服拒绝处理|我被拉黑了
沒收到簡訊|不要再斷線了|不用修了|收唔到短訊|上門前唔send個msg|唔好再斷|唔使嚟喇|唔該再send一次|唔好拖"""


class TestRefusals:
    def test_are_heard_in_any_wording(self) -> None:
        """Verbs, objects, courtesy, case and width, in four kinds of writing."""
        texts = set(refusals(1500, seed=SEED))

        assert [text for text in texts if hear(text).kind is not Kind.OPT_OUT] == []

    def test_keep_the_score_beside_them(self) -> None:
        """A digit before any of them is read as well."""
        dice = random.Random(SEED)
        said = [(dice.choice("12345"), text) for text in set(refusals(300, seed=SEED + 1))]
        found = [(hear(f"{digit}, {text}"), digit, text) for digit, text in said]

        assert [(text, digit) for one, digit, text in found if one.kind is not Kind.OPT_OUT] == []
        assert [(text, digit) for one, digit, text in found if one.score != int(digit)] == []

    def test_are_not_heard_where_something_else_is_meant(self) -> None:
        """What people tell about texts, and what else they want stopped."""
        texts = [text for line in _OF_OURS_NOTHING.splitlines() for text in line.split("|")]

        assert [text for text in texts if hear(text).kind is Kind.OPT_OUT] == []
        assert [text for text in texts if hear(text).score is not None] == []


class TestNumbers:
    def test_that_rate_nothing_are_no_scores(self) -> None:
        """Hours, prices, dates, floors, counts, codes, matches."""
        assert [text for text in numbers_that_rate_nothing() if hear(text).score is not None] == []

    def test_that_rate_nothing_do_not_hide_a_score(self) -> None:
        """The score that stands apart, with its unit, is read beside any of them."""
        texts = list(numbers_that_rate_nothing())
        wrong = [text for text in texts if hear(f"{text}. 4 stars").score not in (4, None)]
        lost = [text for text in texts if hear(f"{text}. 4 stars").score is None]

        assert wrong == []
        assert len(lost) <= 0.1 * len(texts), lost


class TestScripts:
    def test_mean_the_same(self) -> None:
        """A reply in simplified letters is read as the same one in traditional letters."""
        texts = [saying for saying in sayings() if not saying.text.isascii()]
        turned = []
        for saying in texts:
            plain = hear(normalise(saying.text), scale=saying.scale, stage=saying.stage, lang=saying.lang)
            typed = hear(saying.text, scale=saying.scale, stage=saying.stage, lang=saying.lang)
            if (plain.kind, plain.score) != (typed.kind, typed.score):
                turned.append(saying.text)

        assert turned == []
