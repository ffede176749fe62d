"""What a dispatcher is made of."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from care.base.clock import Clock
from care.base.vocabulary import Channel
from care.campaigns.campaign_set import CampaignSet
from care.delivery.channels.base import Gateway
from care.delivery.intent import IntentRules
from care.delivery.prepare import Preparer
from care.delivery.sentry import Sentry


@dataclass(kw_only=True)
class Work:
    """What a dispatcher is made of; the campaigns are asked for anew with each claim."""

    engine: sa.Engine
    clock: Clock
    gateways: Mapping[Channel, Gateway]
    preparer: Preparer
    rules: IntentRules
    campaigns: Callable[[], CampaignSet]
    subjects: Mapping[str, sa.FromClause]
    sentry: Sentry
    dice: random.Random = field(default_factory=random.SystemRandom)
    tick_seconds: float = 5.0
    has_room: Callable[[], bool] = lambda: True  # False: the disk is nearly full, so no new intent

    @property
    def sole(self) -> bool:
        """Tell whether a lock proves that no other sender lives on this database."""
        return self.sentry.sole
