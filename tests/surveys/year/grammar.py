"""How people of the made-up year say a score. Each saying is plain: a person would read exactly that score in it."""

import random

_DIGITS = {
    "plain": "{n}",
    "full width": "{wide}",
    "circled": "{circled}",
    "with a stop": "{n}.",
    "with spaces": "  {n} ",
}
_CIRCLED = "⓪①②③④⑤⑥⑦⑧⑨"
_UNITS = {
    "zh": ("{n}分", "{n} 分", "打{n}分", "给{n}分", "{n}星"),
    "en": ("{n}/5", "{n} out of 5", "{n} stars", "a {n}"),
}
_WORDS = {
    "zh-CN": {5: ("很满意", "非常满意"), 4: ("满意",), 3: ("一般",), 2: ("不满意",), 1: ("很不满意", "非常不满意")},
    "zh-HK": {5: ("非常滿意",), 4: ("滿意",), 3: ("普通",), 2: ("不滿意",), 1: ("非常不滿意",)},
    "en-GB": {
        5: ("very satisfied", "Very Satisfied!"),
        4: ("satisfied",),
        3: ("neutral",),
        2: ("dissatisfied",),
        1: ("very dissatisfied",),
    },
}
_THANKS = {"zh-CN": (" 谢谢", "，谢谢"), "zh-HK": (" 多謝", "，謝謝"), "en-GB": (" thanks", ", thank you")}


def say_in_digits(score: int, locale: str, dice: random.Random) -> str:
    """Return a score as a digit, dressed up now and then."""
    if dice.random() < 0.3:
        return dice.choice(_UNITS[locale[:2]]).format(n=score)
    text = dice.choice(list(_DIGITS.values()))
    said = text.format(n=score, wide=chr(ord("０") + score), circled=_CIRCLED[score])
    return said + (dice.choice(_THANKS[locale]) if dice.random() < 0.2 else "")


def say_in_words(score: int, locale: str, dice: random.Random) -> str:
    """Return a score as the words of the question."""
    said = dice.choice(_WORDS[locale][score])
    return said + (dice.choice(_THANKS[locale]) if dice.random() < 0.3 else "")


def say_all_at_once(scores: tuple[int, ...], dice: random.Random) -> str:
    """Return four scores in one message, in the order of the questions."""
    return dice.choice(("", " ", ",", "、")).join(map(str, scores))


def refuse(locale: str, dice: random.Random) -> str:
    """Return words that end all questions."""
    return dice.choice(
        {"zh-CN": ("退订", "别再发了"), "zh-HK": ("取消接收", "唔好再send"), "en-GB": ("STOP", "stop texting me")}[
            locale
        ]
    )


def draw_score(dice: random.Random) -> int:
    """Return what somebody thinks of us."""
    return dice.choices((5, 4, 3, 2, 1), (0.5, 0.27, 0.1, 0.07, 0.06))[0]
