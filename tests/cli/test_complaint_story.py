"""The story of one complaint, read aloud: from the ticket system's file to the call that settles it."""

import base64
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.inbound.worker import work_inbox
from care.schedule import ALL_JOBS, run_due_jobs
from tests.cli.conftest import Care
from tests.cli.desk import Desk
from tests.house import ROOT, House, build_house
from tests.inbound.events.ticket_system import Heard, TicketSystem, ticket_system
from tests.inbound.house import dispatch, hear, outbox

PHONE = "+85291230001"
FRIDAY = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)  # ten o'clock in Hong Kong
SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cyBhbmQgb25seSB0aGVpcnM="
JOBS = [job for job in ALL_JOBS if job.name != "sandbox"]  # whose customers would answer by themselves
HEAD = "id,customer,kind,opened_at,resolved_at,result\n"


@pytest.fixture
def system() -> Iterator[TicketSystem]:
    with ticket_system() as made:
        yield made


@pytest.fixture
def house(tmp_path: Path, engine: sa.Engine, system: TicketSystem, monkeypatch: pytest.MonkeyPatch) -> House:
    """An operator in Hong Kong on a Friday at ten, with the campaign that is shipped for complaints."""
    clock = VirtualClock(FRIDAY)
    monkeypatch.setattr("care.bootstrap.SystemClock", lambda: clock)
    where = {"OPERATOR__COUNTRY": "HK", "OPERATOR__TIMEZONE": "Asia/Hong_Kong"}
    made = build_house(tmp_path, engine, clock, TICKET_SYSTEM__URL=system.url, TICKET_SYSTEM__SECRET=SECRET, **where)
    shipped = ROOT / "campaigns" / "complaint_followup.yaml"
    made.write_campaign(shipped.read_text(encoding="utf-8"), "complaint_followup")
    return made


@pytest.fixture
def desk(house: House, care: Care, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(house, care, capsys)


def resolve(desk: Desk, resolved: str, result: str) -> None:
    """Let the ticket system's list say that the complaint is settled."""
    file = Path(desk.house.folder) / "tickets.csv"
    file.write_text(f"{HEAD}K1,C1,complaint,2026-11-25T09:00,{resolved},{result}\n", encoding="utf-8")
    answer = desk("import", "tickets", str(file))
    assert answer.code == 0, answer


def live(desk: Desk, hours: float) -> list[str]:
    """Let hours pass with all that the daemon does; return what the customer's phone showed meanwhile."""
    services, clock = desk.house.services, desk.house.clock
    before = len(outbox(services))
    ends = clock.now() + timedelta(hours=hours)
    while clock.now() < ends:
        clock.advance(timedelta(hours=1))
        run_due_jobs(services, JOBS)
        dispatch(services)
    return [sms["body"] for sms in outbox(services)[before:]]


def reply(desk: Desk, text: str) -> str:
    """Let the customer write; return what they read a moment later."""
    services = desk.house.services
    before = len(outbox(services))
    hear(services, PHONE, text)
    work_inbox(services.engine, services.inbound_rules, now=services.clock.now())
    dispatch(services)
    (answer,) = outbox(services)[before:]
    return str(answer["body"])


def is_signed(heard: Heard) -> bool:
    """Tell whether a request carries the signature of Standard Webhooks."""
    signed = f"{heard.id}.{heard.headers['webhook-timestamp']}.".encode() + heard.body
    wanted = hmac.digest(base64.b64decode(SECRET.removeprefix("whsec_")), signed, "sha256")
    return heard.headers["webhook-signature"] == f"v1,{base64.b64encode(wanted).decode()}"


def cases(desk: Desk, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in desk("surveys", "cases", "list", *words, "--json").out.splitlines()]


class TestOneComplaint:
    def test_ends_when_the_customer_says_so(self, desk: Desk, system: TicketSystem) -> None:
        """Asked, not solved, opened again, called, resolved again, asked again, and well."""
        desk.customer("C1", phone=PHONE, country="HK", timezone="Asia/Hong_Kong", locale="zh-HK", consents=())

        resolve(desk, "2026-11-27T09:30", "Line changed")
        (asked,) = live(desk, 8)
        assert asked == (
            "【海岚通信】您的申訴K1處理結果：Line changed。您滿意嗎？請回覆5（非常滿意）到1（非常不滿意）。"
            "僅供改善服務，不願受訪回覆不要再問。如有異議請撥96000。"
        )
        assert reply(desk, "1 仲係上唔到網") == (
            "【海岚通信】抱歉問題尚未解決，我們已重新開啟單號K1，專人會在11月28日17:00前與您聯繫。急事請撥96000。"
        )

        assert live(desk, 1) == []
        told = {said["type"]: said for said in (json.loads(heard.body) for heard in system.heard if is_signed(heard))}
        assert set(told) == {"case.opened", "ticket.reopen"}  # posted side by side: either may be heard first
        reopen = told["ticket.reopen"]
        assert reopen["data"] | {"ticket": "K1", "call_back_by": "2026-11-28T09:00:00+00:00"} == reopen["data"]
        (case,) = cases(desk)
        assert (case["reason"], case["ticket"], case["due_at"]) == ("not_solved", "K1", "2026-11-28T09:00:00+00:00")
        assert desk("surveys", "cases", "take", "1", "--by", "mei").out == "case 1 is mei's\n"

        assert live(desk, 16) == []
        note = ("--outcome", "solved", "--note", "Called at 10:40: a new router is in, it works")
        closed = desk("surveys", "cases", "close", "1", *note).out
        assert closed == "case 1 is closed; the customer is asked again: 2026-12-07 09:00 CST\n"
        resolve(desk, "2026-11-28T10:50", "New router")
        (again,) = live(desk, 30)
        assert "您的申訴K1處理結果：New router。您滿意嗎？" in again
        assert "您對處理結果滿意嗎？" in reply(desk, "5 而家好快")

        shown = desk("surveys", "followup").out
        assert "answered               2  100.0%" in shown
        assert "complaint_1wd: 100.0% in time (2 kept, 0 late, 0 open)" in shown
        assert cases(desk) == []
        desk.house.clock.advance(timedelta(days=13))
        (due,) = cases(desk, "--recontact")
        assert (due["id"], due["outcome"]) == (1, "solved")
        assert desk("surveys", "cases", "recontact", "1").out == "case 1: the customer was asked again\n"
        assert cases(desk, "--recontact") == []
