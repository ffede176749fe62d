"""Which language files serve which customer: the locale itself, then its relatives, then English."""

from collections.abc import Collection
from functools import cache

_RELATIVES = {
    "zh": ("zh-CN",),
    "zh-Hans": ("zh-CN",),
    "zh-Hant": ("zh-TW",),
    "zh-HK": ("zh-TW",),
    "zh-MO": ("zh-HK", "zh-TW"),
    "zh-SG": ("zh-CN",),
    "zh-TW": ("zh-CN",),
}
_LAST = "en"
_SCRIPT_LENGTH, _REGION_LENGTH = 4, 2


def normalise_locale(locale: str) -> str:
    """Return a locale in the form of our file names: `zh_cn` and `zh-Hans-CN` are `zh-CN`."""
    language, *rest = locale.strip().replace("_", "-").split("-")
    region = next((part.upper() for part in rest if len(part) == _REGION_LENGTH), "")
    script = next((part.title() for part in rest if len(part) == _SCRIPT_LENGTH), "")
    return "-".join(part for part in (language.lower(), region or script) if part)


@cache
def fallbacks(locale: str) -> tuple[str, ...]:
    """Return the locales to try, best first, each once; English is always the last.

    zh-TW → zh-CN → en; zh-HK → zh-TW → zh-CN → en; en-GB → en; fr-CA → fr → en.
    """
    start = normalise_locale(locale)
    chain = [start] if start else []
    for name in chain:  # grows while it is read: relatives of relatives follow
        relatives = _RELATIVES.get(name) or ((name.split("-")[0],) if "-" in name and not name.startswith("zh") else ())
        chain += [relative for relative in relatives if relative not in chain]
    if language_of(start) == "zh" and "zh-CN" not in chain:
        chain.append("zh-CN")
    return (*(name for name in chain if name != _LAST), _LAST)


def choose_locale(wanted: str, there: Collection[str]) -> str | None:
    """Return the best locale of those that are there, or None when not even English is."""
    return next((name for name in fallbacks(wanted) if name in there), None)


def language_of(locale: str) -> str:
    """Return the language of a locale: `zh` of `zh-TW`."""
    return locale.split("-", maxsplit=1)[0].lower()
