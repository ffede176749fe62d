"""What the follow-up job needs to know: the campaigns that ask, the operator's office, who can answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from care.base.ids import group_position
from care.base.vocabulary import Channel, Purpose
from care.calendars.overrides import Overrides
from care.campaigns.campaign_set import CampaignSet
from care.campaigns.model import Campaign
from care.policy.answering import OneWay, WayBack
from care.policy.model import CountryPolicy, Policies
from care.policy.windows import contact_window, zones_for
from care.surveys.commitments import Office, Promise, Waking
from care.surveys.occasion import TicketResolved

ORDINARY = Promise(name="follow_up_72h", within=timedelta(hours=72))
"""Holds for kinds that no campaign asks about: their follow-up is exempt, and has a deadline all the same."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Asking:
    """The surroundings of the follow-up; kept as long as they stay the same, with what was worked out for them."""

    campaigns: CampaignSet
    policies: Policies
    operator_zone: str
    operator_country: str
    one_way: OneWay
    overrides: Overrides | None = None

    @cached_property
    def by_kind(self) -> Mapping[str, tuple[Campaign, TicketResolved]]:
        """Return the campaign that asks about each kind of ticket; of two the first by id."""
        found: dict[str, tuple[Campaign, TicketResolved]] = {}
        for campaign in sorted(self.campaigns, key=lambda campaign: campaign.id):
            occasion = campaign.occasion
            if isinstance(occasion, TicketResolved):
                for kind in occasion.of:
                    found.setdefault(kind, (campaign, occasion))
        return found

    @property
    def may_be_missing(self) -> bool:
        """Tell whether a campaign is broken at the moment, so that a kind only seems to have none."""
        return bool(self.campaigns.problems)

    def is_as(self, other: "Asking") -> bool:
        """Tell whether another was made of the same things."""
        return (
            self.campaigns is other.campaigns
            and self.policies is other.policies
            and (self.operator_zone, self.operator_country) == (other.operator_zone, other.operator_country)
            and (self.one_way, self.overrides) == (other.one_way, other.overrides)
        )

    def office(self, occasion: TicketResolved | None) -> Office:
        """Return the operator's clock as a campaign counts by it."""
        zone, country, overrides = self.operator_zone, self.operator_country, self.overrides
        if occasion is None:
            return Office(zone=zone, country=country, overrides=overrides)
        return Office(zone=zone, country=country, closes=occasion.office_closes, overrides=overrides)

    def policy(self, country: str) -> CountryPolicy:
        """Return the policy of a customer's country."""
        return self.policies.country(country)

    def waking(self, country: str, timezone: str | None, area: str | None) -> Waking:
        """Return when a customer may be asked."""
        windows = contact_window(self.policy(country), Purpose.SURVEY, area=area)
        return Waking(windows=windows, zones=zones_for(timezone, country, self.policies))

    def channels(self, campaign: Campaign, country: str) -> tuple[Channel, ...]:
        """Return the channels on which a customer of a country can answer."""
        if self.one_way.way_back(self.policy(country)) is WayBack.NONE:
            return tuple(channel for channel in campaign.channels if channel is not Channel.SMS)
        return campaign.channels


_last: list[Asking] = []


def kept(fresh: Asking) -> Asking:
    """Return what the last tick went by if nothing has changed since: what was worked out for it still holds."""
    if not _last or not _last[0].is_as(fresh):
        _last[:] = [fresh]
    return _last[0]


def place_of(draw: int) -> float:
    """Return a household's place among those who could be asked at the same minute, 0.0 up to but without 1.0."""
    return min(group_position(draw, "follow_up"), 0.999_999)
