"""`care tickets` and `care keys` as a user types them, and what bad input says."""

import csv
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tables import customer
from care.inbound.events.store import wake_waiting
from care.inbound.events.tables import event
from care.schedule import raise_alarms
from care.watch.incidents import open_incidents
from tests.inbound.events.factories_events import opened, resolved, tell


@pytest.fixture
def shop(desk):
    """A desk with the customer C1 and three tickets: T-1 resolved on the 20th, T-2 open, T-3 resolved on the 22nd."""
    desk.customer("C1")
    rows = ["T-1,repair,2026-09-20 10:00", "T-2,complaint,", "T-3,repair,2026-09-22 10:00"]
    lines = [f"{row},C1,13900001111,李明,2026-09-19" for row in rows]
    (desk.house.folder / "t.csv").write_text(
        "\n".join(["id,kind,resolved_at,customer,contact_phone,contact_name,opened_at", *lines])
    )
    assert desk("import", "tickets", "t.csv").code == 0
    return desk


class TestResolve:
    def test_resolves_as_the_ticket_system_would(self, shop) -> None:
        """At a given hour, once; a second word changes nothing, and all of it is on record."""
        answer = shop("tickets", "resolve", "T-2", "T-1", "--at", "2h", "--json")
        assert answer.code == 0
        assert [json.loads(line) for line in answer.out.splitlines()] == [
            {"ticket": "T-2", "state": "resolved"},
            {"ticket": "T-1", "state": "resolved"},
        ]
        shop("tickets", "resolve", "T-2", "--at", "2026-09-25 09:00")
        shown = json.loads(shop("tickets", "show", "T-2", "--json").out)
        assert [(one["external_id"], one["resolved_at"]) for one in shown["resolutions"]] == [
            ("T-2:r1", "2026-09-25T00:00:00+00:00")
        ]
        assert [(one["source"], one["problem"]) for one in shown["events"]] == [
            ("cli", None),
            ("cli", "changes nothing: the ticket was resolved already"),
        ]

    def test_does_the_others_when_one_is_not_known(self, shop) -> None:
        """Exit 1, with what to do."""
        answer = shop("tickets", "resolve", "T-9", "T-2")
        assert (answer.code, answer.err) == (
            1,
            "T-9: no ticket of this id is known. Import it: care import tickets FILE\n",
        )
        assert "resolved" in answer.out

    def test_tells_what_stays_open(self, shop) -> None:
        """Exit 1: nothing more is written of an erased customer, and the event says so."""
        with write(shop.engine) as conn:
            conn.execute(sa.update(customer).values(erased_at=shop.house.clock.now()))
        answer = shop("tickets", "resolve", "T-2")
        assert (answer.code, answer.err) == (1, "T-2: stays open. See: care tickets show T-2\n")
        assert "the customer was erased" in shop("tickets", "show", "T-2").out

    @pytest.mark.parametrize(
        ("at", "words"), [("soon", "--at soon: not a time"), ("2026-09-26", "--at 2026-09-26: lies in the future")]
    )
    def test_refuses_another_time(self, shop, at, words) -> None:
        """Exit 2."""
        answer = shop("tickets", "resolve", "T-2", "--at", at)
        assert answer.code == 2
        assert answer.err.startswith(f"care: {words}")


class TestShow:
    def test_masks_the_number(self, shop) -> None:
        """For people and for programs."""
        for words in (("--json",), ()):
            answer = shop("tickets", "show", "T-1", *words)
            assert answer.code == 0
            assert "T-1:r1" in answer.out
            assert "13900001111" not in answer.out

    def test_of_an_unknown_one_is_no(self, shop) -> None:
        """Exit 1."""
        answer = shop("tickets", "show", "T-9")
        assert answer.code == 1
        assert answer.err.startswith("care: T-9: nobody told us of such a ticket")


