"""A campaign that was cancelled by hand."""

from care.base.database import write
from care.campaigns.states import cancel_campaign, resume_campaign
from tests.factories import make_customer
from tests.house import House


class TestACancelledCampaign:
    def test_is_not_planned_until_it_is_resumed(self, house: House) -> None:
        """The file is still there, and nothing comes of it; what was cancelled stays cancelled."""
        house.write_campaign()
        with write(house.engine) as conn:
            make_customer(conn, consents=("greeting",), birth_mmdd=925)
        house.plan()
        campaign = house.services.campaigns.named("birthday")
        assert cancel_campaign(house.engine, campaign, by="ops:ann", now=house.clock.now()).cancelled == 1
        with write(house.engine) as conn:
            make_customer(conn, consents=("greeting",), birth_mmdd=925)

        assert house.plan().planned == 0
        assert house.statuses() == {"cancelled: cancelled by ops": 1}

        with write(house.engine) as conn:
            resume_campaign(conn, campaign, now=house.clock.now())
        assert house.plan().planned == 1
        assert house.statuses() == {"cancelled: cancelled by ops": 1, "planned": 1}
