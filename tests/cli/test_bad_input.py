"""Every kind of bad input through the real command: exit code, one line with its place, nothing changed."""

import csv
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from care.simulators.twilio.process import start_twilio_simulator
from tests.cli.bad_shop import Shop, copy_shop, make_shop, silent_port, taken_port

KEYS = {"SECURITY__SECRET_KEY": "s" * 40, "SECURITY__SUPPRESSION_KEY": "k" * 40}
CAMPAIGN = """\
id: spring_sale
name: spring_sale
title: {{en: Spring}}
owner: marketing
purpose: greeting
audience: {{any: [{segment}]}}
occasion: {{kind: date, on: {day}, at: "10:00"}}
channels: [sms]
template: {template}
use_within: 8h
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """One shop, set up once."""
    return make_shop(tmp_path_factory.mktemp("model"))


@pytest.fixture
def shop(model: Shop, tmp_path: Path) -> Shop:
    """A copy that a test may spoil."""
    return copy_shop(model, tmp_path)


def is_refused(shop: Shop, *words: str, code: int = 2, before: str = "", **env: str) -> str:
    """Run a command that must fail in one line and change no row; return the line."""
    rows = shop.rows()
    answer = shop.care(*words, before=before, **env)
    assert (answer.code, len(answer.err.splitlines())) == (code, 1), answer
    assert shop.rows() == rows
    return answer.err.rstrip("\n")


def rejects(shop: Shop, name: str) -> list[tuple[str, str]]:
    """Return row and column of what an import set aside."""
    with (shop.folder / f"{name}.rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        return [(row["row"], row["column"]) for row in csv.DictReader(file)]


def campaign(shop: Shop, *, segment: str = "everyone", day: str = "2027-03-01", template: str = "birthday") -> None:
    """Write a campaign file."""
    shop.write("campaigns/spring.yaml", CAMPAIGN.format(segment=segment, day=day, template=template))


class TestCampaignFiles:
    def test_of_wrong_yaml_are_named_with_line_and_column(self, shop: Shop) -> None:
        """The check ends with 2."""
        shop.write("campaigns/spring.yaml", "id: spring\nname: [unclosed\n")

        line = is_refused(shop, "campaigns", "check", "campaigns/spring.yaml")

        assert line.startswith("campaigns/spring.yaml:3:1: error: expected ',' or ']'")

    def test_of_wrong_yaml_keep_no_other_campaign_from_being_planned(self, shop: Shop) -> None:
        """The file is left out with its place, and nothing of it is in the plan."""
        shop.write("campaigns/spring.yaml", "id: spring\nname: [unclosed\n")
        rows = shop.rows()

        answer = shop.care("plan", "--days", "2")

        assert answer.code == 0
        assert "campaigns/spring.yaml:3:1: expected ',' or ']'" in answer.out
        assert shop.rows() == rows

    @pytest.mark.parametrize(
        ("spoilt", "line"),
        [
            ({"segment": "everyon"}, "6:18: error: segment 'everyon' is not known. Did you mean 'everyone'?"),
            ({"template": "birthdy"}, "9:1: error: there is no template 'birthdy'. Did you mean 'birthday'?"),
        ],
    )
    def test_that_name_what_is_not_there_are_told_so(self, shop: Shop, spoilt: dict[str, str], line: str) -> None:
        """Unknown segment, missing template: the answer is no, with the place and the nearest name."""
        campaign(shop, **spoilt)

        told = is_refused(shop, "campaigns", "check", "campaigns/spring.yaml", code=1)

        assert told.startswith(f"campaigns/spring.yaml:{line}")

    def test_with_a_day_that_does_not_exist_are_named(self, shop: Shop) -> None:
        """30 February is found in the file, not on the day."""
        campaign(shop, day="2027-02-30")

        line = is_refused(shop, "campaigns", "check", "campaigns/spring.yaml")

        assert line.startswith("campaigns/spring.yaml:7:28: error: '2027-02-30' is not a date that exists")

    def test_cannot_be_used_with_broken_segments(self, shop: Shop) -> None:
        """Whoever would be chosen wrongly is not chosen at all."""
        shop.write("campaigns/segments.yaml", "valued:\n  all: [no_such_segment]\n")

        for words in (("segments", "list"), ("plan",), ("campaigns", "list"), ("run",)):
            line = is_refused(shop, *words)
            assert "campaigns/segments.yaml:2:9: segment 'no_such_segment' is not known. " in line


class TestMissingVariable:
    TEMPLATE = "templates/messages/birthday/zh-CN.sms.txt.j2"

    def test_is_named_with_the_place_in_the_template(self, shop: Shop) -> None:
        """A slip of the pen is found before anybody is skipped for it."""
        shop.write(self.TEMPLATE, "生日快乐\n您好，{{ salutaton }}\n")

        line = is_refused(shop, "campaigns", "check", "campaigns/birthday.yaml", code=1)

        assert line.endswith(
            f"{self.TEMPLATE}:2:7: error: variable 'salutaton' is not known. Did you mean 'salutation'?"
        )

    def test_sends_no_proof_with_a_gap(self, shop: Shop) -> None:
        """Nobody reads "Hi None"."""
        shop.write(self.TEMPLATE, "您好，{{ salutaton }}\n")

        line = is_refused(shop, "campaigns", "send-proof", "birthday", "--to", "+8613800000001", code=1)

        assert line.startswith("care: template 'birthday' (zh-CN.sms.txt.j2): needs salutaton, which is not known here")
        assert line.endswith("{% if salutaton %}. Choose another address or campaign")


class TestImportFiles:
    @pytest.mark.parametrize(
        ("data", "line"),
        [
            (b'id,name\nC1,"a\nC2,b\n', "people.csv:2: the quotes are broken ("),
            (b'id,name\nC1,"a"b\n', "people.csv:2: the quotes are broken ("),
            ("id,name\nC7,José\n".encode("latin-1"), "people.csv:2: is neither UTF-8 nor GBK. Save it as UTF-8"),
            ("id,name\nC7,客戶\n".encode("big5"), "people.csv:2: is neither UTF-8 nor GBK. Save it as UTF-8"),
            (b"\xff\xd8\xff\xe0 a picture", "people.csv:1: is neither UTF-8 nor GBK. Save it as UTF-8"),
            (b"id,notes\nC7," + b"x" * 200_000 + b"\n", "people.csv:2: a cell is longer than 131,072 characters. "),
            (b"", "people.csv: is empty. "),
        ],
    )
    def test_that_cannot_be_read_change_nothing(self, shop: Shop, data: bytes, line: str) -> None:
        """Broken CSV and wrong encodings end with 2 and the line of the file."""
        (shop.folder / "people.csv").write_bytes(data)

        assert is_refused(shop, "import", "customers", "people.csv").startswith(f"care: {line}")

    def test_that_are_pipes_are_told_apart_from_files(self, shop: Shop) -> None:
        """Whatever the shell calls them; nothing is read of them, so nobody waits for their other end."""
        os.mkfifo(shop.folder / "pipe")
        for name in ("pipe", "-", "/dev/stdin", "/dev/fd/0"):
            for words in (("import", "customers"), ("import", "answers"), ("tickets", "reconcile")):
                line = is_refused(shop, *words, name)
                assert line == (
                    f"care: {name}: is a pipe, and files are read more than once. Save it as a file and name that"
                )

    def test_with_an_id_twice_count_the_last_row(self, shop: Shop) -> None:
        """It is told, and a second time nothing changes."""
        shop.write("twice.csv", "id,name,area\nC7,first,north\nC8,other,\nC7,last,south\n")

        answer = shop.care("import", "customers", "twice.csv")
        rows = shop.rows()
        again = shop.care("import", "customers", "twice.csv")

        assert (answer.code, answer.err) == (0, "note: row 2: replaced by row 4, which has the same id\n")
        assert answer.out.startswith("3 rows: 2 added, 1 replaced by a later row of the same id")
        assert again.out.startswith("3 rows: 2 unchanged, 1 replaced by a later row of the same id")
        assert shop.rows() == rows
        assert "last" in shop.care("customers", "show", "C7").out

    @pytest.mark.parametrize(
        ("kind", "text", "places"),
        [
            (
                "customers",
                "id,birthday,joined_on\nC2,2023-02-29,\nC3,--13-01,\nC4,2099-01-01,\nC5,,2020-04-31\nC6,05/06/1990,\n",
                [("2", "birthday"), ("3", "birthday"), ("4", "birthday"), ("5", "joined_on"), ("6", "birthday")],
            ),
            (
                "customers",
                "id,country,phone\nC2,CN,10086\nC3,US,13812345678901\nC4,GB,+999123456\nC5,QQ,13812345678\nC6,CN,1.38E+10\n",
                [("2", "phone"), ("3", "phone"), ("4", "phone"), ("5", "country"), ("6", "phone")],
            ),
            (
                "subscriptions",
                "id,customer,started_on,ends_at\nS1,C1,2020-13-01,\nS2,C1,,2026-12-20T25:00\nS3,C9,,\n",
                [("2", "started_on"), ("3", "ends_at"), ("4", "customer")],
            ),
            (
                "consents",
                """customer,purpose,channel,given,at,source,wording
