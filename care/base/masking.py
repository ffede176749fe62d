"""What must never be read in a log: phones, addresses, names, words and tokens, in whatever value they hide.

Names and free words cannot be recognised in a sentence, so they are masked by the key they stand under, and texts
of errors and of libraries are shown without their quoted and non-Latin parts (see `mask_foreign`).
"""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"

_PHONE_KEYS = frozenset({"phone", "mobile", "msisdn", "number", "to", "from", "from_", "sender", "recipient", "caller"})
_NAME_KEYS = frozenset(
    {"name", "first_name", "last_name", "full_name", "salutation", "contact_name", "staff", "account_manager"}
)
_WORD_KEYS = frozenset(
    {"body", "text", "html", "subject_line", "content", "message", "reply", "answer", "comment", "summary", "wording"}
    | {"payload", "params", "parameters", "variables", "values", "data", "form", "row", "birthday", "label"}
)
_SECRET_KEY = re.compile(
    r"token|secret|password|passwd|authorization|cookie|signature|api_?key|credential|private", re.IGNORECASE
)
_ADDRESS_KEY = re.compile(r"(^|_)(phone|mobile|email|e_mail|address|recipient|contact)s?$", re.IGNORECASE)

_EMAIL = re.compile(r"[^\s@<>\"'(),;:=]+@[^\s@<>\"'(),;:]+\.[^\s@<>\"'(),;:]{2,}")
_PHONE = re.compile(
    r"""(?<![0-9A-Za-z_.])(?:
        \+\s?\d[\d\s().-]{6,18}\d          # international, written anyhow
      | \d{10,15}                          # bare digits: mobile numbers, with or without country
      | 1\d{2}[\s-]\d{4}[\s-]\d{4}         # 138 0000 0000
      | 0\d{2,3}[\s-]?\d{7,8}              # 0755-12345678
      | \(?\d{3}\)?[\s.-]\d{3}[\s.-]\d{4}  # (415) 555-2671
    )(?![0-9A-Za-z_])""",
    re.VERBOSE,
)
_TOKEN_IN_PATH = re.compile(r"(/(?:s|u|webhooks/twilio/status)/)[\w.~-]+")
_QUERY = re.compile(r"(?<=[\w/])\?[\w%.~+-]+=[^\s\"'<>]*")
_CREDENTIALS = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u0085\u2028\u2029\u202a-\u202e\u2066-\u2069\t\n]")

_DETAIL = re.compile(r"\bDETAIL:.*|\[parameters:.*|\binput_value=.*", re.DOTALL)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|«[^»]*»|“[^”]*”")
_FOREIGN = re.compile(r"[^\x00-\x7f…]+")


def mask_phone(number: str) -> str:
    """Return a number of which only the first three and last four digits can be read: 138****0000."""
    digits = re.sub(r"\D", "", number)
    shown = 7
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) > shown else HIDDEN


def mask_text(text: str) -> str:
    """Return a text on one line without addresses, numbers and tokens."""
    text = _PASSWORD_IN_URL.sub(f"{HIDDEN}@", text)
    text = _QUERY.sub(f"?{HIDDEN}", text)
    text = _EMAIL.sub(HIDDEN, text)
    text = _TOKEN_IN_PATH.sub(rf"\1{HIDDEN}", text)
    text = _CREDENTIALS.sub(rf"\1 {HIDDEN}", text)
    text = _PHONE.sub(lambda found: mask_phone(found[0]), text)
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}" if found[0] != "\n" else "\\n", text)


def mask_foreign(text: str) -> str:
    """Return an error's or a library's words without what they may quote from a customer's record."""
    text = _DETAIL.sub("…", text)
    text = _QUOTED.sub("'…'", text)
    return _FOREIGN.sub("…", mask_text(text))


def mask_field(key: str, value: Any) -> Any:
    """Return a field's value as a log may show it; goes into lists and tables of any depth."""
    word = key.lower()
    if value is None or isinstance(value, bool):
        return value
    if _SECRET_KEY.search(word) or word in _NAME_KEYS or word in _WORD_KEYS:
        return HIDDEN
    if word in _PHONE_KEYS or _ADDRESS_KEY.search(word):
        return _mask_address(value)
    return mask_value(value)


def mask_value(value: Any) -> Any:
    """Return a value of no telling key with every text in it masked; unknown objects become their type's name."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {mask_text(str(key)): mask_field(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [mask_value(item) for item in value]
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {mask_foreign(str(value))}"
    return _mask_object(value)


def _mask_address(value: Any) -> Any:
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_mask_address(item) for item in value]
    if isinstance(value, Mapping):
        return HIDDEN
    text = str(value)
    return HIDDEN if "@" in text else mask_phone(text)


def _mask_object(value: Any) -> str:
    """Show dates, paths, enums and decimals; anything else may hold a record, so only its kind is shown."""
    if type(value).__module__ in {"datetime", "decimal", "pathlib", "uuid"} or hasattr(value, "_value_"):
        return mask_text(str(value))
    return f"<{type(value).__name__}>"
