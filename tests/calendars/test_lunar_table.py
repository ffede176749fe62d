import runpy
from datetime import date
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_lunar_table.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


class TestShippedTable:
    def test_is_what_the_sources_give_today(self, script):
        """Both libraries and the computed new moons agree, day for day, with the shipped file."""
        assert script["table_text"](script["build"]()) == script["TABLE"].read_text(encoding="utf-8")

    def test_follows_the_second_source_on_the_one_disputed_month(self, script):
        """The first source begins the ninth month of 2057 a day later; that is the only settled case."""
        assert script["SETTLED"] == {date(2057, 9, 29): date(2057, 9, 28)}
        unsettled = list(script["first_source"](2057))
        assert [line[:10] for line in script["compare"](unsettled)][::29] == ["2057-09-28", "2057-10-27"]

    def test_computes_known_new_moons(self, script):
        """The third opinion knows the new moon of 18 February 1977, 03:37 UTC."""
        moon = script["new_moon"](-283)
        assert (moon.year, moon.month, moon.day, moon.hour) == (1977, 2, 18, 3)
        assert abs(moon.minute - 37) <= 1
