"""`care retry` before and after a number is corrected."""

import json

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.customers.tables import contact_point, suppression
from care.messages.tables import message
from tests.cli.desk import Desk
from tests.factories import address_hash, make_suppression
from tests.reports.ledger import make_attempt, make_message

DEAD, GOOD, NEW = "+8613800001234", "+8613800009999", "+8613911112222"


@pytest.fixture
def failed(desk: Desk) -> Desk:
    """One customer whose number is banned, and one whose number is not; both messages failed."""
    desk.house.write_campaign()
    for name, phone in (("C1", DEAD), ("C2", GOOD)):
        customer_id = desk.customer(name, phone=phone)
        with write(desk.engine) as conn:
            made = make_message(conn, customer_id=customer_id, status="failed", reason="number-permanent")
            make_attempt(conn, made, outcome="refused", spent=True)
    with write(desk.engine) as conn:
        make_suppression(conn, address=DEAD, reason="bad_number", at=desk.house.clock.now())
    return desk


def retry(desk: Desk, *more: str) -> tuple[int, str]:
    answer = desk("retry", "--campaign", "birthday", *more)
    return answer.code, answer.out


def statuses(desk: Desk) -> list[str]:
    return [row.status for row in desk.house.messages()]


class TestRetryBeforeACorrection:
    def test_leaves_what_has_no_open_address(self, failed: Desk) -> None:
        """It would be skipped for good; so it stays, and the answer counts it."""
        code, out = retry(failed)
        line = (
            "birthday: 1 messages go again; 1 stay failed: every address is silenced or not allowed, or there is none\n"
        )
        assert (code, out) == (0, line)
        assert statuses(failed) == ["failed", "planned"]
        assert failed.house.dispatch() == 1

    def test_says_in_a_dry_run_what_it_would_leave(self, failed: Desk) -> None:
        """The same numbers, for people and machines, and nothing moves."""
        counts = {"campaign": "birthday", "again": 1, "too_late": 0, "unreachable": 1}
        assert json.loads(retry(failed, "--dry-run", "--json")[1]) == counts | {"dry_run": True}
        assert "1 messages would go again; 1 stay failed" in retry(failed, "--dry-run")[1]
        assert statuses(failed) == ["failed", "failed"]
        assert json.loads(retry(failed, "--json")[1]) == counts | {"dry_run": False}

    def test_answers_no_when_none_can_go(self, failed: Desk) -> None:
        """One line that says what to do."""
        retry(failed)
        answer = failed("retry", "--campaign", "birthday")
        assert answer.code == 1
        assert "Correct the numbers" in answer.err
        assert len(answer.err.splitlines()) == 1

    def test_is_possible_again_after_it(self, failed: Desk) -> None:
        """A new phone comes, and the same message goes to it."""
        retry(failed)
        with write(failed.engine) as conn:
            old = sa.update(contact_point).where(contact_point.c.address == DEAD)
            conn.execute(old.values(address=NEW, address_hash=address_hash("sms", NEW)))
        assert retry(failed) == (0, "birthday: 1 messages go again\n")
        assert failed.house.dispatch() == 2
        assert "skipped" not in statuses(failed)

    def test_is_possible_again_once_the_ban_is_lifted(self, failed: Desk) -> None:
        """The number was right after all."""
        with write(failed.engine) as conn:
            conn.execute(sa.update(suppression).values(lifted_at=failed.house.clock.now()))
        assert retry(failed) == (0, "birthday: 2 messages go again\n")

    def test_takes_what_was_not_delivered_as_well(self, failed: Desk) -> None:
        """The same for `--state undelivered`."""
        with write(failed.engine) as conn:
            conn.execute(sa.update(message).values(status="undelivered"))
        assert "1 messages go again; 1 stay undelivered" in retry(failed, "--state", "undelivered")[1]
