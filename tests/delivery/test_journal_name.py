"""Each journal has a name: one that is new, emptied or copied does not vouch for what a machine sent."""

import shutil
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.errors import UnavailableError
from care.delivery.adopting import adopt
from care.delivery.journal import Journal
from care.delivery.journal_name import JournalName, give_name, read_name, settle_name
from care.delivery.machine import this_machine
from care.delivery.standstill import standing
from care.delivery.tables import machine, standstill
from tests.delivery.test_dispatcher import greet
from tests.delivery.test_journal import postboxes
from tests.house import House

ASKED = "this database was used on another machine, from another folder or beside another journal"


@pytest.fixture
def sent(house: House) -> House:
    """Two were told; four more wait."""
    greet(house, 2)
    assert house.dispatch(postboxes()) == 2
    greet(house, 4)
    return house


@pytest.fixture
def upgraded(sent: House) -> House:
    """The same as the version before left it: its journal has no name, and its machine alone is known."""
    folder = journal(sent)
    here = this_machine(sent.engine, "", journal=folder, journal_name="")
    with write(sent.engine) as conn:
        conn.execute(sa.update(machine).values(digest=here.former))
    (folder / "name").unlink()
    return sent


def journal(house: House) -> Path:
    return house.services.sentry().journal.folder


def asks(house: House) -> bool:
    """Tell whether nothing is sent until somebody has said so, and doctor foresees it."""
    foreseen = [one.words for one in house.services.sentry().foresee()]
    assert (house.dispatch(postboxes()) == 0) is bool(foreseen)
    assert all(ASKED in words for words in foreseen)
    return bool(foreseen)


class TestAName:
    def test_is_given_once(self, tmp_path: Path) -> None:
        """All who begin together get the same, and only its owner reads it."""
        given: list[JournalName] = []
        begun = [threading.Thread(target=lambda: given.append(give_name(tmp_path / "journal"))) for _ in range(8)]
        for one in begun:
            one.start()
        for one in begun:
            one.join()
        assert len(given) == 8
        assert set(given) == {read_name(tmp_path / "journal")}
        assert (tmp_path / "journal" / "name").stat().st_mode & 0o77 == 0

    def test_is_settled_once(self, tmp_path: Path) -> None:
        """It stays the same name."""
        named = give_name(tmp_path)
        for _ in range(2):
            settle_name(tmp_path, "machine")
        assert read_name(tmp_path) == JournalName(named.name, frozenset({"machine"}))
        assert (tmp_path / "name").read_text(encoding="ascii") == f"{named.name}\nmachine\n"

    @pytest.mark.parametrize("torn", [b"", b"abc", b"\0\0\0\0\n", b"\xff\xfe\n"])
    def test_that_was_torn_is_given_anew(self, tmp_path: Path, torn: bytes) -> None:
        """A power cut left an empty file, a part, or zeros."""
        (tmp_path / "name").write_bytes(torn)
        assert read_name(tmp_path) == JournalName()
        assert give_name(tmp_path) == read_name(tmp_path) != JournalName()

    def test_that_cannot_be_read_is_not_taken_for_a_new_one(self, house: House) -> None:
        """One line with the folder."""
        (journal(house) / "name").mkdir(parents=True)
        with pytest.raises(UnavailableError, match="cannot be read .Is a directory.. Mend the folder"):
            house.services.sentry().foresee()


