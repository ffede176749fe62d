"""`care message show`: when a message is tried next."""

from datetime import timedelta

import pytest

from care.base.database import write
from tests.cli.desk import Desk
from tests.reports.ledger import AT, make_message

AN_HOUR = timedelta(hours=1)


def shown(desk: Desk, **fields: object) -> str:
    with write(desk.engine) as conn:
        made = make_message(conn, wake_at=AT + AN_HOUR, **fields)
    return desk("message", "show", str(made)).out


class TestTheNextTry:
    def test_is_told_after_an_earlier_one_was_taken(self, desk: Desk) -> None:
        """The carrier took the first and did not deliver it; the second waits."""
        told = shown(desk, status="planned", reason="unreachable: again later", attempts=1, sent_at=AT)
        (wakes,) = [line.split(maxsplit=1)[1] for line in told.splitlines() if line.startswith("  wakes")]
        (advice,) = [line.split(maxsplit=1)[1] for line in told.splitlines() if line.startswith("  next")]
        assert advice == f"tried again at {wakes}"

    def test_is_told_of_what_was_never_tried(self, desk: Desk) -> None:
        """It is held, and its advice says why."""
        told = shown(desk, status="held", reason="quiet_hours")
        assert "  wakes  " in told
        assert "tried again" not in told

    @pytest.mark.parametrize("status", ["skipped", "expired", "cancelled", "failed", "undelivered", "unknown"])
    def test_is_none_of_what_has_ended(self, desk: Desk, status: str) -> None:
        """An hour that has passed means nothing any more."""
        told = shown(desk, status=status, reason="unreachable", attempts=1)
        assert "wakes" not in told
        assert "tried again" not in told
