"""Which adapters serve which channel, as the settings say."""

from collections.abc import Collection
from pathlib import Path

from care.base.clock import Clock
from care.base.keys import load_keys
from care.base.settings import Settings
from care.base.vocabulary import Channel
from care.delivery.accounts import account_digest
from care.delivery.channels.base import Gateway
from care.delivery.channels.sandbox import SandboxGateway
from care.delivery.channels.sandbox_carrier import OnInbound, OnReceipt
from care.delivery.routes import Routes


def outbox_dir(settings: Settings) -> Path:
    """Return the folder where the sandbox keeps what it did not send."""
    return settings.data_dir / ".care" / "outbox"


KEEP_RECORDS = frozenset({"sandbox", "twilio"})
"""Providers whose adapters can be asked what became of a message."""

LIST_INBOUND = frozenset({"twilio"})
"""Providers whose adapters can be asked what customers wrote."""

BACKUP = ".backup"
"""Ends the name of a second account or relay, in attempts and receipts, and that of its table in the settings."""


def providers_of(settings: Settings, channel: Channel) -> tuple[str, ...]:
    """Return the providers of a channel by the names that attempts bear, primary first, without loading an adapter."""
    chosen = settings.sms if channel is Channel.SMS else settings.email
    has_second = {
        "sandbox": chosen.sandbox_backup,
        "twilio": settings.twilio.second is not None,
        "smtp": settings.smtp.second is not None,
    }
    name: str = chosen.provider
    return (name, f"{name}{BACKUP}") if has_second[name] else (name,)


def accounts_of(settings: Settings) -> dict[str, str]:
    """Return the account of each SMS provider, '' for a sandbox: a proof holds for one account."""
    twilio = {"twilio": settings.twilio, f"twilio{BACKUP}": settings.twilio.second}
    accounts = {name: twilio.get(name) for name in providers_of(settings, Channel.SMS)}
    return {name: account.account_sid if account else "" for name, account in accounts.items()}


def account_digests(settings: Settings) -> frozenset[str]:
    """Return the digests of the accounts that may be asked, without loading an adapter."""
    return frozenset(account_digest(account) for account in accounts_of(settings).values() if account)


def places_with_records(settings: Settings) -> list[tuple[Channel, str]]:
    """Return channel and provider of the adapters that can be asked, without loading one."""
    places = [(channel, name) for channel in Channel for name in providers_of(settings, channel)]
    return [(channel, name) for channel, name in places if name.removesuffix(BACKUP) in KEEP_RECORDS]


def inbound_listers(settings: Settings) -> list[tuple[Channel, str]]:
    """Return channel and provider of the adapters that list what customers wrote, without loading one."""
    places = [(channel, name) for channel in Channel for name in providers_of(settings, channel)]
    return [(channel, name) for channel, name in places if name.removesuffix(BACKUP) in LIST_INBOUND]


def build_gateways(
    settings: Settings,
    *,
    clock: Clock,
    seed: int = 0,
    on_receipt: OnReceipt | None = None,
    on_inbound: OnInbound | None = None,
    complete_lists: Collection[str] = (),
) -> Routes:
    """Return the gateways of each channel, primary first, not yet opened; only what is used is imported.

    `seed` and the two callbacks serve the sandbox alone: whoever calls its `pump` hears of receipts and replies.
    `complete_lists` names the SMS providers whose list was seen to have whatever was sent.

    Raises:
        SettingsError: a file named in the settings cannot be used.
    """

    def build(channel: Channel, provider: str) -> Gateway:
        kind = provider.removesuffix(BACKUP)
        if kind == "twilio":
            return _twilio(settings, provider, clock, list_is_complete=provider in complete_lists)
        if kind == "smtp":
            return _smtp(settings, provider, clock)
        return SandboxGateway(
            channel,
            outbox_dir(settings),
            clock=clock,
            provider=provider,
            seed=seed,
            sender=settings.email.sender if channel is Channel.EMAIL else "",
            on_receipt=on_receipt,
            on_inbound=on_inbound,
        )

    return Routes(tuple(build(channel, name) for channel in Channel for name in providers_of(settings, channel)))


def _twilio(settings: Settings, provider: str, clock: Clock, *, list_is_complete: bool) -> Gateway:
    from care.delivery.channels.twilio_sms import TwilioSms

    second = settings.twilio.second if provider.endswith(BACKUP) else None
    return TwilioSms(
        second or settings.twilio,
        provider=provider,
        public_url=settings.operator.public_url,
        clock=clock,
        senders=None if second else set(settings.senders.values()),
        list_is_complete=list_is_complete,
    )


def _smtp(settings: Settings, provider: str, clock: Clock) -> Gateway:
    from care.delivery.channels.mime import MailComposer
    from care.delivery.channels.smtp_email import SmtpEmail
    from care.delivery.mail_ids import MailIds

    relay = (settings.smtp.second if provider.endswith(BACKUP) else None) or settings.smtp
    ids = MailIds(load_keys(settings).secret) if settings.email.bounce_domain else None
    return SmtpEmail(relay, settings.email, provider=provider, composer=MailComposer, clock=clock, mail_ids=ids)