C1,offer,sms,true,2026-02-30,shop,yes
C1,offer,fax,true,2026-02-20,shop,yes
C1,offer,sms,true,2099-01-01,shop,yes
C1,offer,sms,true,2026-02-20,,
""",
                [("2", "at"), ("3", "channel"), ("4", "at"), ("5", "source; wording")],
            ),
        ],
    )
    def test_with_impossible_cells_name_row_and_column(
        self, shop: Shop, kind: str, text: str, places: list[tuple[str, str]]
    ) -> None:
        """Impossible dates, foreign numbers, strangers: exit 1, one line a row, and none of them is in."""
        shop.write("bad.csv", text)
        before = [shop.count(table) for table in ("customer", "contact_point", "subscription", "consent")]

        answer = shop.care("import", kind, "bad.csv")

        assert answer.code == 1
        told = [line.partition(":")[0] for line in answer.err.splitlines()]
        assert told == [*(f"row {row}, {column}" for row, column in places), "Rejected rows with reasons"]
        assert rejects(shop, "bad.csv") == places
        assert before == [shop.count(table) for table in ("customer", "contact_point", "subscription", "consent")]

    def test_with_numbers_of_other_countries_keep_them_whole(self, shop: Shop) -> None:
        """A foreign number with its country code, or of the row's country, is as good as one of ours."""
        shop.write("abroad.csv", "id,country,phone\nC2,CN,+1 650 253 0000\nC3,GB,020 7946 0958\nC4,TW,0912345678\n")

        answer = shop.care("import", "customers", "abroad.csv")

        assert (answer.code, answer.err) == (0, "")
        assert "+442079460958" in shop.care("customers", "show", "C3", "--plain").out


