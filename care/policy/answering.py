"""How a customer can answer an SMS: by country and sender. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from care.base.settings import Settings
from care.base.vocabulary import Purpose
from care.policy.model import CountryPolicy, Policies, UrlRule


class WayBack(StrEnum):
    """How the answer to an SMS comes back."""

    REPLY = "reply"  #: by SMS
    LINK = "link"  #: on the page behind a link
    NONE = "none"  #: not at all


@dataclass(frozen=True, slots=True, kw_only=True)
class OneWay:
    """What is known of the way back."""

    is_international: bool = False  # the gateway is abroad: only some countries let answers through to it
    two_way: bool = True  # as the settings say of the gateway
    senders: Mapping[str, str] = field(default_factory=dict)  # by purpose; a name takes no replies

    def why(self, policy: CountryPolicy, purpose: Purpose) -> str:
        """Return why nobody can answer by SMS, or '' where they can."""
        sender = self.senders.get(purpose, "")
        if any(char.isalpha() for char in sender) and not sender.startswith("MG"):
            return f"the sender of {purpose} is a name, which takes no replies"
        if not self.is_international:
            return ""
        if not self.two_way:
            return "twilio.two_way is false"
        if not policy.sms.two_way:
            return f"{policy.name or policy.code} takes no replies to an international gateway"
        return ""

    def way_back(self, policy: CountryPolicy, purpose: Purpose = Purpose.SURVEY) -> WayBack:
        """Return how an answer comes back; a link abroad only where carriers let every link pass."""
        if not self.why(policy, purpose):
            return WayBack.REPLY
        lets_pass = policy.sms.urls is UrlRule.ALLOWED or not self.is_international
        return WayBack.LINK if lets_pass else WayBack.NONE

    def by_country(self, policies: Policies) -> Callable[[str], WayBack]:
        """Return a function from a country to how its customers can answer a survey."""
        return lambda country: self.way_back(policies.country(country))


def one_way_of(settings: Settings) -> OneWay:
    """Return what the settings say of the way back."""
    return OneWay(
        is_international=settings.sms.provider == "twilio",
        two_way=settings.twilio.two_way,
        senders=settings.senders,
    )
