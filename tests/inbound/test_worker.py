"""The worker: nothing lost, nothing blocked, nothing twice; STOP and send see each other."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.bootstrap import Services
from care.customers.tables import suppression
from care.inbound import store, worker
from care.inbound.route import receive
from care.inbound.tables import inbound_message, webhook
from care.inbound.twilio import incoming_of
from care.inbound.worker import work_inbox
from care.messages.tables import attempt, message, receipt
from tests.factories import make_customer
from tests.inbound.house import (
    dispatch,
    hear,
    hear_all,
    inbound_form,
    make_attempt,
    make_many,
    make_message,
    new_sid,
    outbox,
    tell,
)

PHONE = "+8613800001111"


def work(services: Services) -> int:
    return work_inbox(services.engine, services.inbound_rules, now=services.clock.now())


def rows(services: Services, table: sa.Table) -> list[Any]:
    with read(services.engine) as conn:
        return list(conn.execute(sa.select(table).order_by(table.c.id)))


def sent_message(services: Services, phone: str = PHONE) -> str:
    """A message that the provider took; return its attempt's token."""
    with write(services.engine) as conn:
        customer_id = make_customer(conn, phone=phone)
        now = services.clock.now()
        made = make_message(conn, customer_id=customer_id, now=now, status="accepted", attempts=1, channel="sms")
        return make_attempt(conn, message_id=made, phone=phone, now=now)


