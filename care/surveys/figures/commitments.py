"""`commitments.yaml`: what is promised about tickets, ours with the operator's own laid over it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from care.base.errors import CareError, FileError, ManyErrors
from care.base.yamlfile import did_you_mean, load_yaml, parse_yaml, place_along

FILE: Final = "commitments.yaml"
_WITHIN = re.compile(r"(\d{1,5})\s*(s|m|h|d|wd)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Within:
    """How long: a span of time, or so many working days."""

    span: timedelta | None
    working_days: int = 0

    @property
    def words(self) -> str:
        """Return it as people write it."""
        if self.span is None:
            return f"{self.working_days} working day" + "s" * (self.working_days != 1)
        for unit, length in (("h", 3600), ("m", 60)):
            if self.span.total_seconds() % length == 0:
                return f"{self.span.total_seconds() / length:g} {unit.replace('m', 'min')}"
        return f"{self.span.total_seconds():g} s"


def _within(value: object) -> object:
    found = _WITHIN.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError("is no length of time; write 30s, 5m, 24h, 2d or 3wd")
    n = int(found[1])
    return Within(None, n) if found[2] == "wd" else Within(timedelta(**{_UNITS[found[2]]: n}))


def _share(value: object) -> object:
    found = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found or not 0 <= float(found[1]) <= 100:  # noqa: PLR2004 - percent
        raise ValueError("is no share; write 95%")
    return float(found[1]) / 100


Share = Annotated[float, BeforeValidator(_share)]


class Commitment(BaseModel):
    """One promise. Exactly one of `within`, `average` and `satisfied` says what is measured."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True)

    title: str = Field(min_length=1)
    source: str = Field(min_length=1)
    start: str | None = Field(None, alias="from")
    end: str | None = Field(None, alias="to")
    within: Annotated[Within | None, BeforeValidator(_within)] = None
    share: Share = 1.0
    average: str | None = None
    at_most: float | None = None
    satisfied: Share | None = None
    hours: tuple[Annotated[int, Field(ge=0, le=23)], ...] = ()
    by: Literal["area", "staff"] | None = None
    of: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        kinds = [name for name in ("within", "average", "satisfied") if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise ValueError("measures nothing, or too much; give exactly one of 'within', 'average' and 'satisfied'")
        if self.within is not None and not (self.start and self.end):
            raise ValueError("a deadline needs 'from' and 'to'")
        if self.average is not None and self.at_most is None:
            raise ValueError("an average needs 'at_most'")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A commitment with its name, and whether the operator's own file gave it."""

    name: str
    promise: Commitment
    is_own: bool

    @property
    def applied(self) -> str:
        """Return which deadline was applied and where it comes from, for reports."""
        return f"{self.name}: {self.promise.source}" + (f" ({FILE})" if self.is_own else "")


def load_commitments(override: Path | None = None) -> tuple[Named, ...]:
    """Return the commitments by name, the operator's file laid over ours where it exists.

    Raises:
        FileError: one mistake in the file, with line and column.
        ManyErrors: several.
    """
    if override is None or not override.exists():
        return tuple(_shipped().values())
    document = load_yaml(override)
    errors: list[CareError] = []
    found = dict(_shipped())
    for name, entry in _entries(document, override, errors):
        if entry is False or entry == "off":
            if found.pop(name, None) is None:
                errors.append(_wrong(document, override, [name], f"'{name}' is not known", did_you_mean(name, found)))
        elif promise := _checked(document, override, name, entry, errors):
            found[name] = Named(name=name, promise=promise, is_own=True)
    if errors:
        raise errors[0] if len(errors) == 1 else ManyErrors(errors)
    return tuple(found.values())


@cache
def _shipped() -> Mapping[str, Named]:
    file = resources.files("care.surveys.figures").joinpath(FILE)
    document = parse_yaml(file.read_text(encoding="utf-8"), Path(str(file)))
    return {
        str(name): Named(name=str(name), promise=Commitment.model_validate(entry), is_own=False)
        for name, entry in document["commitments"].items()
    }


def _entries(document: Mapping[str, Any], path: Path, errors: list[CareError]) -> Iterator[tuple[str, Any]]:
    for key in document:
        if key != "commitments":
            line, column = place_along(document, [key])
            errors.append(FileError(path, f"'{key}' is not known", "Write 'commitments:'", line=line, column=column))
    entries = document.get("commitments") or {}
    if not isinstance(entries, Mapping):
        errors.append(FileError(path, "'commitments' has no names", "Write 'first_answer:' and its keys below it"))
        return
    for name, entry in entries.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            errors.append(_wrong(document, path, [name], "is no name", "Write small letters, digits and _"))
        else:
            yield name, entry


def _checked(
    document: Mapping[str, Any], path: Path, name: str, entry: Any, errors: list[CareError]
) -> Commitment | None:
    try:
        return Commitment.model_validate(entry)
    except ValidationError as error:
        for detail in error.errors():
            where = [step for step in detail["loc"] if step not in ("[key]", "function-before")]
            problem, fix = detail["msg"].removeprefix("Value error, "), "Correct the value"
            if detail["type"] == "extra_forbidden":
                problem, fix = f"'{where[-1]}' is not known", did_you_mean(str(where[-1]), _KEYS)
            errors.append(_wrong(document, path, [name, *where], problem[:1].lower() + problem[1:], fix))
        return None


_KEYS = [field.alias or name for name, field in Commitment.model_fields.items()]


def _wrong(document: Mapping[str, Any], path: Path, where: list[Any], problem: str, fix: str) -> FileError:
    line, column = place_along(document, ["commitments", *where])
    return FileError(path, problem, fix, line=line, column=column)
