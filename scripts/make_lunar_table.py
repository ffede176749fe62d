"""Write care/calendars/lunar_months.csv: every Chinese lunar month of the years 1900-2100.

Two independent libraries must agree on each day that both cover; a third opinion, the computed
instant of each new moon, must agree on each first day of a month. What they disagree on has to be
listed in `SETTLED`, with the reason in docs/decisions/0010-lunar-table.md; anything else stops the
script. Run it with the dev dependencies: `python scripts/make_lunar_table.py [--check]`.
"""

import itertools
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import cnlunar
from lunar_python import LunarYear, Solar

TABLE = Path(__file__).resolve().parent.parent / "care" / "calendars" / "lunar_months.csv"
FIRST_YEAR, LAST_YEAR = 1900, 2100
SECOND_SOURCE = (date(1901, 2, 19), date(2100, 2, 8))  # the days cnlunar covers
SETTLED = {date(2057, 9, 29): date(2057, 9, 28)}  # the first source's first day of a month -> ours
CLOSE_TO_MIDNIGHT = timedelta(minutes=12)  # nearer than this the computed new moon does not vote
BEIJING_LOCAL_TIME_UNTIL = date(1929, 1, 1)  # civil days followed the local mean time of Beijing before


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One lunar month: its number, whether it is a leap month, and its days in the solar calendar."""

    year: int
    month: int
    leap: bool
    first: date
    days: int


def first_source(year: int) -> Iterator[Month]:
    """Yield the months of a lunar year as lunar_python has them, in order."""
    for found in LunarYear.fromYear(year).getMonths():
        if found.getYear() == year:
            day = Solar.fromJulianDay(found.getFirstJulianDay())
            yield Month(
                year=year,
                month=abs(found.getMonth()),
                leap=found.getMonth() < 0,
                first=date(day.getYear(), day.getMonth(), day.getDay()),
                days=found.getDayCount(),
            )


def settle(months: list[Month]) -> list[Month]:
    """Return the months with their first days corrected by `SETTLED`; lengths follow from them."""
    firsts = [SETTLED.get(month.first, month.first) for month in months]
    ends = [*firsts[1:], months[-1].first + timedelta(months[-1].days)]
    return [
        Month(year=m.year, month=m.month, leap=m.leap, first=first, days=(end - first).days)
        for m, first, end in zip(months, firsts, ends, strict=True)
    ]


class DateOnly(cnlunar.Lunar):  # type: ignore[misc]  # cnlunar is untyped
    """The second source without its almanac, which costs fifty times as much as the date."""

    def __init__(self, day: date) -> None:
        """Look up one solar day."""
        self.date = datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001 - its own civil time
        self.isLunarLeapMonth = False
        self.lunar = self.get_lunarDateNum()


def second_source(day: date) -> tuple[int, int, int, bool]:
    """Return (lunar year, month, day, leap) of a solar day as cnlunar has it."""
    found = DateOnly(day)
    return (*found.lunar, found.isLunarLeapMonth)


def compare(months: list[Month]) -> list[str]:
    """Return one line for each day on which the second source differs from the settled months."""
    wrong = []
    for month in months:
        for offset in range(month.days):
            day = month.first + timedelta(offset)
            ours = (month.year, month.month, offset + 1, month.leap)
            if SECOND_SOURCE[0] <= day <= SECOND_SOURCE[1] and (theirs := second_source(day)) != ours:
                wrong.append(f"{day}: {ours} here, {theirs} in the second source")
    return wrong


def new_moon(lunation: int) -> datetime:
    """Return the instant of a new moon in UTC without zone; lunation 0 is that of 6 January 2000.

    Meeus, Astronomical Algorithms, chapter 49: good to about half a minute in these centuries.
    """
    k, t = lunation, lunation / 1236.85
    e = 1 - 0.002516 * t - 0.0000074 * t * t
    sun = math.radians(2.5534 + 29.10535670 * k - 0.0000014 * t * t)
    moon = math.radians(201.5643 + 385.81693528 * k + 0.0107582 * t * t + 0.00001238 * t**3)
    lat = math.radians(160.7108 + 390.67050284 * k - 0.0016118 * t * t)
    node = math.radians(124.7746 - 1.56375588 * k + 0.0020672 * t * t)
    days = 2451550.09766 + 29.530588861 * k + 0.00015437 * t * t
    for size, moons, suns, lats in PERIODIC:
        days += size * e ** abs(suns) * math.sin(moons * moon + suns * sun + lats * lat)
    days -= 0.00017 * math.sin(node)
    for size, start, speed in PLANETARY:
        days += size * math.sin(math.radians(start + speed * k))
    dynamical = datetime(2000, 1, 1, 12) + timedelta(days=days - 2451545)  # noqa: DTZ001 - a bare count of days
    return dynamical - timedelta(seconds=delta_t(dynamical.year))


def delta_t(year: int) -> float:
    """Return dynamical time minus universal time in seconds, to about 20 s in 1900-2100."""
    known = {1900: -3, 1920: 21, 1940: 24, 1960: 33, 1980: 51, 2000: 64, 2020: 69, 2050: 77, 2100: 100}
    years = sorted(known)
    after = next((y for y in years if y >= year), years[-1])
    before = max((y for y in years if y <= year), default=years[0])
    if after == before:
        return known[after]
    return known[before] + (known[after] - known[before]) * (year - before) / (after - before)


def moon_disagrees(month: Month) -> str | None:
    """Return a line when the computed new moon does not fall on the month's first day in China."""
    lunation = round((month.first - date(2000, 1, 6)).days / 29.530588861)
    early = month.first < BEIJING_LOCAL_TIME_UNTIL
    local = new_moon(lunation) + (timedelta(hours=7, minutes=45, seconds=40) if early else timedelta(hours=8))
    midnight = datetime.combine(local.date(), datetime.min.time())
    from_midnight = min(local - midnight, midnight + timedelta(days=1) - local)
    if local.date() == month.first or from_midnight < CLOSE_TO_MIDNIGHT:
        return None
    return f"{month.first}: the new moon is at {local:%Y-%m-%d %H:%M:%S} in China"


