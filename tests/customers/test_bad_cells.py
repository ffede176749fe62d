"""Every kind of bad cell: the row goes to the rejects file with column and reason, the others are imported."""

import csv
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read
from care.customers.importing.rejects import guard
from care.customers.tables import customer
from tests.customers.conftest import stored

CASES = [
    ("id", "", "is missing"),
    ("id", "-", "is missing"),
    ("id", "x" * 65, "longer than 64"),
    ("name", "x" * 201, "longer than 200"),
    ("name", "a\x00b", "control character"),
    ("phone", "10086", "no phone number of CN"),
    ("phone", "1381234567", "no phone number of CN"),
    ("phone", "+1 415 555 0123 x9", "extension"),
    ("email", "a@b@c", "no e-mail address"),
    ("country", "XX", "no country"),
    ("country", "China", "no country"),
    ("timezone", "Asia/Beijing", "no time zone"),
    ("timezone", "Factory", "no time zone"),
    ("locale", "Chinese", "no language"),
    ("locale", "xx-CN", "no language"),
    ("birthday", "1990-02-30", "does not exist"),
    ("birthday", "1990-13-01", "does not exist"),
    ("birthday", "--02-30", "does not exist"),
    ("birthday", "1985-02-29", "does not exist"),
    ("birthday", "1885-02-01", "before 1900"),
    ("birthday", "2026-09-26", "in the future"),
    ("birthday", "03/04/1990", "no birthday"),
    ("birthday_calendar", "julian", "none of: solar, lunar"),
    ("birthday_leap", "maybe", "neither true nor false"),
    ("joined_on", "2016-02-30", "does not exist"),
    ("joined_on", "yesterday", "no day"),
    ("joined_on", "2026-09-27", "in the future"),
    ("status", "gone", "none of: active, left"),
    ("monthly_spend", "12.345", "more than 2 decimals"),
    ("monthly_spend", "1,5", "no amount"),
    ("monthly_spend", "-10", "below zero"),
    ("monthly_spend", "NaN", "no amount"),
    ("monthly_spend", "1e99", "no amount"),
    ("key_account", "2", "neither true nor false"),
]
HEADER = [
    *("id", "name", "phone", "email", "country", "timezone", "locale", "birthday", "birthday_calendar"),
    *("birthday_leap", "joined_on", "status", "monthly_spend", "key_account"),
]


class TestBadCell:
    def test_refuses_its_row_only(self, engine, import_rows, tmp_path) -> None:
        """Row number as a spreadsheet shows it, the column, why, and the row as it was; nothing of it is stored."""
        file = tmp_path / "people.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, HEADER)
            writer.writeheader()
            for number, (column, cell, _reason) in enumerate(CASES):
                writer.writerows([{"id": f"C{number}"}, {"id": f"BAD{number}", column: cell}])
        report = import_rows.path("customers", file)
        assert (report.added, report.rejected) == (len(CASES), len(CASES))
        with read(engine) as conn:
            ids = conn.execute(sa.select(customer.c.external_id)).scalars()
            assert not [name for name in ids if not name.startswith("C")]
        with (tmp_path / "people.csv.rejects.csv").open(encoding="utf-8-sig", newline="") as rejects:
            lines = list(csv.DictReader(rejects))
        for number, ((column, cell, reason), line) in enumerate(zip(CASES, lines, strict=True)):
            assert (int(line["row"]), line["column"]) == (2 * number + 3, column)
            assert reason in line["reason"], line
            assert cell in line[column]


class TestBadRow:
    @pytest.mark.parametrize(
        ("kind", "lines", "columns"),
        [
            (
                "customers",
                ("id,phone,email,country,timezone,locale,birthday,joined_on,monthly_spend,key_account,grade",
                 "C2,+86 10086,a@b@c,CN,Asia/Beijing,Chinese,2026-09-26,2016-02-30,x,2,a\x00b"),
                "locale timezone joined_on monthly_spend key_account email phone grade birthday",
            ),
            ("customers", ("id,phone,birthday", "C2,10086,1990-02-30"), "phone birthday"),
            ("customers", ("id,phone,birthday", "C1,10086,1990-02-30"), "phone"),
            ("customers", ("id,birthday,birthday_calendar", "C2,1990-02-30,lunr"), "birthday_calendar"),
            ("customers", ("id,phone,country", "C2,020 7946 0958,UK"), "country"),
            ("customers", ("id,phone,name", ",10086,甲"), "id phone"),
            ("subscriptions", ("id,customer,monthly_amount,started_on,ends_at", "S1,C9,x,2026-02-02,2026-02-01"), "monthly_amount customer ends_at"),
            ("subscriptions", ("id,monthly_amount", ",x"), "id monthly_amount"),
            ("tickets", ("id,customer,opened_at,resolved_at", "T1,C9,never,2099-01-01"), "opened_at resolved_at customer"),
            ("tickets", ("id,customer,opened_at,contact_phone", "T1,C1,never,10086"), "opened_at contact_phone"),
            ("tickets", ("id,opened_at", ",never"), "id opened_at"),
            ("consents", ("customer,purpose,channel,given,at,source,wording", "C9,offr,fax,true,2099-01-01,,"), "purpose channel at source wording customer"),
            ("consents", ("customer,purpose,channel,given,at,source,wording", ",offer,sms,maybe,never,,"), "customer given at"),
        ],
    )  # fmt: skip
    def test_is_told_with_all_its_wrong_columns(self, import_rows, tmp_path, kind, lines, columns) -> None:
        """Columns and reasons stand in the same order; what hangs on a wrong cell is not judged."""
        import_rows("customers", "id,birthday,birthday_calendar", "C1,1986-02-30,lunar")

        report = import_rows(kind, *lines)

        assert (report.added, report.updated, report.unchanged, report.rejected) == (0, 0, 0, 1)
        with (tmp_path / f"{kind}.csv.rejects.csv").open(encoding="utf-8-sig", newline="") as file:
            (line,) = csv.DictReader(file)
        assert line["column"].split("; ") == columns.split()
        assert line["reason"].count("; ") == line["column"].count("; ")


