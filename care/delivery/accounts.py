"""Which account of a provider a request went to: names stay, while the settings may put another account behind them."""

from functools import lru_cache

from care.base.ids import digest
from care.delivery.channels.base import Gateway


@lru_cache(maxsize=64)
def account_digest(account: str) -> str:
    """Return under which name an account stands in attempts and in proofs of its list."""
    return digest(f"account:{account}")[:16]


def digest_of(gateway: Gateway) -> str | None:
    """Return the digest of the account that a gateway hands messages to, None where it keeps no list by account.

    A mail relay keeps none, and the sandbox has one outbox: nothing is concluded from what either of them lacks.
    """
    account = gateway.capabilities.account
    return account_digest(account) if account else None
