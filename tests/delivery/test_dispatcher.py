"""From a planned row to the provider: who goes, who waits, who never goes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.vocabulary import Channel
from care.customers.tables import contact_point, customer, suppression
from care.delivery.channels.base import Capabilities, Outgoing, Result, refusal
from care.delivery.channels.errors import classify_transport, classify_twilio
from care.messages.model import Outcome
from care.messages.tables import attempt, message, move, pause
from tests.factories import address_hash, make_customer, make_suppression
from tests.house import BIRTHDAY, House, build_house


class Postbox:
    """A gateway that keeps what it takes, and answers each address as told."""

    provider = "postbox"

    def __init__(self, channel: Channel = Channel.SMS) -> None:
        self.channel = channel
        self.taken: list[Outgoing] = []
        self.answers: dict[str, list[Result | str]] = {}

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(two_way=True, callback_per_message=True)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def check(self) -> str:
        return ""

    async def send(self, outgoing: Outgoing) -> Result:
        self.taken.append(outgoing)
        planned = self.answers.get(outgoing.to, [])
        word = planned.pop(0) if planned else "ok"
        if word == "ok":
            return Result(
                attempt_id=outgoing.attempt_id, outcome=Outcome.ACCEPTED, provider_ref=f"P{outgoing.attempt_id}"
            )
        if word == "crash":
            raise RuntimeError("an adapter's bug")
        if word == "refused":
            return refusal(outgoing.attempt_id, classify_transport("not-sent"), "not-sent")
        status, _, code = str(word).partition("/")
        return refusal(outgoing.attempt_id, classify_twilio(int(status), int(code)), code)


@pytest.fixture
def sms() -> Postbox:
    return Postbox()


@pytest.fixture
def mail() -> Postbox:
    return Postbox(Channel.EMAIL)


@pytest.fixture
def send(house: House, sms: Postbox, mail: Postbox):
    """Send everything due through the two postboxes."""
    return lambda: house.dispatch({Channel.SMS: sms, Channel.EMAIL: mail})


def greet(house: House, count: int = 1, campaign: str = BIRTHDAY, **fields: object) -> list[int]:
    """Plan a greeting that is due now."""
    house.write_campaign(campaign)
    with write(house.engine) as conn:
        made = [make_customer(conn, **{"consents": ("greeting",), "birth_mmdd": 925, **fields}) for _ in range(count)]
    house.plan()
    return made


class TestSending:
    def test_hands_over_rendered_text_with_brand_and_way_out(self, house: House, sms: Postbox, send) -> None:
        """Prefix and opt-out suffix come from the country's policy; the token is the attempt's own."""
        greet(house)

        assert send() == 1

        (out,) = sms.taken
        assert out.body.startswith("【海岚通信】王女士")
        assert out.body.endswith("拒收请回复R")
        assert len(out.token) == 30  # eight tell the moment, 22 are 128 random bits
        (row,) = house.messages()
        assert (row.status, row.attempts, row.channel, row.lease_owner) == ("accepted", 1, "sms", None)
        assert row.sent_at == house.clock.now()

    def test_waits_until_due(self, house: House, send) -> None:
        """Not one second before."""
        house.clock.advance(timedelta(seconds=-1))
        greet(house)
        assert send() == 0
        house.clock.advance(timedelta(seconds=1))
        assert send() == 1

    def test_sends_each_message_once(self, house: House, sms: Postbox, send) -> None:
        """Running again finds nothing due."""
        greet(house, 40)
        assert send() == 40
        assert send() == 0
        assert len({out.to for out in sms.taken}) == len(sms.taken) == 40

    def test_writes_the_attempt_before_the_first_byte(self, house: House, send, sms: Postbox) -> None:
        """At the moment of the call the intent is in the database for all to see."""
        greet(house)
        seen: list[str] = []
        real = sms.send

        async def look_first(outgoing: Outgoing) -> Result:
            with read(house.engine) as conn:
                row = conn.execute(sa.select(attempt).where(attempt.c.token == outgoing.token)).one()
            seen.append(row.outcome)
            return await real(outgoing)

        sms.send = look_first
        send()
        assert seen == ["intent"]

    def test_what_the_provider_may_still_deliver_ends_with_the_window(self, house: House, sms: Postbox, send) -> None:
        """Greetings in China end at 20:00, before the use-by of 20 hours."""
        greet(house, campaign=BIRTHDAY.replace("8h", "20h"))
        send()
        assert sms.taken[0].valid_until == datetime(2026, 9, 25, 12, 0, tzinfo=UTC)

    def test_uses_the_address_a_customer_has_now(self, house: House, sms: Postbox, send) -> None:
        """A phone changed between planning and sending: the new one is written to."""
        (who,) = greet(house)
        new = "+8613911112222"
        with write(house.engine) as conn:
            conn.execute(
                sa.update(contact_point)
                .where(contact_point.c.customer_id == who)
                .values(address=new, address_hash=address_hash("sms", new))
            )
        send()
        assert [out.to for out in sms.taken] == [new]


class TestRechecks:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"deceased": True}, "deceased"),
            ({"minor": True}, "minor"),
            ({"status": "left"}, "left"),
        ],
    )
    def test_a_customer_who_changed_after_planning_gets_nothing(
        self, house: House, sms: Postbox, send, change: dict[str, object], reason: str
    ) -> None:
        """The moment of sending decides, not the moment of planning."""
        greet(house)
        with write(house.engine) as conn:
            conn.execute(sa.update(customer).values(change))
        assert send() == 0
        assert house.statuses() == {f"skipped: {reason}": 1}
        assert sms.taken == []

    def test_an_opt_out_after_planning_is_honoured(self, house: House, send) -> None:
        """For a thousand of them, with one open channel or none."""
        greet(house, 30)
        with read(house.engine) as conn:
            phones = conn.execute(sa.select(contact_point.c.address)).scalars().all()
        with write(house.engine) as conn:
            for phone in phones:
                make_suppression(conn, address=phone, scope="marketing_and_survey")
        assert send() == 0
        assert house.statuses() == {"skipped: suppressed_or_no_contact": 30}

    def test_an_opt_out_that_comes_between_claim_and_intent_wins(self, house: House, sms: Postbox, send) -> None:
        """The intent transaction looks again on locked rows."""
        greet(house)
        preparer = house.services.preparer
        real = type(preparer).prepare

        def stop_then_prepare(self, claimed, now):
            prepared = real(self, claimed, now)
            for contact in claimed.contacts.values():
                with write(house.engine) as conn:
                    make_suppression(conn, address=contact.address, scope="all")
            return prepared

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(preparer), "prepare", stop_then_prepare)
            assert send() == 0
        assert sms.taken == []

    def test_night_holds_and_morning_sends(self, house: House, send) -> None:
        """Quiet hours by the customer's clock; the wait ends at nine."""
        house.clock.set(datetime(2026, 9, 24, 22, 0, tzinfo=UTC))  # six in the morning in Shanghai
        greet(house, campaign=BIRTHDAY.replace("10:00", "06:00"))
        assert send() == 0
        (row,) = house.messages()
        assert (row.status, row.reason) == ("held", "quiet_hours")
        assert row.wake_at == datetime(2026, 9, 25, 1, 0, tzinfo=UTC)
        house.clock.set(row.wake_at)
        assert send() == 1

    def test_night_ends_a_message_that_would_be_stale_by_morning(self, house: House, send) -> None:
        """Held only while the hold ends before the use-by."""
        house.clock.set(datetime(2026, 9, 25, 13, 0, tzinfo=UTC))
        greet(house, campaign=BIRTHDAY.replace("10:00", "21:00").replace("8h", "3h"))
        assert send() == 0
        assert house.statuses() == {"skipped: quiet_hours": 1}

    def test_a_zone_nobody_knows_never_fails_open(self, house: House, send) -> None:
        """An American without a zone is not greeted at an hour that is night on one of the coasts."""
        house.clock.set(datetime(2026, 9, 25, 14, 0, tzinfo=UTC))  # 10:00 in New York, 07:00 in Los Angeles
        greet(house, timezone=None, country="US", campaign=BIRTHDAY.replace("8h", "20h"))
        assert send() == 0
        assert house.statuses() == {"held: quiet_hours": 1}

    def test_a_pause_holds_and_a_resume_sends(self, house: House, send) -> None:
        """A mourning day: all greetings stop, and go on when told."""
        greet(house, 3)
        with write(house.engine) as conn:
            conn.execute(sa.insert(pause).values(scope="purpose:greeting", by="ops:ann", at=house.clock.now()))
        assert send() == 0
        with write(house.engine) as conn:
            conn.execute(sa.delete(pause))
        assert send() == 3

    def test_a_stranger_to_the_trial_is_recorded_not_sent(
        self, tmp_path: Path, sqlite_engine: sa.Engine, clock: VirtualClock, sms: Postbox
    ) -> None:
        """`trial.only_to` lets through whom it names and nobody else."""
        house = build_house(tmp_path, sqlite_engine, clock, TRIAL__ONLY_TO="+8613800138000")
        greet(house, phone="+8613800138000")
        greet(house)
        assert house.dispatch({Channel.SMS: sms, Channel.EMAIL: Postbox(Channel.EMAIL)}) == 1
        assert house.statuses() == {"accepted": 1, "skipped: trial: not among trial.only_to": 1}


