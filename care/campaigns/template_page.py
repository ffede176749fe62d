"""`docs/templates.md`, written from the code: where each variable comes from, and what is shipped."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from care.base.vocabulary import Purpose
from care.campaigns.occasion import OccasionSpec, Surroundings
from care.campaigns.occasions import KINDS
from care.campaigns.samples import sample_values, shipped_purposes
from care.campaigns.sandbox import FILTERS
from care.campaigns.variables import CUSTOMER_VARIABLES, LINK_VARIABLES, OPERATOR_VARIABLES

_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "date": {"on": "2027-01-01"},
    "every": {"cron": "0 10 15 * *"},
    "holiday": {"name": "mid_autumn"},
    "subscription_end": {"before": ["30d"]},
    "tenure": {"years": [5]},
    "ticket_resolved": {"of": ["repair"], "deadline": "72h"},
    "ticket_open": {"of": ["complaint"]},
    "sample": {"share": "5%"},
}
_FILTER_WORDS: Final[Mapping[str, str]] = {
    "capitalize_first": "the first letter large, the rest as it was",
    "upper": "capital letters",
    "lower": "small letters",
    "plural": '`{{ years \\| plural("year", "years") }}`: 1 year, 8 years',
}

_INTRODUCTION: Final = """\
# Templates

A template is a folder below `templates/messages` with one file per channel and language:

```
templates/messages/birthday/zh-CN.sms.txt.j2
templates/messages/birthday/zh-CN.email.mjml.j2
templates/messages/birthday/en.sms.txt.j2
```

A customer gets the file of their locale or of its nearest relative: zh-HK → zh-TW → zh-CN → en, en-GB → en,
fr-CA → fr → en. `care campaigns check` compiles every file, lists the variables it may use, and shows each mistake with
file and line.

## What may be written

`{{ name }}` puts a variable in. `{% if years %}…{% elif … %}…{% else %}…{% endif %}` chooses, with `and`, `or`, `not`
and comparisons. Nothing else runs: no loops, no calls, no attributes, no arithmetic.

A variable that is missing or empty skips the customer with the reason in the delivery log; nobody ever reads
"Dear ," or "None". A variable that is only used inside an `{% if %}` that asks for it may be missing: the sentence
is left out.

| filter | gives |
|---|---|
"""

_CHANNELS: Final = """\

**SMS.** The text alone. The brand in front and the way to opt out behind come from the country's policy and must not
stand in the text. Avoid curly quotes and long dashes in English: one of them makes the SMS twice as dear.

**E-mail.** The subject stands in front matter, the page below is [MJML](https://documentation.mjml.io):

```
---
subject: {{ salutation }}，生日快乐
---
<mjml lang="zh-CN">
  <mj-head><mj-include path="_shared/style.mjml" /></mj-head>
  <mj-body>
    <mj-include path="_shared/header.mjml" />
    <mj-section><mj-column><mj-text><p>{{ salutation }}，祝您生日快乐。</p></mj-text></mj-column></mj-section>
    <mj-include path="_shared/footer.zh-CN.mjml" />
  </mj-body>
</mjml>
```

The plain text part is made from the page. Every value is escaped in the page; there is no way to switch that off. Links
begin with `https://`, `mailto:`, `tel:` or a `…_url` variable. Around whole blocks `{% if %}` goes into
`<mj-raw>{% if offer %}</mj-raw>`. Pieces that several mails share live in `_shared`. A greeting or an offer needs
`{{ unsubscribe_url }}`; the shipped footers have it.

## Variables

All are words or whole numbers, already written the way the language does. Where several sources give a name, the
campaign's `values` win, then the occasion, the customer, the operator.

| variable | source | meaning | if not known |
|---|---|---|---|
"""

_SHIPPED: Final = """\

## Shipped templates

Each has an SMS in zh-CN, zh-TW and en, and an e-mail in the same languages unless it answers an SMS.

| purpose | templates |
|---|---|
"""


def markdown_page(kinds: Mapping[str, type[OccasionSpec]] = KINDS) -> str:
    """Return the whole page; `kinds` are the occasions that templates may be used for."""
    filters = "\n".join(f"| `{name}` | {_FILTER_WORDS[name]} |" for name in FILTERS)
    variables = "\n".join(_variable_rows(kinds))
    shipped = "\n".join(_shipped_rows())
    return f"{_INTRODUCTION}{filters}\n{_CHANNELS}{variables}\n{_SHIPPED}{shipped}\n"


def occasion_variables(kinds: Mapping[str, type[OccasionSpec]] = KINDS) -> dict[str, list[str]]:
    """Return each variable that a built-in occasion gives, with the kinds that give it."""
    found: dict[str, list[str]] = {}
    for kind, spec in kinds.items():
        occasion = spec.model_validate({"kind": kind, **_EXAMPLES.get(kind, {})}).build(Surroundings())
        for name in occasion.variable_names():
            found.setdefault(name, []).append(kind)
    return found


def _variable_rows(kinds: Mapping[str, type[OccasionSpec]]) -> Iterator[str]:
    given = {name: _listed(its, kinds) for name, its in occasion_variables(kinds).items()}
    for variable in CUSTOMER_VARIABLES:
        also = f", occasion {given[variable.name]}" if variable.name in given else ""
        yield f"| `{variable.name}` | customer{also} | {variable.meaning} | {variable.default or 'skipped'} |"
    yield "| any other name | customer | the attribute of that name: an import column of your own | skipped |"
    for name, meaning in OPERATOR_VARIABLES.items():
        yield f"| `{name}` | settings | {meaning} | skipped |"
    known = {variable.name for variable in CUSTOMER_VARIABLES}
    for name in sorted(given.keys() - known):
        yield f"| `{name}` | occasion {given[name]} | such as {_sample(name)} | skipped |"
    for name, meaning in LINK_VARIABLES.items():
        giver = "sender" if name == "survey_url" else "sender, e-mail only"
        yield f"| `{name}` | {giver} | {meaning} | ask with `{{% if {name} %}}` |"
    other = sample_values("en").keys() - known - given.keys()
    for name in sorted(other):
        yield f"| `{name}` | campaign's `values`, or the event | such as {_sample(name)} | skipped |"


def _sample(name: str) -> str:
    value = sample_values("en").get(name)
    return f"`{value}`" if value is not None else "an id"


def _shipped_rows() -> Iterator[str]:
    purposes = shipped_purposes()
    for purpose in Purpose:
        names = [f"`{name}`" for name, given in purposes.items() if given is purpose]
        if names:
            yield f"| {purpose} | {', '.join(names)} |"


def _listed(some: list[str], kinds: Mapping[str, type[OccasionSpec]]) -> str:
    return "any" if len(some) == len(kinds) else ", ".join(f"`{kind}`" for kind in sorted(some))
