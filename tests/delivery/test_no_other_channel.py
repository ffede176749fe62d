"""A message that came back, or was refused, and that nothing else can carry: how it ends, and with which reason."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Channel, Purpose
from care.customers.tables import contact_point
from care.delivery.apart_wire import read_claimed, write_claimed
from care.delivery.material import gather
from care.delivery.model import Claimed
from care.inbound.ingest import ingest_mails
from care.inbound.store import store_webhooks
from care.inbound.twilio import STATUS_KIND
from care.inbound.worker import work_inbox
from care.messages.store import ClaimedRow
from care.messages.tables import attempt, contact_claim, message
from care.reports.books import open_books
from tests.delivery.test_dispatcher import Postbox
from tests.delivery.test_receipts import hear, sent_one, word
from tests.house import BIRTHDAY, House
from tests.inbound.bounces.dialects import report
from tests.reports.ledger import make_attempt, make_message

MAIL_ONLY = BIRTHDAY.replace("[sms, email]", "[email]")
SMS_ONLY = BIRTHDAY.replace("[sms, email]", "[sms]")


def look_again(house: House, *, after: timedelta = timedelta(0)) -> str:
    """Let the sender look for another way; return where the message stands then."""
    house.clock.advance(after)
    assert house.dispatch({Channel.SMS: Postbox(), Channel.EMAIL: Postbox(Channel.EMAIL)}) == 0
    (status,) = house.statuses()
    return status


def came_back(house: House, code: str, *, campaign: str, status: str = "undelivered") -> None:
    """Send a greeting to somebody with a phone and a mailbox, and hear that it came to nothing."""
    made = sent_one(house, campaign=campaign, email="wang@example.com")
    hear(house, word(made, status, code))


class TestWhatCameBack:
    @pytest.mark.parametrize(
        ("code", "reason"),
        [("5.2.2", "unreachable"), ("5.7.1", "filtered"), ("5.1.1", "number-permanent"), ("5.2.1", "number-soft-permanent")],
    )  # fmt: skip
    def test_ends_undelivered_with_its_reason(self, house: House, code: str, reason: str) -> None:
        """By mail alone, though the customer has a phone."""
        came_back(house, code, campaign=MAIL_ONLY)
        assert look_again(house) == f"undelivered: {reason}: no other channel"

    def test_does_so_by_text_message_too(self, house: House) -> None:
        """A landline, in a campaign that sends by SMS alone."""
        came_back(house, "30006", campaign=SMS_ONLY)
        assert look_again(house) == "undelivered: number-permanent: no other channel"

    def test_is_failed_where_the_provider_called_it_so(self, house: House) -> None:
        """`failed` is a provider's word for what never reached the carrier."""
        came_back(house, "30006", campaign=SMS_ONLY, status="failed")
        assert look_again(house) == "failed: number-permanent: no other channel"

    def test_is_not_told_of_as_forbidden(self, house: House) -> None:
        """It waits for another try, and meanwhile the number is gone: that it came back is still how it ended."""
        came_back(house, "30003", campaign=SMS_ONLY)
        with write(house.engine) as conn:
            conn.execute(sa.delete(contact_point).where(contact_point.c.channel == "sms"))
        assert look_again(house, after=timedelta(hours=1)) == "undelivered: unreachable: no other channel"
        with read(house.engine) as conn:
            assert conn.execute(sa.select(contact_claim)).all() == [], "the household may be told"

    def test_does_not_expire_while_another_way_is_looked_for(self, house: House) -> None:
        """The sender stood still until its time was over."""
        came_back(house, "5.1.1", campaign=MAIL_ONLY)
        assert look_again(house, after=timedelta(hours=9)) == "undelivered: no time left after number-permanent"

    def test_balances(self, house: House) -> None:
        """The ledger bears the status out."""
        came_back(house, "5.2.2", campaign=MAIL_ONLY)
        look_again(house)
        day = house.messages()[0].occasion_on
        with read(house.engine) as conn:
            books = open_books(conn, first=day, last=day, policies=house.services.policies, now=house.clock.now())
        assert books.balance, books.verdict

    def test_may_still_turn_out_delivered(self, house: House) -> None:
        """Better news wins, however late."""
        came_back(house, "5.2.2", campaign=MAIL_ONLY)
        look_again(house)
        with read(house.engine) as conn:
            made = conn.execute(sa.select(attempt)).one()
        hear(house, word(made, "delivered"))
        assert house.statuses() == {"delivered": 1}


