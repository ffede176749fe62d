"""The tables of `care.toml` for what follows a bad answer: cases, and the ticket system that is told of them."""

import base64
import binascii
import re

from pydantic import SecretStr

from care.base.settings_types import Section, key

_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
_SECRET_BYTES = range(24, 65)


class CaseSettings(Section):
    """Customers who were not satisfied: by when they are called, and when they are asked again."""

    call_back_hours: float = key(8, "Working hours within which an unsatisfied customer is called", gt=0, le=80)
    work_from: str = key(
        "09:00", "When call-backs begin on working days of operator.country", pattern=_CLOCK, examples=["09:00"]
    )
    work_until: str = key("18:00", "When they end", pattern=_CLOCK, examples=["18:00"])
    recontact_days: int = key(7, "Days after closing a case until the customer is asked whether all is well", ge=1)


class TicketSystemSettings(Section):
    """The ticket system that hears of cases: a Standard Webhooks receiver."""

    url: str = key(
        "",
        "Where signed webhooks are posted; nothing: nobody is told",
        pattern=r"^(https?://[^\s/]+\S*)?$",
        examples=["https://tickets.example.com/hooks/care"],
    )
    secret: SecretStr = key(SecretStr(""), "Signs them: whsec_ and 24 to 64 bytes in base64, the same at the receiver")
    timeout_seconds: float = key(10, "Longest wait for an answer", gt=0, le=60)
    give_up_days: float = key(5, "For how long a webhook that is not taken is tried again", gt=0, le=30)


def secret_bytes(secret: str) -> bytes:
    """Return the key of a Standard Webhooks secret.

    Raises:
        ValueError: it is none.
    """
    try:
        found = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if len(found) not in _SECRET_BYTES:
        raise ValueError("of the wrong length")
    return found


def case_problems(cases: CaseSettings, ticket_system: TicketSystemSettings) -> list[str]:
    """Return what does not fit together in these tables, one line each."""
    found = []
    if cases.work_from >= cases.work_until:
        found.append("cases.work_until: must be later than cases.work_from")
    if ticket_system.url and not _is_secret(ticket_system.secret.get_secret_value()):
        found.append(
            "ticket_system.secret: needed with ticket_system.url, as whsec_ and 24 to 64 bytes in base64. "
            "Set CARE_TICKET_SYSTEM__SECRET or …_FILE"
        )
    if re.match(r"https?://[^/]*@", ticket_system.url):
        found.append("ticket_system.url: holds a password. Webhooks are signed instead; leave it out")
    return found


def _is_secret(secret: str) -> bool:
    try:
        secret_bytes(secret)
    except ValueError:
        return False
    return True
