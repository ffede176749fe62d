"""Where settings come from: a TOML file, the environment, and files that hold secrets."""

import contextlib
import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from pydantic import BaseModel, ValidationError

from care.base.errors import FileError, SettingsError

Model = TypeVar("Model", bound=BaseModel)
PREFIX = "CARE_"
_REAL_KEYS_IN_FILE = {"ca_file"}
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")


def read_sources(model: type[Model], env: Mapping[str, str], directory: Path) -> Model:
    """Merge file and environment into `model`; the environment wins.

    Raises:
        SettingsError: all mistakes at once.
        FileError: the file is not TOML.
    """
    path = Path(env["CARE_CONFIG"]) if env.get("CARE_CONFIG") else directory / "care.toml"
    origin: dict[str, str] = {}
    merged = _read_file(path, origin, required=bool(env.get("CARE_CONFIG")))
    problems = _overlay_environment(merged, env, origin, model)
    try:
        settings = model.model_validate(merged)
    except ValidationError as error:
        problems += _all_mistakes(error, model, merged, origin)
    if problems:
        raise SettingsError("\n".join(problems)) from None
    return settings


def _all_mistakes(
    error: ValidationError, model: type[BaseModel], merged: dict[str, Any], origin: Mapping[str, str]
) -> list[str]:
    """Return a line per mistake; what contradicts other keys is found with the wrong keys left out."""
    lines = [_line(detail, model, origin) for detail in error.errors()]
    wrong = [detail["loc"] for detail in error.errors() if detail["loc"]]
    if not wrong:
        return "\n".join(lines).splitlines()
    for location in wrong:
        _forget(merged, location)
    try:
        model.model_validate(merged)
    except ValidationError as again:
        named = {".".join(str(part) for part in location) for location in wrong}
        found = "\n".join(_line(detail, model, origin) for detail in again.errors()).splitlines()
        lines += [line for line in found if line.split(":")[0] not in named]
    return lines


def _forget(merged: dict[str, Any], location: Sequence[Any]) -> None:
    table = merged
    for name in location[:-1]:
        inner = table.get(name)
        if not isinstance(inner, dict):
            table.pop(name, None)
            return
        table = inner
    table.pop(location[-1], None)


def _read_file(path: Path, origin: MutableMapping[str, str], *, required: bool) -> dict[str, Any]:
    if not path.exists():
        if required:
            raise SettingsError(f"{path}: CARE_CONFIG names no file. Correct the path or run: care init")
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = tomllib.loads(text)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check its owner and permissions") from None
    except UnicodeDecodeError:
        raise FileError(path, "is not UTF-8", "Save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line, column = (int(place[1]), int(place[2])) if place else (0, 0)
        problem = _PLACE.sub("", str(error)).strip()
        raise FileError(path, problem, "Correct the TOML here", line=line, column=column) from None
    origin.update({key: f"{path}:{line}" for key, line in _lines_of_keys(text).items()})
    return data


def _lines_of_keys(text: str) -> dict[str, int]:
    """Return where `section.key` is written, as far as a line begins with it; good enough to point at."""
    found: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([\w.\"-]+)\s*\]", line):
            section = header[1]
            found.setdefault(section, number)
        elif key := re.match(r"\s*([\w.\"-]+)\s*=", line):
            found.setdefault(f"{section}.{key[1]}".lstrip("."), number)
    return found


def _overlay_environment(
    merged: dict[str, Any], env: Mapping[str, str], origin: MutableMapping[str, str], model: type[BaseModel]
) -> list[str]:
    problems = []
    for name in sorted(name for name in env if name.startswith(PREFIX)):
        if "__" not in name:
            problems += _misspelt(name, model)
            continue
        value = env[name]
        *tables, key = name.removeprefix(PREFIX).lower().split("__")
        section = ".".join(tables)
        if key.endswith("_file") and key not in _REAL_KEYS_IN_FILE:
            key = key.removesuffix("_file")
            try:
                value = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "not UTF-8"
                problems.append(f"{name}: cannot read the file it names ({reason}). Correct the path")
                continue
            if not value:
                problems.append(f"{name}: the file it names is empty. Write into it, or leave {name} out")
                continue
        key = key.upper() if section == "prices" else key
        target = _table_in(merged, tables)
        if target is not None:
            target[key] = _split(value) if (section, key) in _LISTS else value
            origin[f"{section}.{key}"] = name
    return problems


def _table_in(merged: dict[str, Any], tables: Sequence[str]) -> dict[str, Any] | None:
    """Return the table of this name, made where it is missing; None where something else stands there."""
    target: Any = merged
    for name in tables:
        target = target.setdefault(name, {})
        if not isinstance(target, dict):
            return None
    return cast("dict[str, Any]", target)


_LISTS = frozenset({("trial", "only_to"), ("alerts", "urls")})
"""Keys that are lists: the environment writes them with commas."""


def _split(value: str) -> list[str]:
    if value.strip().startswith("["):  # as in the file
        with contextlib.suppress(json.JSONDecodeError):
            return list(json.loads(value))
    return [item.strip() for item in value.split(",") if item.strip()]


def _misspelt(name: str, model: type[BaseModel]) -> list[str]:
    """Catch CARE_DATABASE_URL, which would be ignored in silence."""
    for meant in _variables(model, PREFIX):
        if name in (meant.replace("__", "_"), f"{meant.replace('__', '_')}_FILE"):
            return [f"{name}: no such setting. Did you mean {meant}?"]
    return []


def _variables(kind: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the environment's name of every key in a table's tables."""
    for table, field in kind.model_fields.items():
        inner = _table_of(field.annotation)
        if inner is not None:
            yield from (f"{prefix}{table}__{key}".upper() for key in inner.model_fields)
            yield from _variables(inner, f"{prefix}{table}__")


def _line(detail: Any, model: type[BaseModel], origin: Mapping[str, str]) -> str:
    location = [str(part) for part in detail["loc"]]
    key = ".".join(location)
    known = next((origin[name] for name in (key, ".".join(location[:2])) if name in origin), None)
    where = f" (set by {known})" if known else ""
    if detail["type"] == "extra_forbidden":
        return f"{key}: no such setting{where}{_hint(location, model)}"
    if detail["type"] in ("model_type", "mapping_type", "dict_type"):
        return f"{key}: is a table of keys{where}. Write [{key}] and its keys below"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if detail["type"] == "string_pattern_mismatch":
        message = f"is not written like {_example(location, model)}"
    elif detail["type"] == "string_too_short":
        message = "must not be empty"
    return f"{key}: {message}{where}" if key else message


def _example(location: list[str], model: type[BaseModel]) -> str:
    table: type[BaseModel] | None = model
    for name in location[:-1]:
        table = _table_of(table.model_fields[name].annotation) if table else None
    field = table.model_fields.get(location[-1]) if table else None
    assert field is not None, "a pattern belongs to a key"
    assert field.examples, "and has an example"
    return str(field.examples[0])


def _hint(location: list[str], model: type[BaseModel]) -> str:
    table: type[BaseModel] | None = model
    for name in location[:-1]:
        known = table.model_fields.get(name) if table else None
        table = _table_of(known.annotation) if known else None
    close = difflib.get_close_matches(location[-1], list(table.model_fields) if table else (), 1)
    return f". Did you mean '{'.'.join([*location[:-1], close[0]])}'?" if close else ". See: care config show"


def _table_of(annotation: Any) -> type[BaseModel] | None:
    kinds = [annotation, *get_args(annotation)]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
