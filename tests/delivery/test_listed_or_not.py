"""What a provider's list proves of a request in doubt: whose message it is, and whether it is absent at all."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from care import watchers
from care.base.database import read
from care.base.ids import digest
from care.base.vocabulary import Channel
from care.delivery.channels.base import Capabilities, ListByRecipient, ProviderMessage
from care.delivery.doubt import SETTLE, Seen, Step
from care.delivery.open_doubts import ASK_AGAIN_AFTER, open_cases
from care.delivery.resolving import judge_list
from care.delivery.routes import Routes
from care.messages.store import IN_DOUBT_STILL
from care.messages.tables import attempt
from tests.delivery.test_dispatcher import Postbox, greet
from tests.delivery.test_receipts import hear, word
from tests.delivery.test_resolving import NOTICE, resolve
from tests.delivery.test_taken_after_all import tries
from tests.house import House

NOW = datetime(2026, 9, 25, 12, 0, 0, 500, tzinfo=UTC)
BODY = "您好"
MUST = NOTICE + "delivery: at_least_once\n"


def on_list(
    seconds: float, body: str = BODY, *, sid: str = "SM1", status: str = "sent", code: str = ""
) -> ProviderMessage:
    """Return a message that the provider says it made so long after `NOW`, by its own clock."""
    at = (NOW + timedelta(seconds=seconds)).replace(microsecond=0)
    return ProviderMessage(
        sid=sid, status=status, direction="outbound-api", created_at=at, to="+8613800000001", body=body, error_code=code
    )


class TestJudgeList:
    @pytest.mark.parametrize(
        ("listed", "seen"),
        [
            ([on_list(0)], Seen.LISTED),
            ([on_list(0), on_list(1, "another", sid="SM2")], Seen.LISTED),
            ([on_list(90), on_list(-60, sid="SM2")], Seen.LISTED),
            ([on_list(0), on_list(1, sid="SM2")], Seen.UNCLEAR),
            ([on_list(0, "您好。")], Seen.UNCLEAR),
            ([on_list(-1)], Seen.UNCLEAR),
            ([], Seen.ABSENT),
        ],
        ids=["it", "it beside others", "it after another", "two of it", "altered", "from before", "nothing"],
    )
    def test_calls_absent_only_what_nothing_is_there_for(self, listed: Sequence[ProviderMessage], seen: Seen) -> None:
        """One that looks otherwise, or seems older than the request, may be it: clocks differ."""
        found = judge_list(listed, digest(BODY)[:16], since=NOW, is_complete=True)
        assert found == (seen, listed[0] if seen is Seen.LISTED else None)

    def test_proves_nothing_by_the_absence_from_a_list_that_may_lack_it(self) -> None:
        """It was never seen to be complete."""
        assert judge_list([], "x", since=NOW, is_complete=False) == (Seen.NOT_TOLD, None)


class Listing(Postbox):
    """A provider whose clock is behind ours, and whose list is said to be complete."""

    behind = timedelta(0)
    has_list = True

    @property
    def capabilities(self) -> Capabilities:
        proven = ListByRecipient(settle=timedelta(0), is_authoritative=True)
        return Capabilities(two_way=True, callback_per_message=True, list_by_recipient=proven, keeps_records=True)

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[ProviderMessage] = []

    def has_taken(self, house: House, status: str = "sent", code: str = "") -> None:
        """Show on the list what came last, as made by its own clock."""
        body = self.taken[-1].body
        one = on_list(0, body, sid=f"SM{len(self.taken)}", status=status, code=code)
        at = (house.clock.now() - self.behind).replace(microsecond=0)
        self.listed.append(
            ProviderMessage(
                sid=one.sid,
                status=status,
                direction=one.direction,
                created_at=at,
                to=one.to,
                body=body,
                error_code=code,
            )
        )

    async def list_to(self, number: str, after: datetime) -> list[ProviderMessage]:
        return [one for one in self.listed if one.created_at >= after.replace(microsecond=0)] if self.has_list else []


def crashes(box: Listing, house: House, *answers: str) -> None:
    """Prepare how the provider answers the customer's phone."""
    with read(house.engine) as conn:
        phone = conn.execute(sa.text("SELECT address FROM contact_point WHERE channel = 'sms'")).scalar_one()
    box.answers[phone] = list(answers)


def send(house: House, box: Listing) -> int:
    return house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)})


def first_try(house: House) -> sa.Row[tuple[object, ...]]:
    with read(house.engine) as conn:
        return conn.execute(sa.select(attempt).where(attempt.c.n == 1)).one()


