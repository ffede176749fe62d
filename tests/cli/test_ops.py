"""`care pause`, `resume`, `cancel`, `retry` as a user runs them."""

import getpass
import json
from datetime import timedelta

import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tables import contact_point
from care.delivery.standstill import stand_still
from care.messages.tables import attempt, message, move, pause
from tests.cli.desk import Desk
from tests.factories import address_hash
from tests.reports.ledger import make_attempt, make_message, make_sent

ME = f"ops:{getpass.getuser()}"[:32]


class TestPause:
    def test_keeps_messages_where_they_are_until_resumed(self, desk: Desk) -> None:
        """Nothing is sent; resuming sends it while there is time."""
        desk.customer("C1")
        desk.house.plan()
        answer = desk("pause", "--campaign", "birthday")
        assert (answer.code, answer.out) == (0, "campaign:birthday is stopped until resumed; 1 messages wait\n")
        assert desk.house.dispatch() == 0
        assert (
            desk("resume", "--campaign", "birthday").out
            == "campaign:birthday goes on; 1 messages wait for their hour\n"
        )
        assert desk.house.dispatch() == 1

    def test_of_a_purpose_ends_by_itself(self, desk: Desk) -> None:
        """After a span, or at the start of a local day."""
        desk.customer("C1")
        desk.house.plan()
        found = json.loads(desk("pause", "--purpose", "greeting", "--until", "2h", "--json").out)
        assert found == {"scope": "purpose:greeting", "until": "2026-09-25T04:00:00+00:00", "waiting": 1, "by": ME}
        assert desk.house.dispatch() == 0
        desk.house.clock.advance(timedelta(hours=2))
        assert desk.house.dispatch() == 1
        assert "until 2026-09-26 00:00 CST" in desk("pause", "--purpose", "greeting", "--until", "2026-09-26").out

    def test_of_everything_stops_notices_too(self, desk: Desk) -> None:
        """One row that planner and sender read."""
        desk("pause", "--all")
        with read(desk.engine) as conn:
            assert [(row.scope, row.by) for row in conn.execute(sa.select(pause))] == [("all", ME)]

    def test_refuses_what_it_does_not_understand(self, desk: Desk) -> None:
        """One line each."""
        for words, line in (
            ([], "care: say exactly one of --campaign NAME, --purpose NAME and --all"),
            (["--campaign", "birthday", "--all"], "care: say exactly one of"),
            (["--purpose", "greting"], "care: --purpose greting: not known. Did you mean 'greeting'?"),
            (["--all", "--until", "2020-01-01"], "care: --until 2020-01-01: has passed. Name a day to come"),
        ):
            answer = desk("pause", *words)
            assert (answer.code, answer.err.startswith(line)) == (2, True), words
        answer = desk("resume", "--all")
        assert (answer.code, answer.err) == (1, "care: all: was not stopped by hand. Nothing is stopped\n")

    def test_is_not_what_keeps_a_restored_house_still(self, desk: Desk) -> None:
        """To resume ends no standstill, and it does not say that nothing is stopped."""
        with write(desk.engine) as conn:
            stand_still(conn, by="restore", now=desk.house.clock.now())
        answer = desk("resume", "--all")
        assert answer.code == 1
        first, second = answer.err.splitlines()
        assert "care adopt-journal" in first
        assert second.endswith("Sending stands still for the reason above, which care resume does not end")


class TestCancel:
    def test_withdraws_what_has_not_left(self, desk: Desk) -> None:
        """With who did it; what went out stays, and the next plan does not bring it back."""
        for name in ("C1", "C2"):
            desk.customer(name)
        desk.greet()
        desk.customer("C3", birth_mmdd=926)
        desk.house.plan()
        assert desk("cancel", "--campaign", "birthday").out == "birthday: 1 messages cancelled\n"
        desk.house.plan()
        assert desk.house.statuses() == {"delivered": 2, "cancelled: cancelled by ops": 1}
        with read(desk.engine) as conn:
            assert ME in conn.execute(sa.select(move.c.by).where(move.c.status == "cancelled")).scalars().all()

    def test_holds_for_occasions_to_come_until_resumed(self, desk: Desk) -> None:
        """Nothing more is planned; plan and why say so; resume plans again what nobody had cancelled."""
        desk.customer("C1", birth_mmdd=926)
        assert desk("cancel", "--campaign", "birthday").code == 0
        desk.house.plan()
        assert desk.house.messages() == []
        assert "birthday is cancelled by hand" in desk("plan", "--days", "2").out
        line = desk("why", "C1", "birthday", "--on", "2026-09-26").out.splitlines()[0]
        assert line == "birthday: campaign:birthday is cancelled until resumed"
        assert desk("resume", "--campaign", "birthday").code == 0
        desk.house.plan()
        assert desk.house.statuses() == {"planned": 1}

    def test_works_for_a_campaign_whose_file_is_gone(self, desk: Desk) -> None:
        """The ledger still knows its name."""
        desk.customer("C1", birth_mmdd=926)
        desk.house.plan()
        desk.house.remove_campaign()
        assert desk("cancel", "--campaign", "birthday").out == "birthday: 1 messages cancelled\n"


