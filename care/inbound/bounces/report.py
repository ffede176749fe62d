"""Delivery status reports (RFC 3464) and what mail systems write in their place: fields per recipient."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MOST_RECIPIENTS = 100
_LINE = re.compile(r"([A-Za-z][A-Za-z-]{1,40})[ \t]*:[ \t]*(.*)")
_FIELDS = frozenset(
    {
        *("final-recipient", "original-recipient", "x-actual-recipient", "action", "status", "diagnostic-code"),
        *("remote-mta", "reporting-mta", "received-from-mta", "dsn-gateway", "arrival-date", "last-attempt-date"),
        *("will-retry-until", "original-envelope-id", "final-log-id", "x-supplementary-info", "x-display-name"),
    }
)
_COMMENT = re.compile(r"\(([^()]{5,200})\)")
_ADDRESS = re.compile(r"<?([^\s<>;,]{0,3}[^<>;,]{0,128}@[^\s<>;,()]{1,253}?)[>.\s]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One group of fields."""

    address: str
    original: str  # the address as it was first given, '' if not told
    action: str  # failed, delayed, delivered, relayed, expanded, or ''
    status: str
    diagnosis: str


def read_report(text: str) -> list[Recipient]:
    """Return the recipients that a report names."""
    found = []
    for group in _groups(text):
        address = _address(group.get("final-recipient", "")) or _address(group.get("x-actual-recipient", ""))
        original = _address(group.get("original-recipient", ""))
        if address or original:
            found.append(
                Recipient(
                    address=address if "." in address.rpartition("@")[2] else original or address,
                    original=original,
                    action=group.get("action", "").split(" ")[0].strip().lower(),
                    status=group.get("status", ""),
                    diagnosis=_diagnosis(group),
                )
            )
    return found[:MOST_RECIPIENTS]


def has_report(text: str) -> bool:
    """Tell whether a text carries the fields of a report, whatever it calls itself."""
    lowered = text.lower()
    return "final-recipient:" in lowered and ("action:" in lowered or "status:" in lowered)


def _groups(text: str) -> Iterator[Mapping[str, str]]:
    """Yield the fields of each recipient; a second Final-Recipient begins a new one even without an empty line."""
    fields: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        if not line.strip():
            last = ""
            if "final-recipient" in fields or "original-recipient" in fields:
                yield fields
                fields = {}
            continue
        if line[0] in " \t" and last:
            fields[last] = f"{fields[last]} {line.strip()}"[:4_000]
            continue
        found = _LINE.match(line.strip())
        name = found[1].lower() if found else ""
        if found is None or name not in _FIELDS:
            if last == "diagnostic-code" and not found:
                fields[last] = f"{fields[last]} {line.strip()}"[:4_000]  # folded without its blank
            continue
        if name == "final-recipient" and "final-recipient" in fields:
            yield fields
            fields = {}
        fields.setdefault(name, found[2].strip())
        last = name
    yield fields


def _diagnosis(group: Mapping[str, str]) -> str:
    """Return what the server said, from where some systems put it: a field of their own, or a comment on the status."""
    said = _without_type(group.get("diagnostic-code", "")) or group.get("x-supplementary-info", "")
    comment = _COMMENT.search(group.get("status", ""))
    return said or (comment[1] if comment else "")


def _address(value: str) -> str:
    """Return the address of `rfc822; someone@example.com`, '' if there is none."""
    word = value.rpartition(";")[2].strip() if ";" in value else value.strip()
    found = _ADDRESS.search(word[:400])
    return found[1].strip() if found else ""


def _without_type(value: str) -> str:
    kind, found, rest = value.partition(";")
    return rest.strip() if found and len(kind) < 40 and " " not in kind.strip() else value.strip()  # noqa: PLR2004
