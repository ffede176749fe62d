"""What the sender promises beyond one greeting: a cap is waited out, years together are thanked for, rows stay legal."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.base.vocabulary import Channel
from care.messages.tables import attempt, message
from tests.delivery.ledger_rows import AT, reset_to_one_accepted
from tests.delivery.test_dispatcher import Postbox, greet
from tests.factories import make_customer
from tests.house import BIRTHDAY, House

WEEK_LATER = """\
id: week_later
name: week_later
title: {en: "A week later", zh-CN: "一周后", zh-TW: "一週後"}
owner: care
purpose: greeting
audience: everyone
occasion: {kind: date, on: 2026-10-02, at: "09:00"}
channels: [sms]
template: birthday
use_within: 8h
"""


class TestACapThatEndsInTime:
    def test_holds_the_message_until_then(self, house: House) -> None:
        """One marketing message in seven days: the next is due an hour before they are over, and leaves when they are."""
        greet(house)
        assert house.dispatch({Channel.SMS: Postbox()}) == 1
        house.write_campaign(WEEK_LATER, "week_later")
        house.plan(ahead=datetime(2026, 10, 3, tzinfo=UTC) - house.clock.now())

        house.clock.set(datetime(2026, 10, 2, 1, 30, tzinfo=UTC))
        assert house.dispatch({Channel.SMS: Postbox()}) == 0
        (row,) = house.messages(campaign_id="week_later")
        assert (row.status, row.reason) == ("held", "frequency_cap:marketing_per_7d")
        assert row.due_at < row.wake_at < row.use_by

        house.clock.set(row.wake_at)
        assert house.dispatch({Channel.SMS: Postbox()}) == 1
        (row,) = house.messages(campaign_id="week_later")
        assert row.status == "accepted"


class TestYearsTogether:
    def test_are_thanked_for_on_their_day(self, house: House) -> None:
        """Five years to the day, in the customer's own zone; who joined on another day hears nothing."""
        tenure = BIRTHDAY.replace("id: birthday", "id: years").replace("name: birthday", "name: years")
        occasion = next(line for line in tenure.splitlines() if line.startswith("occasion:"))
        house.write_campaign(tenure.replace(occasion, 'occasion: {kind: tenure, years: [5, 10], at: "10:00"}'), "years")
        with write(house.engine) as conn:
            joined = {
                day: make_customer(conn, consents=("greeting",), joined_on=day)
                for day in (date(2021, 9, 25), date(2016, 9, 25), date(2020, 9, 25), date(2021, 9, 26))
            }
        house.plan(ahead=datetime(2026, 9, 25, 12, tzinfo=UTC) - house.clock.now())
        box = Postbox()

        assert house.dispatch({Channel.SMS: box}) == 2

        sent = {row.customer_id for row in house.messages() if row.status == "accepted"}
        assert sent == {joined[date(2021, 9, 25)], joined[date(2016, 9, 25)]}


class TestTheDatabase:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"status": "posted"},
            {"status": "sending"},
            {"lease_owner": 7},
            {"status": "delivered"},
            {"status": "failed", "reason": None},
            {"status": "held", "reason": None},
            {"due_at": AT, "use_by": AT},
            {"status": None},
        ],
        ids=str,
    )
    def test_refuses_a_message_that_cannot_be(self, engine: sa.Engine, wrong: dict[str, Any]) -> None:
        """Unknown words, sending without a lease, delivered without a time, an end without its reason."""
        with write(engine) as conn:
            reset_to_one_accepted(conn)
        with pytest.raises(sa.exc.IntegrityError), write(engine) as conn:
            conn.execute(sa.update(message).values(wrong))

    def test_refuses_an_outcome_that_there_is_not(self, engine: sa.Engine) -> None:
        """An attempt was accepted, refused, abandoned, or is in doubt; nothing else."""
        with write(engine) as conn:
            reset_to_one_accepted(conn)
        with pytest.raises(sa.exc.IntegrityError), write(engine) as conn:
            conn.execute(sa.update(attempt).values(outcome="posted"))