class TestRetry:
    def failed(self, desk: Desk, *, status: str = "failed", **fields: object) -> int:
        with write(desk.engine) as conn:
            made = make_message(conn, status=status, **({"reason": "unreachable"} | fields))
            make_attempt(conn, made, outcome="refused" if status == "failed" else "accepted", spent=True)
        return made

    def test_sends_the_same_message_again_on_every_channel(self, desk: Desk) -> None:
        """No new row; channels that were spent are open again."""
        made = self.failed(desk)
        answer = desk("retry", "--state", "failed", "--campaign", "birthday")
        assert answer.out == "birthday: 1 messages go again\n"
        with read(desk.engine) as conn:
            row = conn.execute(sa.select(message)).one()
            assert (row.id, row.status, row.wake_at) == (made, "planned", desk.house.clock.now())
            assert not conn.execute(sa.select(attempt.c.spent)).scalar_one()

    def test_sends_what_failed_and_nothing_else_to_the_number_there_is_now(self, desk: Desk) -> None:
        """Beside it stand messages of every other end; the clerk has corrected the number meanwhile."""
        customer_id = desk.customer("C1", phone="+8613800001234")
        made = self.failed(desk, customer_id=customer_id)
        others = {
            status: self.failed(desk, status=status, customer_id=customer_id + n)
            for n, status in enumerate(("undelivered", "skipped", "expired", "cancelled", "unconfirmed"), 1)
        }
        new = "+8613911112222"
        with write(desk.engine) as conn:
            moved = sa.update(contact_point).where(contact_point.c.address == "+8613800001234")
            conn.execute(moved.values(address=new, address_hash=address_hash("sms", new)))

        assert desk("retry", "--campaign", "birthday").out == "birthday: 1 messages go again\n"
        assert {status: row.status for status, i in others.items() for row in desk.house.messages(id=i)} == {
            status: status for status in others
        }
        with read(desk.engine) as conn:
            assert conn.execute(sa.select(message.c.id).where(message.c.status == "planned")).scalars().all() == [made]
        desk.house.write_campaign()
        assert desk.house.dispatch() == 1
        with read(desk.engine) as conn:
            last = conn.execute(
                sa.select(attempt.c.message_id, attempt.c.address_hash).order_by(attempt.c.id.desc())
            ).first()
        assert last == (made, address_hash("sms", new))

    def test_says_how_many_are_too_late(self, desk: Desk) -> None:
        """Those stay as they are; exit 1 when no other is left."""
        now = desk.house.clock.now()
        self.failed(desk, due_at=now - timedelta(hours=9), use_by=now - timedelta(hours=1))
        assert desk("retry", "--campaign", "birthday").code == 1
        self.failed(desk)
        answer = desk("retry", "--campaign", "birthday")
        assert (answer.code, answer.out) == (0, "birthday: 1 messages go again; 1 are too late\n")

    def test_never_touches_what_may_have_arrived(self, desk: Desk) -> None:
        """Not by any word."""
        with write(desk.engine) as conn:
            make_sent(conn)
            make_sent(conn, status="sent")
        for word in ("delivered", "sent", "unknown", "unconfirmed", "expired"):
            assert desk("retry", "--state", word, "--campaign", "birthday").code == 2
        assert (
            desk("retry", "--state", "undelivered", "--campaign", "birthday").out == "birthday: 0 messages go again\n"
        )

    def test_only_counts_in_a_dry_run(self, desk: Desk) -> None:
        """Nothing moves."""
        self.failed(desk, status="undelivered")
        answer = desk("retry", "--state", "undelivered", "--campaign", "birthday", "--dry-run", "--json")
        assert json.loads(answer.out) == {
            "campaign": "birthday",
            "again": 1,
            "too_late": 0,
            "unreachable": 0,
            "dry_run": True,
        }
        assert [row.status for row in desk.house.messages()] == ["undelivered"]

    def test_needs_a_campaign(self, desk: Desk) -> None:
        """Everything at once is never meant."""
        assert desk("retry", "--state", "failed").err == "care: --campaign: is missing. Name the campaign\n"