class TestAtOnce:
    """The status and its words are right when the bad news comes, before a sender looks."""

    def test_for_a_mail_that_came_back(self, house: House) -> None:
        """In a campaign by mail alone, of somebody who has a phone."""
        made = sent_one(house, campaign=MAIL_ONLY, email="wang@example.com")
        rules = house.services.inbound_rules
        to = rules.mail_ids.return_path(made.id, made.token, "bounce.example.com")
        mail = report("wang@example.com", status="5.1.1", to=to)
        ingest_mails(house.engine, [mail], rules=rules, now=house.clock.now())
        assert house.statuses() == {"undelivered: number-permanent": 1}

    @pytest.mark.parametrize("campaign", [SMS_ONLY, BIRTHDAY])
    def test_for_a_text_message(self, house: House, campaign: str) -> None:
        """By SMS alone, of somebody who has a mailbox; where a mail may follow, it is waited for."""
        made = sent_one(house, campaign=campaign, email="wang@example.com")
        said = {"MessageSid": made.provider_ref, "MessageStatus": "undelivered", "ErrorCode": "30006"}
        now = house.clock.now()
        with write(house.engine) as conn:
            row = {"kind": STATUS_KIND, "dedupe": "1", "token": made.token, "payload": said}
            store_webhooks(conn, [{**row, "received_at": now, "wake_at": now}])
        work_inbox(house.engine, house.services.inbound_rules, now=now)
        stands = (
            "undelivered: number-permanent" if campaign == SMS_ONLY else "planned: number-permanent: the next channel"
        )
        assert house.statuses() == {stands: 1}


GONE = {"spent": True, "error_class": "number-permanent", "outcome": "refused"}


class TestWhatIsKnownOfItsTries:
    def gathered(self, house: House, *tries: dict[str, Any]) -> Claimed:
        """Return what the sender knows of a message with these tries."""
        with write(house.engine) as conn:
            made = make_message(conn)
            for n, one in enumerate(tries, 1):
                make_attempt(conn, made, n=n, **one)
            row = conn.execute(sa.select(*(message.c[name] for name in ClaimedRow._fields))).one()
        services = house.services
        with read(house.engine) as conn:
            (claimed,) = gather(
                conn,
                [ClaimedRow._make(row)],
                purpose=Purpose.GREETING,
                campaigns=services.campaigns,
                lookup=services.work().rules.lookups[Purpose.GREETING],
                subjects={},
            )
        return claimed

    def test_is_the_last_that_failed(self, house: House) -> None:
        """Of two channels the later one's reason is told; a try that never left, or is in doubt, is no reason."""
        bounced = {"channel": "email", "spent": True, "error_class": "filtered", "says": "undelivered"}
        assert self.gathered(house, GONE, bounced).failed == ("undelivered", "filtered")

    @pytest.mark.parametrize("last", [{"outcome": "abandoned"}, {"outcome": "unknown", "error_class": "ambiguous"}])
    def test_passes_over_what_says_nothing(self, house: House, last: dict[str, Any]) -> None:
        """Given up before it left, or in doubt."""
        assert self.gathered(house, GONE, last).failed == ("failed", "number-permanent")

    @pytest.mark.parametrize(
        "last", [{"outcome": "refused", "error_class": "capacity"}, {"outcome": "refused", "error_class": "config"}]
    )
    def test_is_nothing_where_it_was_put_off(self, house: House, last: dict[str, Any]) -> None:
        """Refused for now: nothing was wrong with the address."""
        assert self.gathered(house, last).failed is None

    def test_travels_to_the_process_for_suspects(self, house: House) -> None:
        """There and back."""
        claimed = self.gathered(house, GONE)
        line = write_claimed(claimed, house.clock.now())
        assert read_claimed(line, house.services.campaigns)[0].failed == claimed.failed
