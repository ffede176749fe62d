"""The built-in kinds of occasion, by the word that campaign files write after `kind:`."""

from collections.abc import Mapping

from care.campaigns.occasion import OccasionSpec
from care.campaigns.occasions.birthday import BirthdaySpec
from care.campaigns.occasions.date import DateSpec
from care.campaigns.occasions.every import EverySpec
from care.campaigns.occasions.holiday import HolidaySpec
from care.campaigns.occasions.subscription_end import SubscriptionEndSpec
from care.campaigns.occasions.tenure import TenureSpec

KINDS: Mapping[str, type[OccasionSpec]] = {
    "birthday": BirthdaySpec,
    "holiday": HolidaySpec,
    "tenure": TenureSpec,
    "date": DateSpec,
    "every": EverySpec,
    "subscription_end": SubscriptionEndSpec,
}
