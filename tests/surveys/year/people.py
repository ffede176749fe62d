"""Customers of the made-up year: where they live, how they can be reached, how they answer."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

PLACES = (
    ("CN", "Asia/Shanghai", "zh-CN", "+861390", 14),
    ("HK", "Asia/Hong_Kong", "zh-HK", "+85261", 12),
    ("GB", "Europe/London", "en-GB", "+447400", 13),
)
"""Country, zone, language, and how a telephone number begins and how long it is."""

_SHARES = (0.6, 0.1, 0.3)


class Habit(StrEnum):
    """How somebody treats our questions."""

    SILENT = "silent"  #: never answers
    DIGITS = "digits"  #: answers each question with a digit
    WORDS = "words"  #: answers in words
    ALL_AT_ONCE = "all_at_once"  #: answers four questions in one message
    LATE = "late"  #: answers after more than a week
    REFUSES = "refuses"  #: says that nobody should ask


_HABITS = {
    Habit.SILENT: 0.52,
    Habit.DIGITS: 0.2,
    Habit.WORDS: 0.14,
    Habit.ALL_AT_ONCE: 0.06,
    Habit.LATE: 0.06,
    Habit.REFUSES: 0.02,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One customer. `phone` or `email` may be ''."""

    id: str
    country: str
    zone: str
    locale: str
    phone: str
    email: str
    habit: Habit


def draw_people(count: int, dice: random.Random) -> Sequence[Person]:
    """Return customers; a few have no phone, fewer nothing at all."""
    people = []
    for number in range(count):
        country, zone, locale, prefix, digits = dice.choices(PLACES, _SHARES)[0]
        lot = dice.random()
        people.append(
            Person(
                id=f"C{number:05}",
                country=country,
                zone=zone,
                locale=locale,
                phone="" if lot < 0.05 else f"{prefix}{number:0{digits - len(prefix)}}",
                email="" if 0.03 < lot < 0.05 or lot > 0.3 else f"c{number}@example.com",
                habit=dice.choices(list(_HABITS), list(_HABITS.values()))[0],
            )
        )
    return people