class TestReceipts:
    def test_move_the_message(self, services: Services) -> None:
        """Queued, sent, delivered: the message ends delivered, every word is kept."""
        token, sid = sent_message(services), new_sid()
        for word in ("queued", "sent", "delivered"):
            tell(services, token, sid, word)

        assert work(services) == 3
        assert [r.status for r in rows(services, message)] == ["delivered"]
        assert [r.status for r in rows(services, receipt)] == ["queued", "sent", "delivered"]
        assert all(r.done_at and not r.problem for r in rows(services, webhook))

    def test_may_come_shuffled_and_doubled(self, services: Services) -> None:
        """The message never steps back, and a repeat is no second row."""
        token, sid = sent_message(services), new_sid()
        for word in ("delivered", "sent", "delivered", "queued", "sent"):
            tell(services, token, sid, word)
        work(services)

        assert [r.status for r in rows(services, message)] == ["delivered"]
        assert len(rows(services, webhook)) == 3

    def test_wait_for_their_attempt(self, services: Services, clock: VirtualClock) -> None:
        """A receipt that comes before its attempt can be seen is tried again and counts in the end."""
        tell(services, "token-not-there-yet", "SM" + "a" * 32, "delivered")
        assert work(services) == 1
        assert work(services) == 0
        assert [r.problem for r in rows(services, webhook)] == ["no attempt has this token"]

        with write(services.engine) as conn:
            customer_id = make_customer(conn, phone=PHONE)
            made = make_message(conn, customer_id=customer_id, now=clock.now(), status="unknown", attempts=1)
            make_attempt(
                conn, message_id=made, phone=PHONE, now=clock.now(), token="token-not-there-yet", outcome="unknown"
            )
        clock.advance(timedelta(seconds=2))
        assert work(services) == 1
        assert [r.status for r in rows(services, message)] == ["delivered"]

    def test_of_nobody_are_kept_and_change_nothing(self, services: Services, clock: VirtualClock) -> None:
        """A wrong token does not reach the attempt through the provider's reference; after a while we stop asking."""
        sid = new_sid()
        token = sent_message(services)
        with write(services.engine) as conn:
            conn.execute(sa.update(attempt).where(attempt.c.token == token).values(provider_ref=sid))
        tell(services, "token-of-a-stranger", sid, "failed", "30006")
        for _ in range(60):
            work(services)
            clock.advance(timedelta(seconds=30))

        assert [r.status for r in rows(services, message)] == ["accepted"]
        (kept,) = rows(services, webhook)
        assert kept.done_at is not None
        assert kept.problem == "no attempt has this token"

    def test_that_cannot_be_used_do_not_block_the_others(
        self, services: Services, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One poisoned row among fifty is kept with its problem, tried five times, then left."""
        tokens = [sent_message(services, f"+86138{n:08d}") for n in range(50)]
        for token in tokens:
            tell(services, token, new_sid(), "delivered")
        poisoned = tokens[27]
        apply = worker.apply_receipts

        def explode(conn: sa.Connection, receipts: Any, **named: Any) -> int:
            if any(one.token == poisoned for one in receipts):
                raise KeyError("not what it ought to be")
            return apply(conn, receipts, **named)

        monkeypatch.setattr(worker, "apply_receipts", explode)
        work(services)
        assert sum(r.status == "delivered" for r in rows(services, message)) == 49

        for _ in range(6):
            clock.advance(timedelta(minutes=1))
            work(services)
        (kept,) = [r for r in rows(services, webhook) if r.problem]
        assert (kept.tries, kept.problem, kept.done_at is not None) == (4, "KeyError in care", True)


class TestInboundWebhooks:
    def test_are_worked_on_once_by_many(self, services: Services) -> None:
        """Web process and leader may both be at it: 60 messages, four workers, 60 rows and one opt-out each."""
        hear_all(services, [inbound_form(f"+86138{n:08d}", "退订") for n in range(60)])
        at_it = [threading.Thread(target=work, args=(services,)) for _ in range(4)]
        for one in at_it:
            one.start()
        for one in at_it:
            one.join()

        assert len(rows(services, inbound_message)) == 60
        assert len(rows(services, suppression)) == 60

    def test_replayed_a_thousand_times_do_nothing_more(self, services: Services) -> None:
        """Twilio's signature carries no time: a captured request may come again for ever."""
        with write(services.engine) as conn:
            make_customer(conn, phone=PHONE)
        sid = new_sid()
        for _ in range(10):
            hear_all(services, [inbound_form(PHONE, "HELP", MessageSid=sid)] * 100)
        work(services)

        assert len(rows(services, inbound_message)) == 1
        assert len(rows(services, message)) == 1

    def test_never_cause_a_text_to_a_given_number(self, services: Services) -> None:
        """Pumping: thousands of strangers' HELP and STOP cost not one part."""
        words = ("HELP", "STOP", "START", "退订")
        hear_all(services, [inbound_form(f"+86139{n:08d}", words[n % 4]) for n in range(500)])
        work(services)

        assert rows(services, message) == []


class TestStopAndSend:
    def test_stop_between_plan_and_send_reaches_a_thousand(self, services: Services) -> None:
        """A thousand greetings are planned, a thousand refuse: none goes out."""
        phones = [f"+86138{n:08d}" for n in range(1_000)]
        with write(services.engine) as conn:
            make_many(conn, phones, now=services.clock.now())
        hear_all(services, [inbound_form(phone, "退订") for phone in phones])
        work_inbox(
            services.engine,
            replace(services.inbound_rules, answered_by_provider=frozenset({"退订"})),
            now=services.clock.now(),
        )

        assert dispatch(services) == 0
        assert outbox(services) == []
        assert {r.status for r in rows(services, message)} == {"skipped"}

    def test_stop_in_an_open_transaction_holds_the_sender(self, services: Services) -> None:
        """The sender waits for an opt-out that is being written and then obeys it."""
        with write(services.engine) as conn:
            customer_id = make_customer(conn, phone=PHONE, consents=("greeting",))
            make_message(conn, customer_id=customer_id, now=services.clock.now())
        hear(services, PHONE, "退订")
        rules = replace(services.inbound_rules, answered_by_provider=frozenset({"退订"}))
        now = services.clock.now()
        with write(services.engine) as conn:
            (hook,) = store.take_waiting(conn, kind="twilio.inbound", now=now, limit=1)
            receive(conn, [incoming_of(hook)], rules=rules, now=now)
            sender = threading.Thread(target=dispatch, args=(services,))
            sender.start()
            time.sleep(0.7)
            assert sender.is_alive()
            assert outbox(services) == []
        sender.join(20)

        assert outbox(services) == []
        assert [r.status for r in rows(services, message)] == ["skipped"]
