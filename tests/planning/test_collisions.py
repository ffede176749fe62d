"""Who gives way when one customer is owed several messages."""

from datetime import UTC, datetime, timedelta

import pytest

from care.base.database import read, write
from care.base.vocabulary import Purpose
from care.planning.collisions import Planned, Sent, Yielding, arrange, find_collisions
from care.planning.forecast import count_set, forecast_sets
from care.policy.model import Caps
from tests.factories import make_customer
from tests.house import BIRTHDAY, House

TEN = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
CAPS = Caps(marketing_per_7d=1, marketing_per_30d=2, survey_invites_per_30d=1, all_per_day=3)


def planned(campaign: str, purpose: str, days: float = 0, use: float = 0.3) -> Planned:
    at = TEN + timedelta(days=days)
    return Planned(campaign=campaign, purpose=Purpose(purpose), at=at, use_by=at + timedelta(days=use))


def sent(campaign: str, purpose: str, days: float) -> Sent:
    return Sent(campaign=campaign, purpose=Purpose(purpose), at=TEN + timedelta(days=days))


class TestArrange:
    def test_lets_everything_go_below_the_caps(self) -> None:
        """Notices are never counted out."""
        messages = [planned("notice", "service", n / 10) for n in range(5)] + [planned("greet", "greeting", 9)]
        assert arrange(messages, [], CAPS) == []

    def test_drops_the_second_of_a_week_that_cannot_wait(self) -> None:
        """And names what it gives way to."""
        found = arrange([planned("a", "greeting", 0), planned("b", "greeting", 2)], [], CAPS)
        assert found == [Yielding(campaign="b", gives_way_to="a", rule="marketing_per_7d", is_dropped=True)]

    def test_lets_wait_what_is_still_of_use_then(self) -> None:
        """Five days of patience are enough."""
        found = arrange([planned("a", "greeting", 0), planned("b", "offer", 2, use=10)], [], CAPS)
        assert found == [Yielding(campaign="b", gives_way_to="a", rule="marketing_per_7d", is_dropped=False)]

    def test_lets_the_more_important_one_of_a_day_go(self) -> None:
        """A greeting at ten yields to an offer at noon."""
        found = arrange([planned("greet", "greeting", 0), planned("offer", "offer", 0.1)], [], CAPS)
        assert [(one.campaign, one.gives_way_to) for one in found] == [("greet", "offer")]

    def test_counts_what_was_sent_before(self) -> None:
        """Also from another campaign."""
        found = arrange([planned("b", "greeting")], [sent("a", "offer", -3)], CAPS)
        assert [(one.campaign, one.gives_way_to) for one in found] == [("b", "a")]

    def test_says_when_the_policy_allows_none(self) -> None:
        """A cap of 0."""
        found = arrange([planned("b", "greeting")], [], Caps(marketing_per_7d=0))
        assert [(one.gives_way_to, one.is_dropped) for one in found] == [("the policy", True)]


OFFER = (
    BIRTHDAY.replace("birthday", "gift").replace("kind: gift", "kind: birthday").replace("greeting", "offer")
    + "values: {benefit: {zh-CN: 10GB}, valid_until: {zh-CN: 9月30日}}\n"
)


class TestFindCollisions:
    @pytest.mark.parametrize("looked_at", [1000, 5])
    def test_looks_over_all_campaigns(self, house: House, looked_at: int) -> None:
        """A greeting and an offer on one birthday; a sample of whole customers is scaled up."""
        house.write_campaign()
        house.write_campaign(OFFER, "gift")
        with write(house.engine) as conn:
            for n in range(20):
                make_customer(conn, consents=("greeting", "offer"), birth_mmdd=925, draw=n + 1)
        services = house.services
        with read(house.engine) as conn:
            sets = forecast_sets(
                conn, list(services.campaigns), rules=services.planning_rules, now=house.clock.now(), days=1
            )
            cells = [cell for owed in sets for cell in count_set(conn, owed)]
            found = find_collisions(conn, cells, policies=services.policies, now=house.clock.now(), looked_at=looked_at)
        ((one, count),) = found.yielding.items()
        assert (one.campaign, one.gives_way_to, one.is_dropped) == ("birthday", "gift", True)
        assert found.step == (1 if looked_at > 40 else 8)
        assert count == found.customers == (20 if looked_at > 40 else 16)
