"""From a resolved ticket to a question that was asked, through planner, sender and the sandbox's carrier."""

from datetime import timedelta

from tests.surveys.conftest import FollowUps

HOUR = timedelta(hours=1)


class TestTheWayOfOne:
    def test_is_due_two_hours_later_and_asked(self, follow_ups: FollowUps) -> None:
        """The message names the ticket; the follow-up moves with what the carrier says."""
        ref = follow_ups.resolved(follow_ups.customer())
        follow_ups.tick()

        one = follow_ups.one(ref)
        assert one.state == "due"
        assert 2 * HOUR <= one.due_at - follow_ups.now < 2.5 * HOUR

        follow_ups.advance(4 * HOUR)

        one = follow_ups.one(ref)
        (sent,) = follow_ups.house.messages(leg="main")
        assert (sent.occasion, sent.subject, sent.status) == (f"ticket:{ref}", ref, "delivered")
        assert (one.state, one.covered_at, one.is_late) == ("delivered", sent.sent_at, False)
        assert one.invited_at == sent.sent_at
