"""How messages leave through one provider of a channel: how fast, under which sender, with which pace."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from care.base.vocabulary import Channel, Purpose
from care.delivery.mail_ids import MailIds
from care.delivery.pace import pace_key


@dataclass(frozen=True, kw_only=True)
class Lane:
    """How messages of one channel leave: through which provider, how fast, under which sender."""

    channel: Channel
    provider: str
    rate_per_second: float
    account: str | None = None  # digest of the account there, as `accounts.digest_of` says
    is_backup: bool = False  # it stands in for the channel's first provider
    mail_domain: str = ""  # right half of Message-ID
    mail_ids: MailIds | None = None  # signs Message-IDs

    def through(self, provider: str, *, is_backup: bool, account: str | None = None) -> "Lane":
        """Return the lane through one of the channel's providers; a second account is paced by itself."""
        is_this = (provider, is_backup, account) == (self.provider, self.is_backup, self.account)
        return self if is_this else replace(self, provider=provider, is_backup=is_backup, account=account)

    def pace_key(self, purpose: Purpose, senders: Mapping[str, str]) -> str:
        """Return whose pace a message keeps; at a second account all purposes share its one sender."""
        if self.is_backup:
            return f"{self.channel}:{self.provider}"
        return pace_key(self.channel, purpose, senders)

    def sender_of(self, purpose: Purpose, senders: Mapping[str, str]) -> str:
        """Return another sender than the provider's default; numbers belong to one account."""
        return "" if self.is_backup else senders.get(purpose, "")
