"""Events at work on both databases: each ends in one state, whatever came first."""

import random
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tables import customer
from care.customers.tickets.tables import ticket_resolution
from care.inbound.events import worker
from care.inbound.events.applying import event_rules, reopen_ourselves
from care.inbound.events.store import wake_waiting
from care.inbound.events.tables import event, outgoing_webhook
from care.inbound.events.worker import wait_after, work_events
from tests.factories import address_hash, make_customer
from tests.inbound.events.factories_events import (
    at,
    make_event,
    numbers,
    opened,
    post,
    problem,
    reopened,
    resolutions,
    resolved,
    states,
    tell,
    tickets,
    work,
)


@pytest.fixture
def house(services):
    """A house with the customer C1."""
    with write(services.engine) as conn:
        make_customer(conn, external_id="C1")
    return services


class TestATicket:
    def test_is_kept_as_it_was(self, house) -> None:
        """Staff, area, kind, severity, times, the reporter's number, parent, result: at the moment of resolution."""
        words = {"kind": "Complaint", "severity": "major", "area": "北区", "contact_phone": "139 0000 1111"}
        tell(house, opened(0, **words, parent="F-9"), resolved(5, staff="A12", result="reset", grade="gold"))
        (ticket,) = tickets(house)
        assert (ticket.contact_phone, ticket.contact_hash) == (
            "+8613900001111",
            address_hash("sms", "+8613900001111"),
        )
        assert (ticket.opened_at, ticket.resolved_at, ticket.attributes) == (at(0), at(5), {"grade": "gold"})
        tell(house, make_event("ticket.opened", 6, staff="B", area="南区", kind="repair"))
        (one,) = resolutions(house)
        assert (one.external_id, one.kind, one.severity, one.staff) == ("T-1:r1", "complaint", "major", "A12")
        assert (one.area, one.parent, one.result) == ("北区", "F-9", "reset")
        assert (one.opened_at, one.first_call_at, one.address_hash) == (at(0), at(0), ticket.contact_hash)
        assert tickets(house)[0].staff == "B"

    def test_is_made_by_its_resolution_alone(self, house) -> None:
        """A system that posts nothing else is enough."""
        tell(house, resolved(5), make_event("installation.completed", 6, ticket="I-1"))
        assert [(t.external_id, t.kind) for t in tickets(house)] == [("I-1", "installation"), ("T-1", "repair")]
        assert [name for name, _ in numbers(house)] == ["T-1:r1", "I-1:r1"]

    def test_is_resolved_a_second_time_after_it_was_opened_again(self, house) -> None:
        """Resolving twice changes nothing; after a reopening it is the next number."""
        tell(house, opened(0), resolved(1), resolved(2), reopened(3), resolved(4))
        assert numbers(house) == [("T-1:r1", at(1)), ("T-1:r2", at(4))]
        assert tickets(house)[0].resolutions == 2

    def test_of_staff_or_for_a_try_is_marked(self, house) -> None:
        """By kind, by its own word, by who the customer is."""
        with write(house.engine) as conn:
            make_customer(conn, external_id="C2", customer_type="staff")
        tell(
            house,
            resolved(1, ticket="A", kind="test"),
            resolved(1, ticket="B", test=True),
            resolved(1, ticket="C", customer="C2"),
            resolved(1, ticket="D"),
        )
        assert [t.is_test for t in tickets(house)] == [True, True, True, False]
        assert [one.is_test for one in resolutions(house)] == [True, True, True, False]

    def test_keeps_without_a_number_that_nobody_can_have(self, house) -> None:
        """The ticket counts, and the event says what was left out."""
        tell(house, resolved(1, event_id="x", contact_phone="10086"))
        assert (tickets(house)[0].contact_phone, states(house)["x"]) == (None, "done")
        assert problem(house, "x").startswith("contact_phone left out")
        assert "10086" not in problem(house, "x")


