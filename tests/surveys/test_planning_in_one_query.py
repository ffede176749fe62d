"""What one query says is to be planned is what asking every set of every day and zone would find."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import write
from care.messages.tables import message
from care.planning.run import plan_all
from care.planning.tables import planned_day
from care.surveys.tables import follow_up
from tests.seeds import seed_of_run
from tests.surveys.conftest import FollowUps

ZONES = ("Asia/Shanghai", "Europe/London", "Pacific/Apia", None, "Mars/Olympus")
Row = tuple[Any, ...]


def _planned(follow_ups: FollowUps, **rules: Any) -> set[Row]:
    """Plan as if for the first time, return what was written, and forget it again."""
    services, before = follow_ups.house.services, {row.id for row in follow_ups.house.messages()}
    with write(services.engine) as conn:
        conn.execute(sa.delete(planned_day))
    by = replace(services.planning_rules, **rules)
    plan_all(services.engine, list(services.campaigns), rules=by, now=follow_ups.now, ahead=timedelta(hours=36))
    new = [row for row in follow_ups.house.messages() if row.id not in before]
    with write(services.engine) as conn:
        conn.execute(sa.delete(message).where(message.c.id.in_([row.id for row in new])))
    return {(row.campaign_id, row.occasion, row.leg, row.occasion_on, row.due_at, row.status) for row in new}


class TestOneQuery:
    def test_finds_what_all_sets_find(self, follow_ups: FollowUps) -> None:
        """Questions and reminders, in every zone and in none, some of them planned before."""
        dice = random.Random(seed_of_run())
        for number in range(30):
            kind = dice.choice(("repair", "complaint", "installation"))
            follow_ups.resolved(follow_ups.customer(timezone=ZONES[number % len(ZONES)]), kind=kind)
        follow_ups.tick()
        with write(follow_ups.house.engine) as conn:
            for row in follow_ups.all():
                at = follow_ups.now + timedelta(hours=dice.uniform(-20, 60))
                values = {"due_at": at} if dice.random() < 0.5 else {"state": "delivered", "remind_at": at}
                conn.execute(sa.update(follow_up).where(follow_up.c.id == row.id).values(values))
                if dice.random() < 0.7:
                    conn.execute(sa.delete(message).where(message.c.subject == row.external_id))

        in_one = _planned(follow_ups)

        assert in_one == _planned(follow_ups, unplanned={})
        assert {row[2] for row in in_one} == {"main", "reminder"}
