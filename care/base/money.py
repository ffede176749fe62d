"""Money: how many digits a currency has below its unit."""


def minor_digits(currency: str) -> int:
    """Return 2 for CNY, 0 for JPY; `currency` is an ISO code."""
    from babel.numbers import get_currency_precision  # not loaded by commands that never count money

    return get_currency_precision(currency)
