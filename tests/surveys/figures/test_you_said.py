"""Those who answered are told what was done; nobody else is."""

from datetime import date, timedelta

from care.base.database import write
from care.reports.you_said import campaign_text
from care.surveys.figures.ballot import Ballot
from care.surveys.figures.improvements import Effect, Improvement
from care.surveys.figures.trend import Change
from tests.factories import make_customer
from tests.house import House
from tests.surveys.factories_figures import World, add_answer

EFFECT = Effect(
    improvement=Improvement(id=7, theme="太慢", measure="晚间增派师傅", in_force_on=date(2026, 8, 10), by="quality"),
    change=Change(earlier=Ballot({(1, 5, 5): 70, (1, 5, 1): 30}), later=Ballot({(1, 5, 5): 90, (1, 5, 1): 10})),
)


class TestYouSaidWeDid:
    def test_goes_to_those_who_answered(self, house: House) -> None:
        """One answered lately, one long ago, one never; the words carry the measured figures."""
        now = house.clock.now()
        with write(house.engine) as conn:
            lately, long_ago, _ = (
                make_customer(conn, external_id=name, consents=("survey",)) for name in ("C1", "C2", "C3")
            )
        world = World(0)
        add_answer(world, customer_id=lately, session_id=1, at=now - timedelta(days=5))
        add_answer(world, customer_id=long_ago, session_id=2, at=now - timedelta(days=100))
        world.write(house.engine)
        house.write_campaign(campaign_text(EFFECT, on=date(2026, 9, 25)), "you_said")
        house.plan()
        assert [(row.customer_id, row.status) for row in house.messages()] == [(lately, "planned")]
        house.dispatch()
        assert house.statuses() == {"accepted": 1}

    def test_tells_the_measured_figures(self) -> None:
        """How many answered, before and after, as percent; words of people stay words of YAML."""
        text = campaign_text(EFFECT, on=date(2026, 10, 20))
        assert 'n: "200"' in text
        assert 'before: "70%"' in text
        assert 'after: "90%"' in text
        assert 'action: "晚间增派师傅"' in text
        assert "on: 2026-10-20" in text
