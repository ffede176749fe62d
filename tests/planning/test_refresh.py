"""Campaigns edited, withdrawn, broken or brought back after planning."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from care.base.database import write
from care.base.errors import FileError
from care.campaigns.load import campaign_files
from care.messages.model import MessageStatus
from care.messages.store import move_messages
from tests.factories import make_consent, make_customer
from tests.house import BIRTHDAY, House


def planned(house: House, count: int = 1) -> None:
    house.clock.advance(timedelta(hours=-2))  # eight in the morning: nothing has gone yet
    house.write_campaign()
    with write(house.engine) as conn:
        for _ in range(count):
            make_customer(conn, consents=("greeting",), birth_mmdd=925, area="north")
    house.plan()


class TestAnEdit:
    def test_moves_what_is_unsent_to_the_new_hour(self, house: House) -> None:
        """The row is updated, not doubled."""
        planned(house)
        house.write_campaign(BIRTHDAY.replace("10:00", "14:30"))

        run = house.plan()

        assert (run.updated, run.planned) == (1, 0)
        (row,) = house.messages()
        assert row.due_at == row.wake_at == datetime(2026, 9, 25, 6, 30, tzinfo=UTC)

    def test_cancels_whom_the_audience_no_longer_holds(self, house: House) -> None:
        """With a reason that says so."""
        planned(house)
        house.write_campaign(BIRTHDAY.replace("audience: everyone", "audience: {area: {equals: south}}"))

        assert house.plan().cancelled == 1
        assert house.statuses() == {"cancelled: no longer due after an edit": 1}

    def test_never_touches_what_went_out(self, house: House) -> None:
        """A sent message keeps its hour and its status."""
        planned(house)
        house.clock.advance(timedelta(hours=2))
        assert house.dispatch() == 1
        before = house.messages()

        house.write_campaign(BIRTHDAY.replace("10:00", "14:30"))
        house.plan()

        assert house.messages() == before

    def test_lets_skipped_rows_go_when_the_new_version_may_send_them(self, house: House) -> None:
        """Adding the channel a customer has turns no_contact into planned."""
        house.clock.advance(timedelta(hours=-2))
        house.write_campaign(BIRTHDAY.replace("[sms, email]", "[sms]"))
        with write(house.engine) as conn:
            make_customer(conn, phone=None, email="a@example.com", consents=("greeting",), birth_mmdd=925)
        house.plan()
        assert house.statuses() == {"skipped: no_contact": 1}

        house.write_campaign()
        house.plan()

        assert house.statuses() == {"planned": 1}

    def test_keeps_the_reason_of_what_is_over(self, house: House) -> None:
        """What was skipped and whose time has passed meanwhile stays skipped: the books tell what happened."""
        house.write_campaign()
        with write(house.engine) as conn:
            make_customer(conn, consents=(), birth_mmdd=925)
            make_customer(conn, consents=("greeting",), birth_mmdd=925, phone=None)
        house.plan()
        with write(house.engine) as conn:
            make_consent(conn, customer_id=1)
        house.clock.advance(timedelta(hours=9))
        house.write_campaign(BIRTHDAY.replace("8h", "7h"))

        house.plan()

        assert house.statuses() == {"skipped: no_consent": 1, "skipped: no_contact": 1}


class TestAWithdrawal:
    def test_cancels_what_is_unsent(self, house: House) -> None:
        """The file is gone: nothing more goes out in its name."""
        planned(house, 2)
        house.remove_campaign()

        assert house.plan().cancelled == 2
        assert house.statuses() == {"cancelled: campaign withdrawn": 2}

    def test_is_undone_when_the_file_comes_back_in_time(self, house: House) -> None:
        """A bad checkout costs nobody their greeting."""
        planned(house)
        house.remove_campaign()
        house.plan()
        house.write_campaign()

        assert house.plan().brought_back == 1
        assert house.statuses() == {"planned": 1}

    def test_stays_when_it_comes_back_too_late(self, house: House) -> None:
        """After its use-by silence is better."""
        planned(house)
        house.remove_campaign()
        house.plan()
        house.clock.advance(timedelta(hours=12))
        house.write_campaign()

        assert house.plan().brought_back == 0

    def test_does_not_bring_back_what_ops_cancelled(self, house: House) -> None:
        """Only its own cancellations are undone."""
        planned(house)
        ids = [row.id for row in house.messages()]
        with write(house.engine) as conn:
            move_messages(
                conn, ids, MessageStatus.CANCELLED, now=house.clock.now(), by="ops:ann", reason="cancelled by ops"
            )
        house.remove_campaign()
        house.plan()
        house.write_campaign()

        assert house.plan().brought_back == 0


class TestABrokenFile:
    def test_cancels_nothing(self, house: House) -> None:
        """A typo holds messages back until it is mended; it does not cost them."""
        planned(house)
        house.write_campaign(BIRTHDAY.replace("purpose: greeting", "purpose: greating"))

        house.plan(keep={"birthday"})
        assert house.statuses() == {"planned": 1}

        house.clock.advance(timedelta(hours=2))
        assert house.dispatch() == 0
        assert house.statuses() == {"held: the campaign's file is broken": 1}

        house.write_campaign()
        house.clock.advance(timedelta(minutes=6))
        assert house.dispatch() == 1


class TestAFileThatCannotBeReached:
    @pytest.mark.parametrize("target", ["loop.yaml", "nothing.yaml"])
    def test_is_a_broken_file_and_no_more(self, house: House, target: str) -> None:
        """A link to itself or to nothing: one line that says so, and the other campaigns are planned."""
        link = house.folder / "campaigns" / "loop.yaml"
        link.symlink_to(link.with_name(target))
        planned(house)
        assert house.statuses() == {"planned": 1}
        (problem,) = house.services.shelf.fresh().problems
        assert (problem.path, problem.fix) == (link, "Check the path and its permissions")
        assert problem.problem.startswith("cannot be read (")
        link.unlink()
        assert house.services.shelf.fresh().problems == ()

    def test_may_be_the_whole_folder(self, tmp_path: Path) -> None:
        """One line, too."""
        folder = tmp_path / "campaigns"
        folder.symlink_to(folder)
        with pytest.raises(FileError, match=r"cannot be read \(.*\. Check the path"):
            campaign_files(folder)