class TestAHouse:
    def test_begins_without_a_question(self, house: House) -> None:
        """Nor does it ask at its next start."""
        greet(house, 1)
        assert house.dispatch(postboxes()) == 1
        greet(house, 2)
        assert not asks(house)
        assert read_name(journal(house)).settled == {house.services.sentry().here.former}

    def test_without_its_journal_sends_nothing(self, sent: House) -> None:
        """Until somebody says so, once."""
        shutil.rmtree(journal(sent))
        assert asks(sent)
        adopt(sent.services.sentry(), dry_run=False, alone=False)
        assert sent.dispatch(postboxes()) == 4

    def test_goes_on_when_its_journal_is_back(self, sent: House) -> None:
        """Its disk was not mounted at one start: nothing of that is left, and planning goes on as well."""
        folder = journal(sent)
        folder.rename(folder.with_name("disk"))
        assert asks(sent)
        shutil.rmtree(folder)
        folder.with_name("disk").rename(folder)
        assert sent.dispatch(postboxes()) == 4
        with read(sent.engine) as conn:
            assert standing(conn) == []

    def test_says_that_it_still_waits_when_another_was_let_in(self, sent: House) -> None:
        """Somebody said yes in another folder: that ends nothing here, and nothing here is silent about it."""
        shutil.rmtree(journal(sent))
        here, there = sent.services.sentry(), sent.services.sentry()
        there.journal = Journal(journal(sent).with_name("elsewhere"), there.journal.secret, sent.clock)
        here.look()
        adopt(there, dry_run=False, alone=False)
        assert not here.may_send()
        assert ASKED in here.why_still()
        adopt(sent.services.sentry(), dry_run=False, alone=False)
        sent.clock.advance(timedelta(seconds=2))
        assert here.may_send()

    def test_looks_without_a_trace(self, sent: House) -> None:
        """Who only asks names no journal and notes no reason."""
        shutil.rmtree(journal(sent))
        assert sent.services.sentry().foresee()
        assert adopt(sent.services.sentry(), dry_run=True, alone=False).reasons
        assert not journal(sent).exists()
        with read(sent.engine) as conn:
            assert conn.execute(sa.select(standstill)).all() == []

    def test_tells_which_folder_waits(self, sent: House) -> None:
        """With several on one machine its name alone would not do; a long path keeps its end."""
        here = this_machine(sent.engine, "m" * 64, journal=Path("/a" * 60 + "/journal"), journal_name="")
        assert len(here.host) == 64
        assert here.host.endswith("/a/a/journal)")
        short = this_machine(sent.engine, "web", journal=Path("/srv/journal"), journal_name="")
        assert short.host == "web (/srv/journal)"


class TestAnUpgradedHouse:
    def test_is_not_asked(self, upgraded: House) -> None:
        """Its pages tell that it is the journal of the machine that the version before knew."""
        assert not asks(upgraded)

    def test_is_not_asked_on_a_further_machine_that_shares_its_journal(self, upgraded: House) -> None:
        """Two containers on one volume: what the first is known by says nothing about the second."""
        first, second = upgraded.services.sentry(), replace(upgraded.services.sentry(), name="second")
        with write(upgraded.engine) as conn:
            now = upgraded.clock.now()
            was = {"digest": second.here.former, "host": "second", "seen_at": now, "adopted_at": now}
            conn.execute(sa.insert(machine).values(was))
        assert first.look() == []
        assert second.look() == []

    def test_lets_the_older_program_go_on(self, upgraded: House) -> None:
        """What it knew its machine by stays there."""
        with read(upgraded.engine) as conn:
            before = set(conn.execute(sa.select(machine.c.digest)).scalars())
        upgraded.services.sentry().look()
        with read(upgraded.engine) as conn:
            assert before < set(conn.execute(sa.select(machine.c.digest)).scalars())

    def test_sends_nothing_without_its_journal(self, upgraded: House) -> None:
        """That its machine is known says nothing about a journal without a page."""
        shutil.rmtree(journal(upgraded))
        assert asks(upgraded)

    def test_sends_nothing_from_a_copy_of_its_journal(self, upgraded: House) -> None:
        """One made since: it ends where it was copied."""
        upgraded.services.sentry().look()
        folder = journal(upgraded)
        folder.rename(folder.with_name("moved"))
        folder.symlink_to(folder.with_name("moved"))
        assert asks(upgraded)
