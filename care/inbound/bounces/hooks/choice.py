"""The mail providers' webhooks by their name in the address, as the settings say."""

from collections.abc import Mapping
from datetime import timedelta

from care.base.settings import BounceSettings
from care.inbound.bounces.hooks.base import EmailHook
from care.inbound.bounces.hooks.mailgun import MailgunHook
from care.inbound.bounces.hooks.sendgrid import SendgridHook
from care.inbound.bounces.hooks.ses import SesHook
from care.inbound.bounces.hooks.sns import Fetch, SnsTopic, fetch_from_amazon


def email_hooks_of(settings: BounceSettings, *, fetch: Fetch = fetch_from_amazon) -> Mapping[str, EmailHook]:
    """Return every provider's webhook; one without a key in the settings refuses everything."""
    tolerance = timedelta(seconds=settings.webhook_tolerance_seconds)
    return {
        "ses": SesHook(SnsTopic(settings.ses_topic_arn, fetch) if settings.ses_topic_arn else None),
        "sendgrid": SendgridHook(settings.sendgrid_public_key, tolerance),
        "mailgun": MailgunHook(settings.mailgun_signing_key.get_secret_value(), tolerance),
    }