class TestHouseholds:
    def test_one_phone_gets_one_message(self, house: House, sms: Postbox, send) -> None:
        """The others of the household are told via the first."""
        greet(house, 3, phone="+8613912345678")
        assert send() == 1
        rows = house.messages()
        told = [row for row in rows if row.status == "accepted"]
        assert len(told) == 1
        assert {row.reason for row in rows if row.status == "skipped"} == {f"told_via:{told[0].id}"}

    def test_another_is_elected_when_the_first_could_not_be_sent(self, house: House, sms: Postbox, send) -> None:
        """Nobody was told, so the next account's message goes."""
        sms.answers["+8613912345678"] = ["400/21617"]
        greet(house, 2, phone="+8613912345678")
        send()
        send()
        words = sorted(row.status for row in house.messages())
        assert words == ["accepted", "failed"]


class TestCaps:
    def test_a_second_greeting_in_a_week_is_skipped(self, house: House, send) -> None:
        """One marketing message in seven days; the cap ends after the use-by, so it is skipped, not parked."""
        greet(house)
        assert send() == 1
        house.write_campaign(
            BIRTHDAY.replace("id: birthday", "id: other").replace("name: birthday", "name: other"), "other"
        )
        house.plan()
        assert send() == 0
        assert "skipped: frequency_cap:marketing_per_7d" in house.statuses()

    def test_counts_by_phone_not_by_record(self, house: House, send) -> None:
        """Another account with the same phone is the same person's ear."""
        greet(house, phone="+8613912345678")
        assert send() == 1
        other = BIRTHDAY.replace("id: birthday", "id: other").replace("name: birthday", "name: other")
        house.write_campaign(other.replace("everyone", "{area: {equals: north}}"), "other")
        with write(house.engine) as conn:
            make_customer(conn, phone="+8613912345678", consents=("greeting",), birth_mmdd=925, area="north")
        house.remove_campaign()
        house.plan()
        assert send() == 0

    def test_a_greeting_yields_to_an_offer_due_the_same_day(self, house: House, send) -> None:
        """The contact budget goes to the more important message."""
        offer = BIRTHDAY.replace("id: birthday", "id: gift").replace("name: birthday", "name: gift")
        offer = offer.replace("purpose: greeting", "purpose: offer").replace("10:00", "15:00")
        house.write_campaign(offer, "gift")
        greet(house, consents=("greeting", "offer"))
        assert send() == 0
        house.clock.set(datetime(2026, 9, 25, 7, 0, tzinfo=UTC))
        assert send() == 1
        assert {row.campaign_id: row.status for row in house.messages()} == {"birthday": "skipped", "gift": "accepted"}


