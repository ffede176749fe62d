"""From settings to the rules of tickets."""

from care.base.settings import TicketSettings
from care.customers.tickets.model import TicketRules


def ticket_rules(settings: TicketSettings) -> TicketRules:
    """Return which tickets nobody is asked about."""
    return TicketRules(
        test_kinds=frozenset(word.lower() for word in settings.test_kinds),
        test_staff=frozenset(settings.test_staff),
        test_customer_types=frozenset(settings.test_customer_types),
    )
