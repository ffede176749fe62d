"""Words that every floor of the house shares: purposes and channels."""

from collections.abc import Mapping
from enum import StrEnum


class Channel(StrEnum):
    """A way to reach a customer."""

    SMS = "sms"
    EMAIL = "email"


class Delivery(StrEnum):
    """What may be risked for a message that left and whose answer never came: that it is missing, or comes twice."""

    ONCE = "once"  #: never twice: again only when it is certain that it was not taken
    RECONCILED = "reconciled"  #: again when the provider's own list does not have it
    AT_LEAST_ONCE = "at_least_once"  #: once more, in time, when nobody can tell


class Purpose(StrEnum):
    """Why we write; decides consent, contact window, caps, lane and duplicate class. Most urgent first."""

    EMERGENCY = "emergency"
    SERVICE = "service"
    REPLY = "reply"
    SURVEY = "survey"
    OFFER = "offer"
    GREETING = "greeting"

    @property
    def lane(self) -> int:
        """Rank of the purpose, 0 first; stored with each message so that one index serves the claim."""
        return LANES.index(self)

    @property
    def is_marketing(self) -> bool:
        """Tell whether consent, marketing hours and the marketing caps apply."""
        return self in (Purpose.OFFER, Purpose.GREETING)

    @property
    def is_service(self) -> bool:
        """Tell whether the message is owed under the contract: no consent needed, never held out."""
        return self in (Purpose.EMERGENCY, Purpose.SERVICE)


DELIVERIES: Mapping[Purpose, tuple[Delivery, ...]] = {
    Purpose.EMERGENCY: (Delivery.AT_LEAST_ONCE, Delivery.RECONCILED),
    Purpose.SERVICE: (Delivery.RECONCILED, Delivery.AT_LEAST_ONCE, Delivery.ONCE),
    Purpose.REPLY: (Delivery.RECONCILED, Delivery.ONCE),
    Purpose.SURVEY: (Delivery.RECONCILED, Delivery.ONCE),
    Purpose.OFFER: (Delivery.ONCE,),
    Purpose.GREETING: (Delivery.ONCE,),
}
"""The classes that a purpose allows, its own first: nobody is wished a happy birthday twice."""

LANES: tuple[Purpose, ...] = tuple(Purpose)