class TestFailures:
    def test_a_number_that_cannot_be_reached_is_followed_by_email(
        self, house: House, sms: Postbox, mail: Postbox, send
    ) -> None:
        """The next channel is a new attempt of the same message; the dead number is suppressed."""
        sms.answers["+8613912345678"] = ["400/21614"]
        greet(house, phone="+8613912345678", email="wang@example.com")
        assert send() == 1
        assert [out.to for out in mail.taken] == ["wang@example.com"]
        (row,) = house.messages()
        assert (row.status, row.channel, row.attempts) == ("accepted", "email", 2)
        with read(house.engine) as conn:
            assert conn.execute(sa.select(suppression.c.reason)).scalars().all() == ["bad_number"]

    def test_what_never_left_is_tried_again_later(self, house: House, sms: Postbox, send) -> None:
        """A refused connection is certain: nothing was sent, so it may go again."""
        sms.answers["+8613912345678"] = ["refused"]
        greet(house, phone="+8613912345678")
        assert send() == 0
        (row,) = house.messages()
        assert row.status == "planned"
        house.clock.set(max(row.wake_at, house.clock.now()))
        assert send() == 1

    @pytest.mark.parametrize("word", ["503/20500", "crash"])
    def test_what_may_have_been_taken_is_unknown_and_not_sent_again(
        self, house: House, sms: Postbox, send, word: str
    ) -> None:
        """A guess would greet somebody twice."""
        sms.answers["+8613912345678"] = [word]
        greet(house, phone="+8613912345678")
        send()
        house.clock.advance(timedelta(hours=1))
        send()
        assert [row.status for row in house.messages()] == ["unknown"]
        assert len(sms.taken) == 1

    def test_one_bad_message_stops_nobody_else(self, house: House, sms: Postbox, send) -> None:
        """Poison ends its own row."""
        sms.answers["+8613912345678"] = ["crash"]
        greet(house, phone="+8613912345678")
        greet(house, 20)
        assert send() == 20

    def test_a_missing_variable_skips_that_row_with_its_name(self, house: House, send) -> None:
        """It never sends "Hi None"."""
        greet(house, campaign=BIRTHDAY.replace("template: birthday", "template: fee_due"))
        assert send() == 0
        (row,) = house.messages()
        assert row.status == "skipped"
        assert row.reason.startswith("template fee_due/zh-CN: missing amount")


