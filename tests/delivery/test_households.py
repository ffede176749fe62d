"""One phone, several accounts: whoever was chosen to be told may not be told after all."""

from datetime import timedelta

import sqlalchemy as sa

from care.base.database import write
from care.base.vocabulary import Channel
from care.customers.tables import customer
from care.messages.tables import message
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import House

PHONE = "+8613912345678"


def send_all(house: House, sms: Postbox) -> int:
    return house.dispatch({Channel.SMS: sms, Channel.EMAIL: Postbox(Channel.EMAIL)})


def refused_once(house: House, count: int = 2) -> tuple[Postbox, int]:
    """Greet a household whose phone is refused at first; return the postbox and whose message was chosen."""
    sms = Postbox()
    sms.answers[PHONE] = ["refused"]
    greet(house, count, phone=PHONE)
    assert send_all(house, sms) == 0
    (chosen,) = house.messages(status="planned")
    assert {row.reason for row in house.messages(status="skipped")} == {f"told_via:{chosen.id}"}
    return sms, chosen.customer_id


class TestAHousehold:
    def test_waits_for_the_next_try_of_the_one_who_was_chosen(self, house: House) -> None:
        """The same phone would refuse the others too: the back-off is the phone's."""
        sms, chosen = refused_once(house, 3)
        house.clock.advance(timedelta(minutes=5))
        assert send_all(house, sms) == 1
        (row,) = house.messages(status="accepted")
        assert (row.customer_id, row.attempts) == (chosen, 2)

    def test_is_told_through_another_when_the_chosen_one_may_not_be_written_to_any_more(self, house: House) -> None:
        """Between two tries the customer died: the greeting goes to the account of the other."""
        sms, chosen = refused_once(house)
        with write(house.engine) as conn:
            conn.execute(sa.update(customer).where(customer.c.id == chosen).values(deceased=True))
        house.clock.advance(timedelta(minutes=5))
        assert send_all(house, sms) == 1
        (row,) = house.messages(status="accepted")
        assert row.customer_id != chosen
        assert [one.reason for one in house.messages(status="skipped")] == ["deceased"]

    def test_is_told_through_another_when_the_chosen_one_goes_by_email(self, house: House) -> None:
        """The phone is dead and one of the two has a mailbox: that does not tell the other, who has one too."""
        sms = Postbox()
        sms.answers[PHONE] = ["400/21614"]
        greet(house, phone=PHONE, email="a@example.com")
        greet(house, phone=PHONE, email="b@example.com")
        assert send_all(house, sms) == 2
        assert {(row.status, row.channel) for row in house.messages()} == {("accepted", "email")}

    def test_that_was_told_is_the_truer_reason_than_a_cap(self, house: House) -> None:
        """Both are true of an account that comes later, alone in its group: the phone has had its greeting."""
        sms = Postbox()
        greet(house, phone=PHONE)
        assert send_all(house, sms) == 1
        (told,) = house.messages()
        greet(house, phone=PHONE)
        assert send_all(house, sms) == 0
        assert [row.reason for row in house.messages(status="skipped")] == [f"told_via:{told.id}"]

    def test_stays_told_when_time_is_over(self, house: House) -> None:
        """Nobody is woken after the use-by."""
        sms, chosen = refused_once(house)
        with write(house.engine) as conn:
            conn.execute(sa.update(message).values(wake_at=house.clock.now() + timedelta(hours=7)))
        house.clock.advance(timedelta(hours=8))
        assert send_all(house, sms) == 0
        assert {row.status for row in house.messages(customer_id=chosen)} == {"expired"}
