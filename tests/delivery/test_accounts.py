"""Two accounts on one look-alike of Twilio: whoever asks, asks the account that has the attempt."""

import asyncio
import itertools
import random
from collections.abc import Collection, Iterator
from datetime import UTC, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import SystemClock, VirtualClock
from care.base.database import read, write
from care.base.ids import digest
from care.base.vocabulary import Channel
from care.delivery import asking
from care.delivery.accounts import account_digest
from care.delivery.doubt import SETTLE, Step
from care.delivery.open_doubts import known_refs, open_cases
from care.delivery.receipts import Receipt, apply_receipts
from care.delivery.registry import account_digests, accounts_of, build_gateways, places_with_records
from care.delivery.resolving import look, settle
from care.delivery.routes import Routes
from care.messages.tables import attempt, message, receipt
from care.simulators.twilio.process import SECOND_SID, TwilioSimulator, start_twilio_simulator
from care.watch.provider_books import BookState, compare_day
from tests.contracts.harnesses import outgoing
from tests.factories import address_hash, make_customer
from tests.house import House, build_house
from tests.reports.ledger import make_attempt, make_message

NOW = SystemClock().now()
NAMES = ("twilio", "twilio.backup")
FROM = {"twilio": "+8610690000001", "twilio.backup": "+8610690000002"}
PHONE = "+8613800001111"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def _simulator() -> Iterator[TwilioSimulator]:
    with start_twilio_simulator(
        callbacks=False, senders=[FROM["twilio"]], has_second=True, second_senders=[FROM["twilio.backup"]]
    ) as running:
        yield running


@pytest.fixture
def simulator(_simulator: TwilioSimulator) -> Iterator[TwilioSimulator]:
    yield _simulator
    _simulator.script(None)
    _simulator.second().script(None)


@pytest.fixture
def house(tmp_path: Path, engine: sa.Engine, simulator: TwilioSimulator) -> House:
    """A house with both accounts; its clock is an hour ahead, so what the tests send is settled."""
    second = simulator.second()
    given = {
        "OPERATOR__PUBLIC_URL": "https://care.example.com",
        "SMS__PROVIDER": "twilio",
        "TWILIO__ACCOUNT_SID": simulator.account_sid,
        "TWILIO__AUTH_TOKEN": simulator.auth_token,
        "TWILIO__FROM_NUMBER": FROM["twilio"],
        "TWILIO__BASE_URL": simulator.url,
        "TWILIO__BACKUP__ACCOUNT_SID": second.account_sid,
        "TWILIO__BACKUP__AUTH_TOKEN": second.auth_token,
        "TWILIO__BACKUP__FROM_NUMBER": FROM["twilio.backup"],
        "SENDERS__SERVICE": "+8610690000001",
    }
    return build_house(tmp_path, engine, VirtualClock(NOW + timedelta(hours=1)), **given)


def send(routes: Routes, provider: str, to: str, **changes: object) -> str:
    """Send one SMS through one account and return its reference there, '' if its answer was lost."""
    gateway = routes.by_name(provider, Channel.SMS)
    assert gateway is not None

    async def one() -> str:
        await gateway.open()
        try:
            return (await gateway.send(outgoing(to, **changes))).provider_ref
        finally:
            await gateway.close()

    return asyncio.run(one())


def keep(house: House, provider: str, ref: str | None, **fields: object) -> int:
    """Write down an attempt that went to one account, and return its id."""
    about = {"provider": provider, "provider_ref": ref, "intent_at": NOW, "done_at": NOW}
    with write(house.engine) as conn:
        made = make_message(conn, status="accepted", sent_at=NOW, status_at=NOW - timedelta(days=2))
        make_attempt(conn, made, **{**about, **fields})
        return int(conn.execute(sa.select(sa.func.max(attempt.c.id))).scalar_one())


def statuses(house: House) -> list[str]:
    with read(house.engine) as conn:
        return list(conn.execute(sa.select(message.c.status).order_by(message.c.id)).scalars())