class TestBrakes:
    def test_parts_abroad_stop_at_the_daily_limit(
        self, tmp_path: Path, sqlite_engine: sa.Engine, clock: VirtualClock, sms: Postbox
    ) -> None:
        """A brake against toll fraud: with texts of two parts, a limit of five lets two through."""
        house = build_house(tmp_path, sqlite_engine, clock, LIMITS__INTERNATIONAL_PER_DAY="5")
        house.write_campaign()
        with write(house.engine) as conn:
            for n in range(4):
                make_customer(conn, phone=f"+85291234{n:03d}", country="HK", consents=("greeting",), birth_mmdd=925)
        house.plan()
        assert house.dispatch({Channel.SMS: sms, Channel.EMAIL: Postbox(Channel.EMAIL)}) == 2
        assert house.statuses() == {"accepted": 2, "skipped: international_limit": 2}

    def test_money_stops_at_the_daily_limit(
        self, tmp_path: Path, sqlite_engine: sa.Engine, clock: VirtualClock, sms: Postbox
    ) -> None:
        """Price per part times parts, kept in the database for all processes."""
        house = build_house(tmp_path, sqlite_engine, clock, LIMITS__SPEND_PER_DAY="0.25", PRICES__CN="0.05")
        greet(house, 8)
        assert house.dispatch({Channel.SMS: sms, Channel.EMAIL: Postbox(Channel.EMAIL)}) == 5
        assert house.statuses() == {"accepted": 5, "skipped: spend_limit": 3}


class TestTheStory:
    def test_every_hold_and_skip_is_written_down(self, house: House, send) -> None:
        """`care message show` reads these rows."""
        house.clock.set(datetime(2026, 9, 24, 22, 0, tzinfo=UTC))
        greet(house, campaign=BIRTHDAY.replace("10:00", "06:00"))
        send()
        with read(house.engine) as conn:
            story = conn.execute(sa.select(move.c.status, move.c.reason, move.c.by)).all()
        assert [tuple(row) for row in story] == [("held", "quiet_hours", "dispatcher")]

    def test_a_claim_moves_no_more_rows_than_there_are(self, house: House, send) -> None:
        """The ledger is as long after sending as before."""
        greet(house, 25)
        send()
        with read(house.engine) as conn:
            assert conn.execute(sa.select(sa.func.count()).select_from(message)).scalar_one() == 25
