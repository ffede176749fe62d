"""The kinds of file there are, by the word after `care import`."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from care.base.settings import OperatorSettings, TicketSettings
from care.customers.addresses import AddressHasher
from care.customers.importing.consents import ConsentImport
from care.customers.importing.customers import CustomerImport
from care.customers.importing.run import ImportKind
from care.customers.importing.subscriptions import SubscriptionImport
from care.customers.importing.tickets import TicketImport


class _Maker(Protocol):
    def __call__(
        self, *, operator: OperatorSettings, hasher: AddressHasher, currency_digits: int, now: Callable[[], datetime]
    ) -> ImportKind: ...


KINDS: Mapping[str, _Maker] = {
    CustomerImport.name: CustomerImport,
    SubscriptionImport.name: SubscriptionImport,
    ConsentImport.name: ConsentImport,
}


def import_kind(
    name: str,
    *,
    operator: OperatorSettings,
    hasher: AddressHasher,
    currency_digits: int,
    now: Callable[[], datetime],
    tickets: TicketSettings | None = None,
) -> ImportKind:
    """Return what to do with files of a kind; `name` is a key of `KINDS`, or `tickets`."""
    if name == TicketImport.name:
        return TicketImport(operator=operator, hasher=hasher, now=now, tickets=tickets or TicketSettings())
    return KINDS[name](operator=operator, hasher=hasher, currency_digits=currency_digits, now=now)
