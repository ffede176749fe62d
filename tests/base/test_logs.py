"""What reaches the log: one line per event, ids only, and nothing that tells who a customer is."""

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from hypothesis import given
from hypothesis import strategies as st

from care.base.errors import CareError
from care.base.logs import configure_command_logs, configure_logs
from care.base.masking import mask_field, mask_text, mask_value
from care.base.settings import LogSettings

Lines = Callable[[], list[dict[str, Any]]]
PHONE = "+8613812345678"
WRITTEN = [
    "+8613812345678",
    "13812345678",
    "008613812345678",
    "+86 138 1234 5678",
    "138-1234-5678",
    "138 1234 5678",
    "+1 (415) 555-2671",
    "(415) 555-2671",
    "415-555-2671",
    "+442071838750",
    "0755-81234567",
]
ADDRESSES = ["wang.xm@mail.example.cn", "a+b@b.co", "用户@例子.中国", "x_y-z@sub.domain.org"]


@pytest.fixture
def lines() -> Lines:
    """Logs at debug level as JSON; call it for what was written so far."""
    stream = io.StringIO()
    configure_logs(LogSettings(level="debug"), process="web", stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


class TestMaskText:
    @pytest.mark.parametrize("number", WRITTEN)
    @pytest.mark.parametrize("around", ["{}", "call {} now", "to={},", "电话{}请", "'{}'", "[{}]", "tel:{}"])
    def test_hides_a_number_however_written(self, number: str, around: str) -> None:
        """No form and no neighbour lets the middle of a number through."""
        masked = mask_text(around.format(number))

        assert number not in masked
        assert "****" in masked

    @pytest.mark.parametrize("address", ADDRESSES)
    def test_hides_an_address(self, address: str) -> None:
        """Neither name nor domain stays."""
        masked = mask_text(f"to <{address}>, again {address}")

        assert "@" not in masked
        assert address.split("@")[1] not in masked

    @pytest.mark.parametrize(
        "harmless",
        [
            "2026-11-22T13:49:28.876418Z",
            "subscription_end:S77:2027-01-31:30d",
            "birthday:solar-2026 planned 10000 in 3.25 s",
            "192.168.100.20:54321 answered 204",
            "SM0123456789abcdef0123456789abcdef",
        ],
    )
    def test_leaves_what_tells_nothing_of_a_person(self, harmless: str) -> None:
        """Instants, keys, counts and providers' ids can be read."""
        assert mask_text(harmless) == harmless

    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ("GET /s/3xKq0Zt9Qm HTTP/1.1", "GET /s/*** HTTP/1.1"),
            ("POST /webhooks/twilio/status/AbC-_1 204", "POST /webhooks/twilio/status/*** 204"),
            ("GET /log?q=wang%40mail.cn&page=2 200", "GET /log?*** 200"),
            ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
            ("postgresql+psycopg://care:pw@host/db", "postgresql+psycopg://***@host/db"),
        ],
    )
    def test_hides_what_opens_a_door(self, written: str, kept: str) -> None:
        """Tokens in paths, queries, headers and URLs are gone, the rest stays readable."""
        assert mask_text(written) == kept

    @given(st.text())
    def test_keeps_every_text_on_one_line(self, text: str) -> None:
        """No value can begin a line of its own, whatever it holds."""
        assert len(mask_text(f"a{text}b").splitlines()) == 1

    @given(
        st.integers(10**10, 10**11 - 1),
        st.text(st.characters(codec="ascii", exclude_categories=("L", "N")), max_size=8),
    )
    def test_hides_any_eleven_digits(self, number: int, around: str) -> None:
        """Wherever they stand between marks, the middle is never shown."""
        if "." not in around and "_" not in around:
            assert str(number) not in mask_text(f"{around}{number}{around}")


class TestMaskField:
    @pytest.mark.parametrize("key", ["phone", "to", "From", "contact_phone", "emails", "recipient"])
    def test_masks_addresses_by_key(self, key: str) -> None:
        """Under such a key even a number in no known form is masked."""
        assert mask_field(key, "138.1234.5678") == "138****5678"
        assert mask_field(key, 13812345678) == "138****5678"
        assert mask_field(key, ["a@b.cn", "12345"]) == ["***", "***"]

    @pytest.mark.parametrize(
        "key", ["name", "salutation", "body", "text", "answer", "auth_token", "Set-Cookie", "payload"]
    )
    def test_hides_names_words_and_secrets_by_key(self, key: str) -> None:
        """Nothing of the value is left, whatever its kind."""
        assert mask_field(key, "王小明") == "***"
        assert mask_field(key, {"x": "王小明"}) == "***"

    def test_goes_into_nested_values(self) -> None:
        """Lists in tables in lists are masked by their own keys."""
        value = {"rows": [{"id": 7, "name": "王小明", "to": ("+8613812345678",)}], "note": "ask a@b.cn"}

        assert mask_value(value) == {"rows": [{"id": 7, "name": "***", "to": ["861****5678"]}], "note": "ask ***"}

    def test_shows_only_the_kind_of_an_unknown_object(self) -> None:
        """A record that slipped in is not printed by its repr."""

        class Row:
            def __repr__(self) -> str:
                return "Row(name='王小明')"

        assert mask_value(Row()) == "<Row>"


