"""One customer, two channels: caps count both, and the legs of one message are one message; one bad message is one."""

from collections import Counter
from typing import Any

import pytest

from care.base.database import write
from care.base.vocabulary import Channel
from care.campaigns.rendering import Renderer
from tests.delivery.test_dispatcher import Postbox
from tests.factories import make_customer
from tests.house import BIRTHDAY, House

OTHER = BIRTHDAY.replace("id: birthday", "id: other").replace("name: birthday", "name: other")


def postboxes() -> dict[Channel, Postbox]:
    return {channel: Postbox(channel) for channel in Channel}


def born_today(house: House, count: int) -> None:
    with write(house.engine) as conn:
        for n in range(count):
            make_customer(conn, email=f"c{n}@example.com", consents=("greeting",), birth_mmdd=925)


class TestACap:
    def test_counts_what_is_on_its_way_by_another_channel(self, house: House) -> None:
        """The answer to the first is not recorded yet and the address is another: still it is the second message."""
        house.write_campaign(BIRTHDAY.replace("[sms, email]", "[sms]"))
        house.write_campaign(OTHER.replace("[sms, email]", "[email]"), "other")
        born_today(house, 40)
        house.plan()

        house.dispatch(postboxes())

        sent = Counter(row.customer_id for row in house.messages(status="accepted"))
        assert (len(sent), set(sent.values())) == (40, {1})

    def test_does_not_count_the_other_leg_of_the_same_message(self, house: House) -> None:
        """A campaign that writes on every channel reaches both, at once or one after the other."""
        house.write_campaign(BIRTHDAY + "on_every_channel: true\n")
        born_today(house, 3)
        house.plan()

        house.dispatch({Channel.SMS: Postbox(), Channel.EMAIL: Postbox(Channel.EMAIL)})

        assert house.statuses() == {"accepted": 6}


class TestABugInOneMessage:
    def test_fails_that_message_by_name_and_no_other(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Five hundred are claimed together: one that cannot be prepared must not take the others with it."""
        house.write_campaign()
        born_today(house, 5)
        house.plan()
        real = Renderer.render

        def stumbles(self: Renderer, campaign: Any, channel: Any, facts: Any, **more: Any) -> Any:
            if facts.customer["id"] == 3:
                raise KeyError("a bug")
            return real(self, campaign, channel, facts, **more)

        monkeypatch.setattr(Renderer, "render", stumbles)
        assert house.dispatch(postboxes()) == 4
        assert house.statuses() == {"accepted": 4, "failed: template birthday: KeyError in care": 1}
