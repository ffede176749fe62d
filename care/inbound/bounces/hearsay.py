"""Whose "no such user" proves little unless it answers RCPT: filters before mailboxes, carriers that filter, too."""

import re
from typing import Final

from care.inbound.bounces.mime import Mail

_FILTERS: Final = ("x-ahmailid", "x-nai-header", "x-mxl-hash")
_FILTER_NAMES = re.compile(r"@[\w.-]{0,100}\bmxlogic\.net", re.IGNORECASE)
_CARRIERS = re.compile(
    r"@(?:[\w-]{1,63}\.){0,4}(?:docomo\.ne\.jp|ezweb\.ne\.jp|au\.com|uqmobile\.jp|mineo\.jp|softbank\.(?:ne\.)?jp"
    r"|vodafone\.ne\.jp|disney\.ne\.jp|willcom\.com|pdx\.ne\.jp|wcm\.ne\.jp|emnet\.ne\.jp|rakumail\.jp)$",
    re.IGNORECASE,
)
"""Their users choose whom they hear; everybody else is told that the user is unknown."""


def is_by_filter(mail: Mail) -> bool:
    """Tell whether a filter wrote the mail: it words most of what it refuses as an unknown user."""
    names = " ".join(mail.headers.get(name) for name in ("from", "message-id", "return-path"))
    return any(mail.headers.get(name) for name in _FILTERS) or _FILTER_NAMES.search(names) is not None


def is_at_carrier(address: str) -> bool:
    """Tell whether an address belongs to a carrier that answers "unknown user" for its users' own lists."""
    return _CARRIERS.search(address) is not None
