import json

import pytest
from typer.testing import CliRunner

from care.base.errors import CareError
from care.cli.calendar import app


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        result = CliRunner().invoke(app, list(arguments))
        if isinstance(result.exception, CareError):
            raise result.exception
        return result

    return call


class TestExplain:
    def test_tells_a_person_why(self, run):
        """Lunar date, festival, holiday and reason, a line each."""
        out = run("explain", "2026-02-17").stdout
        for words in ("Tuesday 星期二", "正月初一", "spring_festival", "春节 (Chinese New Year", "public holiday"):
            assert words in out

    def test_tells_a_program_in_one_object(self, run):
        """JSON with plain values and unescaped Chinese."""
        result = run("explain", "2026-02-14", "--country", "cn", "--json")
        found = json.loads(result.stdout)
        assert found["kind"] == "make_up"
        assert found["is_working_day"] is True
        assert "腊月廿七" in result.stdout

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (["2026-02-30"], "'2026-02-30' is not a day"),
            (["tomorrow"], "'tomorrow' is not a day"),
            (["2026-02-14", "--country", "ZZ"], "country 'ZZ' is not known"),
            (["2150-02-14"], "1900 to 2100"),
            (["2101-01-10"], "Use a day of 1900 to 2100"),
        ],
    )
    def test_refuses_what_it_cannot_explain(self, run, arguments, error):
        """Exit 2 with one line."""
        with pytest.raises(CareError, match=error) as caught:
            run("explain", *arguments)
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)

    def test_counts_the_operators_own_days(self, run, tmp_path):
        """campaigns/calendar.yaml declares a Saturday worked."""
        (tmp_path / "campaigns").mkdir()
        (tmp_path / "campaigns" / "calendar.yaml").write_text("CN:\n  2049: {working: [2049-01-30]}\n", "utf-8")
        assert "declared in the calendar file" in run("explain", "2049-01-30").stdout

    def test_names_the_place_of_a_mistake_in_the_calendar_file(self, run, tmp_path):
        """file:line:column of the operator's file."""
        (tmp_path / "campaigns").mkdir()
        (tmp_path / "campaigns" / "calendar.yaml").write_text("CN:\n  2049: {workin: []}\n", "utf-8")
        with pytest.raises(CareError, match=r"calendar\.yaml:2:10: 'workin' is not known"):
            run("explain", "2049-01-30")


class TestList:
    def test_prints_a_table(self, run):
        """A row per special day, and the year's warning on stderr."""
        result = run("list", "--year", "2049")
        assert "spring_festival" in result.stdout
        assert "CN 2049: make-up working days are not known yet" in result.stderr

    def test_prints_one_object_a_line(self, run):
        """JSON Lines in the order of the year."""
        days = [json.loads(line)["day"] for line in run("list", "--year", "2026", "--json").stdout.splitlines()]
        assert days == sorted(days)
        assert "2026-09-25" in days

    def test_refuses_years_without_a_table(self, run):
        """Exit 2 and the range."""
        with pytest.raises(CareError, match="1900 to 2100"):
            run("list", "--year", "1800")
