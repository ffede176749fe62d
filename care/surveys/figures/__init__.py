"""What the answers say: counts, shares and trends with their uncertainty, each by one query."""
