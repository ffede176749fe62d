"""Where customers can answer an SMS of ours."""

from collections.abc import Callable

from care.base.settings import Settings
from care.base.vocabulary import Purpose
from care.policy.model import Policies


def reply_rule(settings: Settings, policies: Policies) -> Callable[[str], bool]:
    """Return what tells of a country whether a survey's SMS can be answered there by SMS.

    Not to a sender that is a name, not where the account has no inbound numbers, and over an international gateway only
    where the country's carriers bring replies to it.
    """
    sender = settings.senders.get(Purpose.SURVEY, "")
    is_name = any(char.isalpha() for char in sender) and not sender.startswith("MG")
    by_twilio = settings.sms.provider == "twilio"

    def takes_replies(country: str) -> bool:
        if is_name or (by_twilio and not settings.twilio.two_way):
            return False
        return not by_twilio or policies.country(country or settings.operator.country).sms.two_way

    return takes_replies
