"""What a returned mail or a provider's webhook says about one mail of ours, whoever says it."""

from dataclasses import dataclass

from care.delivery.mail_ids import Claimed
from care.inbound.bounces.model import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One report; `findings` name the recipients it speaks of.

    `return_paths` and `message_refs` are ids of ours that it claims to be about. `is_vouched` tells that a provider
    has signed it: then the address alone may find the mail, too.
    """

    return_paths: tuple[Claimed, ...] = ()
    message_refs: tuple[Claimed, ...] = ()
    findings: tuple[Finding, ...] = ()
    note: str = ""
    is_complaint: bool = False
    is_opt_out: bool = False  # the recipient unsubscribed at the provider
    is_delivered: bool = False
    is_vouched: bool = False

    @property
    def asks_for_something(self) -> bool:
        """Tell whether anything follows from it."""
        return (
            self.is_complaint or self.is_opt_out or self.is_delivered or any(each.error_code for each in self.findings)
        )