class TestConfiguredLogs:
    def test_write_one_json_object_with_utc_instant_and_process(self, lines: Lines) -> None:
        """The line carries what a collector needs."""
        structlog.get_logger().info("message.sent", message_id=5, brand_area="浦东")

        (line,) = lines()
        assert (line["event"], line["level"], line["process"], line["message_id"]) == ("message.sent", "info", "web", 5)
        assert line["timestamp"].endswith("Z")
        assert line["brand_area"] == "浦东"

    def test_carry_the_fields_bound_to_the_task(self, lines: Lines) -> None:
        """Context variables are part of every line until they are cleared."""
        with structlog.contextvars.bound_contextvars(incarnation=3):
            structlog.get_logger().info("inside")
        structlog.get_logger().info("outside")

        assert [line.get("incarnation") for line in lines()] == [3, None]

    def test_keep_a_newline_inside_its_line(self, lines: Lines) -> None:
        """A value cannot forge an event."""
        structlog.get_logger().info("row.rejected", row='x\n{"event": "forged"}', problem="a\r\nb")

        assert [line["event"] for line in lines()] == ["row.rejected"]

    def test_show_an_error_without_locals_and_quotes(self, lines: Lines) -> None:
        """Kind and frames are there; the customer's name in local variables and in the message is not."""

        def fail(name: str) -> None:
            raise ValueError(f"bad birthday of {name!r}, phone {PHONE}, 姓名{name}")

        try:
            fail("王小明")
        except ValueError:
            structlog.get_logger().exception("job.failed", job="plan")

        (line,) = lines()
        assert line["error"] == "ValueError"
        assert line["trace"][-1].endswith("fail")
        assert "王小明" not in json.dumps(line, ensure_ascii=False)
        assert "12345678" not in json.dumps(line)

    def test_show_our_own_errors_in_full(self, lines: Lines) -> None:
        """A CareError is written for people already."""
        structlog.get_logger().error("job.failed", exc_info=CareError("campaigns/x.yaml:3: no such segment 'vip'"))

        assert lines()[0]["problem"] == "campaigns/x.yaml:3: no such segment 'vip'"

    def test_mask_the_detail_that_postgresql_adds(self, lines: Lines) -> None:
        """The rejected row's values stay in the database."""
        error = RuntimeError(
            "new row violates check\nDETAIL:  Failing row contains (1, C1, Wang Xiaoming, 1980-01-01)."
        )
        structlog.get_logger().error("write.failed", exc_info=error)

        assert lines()[0]["problem"] == "new row violates check\\n…"

    @pytest.mark.parametrize("name", ["twilio.http_client", "aiosmtplib", "sqlalchemy.engine", "some.library"])
    def test_never_let_a_library_print_what_it_sends(self, lines: Lines, name: str) -> None:
        """Even a library switched to debug by hand stays silent about requests and rows."""
        library = logging.getLogger(name)
        before = library.level
        library.setLevel(logging.DEBUG)
        library.debug("Row %r", ("王小明", PHONE))
        library.warning("could not send to %s for %r", PHONE, "王小明")
        library.setLevel(before)

        (line,) = lines()
        assert line["event"] == "could not send to 861****5678 for '…'"
        assert line["logger"] == name

    def test_never_show_the_parameters_of_a_statement(self, lines: Lines) -> None:
        """Not even of an engine that does not hide them by itself; the statement can be read."""
        engine = sa.create_engine("sqlite://")
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT :who"), {"who": "王小明"})
        engine.dispose()

        assert "SELECT ?" in [line["event"] for line in lines()]
        assert "王小明" not in json.dumps(lines(), ensure_ascii=False)

    def test_keep_access_lines_without_tokens(self, lines: Lines) -> None:
        """Who asked for what is kept, the survey token and the search are not."""
        access = logging.getLogger("uvicorn.access")
        access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "GET", "/s/3xKq0Zt9Qm?x=1", "1.1", 200)

        assert lines()[0]["event"] == '127.0.0.1:5 - "GET /s/***?*** HTTP/1.1" 200'

    def test_write_once_after_being_set_up_twice(self, lines: Lines) -> None:
        """A supervisor that sets up again does not double its lines."""
        stream = io.StringIO()
        configure_logs(LogSettings(), stream=stream)
        structlog.get_logger().info("hello")

        assert len(stream.getvalue().splitlines()) == 1
        assert lines() == []

    def test_use_a_plain_line_on_request(self) -> None:
        """The console form is masked just the same."""
        stream = io.StringIO()
        configure_logs(LogSettings(format="console"), stream=stream)
        structlog.get_logger().info("message.sent", to=PHONE, note=f"about {PHONE}")

        assert "861****5678" in stream.getvalue()
        assert PHONE not in stream.getvalue()

    def test_are_quiet_in_commands(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A command prints its answer, not its progress; warnings still show on stderr."""
        configure_command_logs(LogSettings(format="json"))
        structlog.get_logger().info("planning.done")
        structlog.get_logger().warning("calendar.incomplete", year=2028)

        shown = capsys.readouterr()
        assert shown.out == ""
        assert [json.loads(line)["event"] for line in shown.err.splitlines()] == ["calendar.incomplete"]