class TestSending:
    def test_uses_the_accounts_own_sender(self, house: House, simulator: TwilioSimulator) -> None:
        """A purpose's number is the first account's: the second would be refused with it, so it sends from its own."""
        routes = house.services.gateways()
        for name in NAMES:
            assert send(routes, name, PHONE, sender="+8610690000001")
        assert simulator.accepted()[-1]["from"] == FROM["twilio"]
        assert simulator.second().accepted()[-1]["from"] == FROM["twilio.backup"]

    def test_names_its_own_keys_when_it_may_not_send(self, house: House, simulator: TwilioSimulator) -> None:
        """The line says which of the two accounts has to be looked at."""
        assert simulator.second().account_sid == SECOND_SID
        wrong = house.services.settings.twilio.backup.model_copy(update={"account_sid": "AC" + "9" * 32})
        twilio = house.services.settings.twilio.model_copy(update={"backup": wrong})
        settings = house.services.settings.model_copy(update={"twilio": twilio})
        first, second = build_gateways(settings, clock=house.clock).of(Channel.SMS)
        assert asyncio.run(_check(first)) == ""
        assert "Check twilio.backup.account_sid and twilio.backup.auth_token" in asyncio.run(_check(second))


async def _check(gateway: object) -> str:
    await gateway.open()
    try:
        return str(await gateway.check())
    finally:
        await gateway.close()


class TestAsking:
    def test_goes_to_the_account_that_has_the_message(self, house: House, simulator: TwilioSimulator) -> None:
        """Each account knows only its own messages: asked at the other, neither would be found."""
        routes = house.services.gateways()
        refs = {name: send(routes, name, f"+86138000011{n:02}") for n, name in enumerate(NAMES)}
        simulator.wait_until_settled()
        simulator.second().wait_until_settled()
        for name, ref in refs.items():
            keep(house, name, ref)
        with read(house.engine) as conn:
            places = places_with_records(house.services.settings)
            silent = asking.silent_attempts(conn, places, now=house.clock.now())
        answers = asyncio.run(asking.ask(routes, silent))
        assert {answer.provider: answer.record and answer.record.sid for answer in answers} == refs
        with write(house.engine) as conn:
            asking.take_answers(conn, answers, now=house.clock.now(), dice=random.Random(1))
        assert statuses(house) == ["delivered", "delivered"]

    def test_bills_the_attempt_and_no_other_of_the_same_reference(self, house: House) -> None:
        """Two relays or accounts may give one reference twice; what one says stays with its own attempt."""
        mine, other = keep(house, "twilio.backup", "SM" + "a" * 32), keep(house, "twilio", "SM" + "a" * 32)
        said = asking.Asked(attempt_id=mine, provider="twilio.backup", provider_ref="SM" + "a" * 32, record=_record())
        with write(house.engine) as conn:
            asking.take_answers(conn, [said], now=house.clock.now(), dice=random.Random(1))
            rows = conn.execute(sa.select(attempt.c.id, attempt.c.billed_parts)).all()
        assert dict(map(tuple, rows)) == {mine: 2, other: None}
        assert statuses(house) == ["delivered", "accepted"]


def _record() -> asking.ProviderMessage:
    return asking.ProviderMessage(
        sid="SM" + "a" * 32, status="delivered", direction="outbound-api", created_at=NOW, to=PHONE, body="x", parts=2
    )


class TestReceipts:
    def test_without_a_token_find_the_attempt_of_their_provider_alone(self, house: House) -> None:
        """The same reference at the other account is another message."""
        keep(house, "twilio", "SM1")
        keep(house, "twilio.backup", "SM1")
        word = Receipt(provider="twilio.backup", provider_ref="SM1", status="delivered", at=NOW)
        with write(house.engine) as conn:
            assert apply_receipts(conn, [word], now=NOW, dice=random.Random(1)) == 1
        assert statuses(house) == ["accepted", "delivered"]
        with read(house.engine) as conn:
            assert conn.execute(sa.select(receipt.c.provider)).scalars().all() == ["twilio.backup"]


class TestSandboxes:
    def test_tell_under_their_own_names(self, tmp_path: Path, engine: sa.Engine, clock: VirtualClock) -> None:
        """The second sandbox's carrier speaks too, and its receipts find its attempts."""
        house = build_house(tmp_path, engine, clock, SMS__SANDBOX_BACKUP="true")
        routes = house.services.gateways()
        for n, name in enumerate(("sandbox", "sandbox.backup")):
            ref = send(routes, name, f"+86138000077{n:02}", token=f"token-of-{n}")
            keep(house, name, ref, token=f"token-of-{n}")
        house.clock.advance(timedelta(hours=2))
        assert house.services.sandbox_life.pump(house.clock.now()) > 0
        with read(engine) as conn:
            heard = sa.select(attempt.c.provider, receipt.c.provider).join(
                receipt, receipt.c.attempt_id == attempt.c.id
            )
            names = {tuple(row) for row in conn.execute(heard)}
        assert names == {("sandbox", "sandbox"), ("sandbox.backup", "sandbox.backup")}


