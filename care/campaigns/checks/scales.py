"""The words of a survey must ask on the scale on which its answers are read."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from care.campaigns.checks.context import CheckContext, Sample
from care.campaigns.checks.findings import Finding, Severity, at_words
from care.campaigns.model import Campaign

_SCALES: Final[Mapping[str, tuple[int, int]]] = {"ces": (1, 7), "nps": (0, 10)}
_USUAL: Final = (1, 5)
_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])\d{1,2}(?![0-9A-Za-z])")
_LINK: Final = re.compile(r"https?://\S+")


def check_scale(campaign: Campaign, context: CheckContext) -> Iterator[Finding]:
    """Yield texts that name the ends of another scale than the occasion reads answers on."""
    survey = getattr(campaign.occasion, "survey", None)
    if survey is None:
        return
    low, high = _SCALES.get(str(survey), _USUAL)
    for sample in context.samples(campaign):
        named = [ends for ends in (_USUAL, *_SCALES.values()) if _names(sample, ends)]
        if named and (low, high) not in named:
            yield at_words(
                campaign,
                sample.path,
                str(named[0][1]),
                severity=Severity.ERROR,
                rule="scale",
                patterns=(_NUMBER,),
                problem=f"it asks from {named[0][0]} to {named[0][1]}, but answers are read from {low} to {high}",
                fix="Use the template of that survey, or say under the occasion what it asks",
            )


def _names(sample: Sample, ends: tuple[int, int]) -> bool:
    numbers = {int(found) for found in _NUMBER.findall(_LINK.sub(" ", sample.body))}
    return set(ends) <= numbers
