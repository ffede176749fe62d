"""Choose the channel and render: everything that can be done before the intent, without a transaction."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from care.base.errors import FileError
from care.base.vocabulary import Channel, Purpose
from care.campaigns.model import Campaign
from care.campaigns.occasion import OccasionFacts
from care.campaigns.rendering import Renderer, RenderError
from care.delivery.brakes import country_of_number
from care.delivery.links import LinkSigner, UnsubscribeClaim
from care.delivery.model import Claimed, Contact, Prepared, Verdict
from care.messages.model import MessageStatus
from care.policy.answering import WayBack

log = structlog.get_logger()

MENDING = timedelta(minutes=5)
NO_OTHER = "no other channel"
_TOO_LATE = Verdict(status=MessageStatus.EXPIRED, reason="its time passed while it waited")
_NOBODY_CAN_ANSWER = Verdict(status=MessageStatus.SKIPPED, reason="no_inbound_sms")
_SMS, _EMAIL, _SURVEY = Channel.SMS, Channel.EMAIL, Purpose.SURVEY  # asked for every message
_ALL = tuple(Channel)
_NOT_BY_SMS = tuple(channel for channel in Channel if channel is not Channel.SMS)
_NEVER_UNSUBSCRIBED = (Purpose.EMERGENCY, Purpose.SERVICE, Purpose.REPLY)


@dataclass(frozen=True, kw_only=True)
class Preparer:
    """Renders claimed messages for the channel that reaches."""

    renderer: Renderer
    links: LinkSigner
    locale: str  # the operator's, where a customer has none
    timezone: str
    currency: str
    way_back: Callable[[str], WayBack] = lambda _country: WayBack.REPLY  # how customers of a country can answer

    def prepare(self, claimed: Claimed, now: datetime) -> Prepared | Verdict:
        """Return the rendered message, or why it ends or waits. Never raises for one message's sake."""
        if claimed.use_by <= now:
            return _came_to_nothing(claimed, "no time left after {}") or _TOO_LATE
        if claimed.customer is None:
            return Verdict(status=MessageStatus.CANCELLED, reason="customer erased")
        if claimed.campaign is None and claimed.is_file_broken:
            return self.wait_for_mending(claimed, now, "the campaign's file is broken")
        if claimed.campaign is None:
            return Verdict(status=MessageStatus.CANCELLED, reason="campaign withdrawn")
        contact = choose_contact(claimed, only=self.answerable(claimed))
        if contact is None:
            return nobody_to_reach(claimed)
        return self._render(claimed, claimed.campaign.on_leg(claimed.leg), contact, now)

    def answerable(self, claimed: Claimed) -> tuple[Channel, ...]:
        """Return the channels on which the customer can answer, where the message needs an answer."""
        if claimed.purpose is not _SURVEY:
            return _ALL
        country = str((claimed.customer or {}).get("country") or "")
        return _ALL if self.way_back(country) is not WayBack.NONE else _NOT_BY_SMS

    def _render(self, claimed: Claimed, campaign: Campaign, contact: Contact, now: datetime) -> Prepared | Verdict:
        facts, link = self.facts_of(claimed), self._way_out(claimed, contact)
        try:
            links = _links(link, may_refuse=claimed.purpose not in _NEVER_UNSUBSCRIBED) | self._survey_link(claimed)
            rendered = self.renderer.render(campaign, contact.channel, facts, links=links)
        except RenderError as error:
            return Verdict(status=MessageStatus.SKIPPED, reason=_template_reason(error))
        except FileError:
            return self.wait_for_mending(claimed, now, f"template '{campaign.template}' is broken")
        except Exception as error:  # noqa: BLE001 - a bug in one message must not end the sending of all the others
            word = type(error).__name__
            log.error("message.unprepared", message_id=claimed.id, template=campaign.template, error=word)
            return Verdict(status=MessageStatus.FAILED, reason=f"template {campaign.template}: {word} in care")
        home = claimed.customer["country"] if claimed.customer else ""
        is_sms = contact.channel is _SMS
        return Prepared(
            message=claimed,
            contact=contact,
            text=rendered.text,
            subject=rendered.subject,
            html=rendered.html,
            parts=rendered.parts if is_sms else 1,
            locale=rendered.locale,
            template=campaign.template,
            country=country_of_number(contact.address, home) if is_sms else home,
            unsubscribe_url="" if claimed.purpose in _NEVER_UNSUBSCRIBED else link,
        )

    def _way_out(self, claimed: Claimed, contact: Contact) -> str:
        """Return the link of the preference page, which only a mail carries."""
        if contact.channel is not _EMAIL:
            return ""
        return self.links.unsubscribe_url(
            UnsubscribeClaim(
                customer_id=claimed.customer_id,
                channel=contact.channel,
                address_hash=contact.address_hash,
                purpose=claimed.purpose,
            )
        )

    def _survey_link(self, claimed: Claimed) -> dict[str, str]:
        """Return the link to the survey page; whether an SMS needs it the renderer knows."""
        if claimed.purpose is not _SURVEY:
            return {}
        url = self.links.survey_url(claimed.id, claimed.use_by)
        return {"survey_url": url} if url else {}

    @staticmethod
    def wait_for_mending(claimed: Claimed, now: datetime, reason: str) -> Verdict:
        """Hold while someone mends a file, as long as there is time."""
        wake_at = now + MENDING
        if wake_at < claimed.use_by:
            return Verdict(status=MessageStatus.HELD, reason=reason, wake_at=wake_at)
        return Verdict(status=MessageStatus.EXPIRED, reason=reason)

    def facts_of(self, claimed: Claimed) -> OccasionFacts:
        """Return what the templates may speak of."""
        who = claimed.customer or {}
        return OccasionFacts(
            occasion=claimed.occasion,
            occasion_on=claimed.occasion_on,
            locale=who.get("locale") or self.locale,
            zone=who.get("timezone") or self.timezone,
            currency=self.currency,
            customer=who,
            subject=claimed.subject,
        )