class TestAProvidersClock:
    @pytest.mark.parametrize("behind", [0, 30, 600])
    def test_makes_no_copy_where_it_is_behind_ours(self, house: House, behind: int) -> None:
        """What it took seems older than our request; a greeting is not sent a second time for that."""
        greet(house)
        box = Listing()
        box.behind = timedelta(seconds=behind)
        crashes(box, house, "crash")
        send(house, box)
        box.has_taken(house)
        assert resolve(house, box) == {Step.LEAVE if behind else Step.TAKEN: 1}
        assert send(house, box) == 0


class TestAnEarlierRequest:
    def test_that_was_taken_keeps_from_a_third(self, house: House) -> None:
        """Once more out of doubt, and again without an answer; then a callback tells that the first is on its way."""
        greet(house, campaign=MUST)
        box = Listing()
        crashes(box, house, "crash", "crash")
        send(house, box)
        assert resolve(house, box) == {Step.SEND_AGAIN: 1}
        send(house, box)
        hear(house, word(first_try(house), "sent"))
        assert resolve(house, box) == {Step.LEAVE: 1}
        assert (send(house, box), tries(house)) == (0, 2)

    def test_that_is_on_the_list_keeps_from_a_third(self, house: House) -> None:
        """Nobody asked about it while the list was silent; seen now, it is no proof that the second is absent."""
        greet(house, campaign=MUST)
        box = Listing()
        crashes(box, house, "crash", "crash")
        send(house, box)
        box.has_taken(house)
        box.has_list = False
        assert resolve(house, box) == {Step.SEND_AGAIN: 1}
        send(house, box)
        box.has_list = True
        assert resolve(house, box) == {Step.LEAVE: 1}
        assert (send(house, box), tries(house)) == (0, 2)

    def test_is_asked_about_when_the_later_one_was_refused(self, house: House) -> None:
        """The message goes no further; the list knows what became of the first."""
        greet(house, campaign=MUST)
        box = Listing()
        crashes(box, house, "crash", "400/21614")
        send(house, box)
        box.has_taken(house)
        box.has_list = False
        assert resolve(house, box) == {Step.SEND_AGAIN: 1}
        send(house, box)
        assert house.statuses() == {f"unknown: {IN_DOUBT_STILL}number-permanent": 1}
        box.has_list = True
        house.clock.advance(ASK_AGAIN_AFTER)
        assert resolve(house, box) == {Step.TAKEN: 1}
        assert house.statuses() == {"sent": 1}
        with read(house.engine) as conn:
            assert open_cases(conn, now=house.clock.now() + timedelta(days=1)) == []


class TestAWordNobodyKnows:
    @pytest.mark.parametrize("campaign", [NOTICE, MUST])
    def test_shows_that_the_provider_has_it(self, house: House, campaign: str) -> None:
        """Its callback names our token; what it means nobody can tell, but a list that lacks it lags behind."""
        greet(house, campaign=campaign)
        box = Listing()
        crashes(box, house, "crash")
        send(house, box)
        hear(house, word(first_try(house), "throttled"))
        assert resolve(house, box) == {Step.LEAVE: 1}
        assert (send(house, box), tries(house)) == (0, 1)


class TestTheResolver:
    def test_knows_which_channels_a_campaign_uses(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """The list says that it came to nothing: by SMS alone, nothing follows, though the customer has a mailbox."""
        greet(house, campaign=NOTICE, email="wang@example.com")
        box = Listing()
        crashes(box, house, "crash")
        send(house, box)
        box.has_taken(house, "undelivered", "30006")
        house.clock.advance(SETTLE)
        monkeypatch.setattr(watchers, "build_gateways", lambda *_args, **_more: Routes((box,)))
        with read(house.engine) as conn:
            rows = open_cases(conn, now=house.clock.now())
        assert watchers.resolve_now(house.services, rows) == {Step.TAKEN: 1}
        assert house.statuses() == {"undelivered: number-permanent": 1}

    def test_counts_the_time_until_it_asked(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """A list that may lag behind for longer was asked too early, though the answers took a while."""
        greet(house, campaign=NOTICE)
        box = Listing()
        crashes(box, house, "crash")
        send(house, box)
        slow = ListByRecipient(settle=SETTLE * 2, is_authoritative=True)
        declared = Capabilities(two_way=True, callback_per_message=True, list_by_recipient=slow, keeps_records=True)
        monkeypatch.setattr(Listing, "capabilities", declared)

        async def list_to(_number: str, _after: datetime) -> list[ProviderMessage]:
            house.clock.advance(SETTLE)
            return []

        monkeypatch.setattr(box, "list_to", list_to)
        monkeypatch.setattr(watchers, "build_gateways", lambda *_args, **_more: Routes((box,)))
        house.clock.advance(SETTLE * 1.5)
        with read(house.engine) as conn:
            rows = open_cases(conn, now=house.clock.now())
        assert watchers.resolve_now(house.services, rows) == {Step.WAIT: 1}