class TestOrder:
    def test_does_not_matter(self, house) -> None:
        """Twenty-five shuffles of one story, some of it doubled, in lists cut anywhere: the same end as in order."""
        story = [
            opened(0, staff="A"),
            resolved(1, staff="B"),
            reopened(2),
            resolved(3, staff="C"),
            reopened(4, area="南"),
        ]
        dice = random.Random(11)
        seen = set()
        for number in range(25):
            name = f"T{number}"
            mine = [{**one, "id": f"{one['id']}-{name}", "data": {**one["data"], "ticket": name}} for one in story]
            mine += dice.choices(mine, k=2)
            dice.shuffle(mine)
            while mine:
                cut = dice.randint(1, len(mine))
                tell(house, *mine[:cut])
                mine = mine[cut:]
            seen.add(
                tuple(
                    (one.n, one.resolved_at, one.opened_at, one.staff, one.area)
                    for one in resolutions(house)
                    if one.external_id.startswith(f"{name}:")
                )
            )
        assert len(seen) == 1, seen
        assert [part[:4] for part in next(iter(seen))] == [(1, at(1), at(0), "B"), (2, at(3), at(2), "C")]
        assert {(t.staff, t.area, t.resolved_at, t.reopened_at) for t in tickets(house)} == {("C", "南", None, at(4))}
        assert set(states(house).values()) <= {"done", "stale"}

    def test_of_stale_news_is_told(self, house) -> None:
        """Older than what is known, and changes nothing: `stale`, with the reason."""
        tell(house, resolved(5, staff="B"))
        tell(house, make_event("ticket.opened", 1, event_id="old", staff="A", opened_at=at(1).isoformat()))
        assert states(house)["old"] == "done"  # it tells when the ticket was opened
        tell(house, make_event("ticket.opened", 2, event_id="older", staff="X", opened_at=at(1).isoformat()))
        assert states(house)["older"] == "stale"
        assert problem(house, "older") == "changes nothing: newer news, of 2026-09-20 05:00 UTC, had come"
        assert tickets(house)[0].staff == "B"

    def test_renumbers_nothing_that_was_taken_on(self, house) -> None:
        """Once a follow-up asked about it, a late earlier resolution gets the next number."""
        tell(house, resolved(5, staff="B"))
        with write(house.engine) as conn:
            conn.execute(sa.update(ticket_resolution).values(followed_up_at=at(6)))
        tell(house, reopened(3), resolved(2), opened(0, kind="complaint"))
        assert numbers(house) == [("T-1:r1", at(5)), ("T-1:r2", at(2))]
        assert [one.kind for one in resolutions(house)] == ["repair", "complaint"]


class TestWhatWaits:
    def test_for_its_customer(self, house) -> None:
        """Kept with a clear problem, tried again with longer and longer waits, done when the customer is there."""
        tell(house, resolved(1, event_id="w", customer="C9"))
        assert states(house) == {"w": "waiting"}
        assert problem(house, "w") == "the customer is not known: it is tried again when they are imported"
        assert work(house) == 0
        house.clock.advance(timedelta(minutes=1))
        assert work(house) == 1
        house.clock.advance(timedelta(minutes=1))
        assert work(house) == 0
        with write(house.engine) as conn:
            make_customer(conn, external_id="C9")
        assert wake_waiting(house.engine, house.clock.now()) == 1
        assert work(house) == 1
        assert states(house) == {"w": "done"}
        assert numbers(house) == [("T-1:r1", at(1))]

    def test_for_the_resolution_it_opens_again(self, house) -> None:
        """A reopening of a ticket nobody resolved; the resolution wakes it."""
        tell(house, opened(0), reopened(3, event_id="r"))
        assert states(house)["r"] == "waiting"
        tell(house, resolved(2))
        assert states(house)["r"] == "done"
        assert tickets(house)[0].resolved_at is None

    def test_for_its_ticket_where_it_names_no_customer(self, house) -> None:
        """Known tickets know theirs."""
        tell(house, resolved(1, event_id="n", customer=None))
        assert states(house)["n"] == "waiting"
        tell(house, opened(0))
        assert states(house)["n"] == "done"

    def test_waits_at_most_six_hours(self) -> None:
        """A minute first."""
        assert [wait_after(n) for n in (0, 1, 5)] == [timedelta(minutes=n) for n in (1, 2, 32)]
        assert wait_after(900) == timedelta(hours=6)

    def test_is_refused_where_it_never_can_be_done(self, house) -> None:
        """A ticket of another customer."""
        with write(house.engine) as conn:
            make_customer(conn, external_id="C2")
        tell(house, resolved(1), resolved(2, event_id="x", customer="C2"))
        assert states(house)["x"] == "refused"


