"""Days off and working days that a file adds to the calendar: years that are announced after a release."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from care.base.errors import CareError, FileError, ManyErrors
from care.base.yamlfile import did_you_mean, load_yaml, parse_yaml, place_along
from care.calendars.public import known_countries

_FIELDS = ("off", "working", "complete")


@dataclass(frozen=True, slots=True, kw_only=True)
class YearOverride:
    """What a file says of one country and year.

    `off` and `working` win over the library; `complete` says that no further make-up day will be announced.
    """

    off: frozenset[date] = frozenset()
    working: frozenset[date] = frozenset()
    complete: bool = False


NO_OVERRIDE = YearOverride()


@dataclass(frozen=True, slots=True)
class Overrides:
    """All overrides by (country, year)."""

    years: Mapping[tuple[str, int], YearOverride] = field(default_factory=dict)

    def of(self, country: str, year: int) -> YearOverride:
        """Return what is known beside the library; an empty override where nothing is."""
        return self.years.get((country, year), NO_OVERRIDE)


@cache
def shipped_overrides() -> Overrides:
    """Return the overrides that come with the product."""
    file = resources.files("care.calendars").joinpath("overrides.yaml")
    return _read(parse_yaml(file.read_text(encoding="utf-8"), Path("care/calendars/overrides.yaml")), Path(str(file)))


def load_overrides(path: Path | None = None) -> Overrides:
    """Return the shipped overrides with those of the operator's file over them, year by year.

    A missing file adds nothing.

    Raises:
        FileError: one mistake in the file, with line and column.
        ManyErrors: several.
    """
    shipped = shipped_overrides()
    if path is None or not path.exists():
        return shipped
    return Overrides({**shipped.years, **_read(load_yaml(path), path).years})


def _read(document: Mapping[Any, Any], path: Path) -> Overrides:
    reader = _Reader(document, path)
    years = reader.years()
    if len(reader.errors) == 1:
        raise reader.errors[0]
    if reader.errors:
        raise ManyErrors(reader.errors)
    return Overrides(years)


class _Reader:
    """Walks one file and collects every mistake."""

    def __init__(self, document: Mapping[Any, Any], path: Path) -> None:
        self.document, self.path = document, path
        self.errors: list[CareError] = []

    def years(self) -> dict[tuple[str, int], YearOverride]:
        found = {}
        for country, years in self.document.items():
            if country not in known_countries():
                self._mistake(
                    [country], f"country '{country}' is not known", did_you_mean(str(country), known_countries())
                )
            elif not isinstance(years, Mapping):
                self._mistake([country], "needs years", "Write a year and its days below, such as '2027: {off: []}'")
            else:
                for year, value in years.items():
                    found[country, year] = self._year(country, year, value)
        return found

    def _year(self, country: str, year: Any, value: Any) -> YearOverride:
        where = [country, year]
        if not isinstance(year, int) or not isinstance(value, Mapping):
            self._mistake(where, f"'{year}' is not a year with days", "Write it as '2027: {off: [], working: []}'")
            return NO_OVERRIDE
        for name in value:
            if name not in _FIELDS:
                self._mistake([*where, name], f"'{name}' is not known", did_you_mean(str(name), _FIELDS))
        complete = value.get("complete", False)
        if not isinstance(complete, bool):
            self._mistake([*where, "complete"], f"'{complete}' is not true or false", "Write true or false")
        off, working = self._days(where, value, "off"), self._days(where, value, "working")
        for day in off & working:
            self._mistake([*where, "working"], f"{day} is both off and working", "Remove it from one of the lists")
        return YearOverride(off=off, working=working, complete=complete is True)

    def _days(self, where: list[Any], value: Mapping[Any, Any], name: str) -> frozenset[date]:
        days, keys = value.get(name, []), [*where, name]
        if not isinstance(days, list):
            self._mistake(keys, f"'{name}' is not a list of days", f"Write it as '{name}: [{where[1]}-02-05]'")
            return frozenset()
        good = set()
        for index, day in enumerate(days):
            if not isinstance(day, date) or isinstance(day, datetime) or day.year != where[1]:
                self._mistake([*keys, index], f"'{day}' is not a day of {where[1]}", f"Write it as {where[1]}-02-05")
            else:
                good.add(date(day.year, day.month, day.day))
        return frozenset(good)

    def _mistake(self, keys: list[Any], problem: str, fix: str) -> None:
        line, column = place_along(self.document, keys)
        self.errors.append(FileError(self.path, problem, fix, line=line, column=column))
