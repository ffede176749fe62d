"""Ticket files: what a list says against what was told, customers that exist, the same file twice."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.settings import OperatorSettings
from care.customers.tables import customer
from care.customers.tickets.tables import ticket, ticket_resolution
from tests.customers.conftest import everything
from tests.factories import address_hash, make_customer

HEADER = (
    "id,customer,kind,severity,staff,area,channel,contact_name,contact_phone,parent,summary,result,"
    "opened_at,first_response_at,resolved_at,reopened_at,closed_at,grade"
)
ROW = (
    "T-1,C1,Repair,major,A12,北区,phone,李明,13900001111,F-9,no signal,reset,"
    "2026-09-01 09:00,2026-09-01 09:04,2026-09-01T15:00,,2026-09-02T08:00:00+00:00,gold"
)


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 9, day, hour, minute, tzinfo=UTC)


def rows(engine, table=ticket):
    with read(engine) as conn:
        return conn.execute(sa.select(table).order_by(table.c.id)).mappings().all()


@pytest.fixture
def people(engine):
    """A customer in Shanghai, one in Taipei."""
    with write(engine) as conn:
        made = make_customer(conn, external_id="C1")
        return {"C1": made, "C2": make_customer(conn, external_id="C2", country="TW", timezone="Asia/Taipei")}


class TestTicketImport:
    def test_stores_every_column(self, engine, import_rows, people) -> None:
        """Times without offset are the operator's own; numbers are E.164; other columns are attributes."""
        assert import_rows("tickets", HEADER, ROW).added == 1
        (one,) = rows(engine)
        words = ("kind", "severity", "staff", "area", "channel", "contact_name", "parent", "summary", "result")
        assert [one[name] for name in words] == [
            "repair", "major", "A12", "北区", "phone", "李明", "F-9", "no signal", "reset",
        ]  # fmt: skip
        times = ("opened_at", "first_response_at", "resolved_at", "reopened_at", "closed_at")
        assert [one[name] for name in times] == [utc(1, 1), utc(1, 1, 4), utc(1, 7), None, utc(2, 8)]
        assert (one["customer_id"], one["attributes"]) == (people["C1"], {"grade": "gold"})
        phone = "+8613900001111"
        assert (one["contact_phone"], one["contact_hash"]) == (phone, address_hash("sms", phone))
        (part,) = rows(engine, ticket_resolution)
        assert (part["external_id"], part["resolved_at"], part["opened_at"]) == ("T-1:r1", utc(1, 7), utc(1, 1))
        assert (part["staff"], part["kind"], part["address_hash"]) == ("A12", "repair", one["contact_hash"])

    def test_changes_nothing_the_second_time(self, engine, import_rows, people, clock) -> None:
        """Every row stays as it was, also one that says nothing of when."""
        lines = (ROW, "T-2,C1" + "," * 16, "T-3,C1,,,A" + "," * 11 + "2026-09-03 10:00,,")
        import_rows("tickets", HEADER, *lines)
        before = everything(engine, [ticket, ticket_resolution])
        clock.advance(timedelta(days=1))
        report = import_rows("tickets", HEADER, *lines)
        assert (report.added, report.updated, report.unchanged) == (0, 0, 3)
        assert everything(engine, [ticket, ticket_resolution]) == before

    def test_brings_what_is_newer(self, engine, import_rows, people) -> None:
        """Resolved, opened again, resolved again in later files: two resolutions; an older file undoes nothing."""
        import_rows("tickets", "id,customer,staff,resolved_at", "T-1,C1,A,2026-09-01 15:00")
        report = import_rows("tickets", "id,staff,reopened_at", "T-1,B,2026-09-02 15:00")
        assert report.updated == 1
        assert rows(engine)[0]["resolved_at"] is None
        import_rows("tickets", "id,staff,resolved_at,area", "T-1,C,2026-09-03 15:00,北区")
        report = import_rows("tickets", "id,staff,resolved_at", "T-1,A,2026-09-01 15:00")
        assert report.unchanged == 1
        (one,) = rows(engine)
        assert (one["staff"], one["resolved_at"], one["resolutions"], one["area"]) == ("C", utc(3, 7), 2, "北区")
        assert [(part["n"], part["staff"]) for part in rows(engine, ticket_resolution)] == [(1, "A"), (2, "C")]

    def test_corrects_what_a_list_said_of_the_same_moment(self, engine, import_rows, people) -> None:
        """Empty changes nothing, - clears."""
        import_rows("tickets", HEADER, ROW)
        import_rows("tickets", "id,staff,area,severity,resolved_at,grade", "T-1,B,-,,2026-09-01 15:00,-")
        (one,) = rows(engine)
        assert (one["staff"], one["area"], one["severity"], one["attributes"]) == ("B", None, "major", {})
        assert [(part["staff"], part["area"]) for part in rows(engine, ticket_resolution)] == [("B", None)]

    def test_reads_numbers_in_the_customers_country(self, engine, import_rows, people) -> None:
        """A number as it is written in Taipei."""
        import_rows("tickets", "id,customer,contact_phone", "T-1,C2,0912345678")
        assert rows(engine)[0]["contact_phone"] == "+886912345678"

    def test_writes_nothing_more_of_an_erased_customer(self, engine, import_rows, people) -> None:
        """Neither by the ticket nor by their own id; others of the file are in."""
        import_rows("tickets", HEADER, ROW)
        with write(engine) as conn:
            conn.execute(sa.update(customer).where(customer.c.id == people["C1"]).values(erased_at=utc(4, 0)))
        before = everything(engine, [ticket, ticket_resolution])
        assert import_rows("tickets", "id,staff,resolved_at", "T-1,B,2026-09-05 15:00").rejected == 1
        report = import_rows("tickets", "id,customer,staff", "T-1,C1,B", "T-8,C1,B")
        assert (report.added, report.updated, report.rejected) == (0, 0, 2)
        assert report.refusals[0].reason.startswith("was erased at the customer's wish")
        assert everything(engine, [ticket, ticket_resolution]) == before
        assert import_rows("tickets", "id,customer", "T-9,C2").added == 1

    def test_moves_a_ticket_to_another_customer(self, engine, import_rows, people) -> None:
        """The list says whose it is."""
        import_rows("tickets", HEADER, ROW)
        assert import_rows("tickets", "id,customer", "T-1,C2").updated == 1
        assert rows(engine)[0]["customer_id"] == people["C2"]
        assert rows(engine, ticket_resolution)[0]["customer_id"] == people["C2"]

    @pytest.mark.parametrize(
        ("row", "column", "reason"),
        [
            ("T-1,C9,,,", "customer", "is not known. Import the customers first"),
            ("T-1,,,,", "customer", "is missing"),
            (",C1,,,", "id", "is missing"),
            (f"{'T' * 57},C1,,,", "id", "is longer than 56 characters"),
            ("T-1,C1,10086,,", "contact_phone", "is no phone number of CN"),
            ("T-1,C1,,noon,", "resolved_at", "is no time"),
            ("T-1,C1,,2027-01-01,", "resolved_at", "lies in the future"),
            ("T-1,C1,,,perhaps", "test", "is neither true nor false"),
        ],
    )
    def test_refuses_a_row_with_the_reason(self, engine, import_rows, people, *, row, column, reason) -> None:
        """The others are in; what was refused names the column."""
        report = import_rows("tickets", "id,customer,contact_phone,resolved_at,test", row, "T-7,C1,,,")
        assert (report.added, report.rejected) == (1, 1)
        assert report.refusals[0].column == column
        assert report.refusals[0].reason.startswith(reason)
        assert [one["external_id"] for one in rows(engine)] == ["T-7"]

    def test_keeps_placeholders_out(self, engine, import_rows, people) -> None:
        """A system's zero time is no time, and is told."""
        report = import_rows("tickets", "id,customer,resolved_at", "T-1,C1,1970-01-01 00:00:00")
        assert (report.added, rows(engine)[0]["resolved_at"]) == (1, None)
        assert ("resolved_at", "a placeholder such as 1970-01-01, kept out") in report.warnings

    def test_writes_nothing_in_a_dry_run(self, engine, import_rows, people) -> None:
        """But says what it would."""
        assert import_rows("tickets", HEADER, ROW, dry_run=True).added == 1
        assert rows(engine) == []

    def test_takes_json_lines(self, engine, import_rows, people) -> None:
        """One object a line; the operator's zone holds there too."""
        file = import_rows.folder / "tickets.jsonl"
        file.write_text('{"id": 5, "customer": "C1", "resolved_at": "2026-09-01 15:00", "test": true}\n')
        operator = OperatorSettings(timezone="Europe/London", country="GB")
        assert import_rows.path("tickets", file, operator=operator).added == 1
        (one,) = rows(engine)
        assert (one["external_id"], one["resolved_at"], one["is_test"]) == ("5", utc(1, 14), True)

    def test_of_a_storm_is_quick(self, engine, import_rows, people, clock) -> None:
        """Thousands closed under one parent are one statement a batch, not one a ticket."""
        lines = [f"T-{n},C1,F-1,2026-09-01 15:00" for n in range(3_000)]
        statements: list[str] = []
        sa.event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        assert import_rows("tickets", "id,customer,parent,resolved_at", *lines).added == 3_000
        assert len(rows(engine, ticket_resolution)) == 3_000
        assert len(statements) < 100
