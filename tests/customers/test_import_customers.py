"""Customer files become customers: what each cell means, who is new, who changed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.ids import household_draw
from care.base.settings import OperatorSettings
from care.customers import suppressions
from care.customers.tables import consent, consent_now, contact_point, customer, customer_change, suppression
from tests.customers.conftest import everything, stored
from tests.factories import address_hash, make_customer, make_suppression

ALL = (
    "id,name,salutation,phone,email,locale,timezone,country,birthday,birthday_calendar,birthday_leap,joined_on,left_on,"
    "status,customer_type,tier,area,account_manager,monthly_spend,lifetime_value,key_account,depends_on_line,deceased,"
    "minor,hardship,open_complaint,points"
)
FULL = (
    "C1,王芳,王女士,13812345678,Wang@Example.com,zh_CN,Asia/Shanghai,cn,1979-06-30,lunar,yes,2016-02-29,,"
    "active,Family,gold,北区,陈经理,128.5,9000,是,1,no,false,0,true,12"
)


class TestCustomerImport:
    def test_stores_every_column(self, engine, import_rows, clock) -> None:
        """Each column lands where rules and templates look for it, in minor units and local days."""
        report = import_rows("customers", ALL, FULL)
        assert (report.added, report.rejected) == (1, 0)
        row = stored(engine, "C1")
        expected = {
            "name": "王芳", "salutation": "王女士", "sms": "+8613812345678", "email": "Wang@example.com",
            "locale": "zh-CN", "timezone": "Asia/Shanghai", "country": "CN", "birth_year": 1979, "birth_mmdd": 630,
            "birth_calendar": "lunar", "birth_leap": True, "joined_on": date(2016, 2, 29), "joined_mmdd": 229,
            "left_on": None, "status": "active", "customer_type": "family", "tier": "gold", "area": "北区",
            "account_manager": "陈经理", "monthly_spend_minor": 12850, "lifetime_value_minor": 900000,
            "key_account": True, "depends_on_line": True, "deceased": False, "minor": False, "hardship": False,
            "open_complaint": True, "attributes": {"points": "12"}, "draw": household_draw("+8613812345678"),
            "created_at": clock.now(), "updated_at": clock.now(),
        }  # fmt: skip
        assert {name: row[name] for name in expected} == expected

    def test_needs_no_more_than_an_id(self, engine, import_rows) -> None:
        """What a file does not say takes the operator's country, zone and language."""
        import_rows("customers", "id", "C1")
        row = stored(engine, "C1")
        assert (row["country"], row["timezone"], row["locale"]) == ("CN", "Asia/Shanghai", "zh-CN")
        assert (row["status"], row["customer_type"], row["birth_calendar"]) == ("active", "person", "solar")

    def test_changes_nothing_the_second_time(self, engine, import_rows, clock) -> None:
        """The same file again leaves every row as it was, and says so."""
        rows = [FULL, "C2,,,,,,,,--02-29,,,,,,,,,,,,,,,,,,", "C3,-,-,-,-,-,-,-,-,-,-,-,-,-,-,-,-,-,-,-,-,-,-,-,-,-,-"]
        import_rows("customers", ALL, *rows)
        before = everything(engine, [customer, contact_point, customer_change])
        clock.advance(timedelta(days=1))
        report = import_rows("customers", ALL, *rows)
        assert (report.added, report.updated, report.unchanged) == (0, 0, 3)
        assert everything(engine, [customer, contact_point, customer_change]) == before

    def test_keeps_what_an_empty_cell_does_not_mention_and_clears_what_a_dash_does(self, engine, import_rows) -> None:
        """Empty changes nothing, - clears; a flag that is cleared is off."""
        import_rows("customers", ALL, FULL)
        report = import_rows("customers", "id,name,phone,tier,key_account,points,birthday", "C1,,-,-,-,-,")
        row = stored(engine, "C1")
        assert report.updated == 1
        assert (row["name"], row["tier"], row["key_account"], row["attributes"]) == ("王芳", None, False, {})
        assert "sms" not in row
        assert (row["email"], row["birth_mmdd"]) == ("Wang@example.com", 630)

    def test_moves_contact_points_with_their_hash(self, engine, import_rows) -> None:
        """A new number replaces the old one, and the keyed hash follows."""
        import_rows("customers", "id,phone,email", "C1,13812345678,")
        import_rows("customers", "id,phone,email", "C1,13900000001,new@example.com")
        with read(engine) as conn:
            points = conn.execute(sa.select(contact_point).order_by(contact_point.c.id)).all()
        assert [(p.address, p.address_hash) for p in points] == [
            ("+8613900000001", address_hash("sms", "+8613900000001")),
            ("new@example.com", address_hash("email", "new@example.com")),
        ]

    def test_remembers_former_values_of_fields_that_rules_read(self, engine, import_rows) -> None:
        """One row per changed field; contact points as keyed hash, names not at all."""
        import_rows("customers", "id,name,phone,tier,monthly_spend,points", "C1,甲,13812345678,gold,10,1")
        import_rows("customers", "id,name,phone,tier,monthly_spend,points", "C1,乙,13900000001,silver,20,2")
        with read(engine) as conn:
            changes = conn.execute(sa.select(customer_change).order_by(customer_change.c.field)).all()
        old, new = address_hash("sms", "+8613812345678"), address_hash("sms", "+8613900000001")
        assert [(c.field, c.old, c.new) for c in changes] == [
            ("attributes.points", '"1"', '"2"'),
            ("monthly_spend_minor", "1000", "2000"),
            ("sms", f'"{old}"', f'"{new}"'),
            ("tier", '"gold"', '"silver"'),
        ]

    def test_takes_the_last_of_rows_with_one_id(self, engine, import_rows, monkeypatch) -> None:
        """Also across batches; how many were replaced is told, and a second import changes nothing."""
        monkeypatch.setattr("care.customers.importing.run.BATCH_ROWS", 2)
        rows = ["C1,a", "C1,b", "C2,x", "C3,y", "C1,c", " C1 ,d"]
        first = import_rows("customers", "id,name", *rows)
        assert (first.rows, first.added, first.repeated) == (6, 3, 3)
        assert stored(engine, "C1")["name"] == "d"
        again = import_rows("customers", "id,name", *rows)
        assert (again.unchanged, again.updated, again.repeated) == (3, 0, 3)

    def test_shares_the_database_with_another_import(self, engine, import_rows, monkeypatch) -> None:
        """Two at once over the same customers: each id once, nothing fails."""
        monkeypatch.setattr("care.customers.importing.run.BATCH_ROWS", 10)
        files = [
            ("customers", "id,phone", *(f"C{n},138{n:08d}" for n in numbers))
            for numbers in (range(200), range(199, -1, -1))
        ]
        for number, (_kind, header, *rows) in enumerate(files):
            (import_rows.folder / f"{number}.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
        with ThreadPoolExecutor(2) as pool:
            reports = list(pool.map(lambda n: import_rows.path("customers", import_rows.folder / f"{n}.csv"), (0, 1)))
        assert sum(report.added for report in reports) == 200
        assert sum(report.unchanged for report in reports) == 200

    def test_writes_nothing_in_a_dry_run(self, engine, import_rows, tmp_path) -> None:
        """The answer is the same, the tables are not touched, no rejects file appears."""
        import_rows("customers", "id,tier", "C1,gold")
        tables = [customer, contact_point, customer_change]
        before = everything(engine, tables)
        rows = ["C1,silver,", "C2,gold,13812345678", "C3,,10086"]
        report = import_rows("customers", "id,tier,phone", *rows, dry_run=True)
        assert (report.added, report.updated, report.rejected) == (1, 1, 1)
        assert everything(engine, tables) == before
        assert not list(tmp_path.glob("*.rejects.csv"))

    def test_never_touches_consents_nor_lifts_a_ban(self, engine, import_rows, hasher) -> None:
        """Columns named like consents are attributes; a ban meets the address when it comes back."""
        with write(engine) as conn:
            make_customer(conn, external_id="C1", phone=None, consents=("greeting",))
            make_suppression(conn, address="+8613812345678")
        guarded = [consent, consent_now, suppression]
        before = everything(engine, guarded)
        import_rows("customers", "id,phone,given,greeting", "C1,13812345678,false,false", "C2,13812345678,true,true")
        assert everything(engine, guarded) == before
        with read(engine) as conn:
            hashes = conn.execute(sa.select(contact_point.c.address_hash)).scalars().all()
            assert len(suppressions.active_suppressions(conn, hashes)) == 1

    def test_does_not_bring_back_who_was_erased(self, engine, import_rows, clock) -> None:
        """An erased id in an old file is refused."""
        with write(engine) as conn:
            make_customer(conn, external_id="C1", phone=None, erased_at=clock.now())
        report = import_rows("customers", "id,phone", "C1,13812345678")
        assert report.rejected == 1
        assert "sms" not in stored(engine, "C1")

    def test_marks_as_left_who_is_gone(self, engine, import_rows) -> None:
        """A day of leaving that is past means left, unless the status says otherwise; a day to come does not."""
        rows = ["C1,2026-09-25,", "C2,2026-09-26,", "C3,2020-01-01,active", "C4,,left"]
        import_rows("customers", "id,left_on,status", *rows)
        statuses = [stored(engine, name)["status"] for name in ("C1", "C2", "C3", "C4")]
        assert statuses == ["left", "active", "active", "left"]


class TestPlace:
    @pytest.mark.parametrize(
        ("cells", "country", "zone", "locale"),
        [
            (",,,13812345678", "CN", "Asia/Shanghai", "zh-CN"),
            (",,,+886912345678", "TW", "Asia/Taipei", "zh-TW"),
            (",,,+14155550123", "US", "America/Los_Angeles", "en-US"),
            ("US,,,", "US", None, "en-US"),
            ("US,,,2125550123", "US", "America/New_York", "en-US"),
            ("GB,,,07400 123456", "GB", "Europe/London", "en-GB"),
            ("AU,,,0412345678", "AU", None, "en-AU"),
            ("HK,,en,61234567", "HK", "Asia/Hong_Kong", "en"),
            ("CN,Asia/Urumqi,,13812345678", "CN", "Asia/Urumqi", "zh-CN"),
            ("TW,,,13812345678", None, None, None),
        ],
    )
    def test_comes_from_the_row_the_number_or_the_country(
        self, engine, import_rows, *, cells, country, zone, locale
    ) -> None:
        """A zone that is not certain stays unknown; a number that is none of its country is refused."""
        report = import_rows("customers", "id,country,timezone,locale,phone", f"C1,{cells}")
        if country is None:
            assert report.rejected == 1
            return
        row = stored(engine, "C1")
        assert (row["country"], row["timezone"], row["locale"]) == (country, zone, locale)

    def test_is_unknown_in_an_operators_country_of_many_zones(self, engine, import_rows) -> None:
        """The operator's own zone says nothing about a customer elsewhere in the country."""
        home = OperatorSettings(country="US", timezone="America/New_York", locale="en-US", currency="USD")
        import_rows("customers", "id", "C1", operator=home)
        assert stored(engine, "C1")["timezone"] is None

    def test_reads_national_numbers_in_the_stored_country(self, engine, import_rows) -> None:
        """A later file without a country column still understands the customer's numbers."""
        import_rows("customers", "id,country", "C1,TW", "C2,CN")
        report = import_rows("customers", "id,phone", "C1,0912345678", "C2,13812345678")
        assert report.updated == 2
        assert stored(engine, "C1")["sms"] == "+886912345678"

    def test_is_filled_in_when_a_number_tells_it_later(self, engine, import_rows) -> None:
        """An unknown zone becomes known with the first number that has exactly one."""
        import_rows("customers", "id,country", "C1,US")
        import_rows("customers", "id,phone", "C1,2125550123")
        assert stored(engine, "C1")["timezone"] == "America/New_York"


class TestHousehold:
    def test_draws_one_lot_for_a_shared_phone(self, engine, import_rows, monkeypatch) -> None:
        """In one batch, in the next, and when the first holder's lot came from a number since given up."""
        monkeypatch.setattr("care.customers.importing.run.BATCH_ROWS", 2)
        import_rows("customers", "id,phone", "C1,13812345678", "C2,13812345678", "C3,13812345678")
        lots = {stored(engine, name)["draw"] for name in ("C1", "C2", "C3")}
        assert lots == {household_draw("+8613812345678")}
        import_rows("customers", "id,phone", "C1,13900000001")
        import_rows(
            "customers", "id,phone,email", "C4,13900000001,", "C5,13900000002,a@example.com", "C6,,a@example.com"
        )
        assert stored(engine, "C4")["draw"] == stored(engine, "C1")["draw"]
        assert stored(engine, "C6")["draw"] == stored(engine, "C5")["draw"] == household_draw("+8613900000002")

    def test_falls_back_to_mail_and_id(self, engine, import_rows) -> None:
        """Who has no phone draws by e-mail, who has neither by id."""
        import_rows("customers", "id,email", "C1,a@example.com", "C2,")
        assert stored(engine, "C1")["draw"] == household_draw("a@example.com")
        assert stored(engine, "C2")["draw"] == household_draw("C2")
