"""The campaign that tells those who answered: a file whose figures are the measured ones."""

import json
from datetime import date

from care.surveys.figures.improvements import Effect
from care.surveys.figures.period import quarter_of

_TEXT = """\
# yaml-language-server: $schema=campaign.schema.json
# Tells those who answered in the last three months what they said, what was done, and what came of it.
#
# The figures were measured by `care surveys improvements`; put `issue` and `action` into the words of each language.
id: you_said_we_did_{number}
name: you_said_we_did_{number}
title: {{en: You said we did, zh-CN: 您的声音，我们的改变, zh-TW: 您的聲音，我們的改變}}
owner: customer care
purpose: survey
audience: {{answered: {{within_last: 90d}}}}
occasion: {{kind: date, on: {on}, at: "10:00"}}
channels: [sms, email]
template: you_said_we_did
use_within: 8h
values:
  quarter: {{zh-CN: {quarter}, zh-TW: {quarter}, en: "in {quarter_en}"}}
  n: {n}
  issue: {issue}
  action: {action}
  before: {before}
  after: {after}
"""


def campaign_text(effect: Effect, *, on: date) -> str:
    """Return the campaign file for a measure after which satisfaction rose."""
    change, one = effect.change, effect.improvement
    last = quarter_of(one.in_force_on, "UTC")
    year, number = last.name.split("Q")
    return _TEXT.format(
        number=one.id,
        on=on.isoformat(),
        quarter=f"{year}年第{number}季度",
        quarter_en=last.name,
        n=json.dumps(f"{change.earlier.n + change.later.n}"),
        issue=json.dumps(one.theme, ensure_ascii=False),
        action=json.dumps(one.measure, ensure_ascii=False),
        before=json.dumps(_share(change.earlier.satisfaction().value)),
        after=json.dumps(_share(change.later.satisfaction().value)),
    )


def _share(value: float | None) -> str:
    return f"{100 * (value or 0):.0f}%"
