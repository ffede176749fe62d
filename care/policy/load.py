"""Policy files to `Policies`: the product's own, and an operator's laid over it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from care.base.errors import CareError, FileError, ManyErrors
from care.base.vocabulary import Purpose
from care.base.yamlfile import did_you_mean, load_yaml, parse_yaml, place_along
from care.policy.hours import common_hours, narrowest, parse_windows
from care.policy.keywords import normalise
from care.policy.model import (
    Caps,
    ConsentRule,
    CountryPolicy,
    OptOutRule,
    OptOutScope,
    Policies,
    SmsRule,
    UrlRule,
    WindowGroup,
)
from care.policy.schema import PolicyFile, laid_over

_ELSEWHERE = "a country without rules of its own"


def load_policies(override: Path | None = None) -> Policies:
    """Return the policies of all countries, with the operator's file laid over them where it exists.

    Raises:
        FileError: one mistake in the operator's file, with line and column.
        ManyErrors: several.
    """
    if override is None or not override.exists():
        return _shipped_policies()
    return _policies(laid_over(_shipped(), _checked(load_yaml(override), override)))


@cache
def _shipped_policies() -> Policies:
    return _policies(_shipped())


@cache
def _shipped() -> Mapping[str, Any]:
    file = resources.files("care.policy").joinpath("policy.yaml")
    path = Path(str(file))
    return _checked(parse_yaml(file.read_text(encoding="utf-8"), path), path)


def _checked(document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return what the file says, as plain values; refuse it with the place of each mistake."""
    try:
        file = PolicyFile.model_validate(document)
    except ValidationError as error:
        errors: list[CareError] = [_located(document, path, detail) for detail in error.errors()]
        raise errors[0] if len(errors) == 1 else ManyErrors(errors) from None
    return _without_empty(file.model_dump(exclude_unset=True))


def _without_empty(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping without keys that have no value: they say nothing, except among the caps."""
    return {
        key: value if key == "caps" or not isinstance(value, Mapping) else _without_empty(value)
        for key, value in part.items()
        if value is not None
    }


def _located(document: Mapping[str, Any], path: Path, detail: Any) -> FileError:
    where = [step for step in detail["loc"] if step != "[key]"]
    line, column = place_along(document, where)
    if detail["type"] == "extra_forbidden":
        problem, fix = f"'{where[-1]}' is not known", did_you_mean(str(where[-1]), _known_keys(where[:-1]))
    else:
        problem, fix = detail["msg"].removeprefix("Value error, "), "Correct the value"
    return FileError(path, problem[:1].lower() + problem[1:], fix, line=line, column=column)


def _known_keys(where: list[Any]) -> Iterable[str]:
    schema = PolicyFile.model_json_schema()
    parts: Mapping[str, Any] = {name.removesuffix("Part").lower(): part for name, part in schema["$defs"].items()}
    if not where:
        return list(schema["properties"])
    name = {"countries": "country", "default": "country", "opt_out": "optout"}.get(where[-1], where[-1])
    part = parts.get(name if name in parts else "country", {})
    return list(part.get("properties", ()))


def _policies(file: Mapping[str, Any]) -> Policies:
    default, words = file["default"], file["worldwide"]
    countries = {code: _country(code, laid_over(default, part), words) for code, part in file["countries"].items()}
    elsewhere = _country("", {**default, "name": _ELSEWHERE}, words)
    hours = {
        group: narrowest([elsewhere.hours[group], *(policy.hours[group] for policy in countries.values())])
        for group in WindowGroup
    }
    return Policies(countries=countries, elsewhere=replace(elsewhere, hours=hours))


def _country(code: str, part: Mapping[str, Any], words: Mapping[str, Any]) -> CountryPolicy:
    closed = part["closed_on_holidays"]
    hours = {
        group: parse_windows(part["hours"][group], holidays_of=code if group in closed else "") for group in WindowGroup
    }
    marketing = hours[WindowGroup.MARKETING]
    states = part.get("states") or {}
    return CountryPolicy(
        code=code,
        name=part.get("name") or code,
        timezones=tuple(part.get("timezones") or ()),
        languages=tuple(part["languages"]),
        hours=hours,
        states={state: common_hours(marketing, parse_windows(value)) for state, value in states.items()},
        urgent_any_time=part["urgent_service"] == "any_time",
        consent={Purpose(purpose): ConsentRule(rule) for purpose, rule in part["consent"].items()},
        opt_out=_opt_out(part["opt_out"], words),
        caps=Caps(**part["caps"]),
        sms=_sms(part["sms"]),
        evidence_years=part["evidence_years"],
        notes=part.get("notes") or "",
        basis=part["basis"],
    )


def _opt_out(part: Mapping[str, Any], words: Mapping[str, Any]) -> OptOutRule:
    return OptOutRule(
        scope=OptOutScope(part["scope"]),
        words=_word_set(words["opt_out"], part.get("words")),
        start_words=_word_set(words["opt_in"], part.get("start_words")),
        help_words=_word_set(words["help"], part.get("help_words")),
        honour_within=part["honour_within"],
        confirm=part["confirm"],
    )


def _word_set(worldwide: list[list[str]], country: list[list[str]] | None) -> frozenset[str]:
    return frozenset(normalise(word) for word in chain(*worldwide, *(country or []))) - {""}


def _sms(part: Mapping[str, Any]) -> SmsRule:
    return SmsRule(
        two_way=part["two_way"],
        urls=UrlRule(part["urls"]),
        sender=part["sender"],
        template_approval=part["template_approval"],
        marketing_mark=part["marketing_mark"],
        prefix=part["prefix"],
        suffix=part["suffix"],
    )