class TestOurOwnDoing:
    def test_comes_back_as_nothing_to_act_on(self, house) -> None:
        """We open a ticket again, it is resolved anew, and only then the ticket system tells us what we did."""
        tell(house, resolved(1))
        rules = event_rules(house.settings, house.hasher)
        with write(house.engine) as conn:
            assert reopen_ourselves(conn, "T-1", at=at(2), rules=rules, now=house.clock.now())
            assert not reopen_ourselves(conn, "T-1", at=at(3), rules=rules, now=house.clock.now())
        tell(house, resolved(4), reopened(5, event_id="echo", by="care"))
        assert (states(house)["echo"], problem(house, "echo")) == (
            "done",
            "our own doing came back: nothing to act on",
        )
        assert tickets(house)[0].resolved_at == at(4)
        assert numbers(house) == [("T-1:r1", at(1)), ("T-1:r2", at(4))]

    def test_is_known_by_our_webhooks_id(self, house) -> None:
        """As of when we decided it, also where it was given up and sent again: what was resolved meanwhile stands."""
        with write(house.engine) as conn:
            row = {"webhook_id": "msg_1", "type": "ticket.reopen", "payload": {"timestamp": at(2).isoformat()}}
            conn.execute(sa.insert(outgoing_webhook).values(**row, created_at=at(5), wake_at=at(5)))
        tell(house, resolved(1), resolved(4), reopened(5, webhook_id="msg_1"))
        assert tickets(house)[0].resolved_at == at(4)
        assert numbers(house) == [("T-1:r1", at(1)), ("T-1:r2", at(4))]


class TestAnErasedCustomer:
    def test_has_nothing_more_written_of_them(self, house) -> None:
        """A ticket that is known, one that is not, and our own doing that comes back: refused, without the words."""
        tell(house, opened(0), opened(0, ticket="T-2"), resolved(1, ticket="T-2"))
        with write(house.engine) as conn:
            conn.execute(sa.update(customer).values(erased_at=house.clock.now()))
        before = tickets(house)
        words = {"contact_name": "王女士", "summary": "no signal", "contact_phone": "13900001111"}
        tell(
            house,
            resolved(2, event_id="known", **words),
            resolved(2, event_id="nameless", customer=None, **words),
            reopened(3, event_id="again", ticket="T-2", **words),
            reopened(4, event_id="echo", ticket="T-2", by="care"),
            resolved(2, event_id="new", ticket="T-9", **words),
        )
        named = ("known", "nameless", "again", "echo", "new")
        assert {states(house)[name] for name in named} == {"refused"}
        assert problem(house, "known") == "the customer was erased: nothing more is kept of their tickets"
        assert tickets(house) == before
        assert numbers(house) == [("T-2:r1", at(1))]
        with read(house.engine) as conn:
            kept = str(conn.execute(sa.select(event.c.data)).all())
        assert "王女士" not in kept
        assert "13900001111" not in kept


class TestTheWorker:
    def test_forgets_personal_words_it_has_worked_on(self, house) -> None:
        """They stand on the ticket; an event that waits still needs them."""
        personal = {"contact_name": "王女士", "contact_phone": "13900001111", "summary": "no signal", "kind": "repair"}
        tell(house, resolved(1, **personal), resolved(1, ticket="T-2", customer="C9", **personal))
        with read(house.engine) as conn:
            done, waiting = conn.execute(sa.select(event.c.data).order_by(event.c.id)).scalars()
        assert done == {"kind": "repair"}
        assert waiting["contact_name"] == "王女士"

    def test_finds_the_one_it_fails_at(self, house, monkeypatch) -> None:
        """The others are done; that one is refused after five tries, with its problem."""
        post(house, *(resolved(1, event_id=f"e-{n}", ticket=f"T-{n}") for n in range(5)))
        sound = worker.apply_events

        def fails(conn, rows, *more):
            if any(row.subject == "T-3" for row in rows):
                raise ZeroDivisionError
            return sound(conn, rows, *more)

        monkeypatch.setattr(worker, "apply_events", fails)
        for _ in range(6):
            work(house)
            house.clock.advance(timedelta(hours=1))
        assert states(house) == {f"e-{n}": "refused" if n == 3 else "done" for n in range(5)}
        assert problem(house, "e-3") == "ZeroDivisionError in care"

    def test_may_be_two(self, house) -> None:
        """Several hands at once: each event is done once, no ticket is made twice."""
        post(house, *(make_event("ticket.resolved", n, ticket=f"T-{n % 7}") for n in range(300)))
        rules, now = event_rules(house.settings, house.hasher), house.clock.now()
        hands = [
            threading.Thread(target=work_events, args=(house.engine, rules), kwargs={"now": now}) for _ in range(3)
        ]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
        assert len(tickets(house)) == 7
        assert len(resolutions(house)) == 7
        assert set(states(house).values()) == {"done", "stale"} or set(states(house).values()) == {"done"}
