"""A list of phrases as one pattern: any of them, whatever the case of letters."""

import re


def any_of(*phrases: str) -> re.Pattern[str]:
    """Return the pattern that finds any of some phrases, each a regular expression."""
    return re.compile("|".join(phrases), re.IGNORECASE)
