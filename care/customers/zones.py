"""What a country tells about its customers: its one time zone, its usual language."""

from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import available_timezones

_OFFICIAL = {"CN": "Asia/Shanghai"}
"""The zone database lists Asia/Urumqi too, yet the whole country keeps Beijing time by law and in business."""


@cache
def zones_of_countries() -> dict[str, tuple[str, ...]]:
    """Return the zones of every country, by two-letter code, from the zone database's own table."""
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _place, zone = line.split("\t")[:3]
            found.setdefault(country, []).append(zone)
    return {country: tuple(zones) for country, zones in found.items()}


def zone_of_country(country: str) -> str | None:
    """Return a country's zone if it has exactly one, else None: several zones are as good as none."""
    if country in _OFFICIAL:
        return _OFFICIAL[country]
    zones = zones_of_countries().get(country, ())
    return zones[0] if len(zones) == 1 else None


@cache
def known_zones() -> frozenset[str]:
    """Return every IANA zone name that is a place or an offset."""
    return frozenset(available_timezones()) - {"Factory", "localtime"}


@lru_cache(maxsize=512)
def locale_of_country(country: str) -> str:
    """Return the language most people of a country read, such as zh-TW; `en` when nothing is known."""
    from babel.languages import get_official_languages

    languages = get_official_languages(country, de_facto=True)
    return f"{languages[0].split('_')[0]}-{country}" if languages else "en"
