"""The mailbox for bounces, asked by IMAP over a real connection."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from care.base.errors import SettingsError, UnavailableError
from care.base.settings import BounceSettings
from care.bootstrap import Services
from care.inbound.bounces.mailbox import MOST_AT_ONCE, visit_mailbox
from care.inbound.bounces.mime import MOST_BYTES
from care.inbound.ingest import store_mails
from care.schedule import JOBS, run_due_jobs
from tests.contracts.mail_server import CA_FILE
from tests.inbound.bounces.dialects import report
from tests.inbound.bounces.imap_server import PASSWORD, USER, ImapServer
from tests.inbound.bounces.post import ADDRESS, bans, kept, send_mail
from tests.inbound.house import open_house

DONE = "Taken mails"


def table(server: ImapServer, **changes: object) -> dict[str, object]:
    given = {"host": "127.0.0.1", "port": server.port, "username": USER, "password": PASSWORD, "tls": "none"}
    return {**given, "timeout_seconds": 5, **changes}


def visit(services: Services, server: ImapServer, **changes: object) -> int:
    def keep(mails: Sequence[bytes]) -> int:
        return store_mails(services.engine, mails, now=services.clock.now())

    return visit_mailbox(BounceSettings.model_validate(table(server, **changes)), keep)


def fill(server: ImapServer, count: int) -> None:
    for number in range(count):
        server.inbox.add(report(f"a{number}@b.example", status="5.1.1"))


class TestVisits:
    def test_take_every_unread_mail_once(self, services: Services) -> None:
        """Marked as read, so the next visit finds nothing."""
        with ImapServer() as server:
            fill(server, MOST_AT_ONCE + 3)
            assert visit(services, server) == MOST_AT_ONCE + 3
            assert visit(services, server) == 0
            assert server.inbox.unread == []
        assert len(kept(services)) == MOST_AT_ONCE + 3

    @pytest.mark.parametrize("capabilities", ["MOVE UIDPLUS", "UIDPLUS", ""])
    def test_move_mails_where_a_folder_is_named(self, services: Services, capabilities: str) -> None:
        """By MOVE, by copying and expunging, or by copying and marking, as the server can."""
        with ImapServer(capabilities=capabilities) as server:
            fill(server, 2)
            visit(services, server, done_folder=DONE)
            assert len(server.done.mails) == 2
            assert len(server.inbox.mails) == (0 if capabilities else 2)
            assert visit(services, server, done_folder=DONE) == 0

    @pytest.mark.parametrize("command", ["SEARCH", "FETCH 2", "STORE", "MOVE", "LOGOUT"])
    def test_survive_a_connection_that_drops(self, services: Services, command: str) -> None:
        """Whenever it drops, the visit after makes everything whole: nothing is lost, nothing is kept twice."""
        with ImapServer() as server:
            fill(server, 3)
            server.cut_at = command
            with suppress(UnavailableError):
                visit(services, server, done_folder=DONE)
            assert not server.cut_at
            visit(services, server, done_folder=DONE)
            assert server.inbox.unread == []
        assert len(kept(services)) == 3

    def test_leave_unread_what_could_not_be_kept(self) -> None:
        """The database was away: the mails wait where they are."""

        def refuse(_mails: Sequence[bytes]) -> int:
            raise UnavailableError("database: away")

        with ImapServer() as server:
            fill(server, 2)
            with pytest.raises(UnavailableError, match="away"):
                visit_mailbox(BounceSettings.model_validate(table(server, done_folder=DONE)), refuse)
            assert len(server.inbox.unread) == 2
            assert not [each for each in server.commands if each.startswith(("STORE", "MOVE"))]

    def test_read_no_more_of_a_mail_than_is_needed(self) -> None:
        """The end of a huge mail stays on the server."""
        sizes: list[int] = []
        with ImapServer() as server:
            server.inbox.add(report(ADDRESS, status="5.1.1") + b"x" * 3_000_000)
            settings = BounceSettings.model_validate(table(server))
            visit_mailbox(settings, lambda mails: sizes.extend(map(len, mails)) or 1)
        assert sizes == [MOST_BYTES]


class TestAFolderMadeAnew:
    """The server restores the folder: every UID stands for another mail."""

    def taken(self, server: ImapServer, into: list[bytes]) -> int:
        def keep(mails: Sequence[bytes]) -> int:
            into.extend(mails)
            return len(mails)

        return visit_mailbox(BounceSettings.model_validate(table(server)), keep)

    def test_between_two_visits_is_only_read_where_it_is_unread(self, services: Services) -> None:
        """No UID is remembered from one visit to the next."""
        with ImapServer() as server:
            fill(server, 3)
            assert visit(services, server) == 3
            server.make_anew()
            server.inbox.add(report("late@b.example", status="5.1.1"))
            assert visit(services, server) == 1
            assert server.inbox.unread == []
        assert len(kept(services)) == 4

    @pytest.mark.parametrize("command", ["FETCH 1", "FETCH 3", "FETCH 4", "STORE", "NOOP"])
    @pytest.mark.parametrize("count", [4, MOST_AT_ONCE + 4])
    def test_within_a_visit_loses_nothing(self, count: int, command: str) -> None:
        """What is marked was kept, and what was not kept is still unread; the next visit takes the rest."""
        seen = list[bytes]()
        with ImapServer() as server:
            fill(server, count)
            server.anew_before = command
            with suppress(UnavailableError):
                self.taken(server, seen)
            box = server.inbox
            marked = {raw for uid, raw in box.mails.items() if uid not in box.unread}
            assert marked <= set(seen)
            self.taken(server, seen)
            assert server.inbox.unread == []
            assert set(server.inbox.mails.values()) <= set(seen)


class TestConnections:
    def test_are_verified(self, services: Services) -> None:
        """TLS with the pinned certificate works, without it the visit ends with one line."""
        with ImapServer(tls=True) as server:
            fill(server, 1)
            with pytest.raises(UnavailableError, match="SSLCertVerificationError"):
                visit(services, server, host="localhost", tls="implicit")
            assert visit(services, server, host="localhost", tls="implicit", ca_file=CA_FILE) == 1

    def test_sign_in_with_letters_beyond_ascii(self, services: Services) -> None:
        """By PLAIN in UTF-8 where the server offers it."""
        with ImapServer(capabilities="MOVE AUTH=PLAIN", password="pässwort") as server:
            fill(server, 1)
            assert visit(services, server, password="pässwort") == 1
            with pytest.raises(UnavailableError, match="refused the sign-in") as caught:
                visit(services, server, password="fälsch")
            assert "fälsch" not in str(caught.value)

    @pytest.mark.parametrize("changes", [{"password": "pässwort"}, {"username": "jürgen"}, {"password": "a\nb"}])
    def test_that_cannot_carry_a_sign_in_say_so(self, services: Services, changes: dict[str, str]) -> None:
        """A server without PLAIN, or a line break: one line, and nothing of it is repeated."""
        with ImapServer() as server, pytest.raises(UnavailableError, match=r"^bounces\.password: ") as caught:
            visit(services, server, **changes)
        assert not any(word in str(caught.value) for word in changes.values())

    def test_that_fail_say_what_to_check(self, services: Services, tmp_path: Path) -> None:
        """A wrong password, a missing folder, a broken file, nobody there: one line, no secret in it."""
        with ImapServer() as server:
            with pytest.raises(UnavailableError, match=r"^bounces\.password: .* refused the sign-in\. ") as caught:
                visit(services, server, password="wrong")
            assert "wrong" not in str(caught.value)
            with pytest.raises(UnavailableError, match=r"^bounces\.folder: .* has no folder Elsewhere"):
                visit(services, server, folder="Elsewhere")
            with pytest.raises(
                UnavailableError, match=r"^bounces\.done_folder: .* has no folder Elsewhere\. Create it"
            ):
                visit(services, server, done_folder="Elsewhere")
            with pytest.raises(SettingsError, match=r"bounces\.ca_file"):
                visit(services, server, tls="implicit", ca_file=tmp_path / "none.pem")
            with pytest.raises(SettingsError, match=r"bounces\.folder"):
                visit(services, server, folder='a"b')
        with pytest.raises(UnavailableError):
            visit(services, server)


class TestJob:
    def test_asks_the_mailbox_and_carries_out_what_it_finds(self, services: Services, tmp_path: Path) -> None:
        """The schedule's own job, then its inbox job; without a host the first does nothing."""
        jobs = tuple(job for job in JOBS if job.name in ("mailbox", "inbox"))
        assert run_due_jobs(services, jobs) == ["mailbox", "inbox"]
        services.clock.advance(timedelta(minutes=2))
        sent = send_mail(services)
        with ImapServer() as server:
            server.inbox.add(report(ADDRESS, status="5.1.1", to=sent.return_path))
            house = open_house(services.engine, services.clock, tmp_path, bounces=table(server))
            assert run_due_jobs(house, jobs) == ["mailbox", "inbox"]
        assert bans(services) == [("hard_bounce", "all")]