class TestEvents:
    def test_shows_what_waits_and_why(self, shop) -> None:
        """Until the customer is imported: then it is tried again."""
        tell(shop.house.services, resolved(1, event_id="w", ticket="T-5", customer="C5"))
        answer = shop("tickets", "events", "--state", "waiting", "--json")
        (row,) = [json.loads(line) for line in answer.out.splitlines()]
        assert (row["id"], row["problem"]) == (
            "w",
            "the customer is not known: it is tried again when they are imported",
        )
        (shop.house.folder / "c.csv").write_text("id\nC5\n")
        assert shop("import", "customers", "c.csv").code == 0
        from care.schedule import JOBS, run_due_jobs

        jobs = tuple(job for job in JOBS if job.name == "events")
        assert run_due_jobs(shop.house.services, jobs) == ["events"]
        assert shop("tickets", "events", "--state", "waiting").out == "No event is in this state.\n"

    def test_are_not_woken_by_a_dry_run(self, shop) -> None:
        """It writes nothing."""
        tell(shop.house.services, resolved(1, ticket="T-5", customer="C5"))
        (shop.house.folder / "c.csv").write_text("id\nC5\n")
        shop("import", "customers", "c.csv", "--dry-run")
        with write(shop.engine) as conn:
            assert conn.execute(sa.select(event.c.wake_at)).scalar_one() > shop.house.clock.now()

    def test_are_ended_with_a_reason(self, shop) -> None:
        """Those that wait, once; nothing personal is left of them, and no import wakes them."""
        said = resolved(1, event_id="w", ticket="T-5", customer="C5", summary="no signal", kind="repair")
        tell(shop.house.services, said, resolved(1, event_id="done", ticket="T-6"))
        answer = shop("tickets", "refuse", "w", "done", "x", "--because", "of the other region", "--json")
        assert answer.code == 1
        assert [json.loads(line)["state"] for line in answer.out.splitlines()] == ["refused", "as it was", "as it was"]
        assert answer.err.splitlines() == [
            f"{name}: no event of this id waits. See: care tickets events --state waiting" for name in ("done", "x")
        ]
        (row,) = [json.loads(x) for x in shop("tickets", "events", "--state", "refused", "--json").out.splitlines()]
        assert (row["id"], row["problem"]) == ("w", "of the other region")
        with read(shop.engine) as conn:
            kept = conn.execute(sa.select(event.c.data, event.c.done_at).where(event.c.external_id == "w")).one()
        assert kept == ({"kind": "repair"}, shop.house.clock.now())
        shop.customer("C5")
        assert wake_waiting(shop.engine, shop.house.clock.now()) == 0
        assert shop("tickets", "refuse", "w", "--because", "again").code == 1

    @pytest.mark.parametrize("because", ["", "  ", "x" * 151, "a\nb"])
    def test_are_not_ended_without_one(self, shop, because) -> None:
        """Exit 2, and they wait on."""
        tell(shop.house.services, resolved(1, event_id="w", ticket="T-5", customer="C5"))
        answer = shop("tickets", "refuse", "w", "--because", because)
        assert answer.code == 2
        assert answer.err.startswith("care: --because: ")
        assert "w" in shop("tickets", "events", "--state", "waiting", "--json").out

    def test_that_hide_a_follow_up_are_told_of(self, shop) -> None:
        """Resolutions of the time asked about, and only those: nobody follows them up."""
        waiting = [resolved(1, ticket=f"T-{n}", customer="C5") for n in (5, 6)]
        tell(shop.house.services, *waiting, opened(1, ticket="T-7", customer="C5"))
        said = "not counted: 2 resolutions that cannot be used yet. See: care tickets events --state waiting"
        assert said in shop("surveys", "followup").out
        assert json.loads(shop("surveys", "followup", "--json").out)["waiting_for_repair"] == 2
        assert json.loads(shop("surveys", "followup", "--since", "1d", "--json").out)["waiting_for_repair"] == 0

    def test_raise_an_alarm_after_a_day(self, shop) -> None:
        """Until somebody imports their customer, or ends them."""
        tell(shop.house.services, resolved(1, event_id="w", ticket="T-5", customer="C5"))
        clock = shop.house.clock
        seen = []
        for because in ("", "", "not ours"):
            if because:
                shop("tickets", "refuse", "w", "--because", because)
            raise_alarms(shop.house.services, clock.now(), None)
            clock.advance(timedelta(hours=25))
            raise_alarms(shop.house.services, clock.now(), None)
            with read(shop.engine) as conn:
                seen.append([one.words for one in open_incidents(conn, clock.now()) if one.rule == "events"])
        words = "events kept for repair: 1, the oldest for {} hours. See: care tickets events --state waiting"
        assert seen == [[words.format(25)], [words.format(50)], []]

    def test_knows_its_states(self, shop) -> None:
        """Exit 2."""
        assert shop("tickets", "events", "--state", "lost").code == 2


