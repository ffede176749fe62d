"""Where settings come from: a TOML file, the environment, and files that hold secrets."""

import difflib
import re
import tomllib
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from care.base.errors import FileError, SettingsError

Model = TypeVar("Model", bound=BaseModel)
PREFIX = "CARE_"
_NOT_SECTIONS = {"CARE_CONFIG", "CARE_FAILPOINT"}


def read_sources(model: type[Model], env: Mapping[str, str], directory: Path) -> Model:
    """Merge file and environment into `model`; the environment wins.

    Raises:
        SettingsError: all mistakes at once.
        FileError: the file is not TOML.
    """
    path = Path(env["CARE_CONFIG"]) if env.get("CARE_CONFIG") else directory / "care.toml"
    origin: dict[str, str] = {}
    merged = _read_file(path, origin, required=bool(env.get("CARE_CONFIG")))
    problems = _overlay_environment(merged, env, origin)
    try:
        settings = model.model_validate(merged)
    except ValidationError as error:
        problems += [_line(detail, model, origin) for detail in error.errors()]
    if problems:
        raise SettingsError("\n".join(problems)) from None
    return settings


def _read_file(path: Path, origin: MutableMapping[str, str], *, required: bool) -> dict[str, Any]:
    if not path.exists():
        if required:
            raise SettingsError(f"{path}: CARE_CONFIG names no file. Correct the path or run: care init")
        return {}
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (0, 0)
        raise FileError(path, "is not valid TOML", str(error), line=line, column=column) from None
    except UnicodeDecodeError:
        raise FileError(path, "is not UTF-8", "Save the file as UTF-8") from None
    for section, table in data.items():
        for key in table if isinstance(table, dict) else ():
            origin[f"{section}.{key}"] = str(path)
    return data


def _overlay_environment(merged: dict[str, Any], env: Mapping[str, str], origin: MutableMapping[str, str]) -> list[str]:
    problems = []
    for name in sorted(env):
        if not name.startswith(PREFIX) or name in _NOT_SECTIONS or "__" not in name:
            continue
        value, label = env[name], name
        section, key = name.removeprefix(PREFIX).lower().split("__", 1)
        if key.endswith("_file") and key != "ca_file":
            key = key.removesuffix("_file")
            try:
                value = Path(value).read_text(encoding="utf-8").strip()
            except OSError as error:
                problems.append(f"{name}: cannot read the file it names ({error.strerror}). Correct the path")
                continue
        if section == "prices":
            key = key.upper()
        target = merged.setdefault(section, {})
        if isinstance(target, dict):
            target[key] = value.split(",") if (section, key) == ("trial", "only_to") else value
            origin[f"{section}.{key}"] = label
    return problems


def _line(detail: Any, model: type[BaseModel], origin: Mapping[str, str]) -> str:
    loc = [str(part) for part in detail["loc"]]
    key = ".".join(loc)
    where = f" (set by {origin[key]})" if key in origin else ""
    if detail["type"] == "extra_forbidden":
        return f"{key}: no such setting{where}{_hint(loc, model)}"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{key}: {message}{where}" if key else message


def _hint(loc: list[str], model: type[BaseModel]) -> str:
    names: list[str] = list(model.model_fields)
    if len(loc) > 1 and loc[0] in model.model_fields:
        section = model.model_fields[loc[0]].annotation
        names = list(section.model_fields) if isinstance(section, type) and issubclass(section, BaseModel) else []
    close = difflib.get_close_matches(loc[-1], names, 1)
    return f". Did you mean '{'.'.join([*loc[:-1], close[0]])}'?" if close else ". See: care config show"
