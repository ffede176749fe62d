"""A reply that names its ticket: "A12 4"."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_LEAST: Final = 2
"""A reference of one character would be found in anything."""
_BEFORE: Final = r"(?<![0-9A-Za-z])"
_AFTER: Final = r"(?![0-9A-Za-z])"
_LABEL: Final = r"(?:ref(?:erence)?|ticket|no|单号|單號|工单|工單|编号|編號)?[\s.:#号號]*"


def take_reference(text: str, references: Iterable[str]) -> tuple[str, str]:
    """Return the reference that a text names and the text without it; ('', text) where it names none.

    The whole reference counts, in any case and width; of several the longest.
    """
    plain = unicodedata.normalize("NFKC", text)
    for reference in sorted({ref for ref in references if len(ref) >= _LEAST}, key=len, reverse=True):
        if reference.isdigit() and len(reference) < 4:  # noqa: PLR2004 - "12" is as likely a number of days
            continue
        spelt = re.escape(unicodedata.normalize("NFKC", reference))
        found = re.search(f"{_LABEL}{_BEFORE}{spelt}{_AFTER}", plain, re.IGNORECASE)
        if found is None:
            continue
        rest = " ".join((plain[: found.start()], plain[found.end() :])).strip(" \t,，:：-#")
        if rest:
            return reference, rest
    return "", text