class TestPlaceholder:
    def test_is_kept_out_and_told(self, engine, import_rows) -> None:
        """1 January 1970 is how systems write 'unknown': nobody is greeted on it, the row counts all the same."""
        rows = ["C1,1970-01-01,1900-01-01", "C2,1970-01-02,2016-03-01", "C3,--01-01,"]
        report = import_rows("customers", "id,birthday,joined_on", *rows)
        assert (report.added, report.rejected) == (3, 0)
        assert {column for column, _text in report.warnings} == {"birthday", "joined_on"}
        assert [stored(engine, name)["birth_mmdd"] for name in ("C1", "C2", "C3")] == [None, 102, 101]


class TestJoining:
    def test_counts_from_the_first_moment_of_the_day_anywhere(self, clock, import_rows) -> None:
        """Islands are fourteen hours ahead of UTC; a day of leaving may be to come."""
        for hours, added in ((7.9, 1), (0.2, 2)):
            clock.advance(timedelta(hours=hours))
            report = import_rows("customers", "id,joined_on,left_on", "C1,2026-09-25,2027-01-01", "C2,2026-09-26,")
            assert report.rejected == 2 - added


class TestBirthday:
    def test_is_judged_in_the_calendar_it_will_be_stored_in(self, engine, import_rows) -> None:
        """Day 30 of a second month is lunar only; changing the calendar alone may contradict what is stored."""
        header = "id,birthday,birthday_calendar,birthday_leap"
        import_rows("customers", header, "C1,1986-02-30,lunar,false")
        report = import_rows("customers", header, "C1,,solar,false")
        assert report.rejected == 1
        report = import_rows("customers", header, "C1,1986-02-29,,", "C2,1986-02-03,solar,true", "C3,1986-05-31,lunar,")
        assert (report.updated, report.rejected) == (1, 2)
        assert stored(engine, "C1")["birth_calendar"] == "lunar"

    def test_is_a_day_that_its_lunar_year_has(self, import_rows, tmp_path) -> None:
        """1984 had a tenth leap month, of 29 days; 1985 had none. Without a year nobody can tell."""
        rows = ["C1,1984-10-29", "C2,1984-10-30", "C3,1984-11-30", "C4,1985-05-01", "C5,--05-30"]
        report = import_rows(
            "customers", "id,birthday,birthday_calendar,birthday_leap", *(f"{r},lunar,yes" for r in rows)
        )
        assert (report.added, report.rejected) == (2, 3)
        with (tmp_path / "customers.csv.rejects.csv").open(encoding="utf-8-sig", newline="") as file:
            assert [line["reason"] for line in csv.DictReader(file)] == [
                "that month of lunar 1984 has 29 days",
                "lunar 1984 has no leap month 11",
                "lunar 1985 has no leap month 5",
            ]


class TestRejectsFile:
    def test_can_be_corrected_and_imported(self, engine, import_rows, tmp_path) -> None:
        """Its own three columns are passed over, the rest is the row as it was."""
        import_rows("customers", "id,name,phone", "C1,甲,10086", "C2,乙,13812345678")
        rejects = tmp_path / "customers.csv.rejects.csv"
        rejects.write_text(rejects.read_text(encoding="utf-8").replace("10086", "13900000001"), encoding="utf-8")
        assert import_rows.path("customers", rejects).added == 1
        row = stored(engine, "C1")
        assert (row["name"], row["sms"], row["attributes"]) == ("甲", "+8613900000001", {})

    def test_is_gone_when_nothing_was_refused(self, import_rows, tmp_path) -> None:
        """A leftover of an earlier run would mislead."""
        import_rows("customers", "id,phone", "C1,10086")
        assert (tmp_path / "customers.csv.rejects.csv").stat().st_mode & 0o777 == 0o600
        import_rows("customers", "id,phone", "C1,")
        assert not (tmp_path / "customers.csv.rejects.csv").exists()

    def test_holds_rows_of_a_wrong_width(self, import_rows, tmp_path) -> None:
        """A missing or extra separator is told with both counts; empty lines are nothing."""
        report = import_rows("customers", "id,name", "C1,a,b", "", "C2", "C3,c")
        assert (report.rows, report.added, report.rejected) == (3, 1, 2)
        text = (tmp_path / "customers.csv.rejects.csv").read_text(encoding="utf-8-sig")
        assert "has 3 cells, the header has 2" in text
        assert text.splitlines()[2].startswith("4,")

    @pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "\t=1"])
    def test_disarms_formulas(self, cell) -> None:
        """A spreadsheet opens the file and runs nothing."""
        assert guard(cell) == f"'{cell}"

    @pytest.mark.parametrize("cell", ["+86 138-1234 5678", "-", "-12.5", "甲", "a=b"])
    def test_leaves_plain_cells_as_they_are(self, cell) -> None:
        """Numbers and a lone dash go back in unchanged."""
        assert guard(cell) == cell
