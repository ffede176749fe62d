"""The sent journal: what may have left is outside the database before its first byte."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.errors import UnavailableError
from care.base.vocabulary import Channel
from care.delivery.adopting import adopt
from care.delivery.dispatcher import Dispatcher
from care.delivery.doorkeeper import Doorkeeper
from care.delivery.journal import KEPT, Journal, JournalError
from care.delivery.journal_pages import Entry, first_line, instance_of, last_tokens, newest_instance, pages, read_page
from care.delivery.life import Life
from care.delivery.routes import Routes
from care.delivery.standstill import stand_still
from care.delivery.tables import forgotten, machine
from care.messages.tables import attempt, message, move
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import House

SECRET = b"s" * 40
GROUP = "@ 1790000000000000 7 sms twilio\n"
LINES = [f"{n} token{n} {n:032x} {'a' * 32} {'b' * 16} 1\n" for n in range(1, 4)]


def postboxes() -> dict[Channel, Postbox]:
    return {Channel.SMS: Postbox(), Channel.EMAIL: Postbox(Channel.EMAIL)}


def written(house: House) -> list[Entry]:
    """Return everything in the journal of a house."""
    sentry = house.services.sentry()
    folder = sentry.journal.folder
    own = newest_instance(folder, sentry.journal.secret)
    return [entry for path in pages(folder, sentry.journal.secret, own) for entry in read_page(path)]


def forget(house: House) -> None:
    """Let the database be as it was before anything left."""
    with write(house.engine) as conn:
        conn.execute(sa.text("DELETE FROM contact_claim"))
        conn.execute(sa.delete(move))
        conn.execute(sa.delete(attempt))
        conn.execute(sa.text("UPDATE message SET status = 'planned', attempts = 0, sent_at = NULL, reason = NULL"))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "2026-09-25.life.sent"
    path.write_text(first_line("name", SECRET) + GROUP + "".join(LINES), encoding="utf-8")
    return path


class TestAPage:
    def test_gives_back_what_was_written(self, page: Path) -> None:
        """Every attempt with its group's time, life and provider."""
        entries = list(read_page(page))
        assert [entry.token for entry in entries] == ["token1", "token2", "token3"]
        assert {(entry.incarnation, entry.channel, entry.provider) for entry in entries} == {(7, "sms", "twilio")}
        assert last_tokens(page) == ["token1", "token2", "token3"]

    @given(cut=st.integers(0, 420))
    def test_may_end_anywhere(self, cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
        """A torn end costs at most the line that was torn, and invents nothing."""
        whole = (first_line("name", SECRET) + GROUP + "".join(LINES)).encode()
        torn = tmp_path_factory.mktemp("torn") / "2026-09-25.life.sent"
        torn.write_bytes(whole[:cut])
        full = [line for line in LINES if line.encode() in whole[:cut]]
        assert [entry.token for entry in read_page(torn)] == [line.split()[1] for line in full]
        assert last_tokens(torn) == [line.split()[1] for line in full]

    def test_of_another_secret_is_none_of_ours(self, page: Path) -> None:
        """Nor one whose first line somebody wrote."""
        assert instance_of(page, SECRET) == "name"
        assert instance_of(page, b"t" * 40) == ""
        page.write_text(page.read_text(encoding="utf-8").replace("name", "mane", 1), encoding="utf-8")
        assert instance_of(page, SECRET) == ""


class TestWriting:
    def test_comes_before_the_first_byte(self, house: House) -> None:
        """Whatever a provider is given is in the journal already."""
        greet(house, 3)
        seen: list[set[str]] = []

        class Looking(Postbox):
            async def send(self, outgoing):
                seen.append({outgoing.token} - {entry.token for entry in written(house)})
                return await super().send(outgoing)

        assert house.dispatch({Channel.SMS: Looking(), Channel.EMAIL: Postbox(Channel.EMAIL)}) == 3
        assert seen == [set(), set(), set()]

    def test_holds_nobody(self, house: House) -> None:
        """No address, no name, no customer; and only its owner reads it."""
        greet(house, 2)
        house.dispatch(postboxes())
        (path,) = house.services.sentry().journal.folder.glob("*.sent")
        text = path.read_text(encoding="utf-8")
        assert "13800" not in text
        assert "王" not in text
        assert path.stat().st_mode & 0o77 == 0

    def test_stops_sending_when_it_fails(self, house: House) -> None:
        """Nothing leaves, nothing is in doubt, and the same messages go when it works again."""
        greet(house, 2)
        boxes = postboxes()
        work = house.services.work(Routes(tuple(boxes.values())))
        work.sentry.journal._handle = os.open("/dev/full", os.O_WRONLY)
        work.sentry.journal._day = house.clock.now().date()
        with pytest.raises(JournalError, match="cannot be written .No space left on device., so nothing is sent"):
            asyncio.run(Dispatcher(work).run(asyncio.Event(), until_idle=True))
        assert boxes[Channel.SMS].taken == []
        assert house.statuses() == {"planned": 2}
        with read(house.engine) as conn:
            assert set(conn.execute(sa.select(attempt.c.outcome)).scalars()) == {"abandoned"}
        assert house.dispatch(postboxes()) == 2

    def test_takes_old_pages_away(self, tmp_path: Path, clock: VirtualClock, house: House) -> None:
        """By the day in their name, once nothing of them can be owed."""
        folder = house.services.settings.journal_dir
        folder.mkdir(parents=True)
        days = {kept: (clock.now() - KEPT - timedelta(days=old)).date() for old, kept in ((0, True), (1, False))}
        for day in days.values():
            (folder / f"{day}.old.sent").write_text("", encoding="utf-8")
        greet(house)
        house.dispatch(postboxes())
        left = {path.name[:10] for path in folder.iterdir()}
        assert str(days[True]) in left
        assert str(days[False]) not in left

    def test_outlives_its_process(self, tmp_path: Path) -> None:
        """Killed the moment after the write: it is all there."""
        code = (
            "import os, signal, sys; from pathlib import Path; from care.base.clock import SystemClock; "
            "from care.delivery.journal import Journal; "
            f"j = Journal(Path({str(tmp_path)!r}), b's' * 40, SystemClock()); j.begin('name', 'life'); "
            f"j._open_page(SystemClock().now()); j._append({(GROUP + ''.join(LINES))!r}); os.kill(os.getpid(), signal.SIGKILL)"
        )
        done = subprocess.run([sys.executable, "-c", code], check=False)
        assert done.returncode == -signal.SIGKILL
        (path,) = tmp_path.glob("*.sent")
        assert len(list(read_page(path))) == 3


class TestAnOlderDatabase:
    @pytest.fixture
    def behind(self, house: House) -> House:
        """Two were told; the database forgot it."""
        greet(house, 2)
        house.dispatch(postboxes())
        forget(house)
        return house

    def test_sends_nothing(self, behind: House) -> None:
        """Not at the first start, and not at the second."""
        for _ in range(2):
            assert behind.dispatch(postboxes()) == 0
        (reason,) = behind.services.sentry().look()
        assert "the database is older than what was sent (2 attempts since 2026-09-25 02:00 UTC)" in reason.words

    def test_is_counted_before_it_is_changed(self, behind: House) -> None:
        """A dry run says the same as what then happens."""
        would = adopt(behind.services.sentry(), dry_run=True, alone=False)
        assert behind.statuses() == {"planned": 2}
        did = adopt(behind.services.sentry(), dry_run=False, alone=False)
        assert (would.attempts, would.settled, would.kept) == (did.attempts, did.settled, did.kept) == (2, 2, 0)

    def test_never_tells_them_again(self, behind: House) -> None:
        """They are in doubt, with the attempt that really left; again changes nothing."""
        tokens = {entry.token for entry in written(behind)}
        for _ in range(2):
            adopt(behind.services.sentry(), dry_run=False, alone=False)
            assert behind.dispatch(postboxes()) == 0
        assert {row.status for row in behind.messages()} == {"unknown"}
        with read(behind.engine) as conn:
            kept = conn.execute(sa.select(attempt.c.token, attempt.c.error_code, attempt.c.n)).all()
        assert {row.token for row in kept} == tokens
        assert {(row.error_code, row.n) for row in kept} == {("before-restore", 1)}

    def test_knows_those_who_are_planned_later(self, behind: House) -> None:
        """Their messages were not planned yet in the backup: with other ids they are recognised all the same."""
        with write(behind.engine) as conn:
            conn.execute(sa.delete(message))
            for table in ("intended", "planned_day"):
                conn.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608
        done = adopt(behind.services.sentry(), dry_run=False, alone=False)
        assert (done.settled, done.kept) == (0, 2)
        behind.plan()
        assert behind.dispatch(postboxes()) == 0
        assert {row.status for row in behind.messages()} == {"unknown"}
        with read(behind.engine) as conn:
            assert conn.execute(sa.select(sa.func.count()).select_from(forgotten)).scalar_one() == 0

    def test_still_tells_everybody_else(self, behind: House) -> None:
        """Who was not told before is told now."""
        greet(behind, 3)
        assert behind.dispatch(postboxes()) == 0
        adopt(behind.services.sentry(), dry_run=False, alone=False)
        assert behind.dispatch(postboxes()) == 3

    def test_waits_for_the_journals_of_other_machines(self, behind: House) -> None:
        """On a shared database each has its own; the word that they are lost goes on without them."""
        now = behind.clock.now()
        behind.clock.advance(timedelta(seconds=1))
        with write(behind.engine) as conn:
            conn.execute(
                sa.insert(machine).values(digest="0" * 32, host="other", seen_at=now, adopted_at=now - timedelta(1))
            )
        shared = behind.engine.dialect.name == "postgresql"
        would = adopt(behind.services.sentry(), dry_run=True, alone=False)
        assert list(would.elsewhere) == (["other"] if shared else [])
        done = adopt(behind.services.sentry(), dry_run=False, alone=False)
        assert list(done.elsewhere) == (["other"] if shared else [])
        assert bool(behind.services.sentry().look()) == shared
        assert adopt(behind.services.sentry(), dry_run=False, alone=True).goes_on
        assert behind.services.sentry().look() == []

    def test_waits_for_the_journal_of_a_sender_that_began_long_ago(self, house: House) -> None:
        """What counts is when it was last alive, not when it began."""
        if house.engine.dialect.name == "sqlite":
            pytest.skip("nobody else sends from it")
        work = house.services.work(Routes(tuple(postboxes().values())))
        life = Life(work, Doorkeeper(house.engine, house.clock, work.routes, {}, work.dice))
        life.begin()
        house.clock.advance(KEPT + timedelta(days=1))
        life.keep(())
        with write(house.engine) as conn:
            stand_still(conn, by="a restore", now=house.clock.now())
        other = house.services.sentry()
        other.journal = Journal(house.folder / "elsewhere", other.journal.secret, house.clock)
        assert len(adopt(other, dry_run=False, alone=False).elsewhere) == 1
        work.sentry.end_life()
        work.close()

    def test_says_that_the_journal_cannot_be_read(self, behind: House) -> None:
        """One line with the folder; nothing is taken for known."""
        folder = behind.services.settings.journal_dir
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        folder.write_text("no folder", encoding="utf-8")
        with pytest.raises(UnavailableError, match="cannot be read .Not a directory.. Mend the folder"):
            adopt(behind.services.sentry(), dry_run=False, alone=False)

    def test_is_not_overlooked_where_a_page_cannot_be_read(self, behind: House) -> None:
        """Of another owner, or on a bad block: it may be the one that knows."""
        (page,) = behind.services.settings.journal_dir.glob("*.sent")
        page.rename(page.with_name("kept"))
        page.mkdir()
        for ask in (behind.services.sentry().foresee, behind.services.sentry().look):
            with pytest.raises(UnavailableError, match=f"{page}: cannot be read .Is a directory.. Mend the folder"):
                ask()


def test_a_disk_that_was_away_is_written_again(tmp_path: Path, clock: VirtualClock) -> None:
    """The file that was open on it is lost for good; what was torn off there is closed before anything else."""
    journal = Journal(tmp_path, SECRET, clock)
    journal.begin("name", "life")
    journal.probe()
    (page,) = tmp_path.glob("*.sent")
    with page.open("a", encoding="utf-8") as torn:
        torn.write("@ 17900")
    lost = os.open("/dev/full", os.O_WRONLY)
    os.dup2(lost, journal._handle)
    os.close(lost)
    for _ in range(2):
        journal.probe()
    journal.close()
    lines = page.read_text(encoding="utf-8").splitlines()
    assert "@ 17900" in lines
    assert lines[-1] == "#"


@pytest.mark.parametrize("written", [0, 9])
def test_a_page_that_began_on_a_full_disk_names_its_database(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    """Else it would be taken for none of ours, with all that is written to it afterwards."""
    journal, real = Journal(tmp_path, SECRET, clock), os.write
    journal.begin("name", "life")
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda handle, data: real(handle, data[:written]))
        with pytest.raises(JournalError, match="No space left on device"):
            journal.probe()
    journal.probe()
    journal.close()
    assert [instance_of(page, SECRET) for page in tmp_path.glob("*.sent")] == ["name"]


def test_a_full_disk_is_seen(tmp_path: Path, clock: VirtualClock) -> None:
    """The journal does not go on while there is no room for the next group."""
    journal = Journal(tmp_path, SECRET, clock, free=lambda _: 1000)
    journal.begin("name", "life")
    with pytest.raises(JournalError, match="the disk is full, so nothing is sent. Free space"):
        journal.probe()
    journal.close()
