"""`care import`: what it prints and returns, and that bad input changes nothing."""

import csv
import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

PEOPLE = "id,name,phone\nC1,王芳,13812345678\nC2,李明,\n"
CONSENTS = "customer,purpose,channel,given,at,source,wording\nC1,greeting,sms,true,2026-05-01,shop,I agree\n"


@pytest.fixture
def shop(upgraded, tmp_path):
    """A folder with an empty database of the newest version and a sound file `people.csv`."""
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    return upgraded


def dump(folder: Path) -> str:
    """Return the whole database as text."""
    with closing(sqlite3.connect(folder / "care.db")) as database:
        return "\n".join(database.iterdump())


def count(folder: Path, table: str = "customer") -> int:
    """Return how many rows a table has."""
    with closing(sqlite3.connect(folder / "care.db")) as database:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a fixed name


def many(path: Path, rows: int) -> None:
    """Write a file of so many plain customers."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,name,phone\n")
        file.writelines(f"C{n},somebody,138{n:08d}\n" for n in range(rows))


class TestImport:
    def test_says_what_it_did_and_that_a_second_time_changes_nothing(self, shop, tmp_path) -> None:
        """One line with counts, time and pace."""
        many(tmp_path / "big.csv", 10_000)
        first = shop("import", "customers", "big.csv")
        assert first.code == 0
        assert first.out.startswith("10,000 rows: 10,000 added in ")
        assert "rows/s" in first.out
        again = shop("import", "customers", "big.csv")
        assert again.code == 0
        assert again.out.startswith("10,000 rows: 10,000 unchanged")

    def test_prints_one_json_object(self, shop) -> None:
        """For scripts; the same figures."""
        answer = shop("import", "customers", "people.csv", "--json")
        report = json.loads(answer.out)
        assert (report["rows"], report["added"], report["rejected"], report["rejects_file"]) == (2, 2, 0, None)

    def test_rejects_bad_rows_and_imports_the_others(self, shop, tmp_path) -> None:
        """Exit 1; stderr names row, column and reason, the file holds them all."""
        (tmp_path / "people.csv").write_text(PEOPLE + "C3,a,10086\nC4,b,\n", encoding="utf-8")
        answer = shop("import", "customers", "people.csv")
        assert answer.code == 1
        assert answer.out.startswith("4 rows: 3 added, 1 rejected")
        assert "row 4, phone: is no phone number of CN" in answer.err
        assert "people.csv.rejects.csv" in answer.err
        assert "10086" not in answer.err
        with (tmp_path / "people.csv.rejects.csv").open(encoding="utf-8-sig", newline="") as file:
            assert [row["row"] for row in csv.DictReader(file)] == ["4"]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_takes_what_spreadsheets_write(self, shop, tmp_path, encoding, delimiter) -> None:
        """Encoding and separator are found, not asked for."""
        (tmp_path / "people.csv").write_text(PEOPLE.replace(",", delimiter), encoding=encoding)
        assert shop("import", "customers", "people.csv").code == 0
        record = json.loads(shop("customers", "show", "C1", "--json").out)
        assert record["name"] == "王芳"

    def test_maps_foreign_headers(self, shop, tmp_path) -> None:
        """Their names for ours; what is not mapped becomes an attribute."""
        (tmp_path / "people.csv").write_text("客户号,手机,等级\nC1,13812345678,A\n", encoding="gbk")
        answer = shop("import", "customers", "people.csv", "--map", "客户号=id", "--map", "手机=phone")
        assert answer.code == 0
        record = json.loads(shop("customers", "show", "C1", "--json", "--plain").out)
        assert record["contact_points"][0]["address"] == "+8613812345678"
        assert record["attributes"] == {"等级": "A"}

    def test_tells_of_a_column_that_is_nearly_ours(self, shop, tmp_path) -> None:
        """A slip of the pen does not pass in silence."""
        (tmp_path / "people.csv").write_text("id,birthdy\nC1,1990-01-02\n", encoding="utf-8")
        answer = shop("import", "customers", "people.csv")
        assert answer.code == 0
        assert "birthdy: kept as an attribute. Did you mean 'birthday'?" in answer.err

    def test_offers_the_whole_command_for_titles_of_other_systems(self, shop, tmp_path) -> None:
        """Nothing is guessed in silence: what it says can be added as it stands, and then nothing is left to say."""
        text = "客户编号,姓名,手机 号码,E-Mail Address,等级\nC1,王芳,13812345678,c1@example.com,A\n"
        (tmp_path / "people.csv").write_text(text, encoding="utf-8")
        answer = shop("import", "customers", "people.csv")
        assert answer.code == 2
        offered = answer.err.partition("If this fits, add: ")[2]
        assert "--map 客户编号=id --map 姓名=name --map '手机 号码=phone' --map 'E-Mail Address=email'" in offered
        answer = shop("import", "customers", "people.csv", "--map", "客户编号=id")
        assert "姓名: kept as an attribute. Did you mean 'name'? Then add --map 姓名=name" in answer.err
        answer = shop("import", "customers", "people.csv", *shlex.split(offered))
        assert (answer.code, answer.err) == (0, "")
        record = json.loads(shop("customers", "show", "C1", "--json", "--plain").out)
        assert {point["address"] for point in record["contact_points"]} == {"+8613812345678", "c1@example.com"}
        assert record["tier"] == "A"

    def test_writes_nothing_in_a_dry_run(self, shop, tmp_path) -> None:
        """Same figures, same exit code, same tables as before."""
        before = dump(tmp_path)
        (tmp_path / "people.csv").write_text(PEOPLE + "C3,a,10086\n", encoding="utf-8")
        answer = shop("import", "customers", "people.csv", "--dry-run")
        assert answer.code == 1
        assert answer.out.startswith("Dry run, nothing was written. 3 rows: 2 added, 1 rejected")
        assert dump(tmp_path) == before
        assert not (tmp_path / "people.csv.rejects.csv").exists()

    def test_imports_subscriptions_and_consents_of_known_customers(self, shop, tmp_path) -> None:
        """The three files of a first day, in their order."""
        (tmp_path / "lines.csv").write_text("id,customer,ends_at\nS1,C1,2027-01-31\nS2,C9,\n", encoding="utf-8")
        (tmp_path / "consents.csv").write_text(CONSENTS, encoding="utf-8")
        assert shop("import", "customers", "people.csv").code == 0
        lines = shop("import", "subscriptions", "lines.csv")
        assert lines.code == 1
        assert "row 3, customer: is not known" in lines.err
        assert shop("import", "consents", "consents.csv").code == 0
        record = json.loads(shop("customers", "show", "C1", "--json").out)
        assert record["subscriptions"][0]["ends_on"] == "2027-01-31"
        assert record["consents"][0]["given"] is True


class TestBadInput:
    @pytest.mark.parametrize(
        ("data", "words", "line"),
        [
            (None, (), "care: people.csv: cannot be read (No such file or directory). "),
            (b"", (), "care: people.csv: is empty. "),
            ("id,name\nC1,José García\n".encode("latin-1"), (), "care: people.csv:2: is neither UTF-8 nor GBK. "),
            (b'id,name\nC1,"a"b\n', (), "care: people.csv:2: the quotes are broken ("),
            (b'id,name\nC1,"a\nC2,b\n', (), "care: people.csv:2: the quotes are broken ("),
            (b"ident,name\nC1,a\n", (), "care: people.csv:1: has no column 'id' among: ident, name. Name it"),
            (b"name,phone\na,1\n", (), "care: people.csv:1: has no column 'id' among: name, phone. Name it"),
            (
                b"C1,a,13812345678\n",
                (),
                "care: people.csv:1: begins with data. Put a line above it that names the columns",
            ),
            (b"id,ID\nC1,C2\n", (), "care: people.csv:1: two columns mean 'id'. "),
            (b'[{"id": "C1"}]', (), "care: people.csv:1: is a JSON list. "),
            (b'{"name": "a"}\n', (), "care: people.csv:1: has no column 'id' among: name. "),
            (
                PEOPLE.encode(),
                ("--map", "mobile=phone"),
                "care: --map mobile=phone: people.csv has no column 'mobile'.",
            ),
            (
                PEOPLE.encode(),
                ("--map", "name=nam"),
                "care: --map name=nam: there is no column 'nam'. Did you mean 'name'?",
            ),
            (PEOPLE.encode(), ("--map", "name"), "care: --map name: is not of the form THEIRS=OURS. "),
            (PEOPLE.encode(), ("--map", "name=phone"), "care: people.csv:1: two columns mean 'phone'. "),
        ],
    )
    def test_changes_nothing_and_says_where(self, shop, tmp_path, data, words, line) -> None:
        """Exit 2, one line with the exact place, the database as it was."""
        (tmp_path / "people.csv").unlink()
        if data is not None:
            (tmp_path / "people.csv").write_bytes(data)
        before = dump(tmp_path)
        answer = shop("import", "customers", "people.csv", *words)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.splitlines()[-1].startswith(line)
        assert sum(row.startswith("care:") for row in answer.err.splitlines()) == 1
        assert dump(tmp_path) == before

    def test_refuses_another_suppression_key(self, shop, tmp_path) -> None:
        """Hashes of another key would forget every opt-out."""
        assert shop("import", "customers", "people.csv").code == 0
        before = dump(tmp_path)
        answer = shop("import", "customers", "people.csv", CARE_SECURITY__SUPPRESSION_KEY="x" * 40)
        assert answer.code == 2
        assert "security.suppression_key: wrong suppression key" in answer.err
        assert dump(tmp_path) == before

    def test_needs_tables(self, care, tmp_path) -> None:
        """A database that was never set up is told so."""
        (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
        answer = care("import", "customers", "people.csv")
        assert answer.code == 2
        assert "care db upgrade" in answer.err

    def test_waits_for_a_lock_and_then_says_so(self, shop, tmp_path, monkeypatch) -> None:
        """Nothing is kept, and the command can be run again."""
        monkeypatch.setattr("care.base.database.BUSY_TIMEOUT_MS", 50)
        before = dump(tmp_path)
        with closing(sqlite3.connect(tmp_path / "care.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = shop("import", "customers", "people.csv")
            other.execute("ROLLBACK")
        assert answer.code == 2
        assert "is locked by another program" in answer.err
        assert dump(tmp_path) == before

    def test_keeps_whole_batches_when_the_disk_is_full(self, shop, tmp_path) -> None:
        """What was committed stays, nothing half-done, and running it again finishes the file."""
        many(tmp_path / "big.csv", 20_000)

        def small_disk(connection, _record):
            connection.execute("PRAGMA max_page_count=600")

        sa.event.listen(sa.Engine, "connect", small_disk)
        try:
            answer = shop("import", "customers", "big.csv")
        finally:
            sa.event.remove(sa.Engine, "connect", small_disk)
        assert answer.code == 2
        assert "the disk is full" in answer.err
        assert 0 < count(tmp_path) < 20_000
        assert count(tmp_path) % 2_000 == 0
        assert count(tmp_path) == count(tmp_path, "contact_point")
        assert shop("import", "customers", "big.csv").code == 0
        assert count(tmp_path) == 20_000

    def test_says_so_when_rejects_cannot_be_written(self, shop, tmp_path) -> None:
        """A refused row never vanishes silently."""
        (tmp_path / "people.csv").write_text(PEOPLE + "C3,a,10086\n", encoding="utf-8")
        (tmp_path / "people.csv.rejects.csv").mkdir()
        answer = shop("import", "customers", "people.csv")
        assert answer.code == 2
        assert "people.csv.rejects.csv: cannot be written" in answer.err

    @pytest.mark.crash
    def test_is_finished_by_running_it_again_after_a_kill(self, shop, tmp_path) -> None:
        """A batch is there with its contact points or not at all."""
        many(tmp_path / "big.csv", 60_000)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CARE_")}
        command = [sys.executable, "-m", "care.cli.main", "import", "customers", "big.csv"]
        child = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        while count(tmp_path) < 4_000 and child.poll() is None:
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()
        kept = count(tmp_path)
        assert 4_000 <= kept < 60_000
        assert kept % 2_000 == 0
        assert kept == count(tmp_path, "contact_point")
        again = shop("import", "customers", "big.csv", "--json")
        report = json.loads(again.out)
        assert (report["unchanged"], report["added"]) == (kept, 60_000 - kept)


class TestCustomersShow:
    def test_masks_addresses_unless_asked(self, shop) -> None:
        """A glance over the shoulder tells no number."""
        shop("import", "customers", "people.csv")
        masked = shop("customers", "show", "C1")
        assert masked.code == 0
        assert "138****5678" in masked.out
        assert "13812345678" not in masked.out
        assert "+8613812345678" in shop("customers", "show", "C1", "--plain").out

    def test_reads_like_a_form(self, shop, tmp_path) -> None:
        """Amounts in whole units, one birthday, and of a number that was changed no hash."""
        header = "id,phone,birthday,birthday_calendar,monthly_spend"
        for row in ("C1,13812345678,1990-02-29,lunar,400", "C1,13912345679,--02-29,lunar,1420.5"):
            (tmp_path / "people.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
            assert shop("import", "customers", "people.csv").code == 0

        lines = [" ".join(line.split()) for line in shop("customers", "show", "C1").out.splitlines()]

        assert "birthday --02-29 (lunar)" in lines
        assert "monthly spend 1,420.50" in lines
        (number,) = [line for line in lines if line.startswith("sms a former one")]
        assert number.startswith("sms a former one, not kept +86 139****5679 ")
        (spend,) = [line for line in lines if line.startswith("monthly_spend ")]
        assert spend.startswith("monthly_spend 400.00 1,420.50 ")

    def test_answers_no_for_a_stranger(self, shop) -> None:
        """Exit 1 with what to do."""
        answer = shop("customers", "show", "C9")
        assert answer.code == 1
        assert "customer 'C9': not known" in answer.err