class TestDatabase:
    COMMANDS = (("books",), ("import", "customers", "people.csv"), ("run",), ("pause", "--all"))

    def test_of_the_future_is_refused_by_every_command(self, shop: Shop) -> None:
        """Both versions are named."""
        shop.execute("UPDATE alembic_version SET version_num = '9999'")

        for words in self.COMMANDS:
            line = is_refused(shop, *words)
            assert line.startswith(
                "care: database sqlite:///care.db: is at version 9999, newer than this program knows"
            )

    def test_that_does_not_answer_is_named_without_its_password(self, shop: Shop) -> None:
        """Nothing is kept anywhere else instead."""
        url = f"postgresql+psycopg://care:pa55word@127.0.0.1:{silent_port()}/care"

        for words in self.COMMANDS:
            line = is_refused(shop, *words, DATABASE__URL=url)
            assert line.startswith("care: database postgresql+psycopg://care:***@127.0.0.1:")
            assert line.endswith("does not answer. Check database.url and that the server runs")

    def test_that_is_locked_is_waited_for_and_then_named(self, shop: Shop) -> None:
        """The command can be run again when the other program has ended."""
        soon = "import care.base.database as d; d.BUSY_TIMEOUT_MS = 100"
        lines = []
        with closing(sqlite3.connect(shop.folder / "care.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for words in (("import", "customers", "people.csv"), ("pause", "--all")):
                answer = shop.care(*words, before=soon)
                lines.append((answer.code, answer.out, answer.err))
            other.execute("ROLLBACK")

        ends = "is locked by another program. End that program or wait, then try again\n"
        assert [(code, out, err.endswith(ends)) for code, out, err in lines] == [(2, "", True)] * 2
        assert shop.count("pause") == 0
        assert shop.care("pause", "--all").code == 0

    def test_on_a_full_disk_keeps_whole_batches(self, shop: Shop) -> None:
        """What was committed stays; with room again the same command finishes the file."""
        rows = "".join(f"N{n},somebody,138{n:08d}\n" for n in range(10_000))
        shop.write("many.csv", f"id,name,phone\n{rows}")
        small = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (1500000, 1500000))"

        answer = shop.care("import", "customers", "many.csv", before=small)

        assert (answer.code, answer.out, len(answer.err.splitlines())) == (2, "", 1)
        assert "the disk is full" in answer.err
        kept = shop.count("customer") - 1
        assert (kept % 2_000, kept < 10_000) == (0, True)
        assert shop.count("contact_point") == kept + 2
        assert shop.care("import", "customers", "many.csv").code == 0
        assert shop.count("customer") == 10_001


class TestSecrets:
    def test_of_another_installation_refuse_to_write_and_to_send(self, shop: Shop) -> None:
        """With another suppression key every opt-out would be forgotten."""
        sending = ("campaigns", "send-proof", "birthday", "--to", "+8613800000001")
        for words in (("import", "customers", "people.csv"), ("run",), ("dispatch",), ("web",), sending):
            line = is_refused(shop, *words, SECURITY__SUPPRESSION_KEY="k" * 40)
            assert line.startswith("care: security.suppression_key: wrong suppression key (this is ")

    def test_a_restored_database_sends_no_proof_either(self, shop: Shop) -> None:
        """Until somebody has taken the journal over, nothing leaves at all."""
        assert shop.care("db", "backup", "aside.db").code == 0
        assert shop.care("db", "restore", "aside.db").code == 0
        line = is_refused(shop, "campaigns", "send-proof", "birthday", "--to", "+8613800000001", code=1)
        assert "care adopt-journal" in line

    def test_are_required_where_the_world_can_reach_us(self, shop: Shop) -> None:
        """Each missing one on a line of its own, with the command that makes it."""
        rows = shop.rows()

        answer = shop.care("run", OPERATOR__PUBLIC_URL="https://care.example.cn")

        assert (answer.code, answer.err.splitlines()) == (
            2,
            [
                f"care: security.{key}: required with operator.public_url. Generate one: care init --keys"
                for key in ("secret_key", "suppression_key")
            ],
        )
        assert shop.rows() == rows

    def test_in_a_file_that_is_not_there_are_named_by_variable(self, shop: Shop) -> None:
        """The mount is what has to be mended."""
        line = is_refused(shop, "run", TWILIO__AUTH_TOKEN_FILE="/nowhere/token")

        assert line.startswith("care: CARE_TWILIO__AUTH_TOKEN_FILE: cannot read the file it names (No such file")


class TestOutside:
    TO_PHONE = ("campaigns", "send-proof", "birthday", "--to", "+8613800000001")
    TO_MAIL = ("campaigns", "send-proof", "birthday", "--to", "ann@example.com")
    TWILIO = KEYS | {
        "SMS__PROVIDER": "twilio",
        "TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO__AUTH_TOKEN": "wrong",
        "TWILIO__FROM_NUMBER": "+8610690000001",
        "OPERATOR__PUBLIC_URL": "https://care.example.cn",
    }

    @pytest.fixture
    def open_shop(self, shop: Shop) -> Shop:
        """A shop that may have secrets of its own: nothing was hashed yet."""
        (shop.folder / "care.db").unlink()
        (shop.folder / "care.keys").unlink()
        assert shop.care("db", "upgrade").code == 0
        assert shop.care("import", "customers", "people.csv", **KEYS).code == 0
        return shop

    def test_twilio_that_does_not_answer_has_taken_nothing(self, open_shop: Shop) -> None:
        """Nothing left, so nothing is in doubt."""
        url = f"http://127.0.0.1:{silent_port()}"

        line = is_refused(open_shop, *self.TO_PHONE, code=1, **self.TWILIO, TWILIO__BASE_URL=url)

        place = "twilio.base_url: no connection. Check the network and the URL"
        assert line == f"care: sms: refused: no byte of the message left (code not-sent). {place}"

    def test_twilio_with_a_wrong_token_says_so(self, open_shop: Shop) -> None:
        """The account is what has to be looked at."""
        with start_twilio_simulator(senders=["+8610690000001"]) as twilio:
            env = self.TWILIO | {"TWILIO__ACCOUNT_SID": twilio.account_sid, "TWILIO__BASE_URL": twilio.url}
            line = is_refused(open_shop, *self.TO_PHONE, code=1, **env)

        place = "Check twilio.account_sid and twilio.auth_token"
        assert line.startswith("care: sms: refused: account SID and token do not fit (code 20003). twilio: HTTP 401: ")
        assert line.endswith(place)

    def test_a_mail_relay_that_does_not_answer_has_taken_nothing(self, shop: Shop) -> None:
        """Nothing left, so nothing is in doubt."""
        env = {
            "EMAIL__PROVIDER": "smtp",
            "SMTP__HOST": "127.0.0.1",
            "SMTP__PORT": str(silent_port()),
            "SMTP__TLS": "none",
        }

        line = is_refused(shop, *self.TO_MAIL, code=1, **env)

        place = f"smtp.host: no connection to 127.0.0.1:{env['SMTP__PORT']}. Check the name, the port and the network"
        assert line == f"care: email: refused: no byte of the message left (code not-sent). {place}"

    def test_a_port_in_use_is_named_with_its_setting(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        """Both that would listen say which and how to take another; the daemon sends nothing before, and may lead again."""
        monkeypatch.setattr("care.daemon._TRIES_FOR_PORT", 1)
        with taken_port() as port:
            lines = {is_refused(shop, command, WEB__PORT=str(port)) for command in ("web", "run", "run")}

        told = f"care: web.port: 127.0.0.1:{port} cannot be used (Address already in use). "
        assert lines == {told + "End the program that has it, or set CARE_WEB__PORT"}

    def test_a_host_that_is_none_is_named_with_its_setting(self, shop: Shop) -> None:
        """No other port would help."""
        for host in ("not a host", "192.0.2.1", "ü" * 80):
            lines = {is_refused(shop, command, WEB__HOST=host) for command in ("web", "run")}

            (line,) = lines
            assert line.startswith(f"care: web.host: {host} cannot be used (")
            assert line.endswith("). Set CARE_WEB__HOST to an address of this machine: 127.0.0.1")
