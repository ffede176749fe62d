"""What surrounds a command and cannot be used: exit code, one line with its place, nothing changed."""

import sqlite3
from contextlib import closing

import pytest

from care.simulators.twilio.process import start_twilio_simulator
from tests.cli.bad_shop import Shop, is_refused, silent_port, taken_port

KEYS = {"SECURITY__SECRET_KEY": "s" * 40, "SECURITY__SUPPRESSION_KEY": "k" * 40}


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

        for words in (*self.COMMANDS, ("dispatch",), ("web",)):
            line = is_refused(shop, *words, DATABASE__URL=url)
            assert line.startswith("care: database postgresql+psycopg://care:***@127.0.0.1:")
            assert line.endswith("does not answer. Check database.url and that the server runs")

    def test_that_is_locked_is_waited_for_and_then_named(self, shop: Shop) -> None:
        """No row changes; the command can be run again when the other program has ended."""
        shop.write("more.csv", "id,name\nC2,somebody\n")
        soon = "import care.base.database as d; d.BUSY_TIMEOUT_MS = 100"
        rows = shop.rows()
        with closing(sqlite3.connect(shop.folder / "care.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            commands = (("import", "customers", "more.csv"), ("campaigns", "pause", "birthday"), ("pause", "--all"))
            answers = [shop.care(*words, before=soon) for words in commands]
            other.execute("ROLLBACK")

        place = "care: database sqlite:///care.db: "
        line = f"{place}is locked by another program. End that program or wait, then try again\n"
        assert answers == [(2, "", line)] * 3
        assert shop.rows() == rows
        assert [shop.care(*words).code for words in commands] == [0, 0, 0]

    def test_on_a_full_disk_keeps_whole_batches(self, shop: Shop) -> None:
        """What was committed stays; with room again the same command finishes the file."""
        rows = "".join(f"N{n},somebody,138{n:08d}\n" for n in range(10_000))
        shop.write("many.csv", f"id,name,phone\n{rows}")
        small = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (1500000, 1500000))"

        answer = shop.care("import", "customers", "many.csv", before=small)

        line = "the disk is full or failing. Free space and run the command again\n"
        assert answer == (2, "", f"care: database sqlite:///care.db: {line}")
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
