"""Words that every floor of the house shares: purposes and channels."""

from enum import StrEnum


class Channel(StrEnum):
    """A way to reach a customer."""

    SMS = "sms"
    EMAIL = "email"


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


LANES: tuple[Purpose, ...] = tuple(Purpose)
