"""What the keys of `care.toml` may hold, each refused in words that say how to write it."""

import re
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from care.base.iso_codes import COUNTRIES, CURRENCIES


def _iana(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not an IANA time zone such as Asia/Shanghai")
    return name


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError(f"{code!r} is no country. Write its two capitals, such as CN")
    return code


def _currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError(f"{code!r} is no money in use. Write its three capitals, such as CNY")
    return code


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be one line of text, and not empty")
    return text


def _host(name: str) -> str:
    """Refuse what could never be looked up: a part of the name is empty or too long."""
    try:
        name.encode("idna")
    except UnicodeError:
        raise ValueError(f"{name!r} is no name of a machine. Write it like mail.example.com") from None
    return name


def _address(text: str) -> str:
    """Refuse what is neither number nor address; the line does not repeat it, it may be somebody's."""
    if not re.fullmatch(r"\+[1-9]\d{6,14}|[^@\s]+@[^@\s]+", text):
        raise ValueError("holds what is neither a number such as +8613800138000 nor an e-mail address")
    return text


def _ledger(url: str) -> str:
    """Refuse what no engine opens; the line never repeats the URL, which may hold a password."""
    if url.startswith("sqlite:") and (url in ("sqlite://", "sqlite:///") or ":memory:" in url):
        raise ValueError("would be in memory, which processes cannot share. Write sqlite:///care.db")
    if not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError("is neither sqlite:///care.db nor postgresql+psycopg://user:password@host/name")
    return url


def key(default: Any, words: str, **limits: Any) -> Any:
    """Return a field with a default, its words for people, and pydantic's limits."""
    return Field(default, description=words, **limits)


Zone = Annotated[str, AfterValidator(_iana)]
LedgerUrl = Annotated[str, AfterValidator(_ledger)]
Country = Annotated[str, AfterValidator(_country)]
Currency = Annotated[str, AfterValidator(_currency)]
Host = Annotated[str, AfterValidator(_host)]
Line = Annotated[str, AfterValidator(_one_line)]
Address = Annotated[str, AfterValidator(_address)]


class Section(BaseModel):
    """One table of `care.toml`; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)
