"""A person answers: `care inbox list` and `care inbox answer`."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from care import bootstrap
from care.base.database import read, write
from care.base.errors import InputError
from care.bootstrap import Services
from care.cli.inbox import app
from care.inbound.answering import InboxError, answer_inbound
from care.inbound.tables import inbound_message
from care.inbound.worker import work_inbox
from care.messages.tables import intended, message
from tests.factories import make_customer, make_suppression
from tests.inbound.house import dispatch, hear, outbox

PHONE = "+8613800001111"
STRANGER = "+8613999998888"


def receive(services: Services, text: str = "师傅什么时候来？", sender: str = PHONE) -> None:
    hear(services, sender, text)
    work_inbox(services.engine, services.inbound_rules, now=services.clock.now())


def reply(services: Services, inbound_id: int, text: str) -> int:
    now = services.clock.now()
    return answer_inbound(services.engine, inbound_id, text=text, by="cli", zone="Asia/Shanghai", now=now)


def add_customer(services: Services) -> None:
    with write(services.engine) as conn:
        make_customer(conn, phone=PHONE)


class TestAnAnswer:
    def test_goes_out_with_the_persons_words(self, services: Services) -> None:
        """Through the ledger, with the brand in front, to the number that asked; braces are words, not code."""
        add_customer(services)
        receive(services)
        made = reply(services, 1, "明天9点到11点，{{ brand }} {% raw %} <b>")
        assert dispatch(services) == 1

        (sent,) = outbox(services)
        assert sent["to"] == PHONE
        assert sent["message_id"] == made
        assert sent["body"].startswith("【")
        assert sent["body"].endswith("明天9点到11点，{{ brand }} {% raw %} <b>")
        with read(services.engine) as conn:
            row = conn.execute(sa.select(message)).one()
            assert (row.campaign_id, row.purpose, row.occasion) == ("reply:answer", "reply", "inbound:1")
            assert conn.execute(sa.select(intended.c["count"])).scalar_one() == 1

    def test_reaches_whoever_has_opted_out(self, services: Services) -> None:
        """Whoever asks is answered, also after a refusal of greetings; a dead number is not."""
        add_customer(services)
        with write(services.engine) as conn:
            make_suppression(conn, address=PHONE, reason="opt_out")
        receive(services)
        reply(services, 1, "好的")
        assert dispatch(services) == 1

        with write(services.engine) as conn:
            make_suppression(conn, address=PHONE, reason="bad_number")
        receive(services)
        reply(services, 2, "好的")
        assert dispatch(services) == 0

    def test_is_given_once(self, services: Services) -> None:
        """Two clerks at the same message: the second is told."""
        add_customer(services)
        receive(services)
        reply(services, 1, "好的")
        with pytest.raises(InboxError, match="answered before"):
            reply(services, 1, "好的好的")

    def test_needs_somebody_we_know(self, services: Services) -> None:
        """Nobody can make us write to a number of their choice."""
        receive(services, sender=STRANGER)
        with pytest.raises(InboxError, match="no customer has"):
            reply(services, 1, "好的")
        with pytest.raises(InboxError, match="no message 7"):
            reply(services, 7, "好的")

    @pytest.mark.parametrize("text", ["", "  \n", "长" * 1_001])
    def test_needs_words(self, services: Services, text: str) -> None:
        """Nothing, and too much, are refused before anything is noted."""
        add_customer(services)
        receive(services)
        with pytest.raises(InputError, match="--text"):
            reply(services, 1, text)
        with read(services.engine) as conn:
            assert conn.execute(sa.select(inbound_message.c.answered_at)).scalar() is None


class TestTheCommand:
    @pytest.fixture
    def run(self, services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
        monkeypatch.setattr(bootstrap, "build_services", lambda: services)
        runner = CliRunner()

        def call(*words: str) -> Any:
            return runner.invoke(app, list(words))

        return call

    def test_lists_what_waits_with_masked_numbers(self, services: Services, run: Any) -> None:
        """Opt-outs and the like are no work for a person; `--all` shows them."""
        add_customer(services)
        receive(services)
        receive(services, "退订", sender=STRANGER)
        lines = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
        assert [(line["id"], line["text"]) for line in lines] == [(1, "师傅什么时候来？")]
        assert lines[0]["from"] == "861****1111"
        assert PHONE not in run("list").stdout
        here = services.clock.now().astimezone(ZoneInfo("Asia/Shanghai"))
        assert f"{here:%Y-%m-%d %H:%M} CST" in run("list").stdout, "people read the operator's clock"
        assert len(run("list", "--all", "--json").stdout.splitlines()) == 2

    def test_answers(self, services: Services, run: Any) -> None:
        """The answer names the message to follow; the list is empty after."""
        add_customer(services)
        receive(services)
        done = run("answer", "1", "--text", "明天上午", "--json")
        assert (done.exit_code, json.loads(done.stdout)) == (0, {"inbound": 1, "message": 1})
        assert run("list").stdout.strip() == "nothing waits"

    def test_shows_no_escape_sequences(self, services: Services, run: Any) -> None:
        """A text cannot move the cursor, ring the bell or turn letters around on the clerk's screen."""
        receive(services, "a\x1b[2Jb\x07c\u202ed\r\nls")
        shown = run("list").stdout
        assert not {"\x1b", "\x07", "\u202e", "\r"} & set(shown)
        assert "ls" in shown
