"""Reads campaign files: every mistake in one pass, each with its place; a broken file stops itself only."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from care.base.errors import CareError, FileError, ManyErrors
from care.base.ids import digest
from care.base.vocabulary import Channel, Delivery
from care.base.yamlfile import load_yaml, place_along
from care.campaigns.campaign_set import CampaignSet
from care.campaigns.file_errors import file_errors
from care.campaigns.model import Campaign, Holdout
from care.campaigns.occasion import OccasionSpec, OptionError, Surroundings
from care.campaigns.occasions import KINDS
from care.campaigns.schema import EVERY_LOCALE, CampaignFile, campaign_model
from care.segments.book import SegmentBook
from care.segments.load import parse_rule
from care.segments.model import Leaf, Rule, SegmentRef

SEGMENTS_FILE = "segments.yaml"
OTHER_FILES = frozenset({SEGMENTS_FILE, "policy.yaml", "calendar.yaml", "replies.yaml", "commitments.yaml"})
"""Files of the same folder that are no campaigns."""

_ENDINGS = (".yaml", ".yml")
_DIGEST_LENGTH = 16
_NOT_SENT = {"id", "name", "title", "owner", "delivery"}  # changing these changes nothing that a customer sees
_ID_LINE = re.compile(r"^(id|name):\s*[\"']?([a-z][a-z0-9_-]{0,63})[\"']?\s*(?:#.*)?$", re.MULTILINE)


class _NotYamlError(FileError):
    """A file that cannot even be read as YAML."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What it takes to understand one file."""

    book: SegmentBook
    around: Surroundings
    kinds: Mapping[str, type[OccasionSpec]]
    template_digest: Callable[[str], str] | None = None


def load_campaigns(
    directory: Path,
    book: SegmentBook,
    *,
    country: str = "CN",
    template_digest: Callable[[str], str] | None = None,
    kinds: Mapping[str, type[OccasionSpec]] = KINDS,
    installation: Callable[[], str] = str,
) -> CampaignSet:
    """Return the campaigns of a folder; what is wrong with broken files is in `.problems`, nothing is raised for it.

    `template_digest` returns a digest of all texts of a template, so that an edited text is an edited campaign;
    a CareError of it leaves the campaign live, as rendering reports what is wrong with a template.

    Raises:
        FileError: if the folder is not there, or cannot be read.
    """
    around = Surroundings(country=country, installation=installation)
    reader = Reader(book=book, around=around, kinds=kinds, template_digest=template_digest)
    return gather(campaign_files(directory), reader)


