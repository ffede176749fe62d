"""Templates: there for the operator's language, filled in without gaps, short enough to be one message."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from care.base.errors import FileError
from care.base.vocabulary import Channel
from care.campaigns.checks.context import CheckContext, Sample, Trouble
from care.campaigns.checks.findings import Finding, Severity, at_key, at_words, in_template, position
from care.campaigns.locales import choose_locale
from care.campaigns.model import Campaign
from care.campaigns.rendering import RenderError
from care.campaigns.sms_parts import costly_characters, count_parts
from care.campaigns.variables import available_variables

_NAMED = 6  # costly characters that a line names
_MISSPELT = 0.85  # how alike two names are before one is taken for the other


def check_texts(campaign: Campaign, context: CheckContext) -> Iterator[Finding]:
    """Yield what is wrong with the campaign's texts as such."""
    for trouble in context.troubles(campaign):
        yield _trouble(campaign, trouble)
    for channel in campaign.channels:
        yield from _language(campaign, channel, context)
    yield from _variables(campaign, context)
    for sample in context.samples(campaign):
        if sample.channel is Channel.SMS:
            yield from _parts(campaign, sample, context)


def _trouble(campaign: Campaign, trouble: Trouble) -> Finding:
    error = trouble.error
    if isinstance(error, FileError):
        if trouble.path is not None and trouble.path.is_dir():
            return _at(campaign, "template", error.problem, error.fix)
        if trouble.path is not None and not trouble.path.exists():
            return _at(campaign, "template", f"there is no template '{campaign.template}'", error.fix)
        return in_template(error, campaign=campaign.id)
    if isinstance(error, RenderError) and set(error.missing) & set(campaign.values):
        name = next(name for name in error.missing if name in campaign.values)
        problem = f"the value '{name}' has no words for {error.locale}"
        return at_key(
            campaign,
            "values",
            name,
            rule="values",
            severity=Severity.ERROR,
            problem=problem,
            fix=f"Add {error.locale}: … to it; customers of that language would be skipped",
        )
    problem, _, fix = str(error).partition(". ")
    return _at(campaign, "template", problem, fix)


def _at(campaign: Campaign, key: str, problem: str, fix: str, severity: Severity = Severity.ERROR) -> Finding:
    return at_key(campaign, key, rule="template", severity=severity, problem=problem, fix=fix)


def _language(campaign: Campaign, channel: Channel, context: CheckContext) -> Iterator[Finding]:
    """Yield a warning where the operator's own customers would read another language."""
    try:
        there = context.library.locales(campaign.template, channel)
    except FileError:
        return
    home = context.settings.operator.locale
    used = choose_locale(home, there)
    if used is None:
        problem = f"template '{campaign.template}' has no {channel} text for {home}"
        yield _at(campaign, "template", problem, f"Add one, or take {channel} out of channels")
    elif used != home:
        problem = f"template '{campaign.template}' has no {channel} text for {home}; {used} is sent instead"
        yield _at(campaign, "template", problem, f"Add {home}", Severity.WARNING)


def _variables(campaign: Campaign, context: CheckContext) -> Iterator[Finding]:
    """Yield variables that nothing but an import column of their name can give."""
    known = available_variables(campaign.occasion, campaign.values)
    samples = context.samples(campaign)
    for name in sorted({name for sample in samples for name in sample.missing}):
        near = difflib.get_close_matches(name, known, 1, _MISSPELT)
        if near:
            yield from (_misspelt(campaign, sample.path, name, near[0]) for sample in samples if name in sample.missing)
            continue
        problem = (
            f"'{name}' comes from no campaign, occasion or customer field, only from an import column of that name"
        )
        fix = "Customers without it are skipped; if it is the same for all, give it under values"
        yield _at(campaign, "template", problem, fix, Severity.WARNING)


def _misspelt(campaign: Campaign, path: Path, name: str, meant: str) -> Finding:
    """Return the finding at the place of a variable in its template; in a shared piece, at the file's beginning."""
    text = path.read_text(encoding="utf-8")
    word = re.search(rf"\{{[{{%][^}}]*?\b({re.escape(name)})\b", text)
    line, column = position(text, word.start(1) if word else 0)
    return Finding(
        severity=Severity.ERROR,
        rule="template",
        campaign=campaign.id,
        path=path,
        problem=f"variable '{name}' is not known",
        fix=f"Did you mean '{meant}'?",
        line=line,
        column=column,
    )


def _parts(campaign: Campaign, sample: Sample, context: CheckContext) -> Iterator[Finding]:
    brand = context.settings.operator.brand
    costly = {char for _, char in costly_characters(sample.rendered.text)}
    parts, encoding = sample.rendered.parts, sample.rendered.encoding
    if encoding == "UCS-2" and costly <= set(brand):
        yield _dear_brand(brand, sample.locale)
        plain = count_parts(sample.rendered.text.replace(brand, "x" * len(brand)))
        parts, encoding = plain.parts, plain.encoding
    if parts <= 1:
        return
    is_too_much = parts > context.max_parts and context.is_home(sample.locale)
    few = "UCS-2" in encoding and len(costly) <= _NAMED
    yield at_words(
        campaign,
        sample.path,
        min(costly, key=sample.rendered.text.find) if few and costly else "",
        severity=Severity.ERROR if is_too_much else Severity.WARNING,
        rule="parts",
        problem=f"with long names it is {parts} SMS parts ({encoding})",
        fix=f"Replace {' '.join(sorted(costly))}: one alone makes every character dearer" if few else "Shorten it",
    )


def _dear_brand(brand: str, locale: str) -> Finding:
    """Return the one finding for all texts that only the sender's name makes dear."""
    return Finding(
        severity=Severity.WARNING,
        rule="brand",
        campaign="",
        path=Path("care.toml"),
        problem=f"operator.brand '{brand}' is outside the GSM alphabet: texts in {locale} cost up to twice the parts",
        fix="Use a name in Latin letters where such customers are many",
    )