def table_text(months: list[Month]) -> str:
    """Return the CSV text, one line per month."""
    lines = [f"{m.year},{m.month},{int(m.leap)},{m.first.isoformat()},{m.days}" for m in months]
    return "\n".join(["year,month,leap,first_day,days", *lines]) + "\n"


PERIODIC = (  # size in days, multiples of the moon's anomaly, the sun's anomaly, the moon's latitude
    (-0.40720, 1, 0, 0), (0.17241, 0, 1, 0), (0.01608, 2, 0, 0), (0.01039, 0, 0, 2), (0.00739, 1, -1, 0),
    (-0.00514, 1, 1, 0), (0.00208, 0, 2, 0), (-0.00111, 1, 0, -2), (-0.00057, 1, 0, 2), (0.00056, 2, 1, 0),
    (-0.00042, 3, 0, 0), (0.00042, 0, 1, 2), (0.00038, 0, 1, -2), (-0.00024, 2, -1, 0), (-0.00007, 1, 2, 0),
    (0.00004, 2, 0, -2), (0.00004, 0, 3, 0), (0.00003, 1, 1, -2), (0.00003, 2, 0, 2), (-0.00003, 1, 1, 2),
    (0.00003, 1, -1, 2), (-0.00002, 1, -1, -2), (-0.00002, 3, 1, 0), (0.00002, 4, 0, 0),
)  # fmt: skip
PLANETARY = (  # size in days, degrees at lunation 0, degrees per lunation
    (0.000325, 299.77, 0.107408), (0.000165, 251.88, 0.016321), (0.000164, 251.83, 26.651886),
    (0.000126, 349.42, 36.412478), (0.000110, 84.66, 18.206239), (0.000062, 141.74, 53.303771),
    (0.000060, 207.14, 2.453732), (0.000056, 154.84, 7.306860), (0.000047, 34.52, 27.261239),
    (0.000042, 207.19, 0.121824), (0.000040, 291.34, 1.844379), (0.000037, 161.72, 24.198154),
    (0.000035, 239.56, 25.513099), (0.000023, 331.55, 3.592518),
)  # fmt: skip


def build() -> list[Month]:
    """Return the settled months; exit with every disagreement that nobody has settled."""
    months = settle([m for year in range(FIRST_YEAR, LAST_YEAR + 1) for m in first_source(year)])
    gaps = [
        f"{b.first}: does not follow the month before"
        for a, b in itertools.pairwise(months)
        if a.first + timedelta(a.days) != b.first
    ]
    moons = [line for m in months if (line := moon_disagrees(m))]
    if wrong := [*gaps, *compare(months), *moons]:
        sys.exit("\n".join(wrong))
    return months


def main() -> None:
    """Write the table, or with --check compare it with the shipped one (exit 1 when they differ)."""
    text = table_text(build())
    if "--check" in sys.argv[1:]:
        sys.exit(0 if TABLE.read_text(encoding="utf-8") == text else f"{TABLE}: differs from its sources")
    TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
