"""kill -9 of the web process in a conversation: the answer counts once, and the next question comes once."""

import http.client
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from twilio.request_validator import RequestValidator

from care.base.database import write
from care.base.failpoints import VARIABLE
from care.base.ids import keyed_hash
from care.simulators.twilio.process import ACCOUNT_SID
from tests.factories import make_customer
from tests.inbound.house import inbound_form, make_attempt
from tests.stories.operator import OURS, Operator, operator, wait_until
from tests.surveys.conversation.factories_talk import make_follow_up, make_invitation

PHONE = "+8613800001111"
TOKEN = "a token of the provider"
KILLED = -9
TWILIO = {
    "SMS__PROVIDER": "twilio",
    "TWILIO__BASE_URL": "http://127.0.0.1:9",
    "TWILIO__ACCOUNT_SID": ACCOUNT_SID,
    "TWILIO__AUTH_TOKEN": TOKEN,
    "TWILIO__FROM_NUMBER": OURS,
}
pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(300)]


def ask(made: Operator) -> None:
    """Let an invitation about a repair have left."""
    now = datetime.now(UTC)  # noqa: TID251 - the processes under test read the real clock
    hashed = keyed_hash(made.env["CARE_SECURITY__SUPPRESSION_KEY"].encode(), f"sms:{PHONE}")
    with write(made.engine) as conn:
        who = make_customer(conn, phone=PHONE)
        conn.execute(sa.text("UPDATE contact_point SET address_hash = :hashed"), {"hashed": hashed})
        make_follow_up(conn, customer_id=who, ref="A12", now=now)
        asked = make_invitation(conn, customer_id=who, subject="A12:r1", now=now)
        make_attempt(conn, message_id=asked, phone=PHONE, now=now, address_hash=hashed)


def post(made: Operator, form: dict[str, str]) -> int:
    """Say what the customer wrote, as the provider does; return the answer's status, 0 for none."""
    path = "/webhooks/twilio/inbound"
    signature = RequestValidator(TOKEN).compute_signature(f"http://127.0.0.1:{made.port}{path}", form)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    with closing(http.client.HTTPConnection("127.0.0.1", made.port, timeout=20)) as door:
        try:
            door.request("POST", path, urlencode(form), headers)
            return door.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


def life(made: Operator, point: str = "", act: Callable[[], object] = bool, until: Callable[[], object] = bool) -> None:
    """Let a web process live until it dies at a point; without one until something is so."""
    with made.running("web", **({VARIABLE: f"{point}:1"} if point else {})) as web:
        act()
        if point:
            assert web.process.wait(60) == KILLED, web.said()
        else:
            wait_until("it is done", until)


def stands(made: Operator) -> tuple[list[tuple[object, ...]], list[str]]:
    """Return what was answered, and what was said by us."""
    given = made.ask("SELECT question, score FROM survey_answer ORDER BY id")
    said = made.ask("SELECT campaign_id FROM message WHERE occasion LIKE 'inbound:%' ORDER BY id")
    return given, [row[0].removeprefix("reply:") for row in said]


class TestAKilledWebProcess:
    def test_takes_each_answer_once_and_asks_the_next_question_once(self, tmp_path: Path) -> None:
        """It dies before and after it stores a message, and before and after it works on one."""
        with operator(tmp_path, **TWILIO) as made:
            ask(made)
            first, second = (inbound_form(PHONE, digit, AccountSid=ACCOUNT_SID) for digit in "54")
            answered: list[int] = []

            def say(form: dict[str, str]) -> Callable[[], None]:
                return lambda: answered.append(post(made, form))

            life(made, "webhook.before_commit", say(first))
            assert (answered, made.ask("SELECT 1 FROM webhook")) == ([0], [])
            life(made, "receipt.before_commit", say(first))
            assert (answered[-1] // 100, stands(made)) == (2, ([], []))
            life(made, "receipt.committed")
            once = [("overall", 5)], ["survey_result"]
            assert stands(made) == once
            life(made, "webhook.committed", say(second))
            assert (answered[-1], stands(made)) == (0, once)

            def repeat() -> None:
                for form in (second, first, second):
                    say(form)()

            life(made, act=repeat, until=lambda: not made.ask("SELECT 1 FROM webhook WHERE done_at IS NULL"))
            assert stands(made) == ([("overall", 5), ("result", 4)], ["survey_result", "survey_timeliness"])
            assert {status // 100 for status in answered[-3:]} == {2}
