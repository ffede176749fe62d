"""A campaign that carriers take for spam is stopped, and somebody is told; what is owed goes on."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Channel
from care.delivery.spam import LATELY, LEAST, SHARE, Spam, stop_spam, taken_for_spam, told_of
from care.messages.stops import lift_pause, put_pause, standing_pauses
from care.messages.tables import attempt
from care.schedule import watch
from tests.delivery.test_dispatcher import Postbox, greet
from tests.delivery.test_receipts import hear, word
from tests.house import House
from tests.reports.ledger import make_attempt, make_message

SPAM, MINUTE = "30007", timedelta(minutes=1)


class Post:
    """Campaigns of a house, of which so much was sent and so much filtered."""

    def __init__(self, house: House) -> None:
        self.house, self.engine = house, house.engine

    def send(self, filtered: int, well: int = 0, campaign: str = "birthday", purpose: str = "greeting") -> None:
        self.house.clock.advance(MINUTE)
        with write(self.engine) as conn:
            for n in range(filtered + well):
                made = make_message(conn, campaign_id=campaign, purpose=purpose, status="sent")
                became = "filtered" if n < filtered else None
                make_attempt(conn, made, error_class=became, intent_at=self.house.clock.now())

    def stop(self) -> list[str]:
        """Let the watch look; return what is stopped."""
        with write(self.engine) as conn:
            stop_spam(conn, self.house.clock.now())
            return [each.scope for each in standing_pauses(conn, self.house.clock.now())]

    def told(self) -> list[str]:
        with read(self.engine) as conn:
            return list(told_of(conn, self.house.clock.now()))


@pytest.fixture
def post(house: House) -> Post:
    return Post(house)


class TestACampaignTakenForSpam:
    def test_is_stopped_before_all_of_it_is_lost(self, house: House) -> None:
        """The carrier filters everything: the next in line wait, and go when somebody has mended it."""
        boxes = {Channel.SMS: Postbox(), Channel.EMAIL: Postbox(Channel.EMAIL)}
        greet(house, LEAST)
        house.dispatch(boxes)
        with read(house.engine) as conn:
            sent = conn.execute(sa.select(attempt)).all()
        hear(house, *(word(each, "undelivered", SPAM) for each in sent))
        watch(house.services, house.clock.now(), None)
        greet(house, 5)
        assert house.dispatch(boxes) == 0
        with write(house.engine) as conn:
            lift_pause(conn, "campaign:birthday")
        house.clock.advance(MINUTE)
        watch(house.services, house.clock.now(), None)
        assert house.dispatch(boxes) == 5

    @pytest.mark.parametrize(
        ("filtered", "well", "is_stopped"),
        [
            (LEAST, 0, True),
            (LEAST - 1, 0, False),
            (LEAST, round(LEAST / SHARE) - LEAST, True),
            (LEAST, round(LEAST / SHARE) - LEAST + 1, False),
        ],
    )
    def test_is_one_with_enough_and_a_large_share(
        self, post: Post, filtered: int, well: int, *, is_stopped: bool
    ) -> None:
        """A few are always filtered; no other campaign is stopped for it."""
        post.send(0, 30, campaign="other")
        post.send(filtered, well)
        assert post.stop() == (["campaign:birthday"] if is_stopped else [])
        assert post.told() == (["birthday is stopped"] if is_stopped else [])

    def test_counts_anew_once_it_goes_on(self, post: Post) -> None:
        """What was filtered before somebody let it go on stops it no more; as many again do."""
        post.send(LEAST)
        post.stop()
        with write(post.engine) as conn:
            lift_pause(conn, "campaign:birthday")
        post.send(LEAST - 1)
        assert post.stop() == []
        post.send(1)
        assert post.stop() == ["campaign:birthday"]

    def test_is_forgotten_after_an_hour(self, post: Post) -> None:
        """Old trouble is none; the alarm ends with the stop, an hour after it at the soonest."""
        post.send(LEAST)
        post.house.clock.advance(LATELY)
        assert post.stop() == []
        post.send(LEAST)
        post.stop()
        post.house.clock.advance(LATELY)
        assert post.told() == ["birthday is stopped"]
        with write(post.engine) as conn:
            lift_pause(conn, "campaign:birthday")
        assert post.told() == []

    @pytest.mark.parametrize("purpose", ["emergency", "service", "reply"])
    def test_goes_on_where_it_is_owed(self, post: Post, purpose: str) -> None:
        """A notice reaches some; but somebody is told."""
        post.send(LEAST, campaign="outage", purpose=purpose)
        assert post.stop() == []
        assert post.told() == ["outage"]

    def test_leaves_a_stop_by_hand_as_it_is(self, post: Post) -> None:
        """Whoever stopped it knows why."""
        post.send(LEAST)
        now = post.house.clock.now()
        with write(post.engine) as conn:
            put_pause(conn, "campaign:birthday", until=now + MINUTE, by="ops:wang", now=now)
            assert [each.campaign_id for each in taken_for_spam(conn, now)] == ["birthday"]
        post.stop()
        with read(post.engine) as conn:
            assert [each.by for each in standing_pauses(conn, now)] == ["ops:wang"]

    def test_tells_how_much_it_was(self, post: Post) -> None:
        """For the log."""
        post.send(LEAST, 3)
        with read(post.engine) as conn:
            (found,) = taken_for_spam(conn, post.house.clock.now())
        assert found == Spam(campaign_id="birthday", purpose=found.purpose, filtered=LEAST, sent=LEAST + 3)