def campaign_files(directory: Path) -> list[Path]:
    """Return the campaign files of a folder in the order of their names.

    Raises:
        FileError: if the folder is not there, or cannot be read.
    """
    try:
        there = list(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        raise FileError(directory, "is not a folder", "Set paths.campaigns, or run: care init") from None
    except OSError as error:
        raise FileError(directory, f"cannot be read ({error.strerror})", "Check the path and its permissions") from None
    return sorted(
        path
        for path in there
        if path.suffix in _ENDINGS and path.name not in OTHER_FILES and not path.name.startswith((".", "_"))
    )


def gather(paths: Iterable[Path], reader: Reader) -> CampaignSet:
    """Return the campaigns of these files; two files with one id or name are both held back."""
    sound: list[Campaign] = []
    problems: list[FileError] = []
    broken: set[str] = set()
    unreadable: set[Path] = set()
    nameless = False
    for path in paths:
        try:
            sound.append(read_campaign(path, reader))
        except CareError as error:
            problems += _flatten(error, path)
            unreadable |= {path} if isinstance(error, _NotYamlError) else set()
            told = told_id(path)
            broken |= {told} if told else set()
            nameless = nameless or told is None
    clashes = list(_clashes(sound))
    doubled = {campaign.id for campaign, _ in clashes}
    return CampaignSet(
        live={campaign.id: campaign for campaign in sound if campaign.id not in doubled},
        problems=(*problems, *(error for _, error in clashes)),
        broken_ids=frozenset(broken | doubled),
        nameless_breakage=nameless,
        unreadable=frozenset(unreadable),
    )


def read_campaign(path: Path, reader: Reader) -> Campaign:
    """Return the campaign of one file.

    Raises:
        FileError: one mistake.
        ManyErrors: several, in the order of the file.
    """
    try:
        node = load_yaml(path)
    except FileError as error:
        raise _NotYamlError(path, error.problem, error.fix, line=error.line, column=error.column) from None
    problems: list[CareError] = []
    audience = _audience(node, path, reader.book, problems)
    model = campaign_model(reader.kinds)
    try:
        written = model.model_validate(node)
        occasion = written.occasion.build(replace(reader.around, campaign=written.key))
    except ValidationError as error:
        problems += file_errors(error, node, path, model=model, kinds=reader.kinds)
    except OptionError as error:
        line, column = place_along(node, ("occasion", error.option))
        problems.append(FileError(path, error.problem, error.fix, line=line, column=column))
    if problems or audience is None:
        raise _in_order(problems)
    return Campaign(
        id=written.key,
        name=written.name,
        title=written.title or {EVERY_LOCALE: written.name},
        owner=written.owner,
        purpose=written.aim,
        audience=audience,
        occasion=occasion,
        channels=tuple(Channel(channel) for channel in written.channels),
        template=written.template,
        use_within=written.use_within,
        reminder=written.reminder or "",
        on_every_channel=written.on_every_channel,
        spread=written.spread,
        holdout=Holdout(share=written.holdout.share, group=written.holdout.group or written.key)
        if written.holdout
        else None,
        values=written.values,
        delivery=Delivery(written.delivery) if written.delivery else None,
        path=path,
        digest=_digest(written, audience, reader),
    )


def _audience(node: Any, path: Path, book: SegmentBook, problems: list[CareError]) -> Rule | None:
    """Return the rule under `audience:`; its mistakes are added to `problems`."""
    if "audience" not in node:
        return None
    at = place_along(node, ("audience",))
    if node["audience"] is None:
        fix = "Name a segment, or 'everyone'"
        problems.append(FileError(path, "'audience' is empty", fix, line=at[0], column=at[1]))
        return None
    try:
        return parse_rule(node["audience"], path, fields=book.fields, segments=book.names, at=at)
    except CareError as error:
        problems += _flatten(error, path)
        return None


def _flatten(error: CareError, path: Path) -> list[FileError]:
    if isinstance(error, ManyErrors):
        return [flat for one in error.errors for flat in _flatten(one, path)]
    if isinstance(error, FileError):
        return [error]
    problem, _, fix = str(error).partition(". ")
    return [FileError(path, problem, fix or "Correct the file")]


def _in_order(problems: list[CareError]) -> CareError:
    ordered = sorted(problems, key=lambda error: (getattr(error, "line", 0), getattr(error, "column", 0)))
    return ordered[0] if len(ordered) == 1 else ManyErrors(ordered)


def _digest(written: CampaignFile, audience: Rule, reader: Reader) -> str:
    """Return 16 hex digits that change with anything that alters what is sent, and to whom."""
    facts: dict[str, Any] = written.model_dump(mode="json", exclude={*_NOT_SENT, "audience"})
    for name in ("spread", "reminder"):
        if getattr(written, name) is None:
            del facts[name]  # what a file does not say changes nothing
    facts["audience"] = _spell_out(audience, reader.book)
    facts["country"] = reader.around.country
    facts["texts"] = _texts(written.template, reader) + (_texts(written.reminder, reader) if written.reminder else "")
    return digest(json.dumps(facts, sort_keys=True, default=str))[:_DIGEST_LENGTH]


def _spell_out(rule: Rule, book: SegmentBook) -> Any:
    """Return a rule as plain lists without places, named segments unfolded."""
    if isinstance(rule, Leaf):
        return [rule.field, rule.operator, str(rule.value)]
    if isinstance(rule, SegmentRef):
        return _spell_out(book.rule(rule.name), book)
    return [rule.kind, [_spell_out(part, book) for part in rule.parts]]


def _texts(template: str, reader: Reader) -> str:
    if reader.template_digest is None:
        return ""
    try:
        return reader.template_digest(template)
    except CareError:
        return "broken"


def _clashes(campaigns: list[Campaign]) -> Iterable[tuple[Campaign, FileError]]:
    """Return every campaign that shares its id or name with another one, with the error at its place."""
    told: set[Path | None] = set()
    for what in ("id", "name"):
        seen: dict[str, list[Campaign]] = {}
        for campaign in campaigns:
            seen.setdefault(getattr(campaign, what), []).append(campaign)
        for word, same in seen.items():
            for campaign in same if len(same) > 1 else []:
                others = ", ".join(str(other.path) for other in same if other is not campaign)
                if campaign.path not in told:
                    yield campaign, _clash(campaign, what, word, others)
                told.add(campaign.path)


def _clash(campaign: Campaign, what: str, word: str, others: str) -> FileError:
    assert campaign.path is not None
    node = load_yaml(campaign.path)
    line, column = place_along(node, (what if what in node else "name",))
    fix = f"Give one of them another {what}; until then neither is sent"
    return FileError(campaign.path, f"{what} '{word}' is also in {others}", fix, line=line, column=column)


def told_id(path: Path) -> str | None:
    """Return the id that a broken file seems to have, or None if it cannot be told."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    lines: dict[str, str] = {}
    for key, word in _ID_LINE.findall(text):
        lines.setdefault(key, word)
    return lines.get("id") or lines.get("name")