class TestResolving:
    @pytest.mark.parametrize("provider", NAMES)
    def test_finds_the_message_on_the_list_of_its_own_account(
        self, house: House, simulator: TwilioSimulator, provider: str
    ) -> None:
        """Its answer was lost; a look-alike of it at the other account is not taken for it."""
        phone = f"+86138001{next(_numbers):05d}"  # one list for all runs: nobody else wrote to this number
        routes = house.services.gateways()
        holder, other = (simulator, simulator.second())[:: 1 if provider == "twilio" else -1]
        holder.script({"create": ["lost-reply"]})
        assert send(routes, provider, phone) == ""
        decoy = send(routes, NAMES[provider == "twilio"], phone)
        assert other.accepted()[-1]["sid"] == decoy
        self._doubt(house, provider, phone)
        assert self._resolve(house, routes) == {Step.TAKEN: 1}
        with read(house.engine) as conn:
            assert conn.execute(sa.select(attempt.c.provider_ref)).scalar() == holder.accepted()[-1]["sid"]

    def test_trusts_the_list_that_was_proven_and_no_other(self, house: House) -> None:
        """A proof holds for one account."""
        assert accounts_of(house.services.settings) == {
            "twilio": house.services.settings.twilio.account_sid,
            "twilio.backup": SECOND_SID,
        }
        digests = {account_digest(account) for account in accounts_of(house.services.settings).values()}
        assert account_digests(house.services.settings) == digests
        routes = build_gateways(house.services.settings, clock=house.clock, complete_lists={"twilio.backup"})
        told = [gateway.capabilities.list_is_authoritative for gateway in routes.of(Channel.SMS)]
        assert told == [False, True]

    @staticmethod
    def _doubt(house: House, provider: str, phone: str) -> None:
        with write(house.engine) as conn:
            customer_id = make_customer(conn, phone=phone)
            made = make_message(conn, customer_id=customer_id, status="unknown", attempts=1, status_at=NOW)
            about = {"n": 1, "outcome": "unknown", "body_digest": digest(outgoing(phone).body)[:16]}
            more = {"provider_ref": None, "address_hash": address_hash("sms", phone), "intent_at": NOW, "done_at": NOW}
            make_attempt(conn, made, provider=provider, channel="sms", **about, **more)

    @staticmethod
    def _resolve(house: House, routes: Routes) -> dict[Step, int]:
        house.clock.advance(SETTLE)

        def known(refs: Collection[str]) -> frozenset[str]:
            with read(house.engine) as conn:
                return known_refs(conn, refs)

        with read(house.engine) as conn:
            rows = open_cases(conn, now=house.clock.now())
        cases = asyncio.run(look(routes, rows, known=known, campaigns=house.services.campaigns))
        with write(house.engine) as conn:
            return dict(settle(conn, cases, now=house.clock.now(), dice=random.Random(0)))


class TestBooks:
    def test_hold_each_accounts_list_against_its_own_attempts(self, house: House, simulator: TwilioSimulator) -> None:
        """A message booked at the wrong account is missing at one and strange at the other."""
        routes = house.services.gateways()
        right = {name: send(routes, name, "+8613800003333") for name in NAMES}
        for name, ref in right.items():
            keep(house, name, ref)
        misbooked = send(routes, "twilio.backup", "+8613800003334")
        keep(house, "twilio", misbooked)
        simulator.wait_until_settled()
        simulator.second().wait_until_settled()
        pages = asyncio.run(
            compare_day(
                house.engine,
                routes,
                day=NOW.astimezone(UTC).date(),
                zone="UTC",
                clock=house.clock,
                dice=random.Random(0),
            )
        )
        by_name = {page.provider: page for page in pages}
        assert set(NAMES) <= set(by_name)
        assert [each.provider_ref for each in by_name["twilio"].missing_there] == [misbooked]
        assert misbooked in by_name["twilio.backup"].unknown_here
        assert by_name["twilio.backup"].missing_there == []
        assert not {*right.values()} & {*by_name["twilio"].unknown_here, *by_name["twilio.backup"].unknown_here}
        assert by_name["twilio"].state is BookState.DIFFERS
