"""Does a mail system speak of mailboxes of its own? Then "no such user" needs no sign of when it was said."""

import re
from collections.abc import Sequence

from care.inbound.bounces.mime import Mail
from care.inbound.bounces.phrases import any_of

_FILTERS = any_of(
    r"active!hunter|x-ahmailid|x-nai-|mcafee|mxlogic|messagelabs|symantec|interscan|barracuda|mailscanner"
)
"""They stand before mailboxes and may say "unknown" of whatever they do not like."""

_RELAY = re.compile(r"\b(?:from|by)[ \t]+\(?([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})", re.IGNORECASE)
_MOST_RELAYS = 20
_HOST = re.compile(r"@([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})")
_REPORTER = re.compile(r"^reporting-mta[ \t]*:[^;\n]{0,20};[ \t]*([\w.-]{1,253})", re.IGNORECASE | re.MULTILINE)


def speakers_of(mail: Mail) -> Sequence[str]:
    """Return the hosts that a mail came through or that report in it; none if a filter is among them.

    Who it says to be from is no proof: many systems write as anybody.
    """
    told = " ".join(f"{name}: {value}" for name, value in mail.headers.fields)
    if _FILTERS.search(told):
        return ()
    texts = [part.text[:4_000] for part in mail.parts if not part.is_inside]
    reporters = [found[1] for text in texts if (found := _REPORTER.search(text))]
    relays = _RELAY.findall("\n".join(mail.headers.all("received")[:_MOST_RELAYS]))
    return [host.lower() for host in (*_HOST.findall(mail.headers.get("return-path")), *relays, *reporters)]


def is_first_hand(address: str, speakers: Sequence[str]) -> bool:
    """Tell whether an address belongs to one of the hosts that speak of it."""
    domain = address.rpartition("@")[2].lower()
    return "." in domain and any(_is_same_house(domain, host) for host in speakers)


def _is_same_house(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")