def _links(link: str, *, may_refuse: bool) -> dict[str, str]:
    """Return the recipient's own links; what is owed under the contract has no way out, only preferences."""
    if not link:
        return {}
    return {"preferences_url": link, **({"unsubscribe_url": link} if may_refuse else {})}


def _template_reason(error: RenderError) -> str:
    """Name template, language and variables: enough to find the line, nothing of the customer."""
    what = f"missing {', '.join(error.missing)}" if error.missing else error.problem
    return f"template {error.template}/{error.locale}: {what}"[:120]


def channels_of(claimed: Claimed) -> tuple[Channel, ...]:
    """Return the channels the message's leg may use, in order."""
    return claimed.campaign.channels_on(claimed.leg) if claimed.campaign is not None else ()


def choose_contact(claimed: Claimed, *, only: Collection[Channel] = _ALL) -> Contact | None:
    """Return the first channel's open contact that is allowed and not spent."""
    for channel in channels_of(claimed):
        if channel in only and channel in claimed.contacts and channel not in claimed.spent_channels:
            return claimed.contacts[channel]
    return None


def nobody_to_reach(claimed: Claimed) -> Verdict:
    """Return how a message ends that no channel is left for: as its last try did, else as one we may not write to."""
    if verdict := _came_to_nothing(claimed, f"{{}}: {NO_OTHER}"):
        return verdict
    if choose_contact(claimed) is not None:
        return _NOBODY_CAN_ANSWER
    reason = "no_consent" if claimed.has_contact else "suppressed_or_no_contact"
    return Verdict(status=MessageStatus.SKIPPED, reason=reason)


def _came_to_nothing(claimed: Claimed, words: str) -> Verdict | None:
    """Return the end of a message that came back or was refused: why it did tells more than that nothing is left."""
    failed = claimed.failed
    return failed and Verdict(status=failed.status, reason=words.format(failed.error_class))
