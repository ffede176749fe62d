"""Lunar dates in words: 农历丙午年（马）正月初一, and in English."""

from care.calendars.lunar import LunarDate

_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
_ANIMALS = "鼠牛虎兔龙蛇马羊猴鸡狗猪"
_ANIMALS_ENGLISH = (
    "Rat", "Ox", "Tiger", "Rabbit", "Dragon", "Snake", "Horse", "Goat", "Monkey", "Rooster", "Dog", "Pig",
)  # fmt: skip
_MONTHS = ("正", "二", "三", "四", "五", "六", "七", "八", "九", "十", "冬", "腊")
_DIGITS = "一二三四五六七八九十"
_YEAR_OF_THE_RAT = 4


def lunar_chinese(lunar: LunarDate) -> str:
    """Return the date as a Chinese calendar prints it, such as 农历丙午年（马）正月初一."""
    count = lunar.year - _YEAR_OF_THE_RAT
    year = _STEMS[count % 10] + _BRANCHES[count % 12]
    leap = "闰" if lunar.leap else ""
    return f"农历{year}年（{_ANIMALS[count % 12]}）{leap}{_MONTHS[lunar.month - 1]}月{day_chinese(lunar.day)}"


def lunar_english(lunar: LunarDate) -> str:
    """Return the date in English, such as 'day 1 of month 1 of the lunar year 2026 (Horse)'."""
    leap = "leap " if lunar.leap else ""
    animal = _ANIMALS_ENGLISH[(lunar.year - _YEAR_OF_THE_RAT) % 12]
    return f"day {lunar.day} of {leap}month {lunar.month} of the lunar year {lunar.year} ({animal})"


def day_chinese(day: int) -> str:
    """Return the name of a day of a lunar month: 初一, 十五, 二十, 廿九, 三十."""
    tens, unit = divmod(day, 10)
    if unit == 0:
        return ("初十", "二十", "三十")[tens - 1]
    return "初十廿"[tens] + _DIGITS[unit - 1]
