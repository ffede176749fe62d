"""Which adapter serves which channel, as the settings say."""

from collections.abc import Mapping
from pathlib import Path

from care.base.clock import Clock
from care.base.keys import load_keys
from care.base.settings import Settings
from care.base.vocabulary import Channel
from care.delivery.channels.base import Gateway
from care.delivery.channels.sandbox import SandboxGateway
from care.delivery.channels.sandbox_carrier import OnInbound, OnReceipt


def outbox_dir(settings: Settings) -> Path:
    """Return the folder where the sandbox keeps what it did not send."""
    return settings.data_dir / ".care" / "outbox"


KEEP_RECORDS = frozenset({"sandbox", "twilio"})
"""Providers whose adapters can be asked what became of a message."""


def places_with_records(settings: Settings) -> list[tuple[Channel, str]]:
    """Return channel and provider of the adapters that can be asked, without loading one."""
    chosen = {Channel.SMS: settings.sms.provider, Channel.EMAIL: settings.email.provider}
    return [(channel, provider) for channel, provider in chosen.items() if provider in KEEP_RECORDS]


def build_gateways(
    settings: Settings,
    *,
    clock: Clock,
    seed: int = 0,
    on_receipt: OnReceipt | None = None,
    on_inbound: OnInbound | None = None,
    list_is_complete: bool = False,
) -> Mapping[Channel, Gateway]:
    """Return one gateway per channel, not yet opened; only what is used is imported.

    `seed` and the two callbacks serve the sandbox alone: whoever calls its `pump` hears of receipts and replies.
    `list_is_complete` says that the SMS account's list was seen to have whatever was sent.

    Raises:
        SettingsError: a file named in the settings cannot be used.
    """

    def sandbox(channel: Channel, sender: str) -> Gateway:
        return SandboxGateway(
            channel,
            outbox_dir(settings),
            clock=clock,
            seed=seed,
            sender=sender,
            on_receipt=on_receipt,
            on_inbound=on_inbound,
        )

    return {
        Channel.SMS: _twilio(settings, clock, list_is_complete=list_is_complete)
        if settings.sms.provider == "twilio"
        else sandbox(Channel.SMS, ""),
        Channel.EMAIL: _smtp(settings, clock)
        if settings.email.provider == "smtp"
        else sandbox(Channel.EMAIL, settings.email.sender),
    }


def _twilio(settings: Settings, clock: Clock, *, list_is_complete: bool) -> Gateway:
    from care.delivery.channels.twilio_sms import TwilioSms

    senders = set(settings.senders.values())
    return TwilioSms(
        settings.twilio,
        public_url=settings.operator.public_url,
        clock=clock,
        senders=senders,
        list_is_complete=list_is_complete,
    )


def _smtp(settings: Settings, clock: Clock) -> Gateway:
    from care.delivery.channels.mime import MailComposer
    from care.delivery.channels.smtp_email import SmtpEmail
    from care.delivery.mail_ids import MailIds

    ids = MailIds(load_keys(settings).secret) if settings.email.bounce_domain else None
    return SmtpEmail(settings.smtp, settings.email, composer=MailComposer, clock=clock, mail_ids=ids)
