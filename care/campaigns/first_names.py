"""The given name of a person whose name is written in Latin letters, or nothing where it cannot be told."""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

_PEOPLE: Final = frozenset({"person", "family", "student", "elderly"})
_TITLES: Final = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "lady", "rev"})
_SHORTEST: Final = 2


def first_name_of(customer: Mapping[str, Any]) -> str:
    """Return the first name from the attribute `first_name`, else from a Latin `name`, else ''.

    `Alexandra Smith` and `Smith, Alexandra` give Alexandra, `Mr Lee` is kept whole. Firms, initials and names
    in other scripts give nothing.
    """
    stated = (customer.get("attributes") or {}).get("first_name")
    if isinstance(stated, str) and stated.strip():
        return stated
    name = customer.get("name")
    if not isinstance(name, str) or customer.get("customer_type", "person") not in _PEOPLE:
        return ""
    return _latin_given(name)


@lru_cache(maxsize=4096)
def _latin_given(name: str) -> str:
    return _given(name) if _is_latin(name) else ""


def _given(name: str) -> str:
    family, comma, rest = name.partition(",")
    words = (rest if comma and rest.strip() else family).split()
    titled = words and words[0].rstrip(".").lower() in _TITLES
    plain = words[1:] if titled else words
    if titled and len(plain) == 1:
        return " ".join(words)  # only the family name is known: Mr Lee
    first = plain[0] if plain else ""
    return first if len(first.rstrip(".")) >= _SHORTEST else ""


def _is_latin(name: str) -> bool:
    letters = [char for char in name if char.isalpha()]
    return bool(letters) and all(char.isascii() or unicodedata.name(char, "").startswith("LATIN") for char in letters)
