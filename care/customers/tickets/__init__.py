"""Tickets of the operator's own system: what was opened, and each time it was resolved."""
