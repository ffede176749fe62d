"""Whether a customer can answer an SMS: by country and sender. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from care.base.settings import Settings
from care.base.vocabulary import Purpose
from care.policy.model import CountryPolicy, Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class OneWay:
    """What is known of the way back."""

    is_international: bool = False  # the gateway is abroad: only some countries let answers through to it
    two_way: bool = True  # as the settings say of the gateway
    senders: Mapping[str, str] = field(default_factory=dict)  # by purpose; a name takes no replies

    def why(self, policy: CountryPolicy, purpose: Purpose) -> str:
        """Return why nobody can answer, or '' where they can."""
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

    def by_country(self, policies: Policies) -> Callable[[str], str]:
        """Return a function from a country to why its customers cannot answer a survey."""
        return lambda country: self.why(policies.country(country), Purpose.SURVEY)


def one_way_of(settings: Settings) -> OneWay:
    """Return what the settings say of the way back."""
    return OneWay(
        is_international=settings.sms.provider == "twilio",
        two_way=settings.twilio.two_way,
        senders=settings.senders,
    )
