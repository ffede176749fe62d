"""What a dispatcher is made of."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from care.base.clock import Clock
from care.campaigns.campaign_set import CampaignSet
from care.delivery.apart import Apart
from care.delivery.intent import IntentRules
from care.delivery.model import Claimed, Prepared, Verdict
from care.delivery.prepare import Preparer
from care.delivery.routes import Routes
from care.delivery.sentry import Sentry


@dataclass(kw_only=True)
class Work:
    """What a dispatcher is made of; the campaigns are asked for anew with each claim."""

    engine: sa.Engine
    clock: Clock
    routes: Routes
    preparer: Preparer
    rules: IntentRules
    campaigns: Callable[[], CampaignSet]
    subjects: Mapping[str, sa.FromClause]
    sentry: Sentry
    dice: random.Random = field(default_factory=random.SystemRandom)
    tick_seconds: float = 5.0
    has_room: Callable[[], bool] = lambda: True  # False: the disk is nearly full, so no new intent
    apart: Apart | None = None  # where suspects are rendered

    @property
    def sole(self) -> bool:
        """Tell whether a lock proves that no other sender lives on this database."""
        return self.sentry.sole

    def prepare(self, claimed: Claimed, now: datetime) -> Prepared | Verdict:
        """Render a message, a suspect where it can harm nobody; return it, or why it ends or waits."""
        if self.apart is None or not claimed.strikes:
            return self.preparer.prepare(claimed, now)
        found = self.apart.prepare(claimed, now)
        return found or self.preparer.wait_for_mending(claimed, now, "the process that renders suspects does not start")

    def close(self) -> None:
        """End what was started for it."""
        if self.apart is not None:
            self.apart.close()
