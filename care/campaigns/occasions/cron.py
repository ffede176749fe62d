"""Five cron fields as the times of one local day: minute, hour, day of the month, month, weekday."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time

_ITEM = re.compile(r"(\*|[a-z0-9]+)(?:-([a-z0-9]+))?(?:/(\d+))?")
_MONTHS = {
    name: n
    for n, name in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)
}
_WEEKDAYS = {name: n for n, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_DAYS_OF_WEEK = 7


class CronError(ValueError):
    """A cron line that cannot be read; the text says which field."""


@dataclass(frozen=True, slots=True)
class Cron:
    """The values each field allows; weekdays count from Sunday = 0.

    Where both the day of the month and the weekday are restricted, either is enough, as in every crontab.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def times_on(self, day: date) -> list[time]:
        """Return the local times of `day`, earliest first; empty where the day does not match."""
        if not self._matches(day):
            return []
        return [time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes)]

    def _matches(self, day: date) -> bool:
        by_day, by_weekday = day.day in self.days, day.isoweekday() % _DAYS_OF_WEEK in self.weekdays
        fits = (by_day or by_weekday) if self.either_day else (by_day and by_weekday)
        return day.month in self.months and fits


def parse_cron(line: str) -> Cron:
    """Return the times that `minute hour day month weekday` names.

    Values, lists `1,15`, ranges `1-5`, steps `*/2` or `8-18/2`, names `mon` and `jan`; Sunday is 0 or 7.

    Raises:
        CronError: with the field that is wrong.
    """
    fields = line.lower().split()
    if len(fields) != len(_FIELDS):
        raise CronError(f"has {len(fields)} fields instead of 5")
    minutes, hours, days, months, weekdays = (field.values(text) for field, text in zip(_FIELDS, fields, strict=True))
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    return Cron(minutes, hours, days, months, frozenset(n % _DAYS_OF_WEEK for n in weekdays), either)


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five fields: what it is called, its lowest and highest value, its names."""

    what: str
    low: int
    high: int
    names: Mapping[str, int]

    def values(self, text: str) -> frozenset[int]:
        """Return the values that a field allows."""
        allowed: set[int] = set()
        for item in text.split(","):
            allowed.update(self._item(item))
        return frozenset(allowed)

    def _item(self, item: str) -> range:
        found = _ITEM.fullmatch(item)
        if not found or (found[1] == "*" and found[2]):
            raise CronError(f"{self.what} '{item}' cannot be read")
        first = self.low if found[1] == "*" else self._number(found[1])
        open_end = self.high if found[1] == "*" or found[3] else first
        last = self._number(found[2]) if found[2] else open_end
        step = int(found[3] or 1)
        if step == 0 or last < first:
            raise CronError(f"{self.what} '{item}' allows no value")
        return range(first, last + 1, step)

    def _number(self, word: str) -> int:
        value = self.names.get(word)
        if value is None and word.isdigit():
            value = int(word)
        if value is None or not self.low <= value <= self.high:
            raise CronError(f"{self.what} '{word}' is not between {self.low} and {self.high}")
        return value


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day", 1, 31, {}),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, _DAYS_OF_WEEK, _WEEKDAYS),
)
