"""The thread that works on what was stored: trouble that lasts is told of once."""

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from care.web import inbox_thread
from care.web.inbox_thread import InboxThread


class TestTrouble:
    def test_is_told_once_and_so_is_its_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A night without a database is two lines, not one every two seconds."""
        away = sa.exc.OperationalError("SELECT 1", None, Exception("nobody listens"))
        rounds = [away, away, away, None, None, ValueError("Anna"), None]

        def work() -> int:
            outcome = rounds.pop(0)
            if not rounds:
                thread._stopped.set()
            if outcome is not None:
                raise outcome
            thread.notice()
            return 1

        for name in ("REST_AFTER_TROUBLE_SECONDS", "GATHER_SECONDS"):
            monkeypatch.setattr(inbox_thread, name, 0)
        thread = InboxThread(work)
        with capture_logs() as said:
            thread.start()
            thread._thread.join(10)
        assert [(line["event"], line.get("problem", "")) for line in said] == [
            ("inbox.trouble", "the database does not answer. Check database.url and that the server runs"),
            ("inbox.goes_on", ""),
            ("inbox.trouble", "ValueError"),
            ("inbox.goes_on", ""),
        ]