class TestReconcile:
    def check(self, shop, text: str, *words: str, name: str = "list.txt"):
        (shop.house.folder / name).write_text(text, encoding="utf-8")
        answer = shop("tickets", "reconcile", name, "--json", *words)
        return answer.code, json.loads(answer.out) if answer.out else answer.err

    def test_names_what_we_never_heard_of_first(self, shop) -> None:
        """And what we hold as open; exit 1."""
        code, found = self.check(shop, "T-1\nT-2\n\nT-7\n")
        assert code == 1
        assert (found["never_heard"], found["open_here"], found["resolved_again"]) == (["T-7"], ["T-2"], [])
        assert (found["listed"], found["same"], found["only_here"]) == (3, 1, [])

    def test_is_fine_when_all_are_here(self, shop) -> None:
        """Exit 0, also in words."""
        code, found = self.check(shop, "id\nT-1\nT-3\n")
        assert (code, found["same"]) == (0, 2)
        answer = shop("tickets", "reconcile", "list.txt")
        assert answer.code == 0
        assert answer.out.splitlines()[:2] == ["2 tickets in the list, 2 as here", "never heard of: 0"]

    def test_uses_the_lists_own_times(self, shop) -> None:
        """A later resolution than the last we heard of is a gap; ours that the list lacks are told."""
        text = "id,resolved_at\nT-1,2026-09-23 10:00\n"
        code, found = self.check(shop, text, name="list.csv")
        assert (code, found["resolved_again"]) == (1, ["T-1"])
        code, found = self.check(shop, "id;resolved_at\nT-1;2026-09-20 10:00\n", name="list.csv")
        assert (code, found["only_here"]) == (0, ["T-3"])

    def test_looks_at_a_time_only(self, shop) -> None:
        """What the list resolved before is passed over."""
        text = "id,resolved_at\nT-0,2026-09-01 10:00\nT-3,2026-09-22 10:00\n"
        code, found = self.check(shop, text, "--since", "2026-09-21")
        assert (code, found["listed"], found["only_here"]) == (0, 1, [])

    def test_writes_the_gap(self, shop) -> None:
        """A file that a spreadsheet opens."""
        self.check(shop, "T-2\nT-7\n", "--csv", "gap.csv")
        with (shop.house.folder / "gap.csv").open(encoding="utf-8-sig", newline="") as file:
            assert [(row["id"], row["gap"]) for row in csv.DictReader(file)] == [
                ("T-7", "never_heard"),
                ("T-2", "open_here"),
            ]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "list.txt"),
            ("\n\n", "list.txt: lists no ticket"),
            ("name,resolved_at\nx,\n", "list.txt:1: has no column 'id'"),
            ("id,resolved_at\nT-1,noon\n", "list.txt:2: resolved_at is no time"),
            ("T" * 57 + "\n", "list.txt:1: id is longer than 56 characters"),
        ],
    )
    def test_refuses_a_file_it_cannot_use(self, shop, text, words) -> None:
        """Exit 2, with the line."""
        code, said = self.check(shop, text)
        assert code == 2
        assert said.startswith(f"care: {words}")

    def test_needs_the_file(self, shop) -> None:
        """Exit 2."""
        answer = shop("tickets", "reconcile", "none.txt")
        assert answer.code == 2
        assert "none.txt" in answer.err


class TestKeys:
    def test_are_shown_once_listed_and_ended(self, desk) -> None:
        """The secret half is in no list; ended once."""
        made = json.loads(desk("keys", "create", "--scope", "events", "--name", "tickets", "--json").out)
        assert made["key"].startswith(f"care_{made['id']}_")
        desk.house.clock.advance(timedelta(hours=1))
        hook = desk("keys", "create", "--scope", "events", "--kind", "webhook").out.splitlines()[0]
        assert hook.startswith("whsec_")
        listed = desk("keys", "list", "--json").out
        assert made["key"].rpartition("_")[2] not in listed
        assert [json.loads(line)["kind"] for line in listed.splitlines()] == ["bearer", "webhook"]
        assert desk("keys", "revoke", made["id"]).code == 0
        assert desk("keys", "revoke", made["id"]).code == 1
        assert json.loads(desk("keys", "list", "--json").out.splitlines()[0])["revoked_at"]

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--scope", "all"), "--scope all: no such scope. Use one of events"),
            (("--scope", "events", "--kind", "magic"), "--kind magic: no such kind"),
            (("--scope", "events", "--name", "x" * 65), "--name: is longer than 64"),
            ((), "missing option"),
        ],
    )
    def test_of_no_use_are_not_made(self, desk, words, said) -> None:
        """Exit 2."""
        answer = desk("keys", "create", *words)
        assert answer.code == 2
        assert answer.err.startswith(f"care: {said}")
