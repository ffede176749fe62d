"""`docs/segments.md`, written from the declared fields and operators."""

from collections.abc import Iterable, Sequence

from care.segments.facts import Fact, fact_field
from care.segments.fields import (
    ATTRIBUTE_PREFIX,
    IS,
    OPERATORS,
    TOP_PERCENT,
    Field,
    Kind,
    Source,
    attribute_field,
)
from care.segments.ticket_facts import DECLARED_FIELDS

_INTRODUCTION = """\
# Segments

A segment is a named rule; the customers it selects on a day are its members. Segments live in
`campaigns/segments.yaml`, and a campaign's `audience` is a rule too.

```yaml
high_value:
  title: {en: High-value customers, zh-CN: 高价值客户}
  any:
    - monthly_spend: {top_percent: 20, leave_below: 25}
    - monthly_spend: {at_least: 300}
    - key_account: true
valued:
  any: [high_value, long_tenure]
  none: [open_complaint]
```

- `all`, `any` and `none` take a list: every part must hold, one is enough, no part may hold. They nest.
- A mapping means all of its lines. A list on its own means any of it.
- A name in a list is another segment, or a field that is yes or no. `everyone` selects everyone.
- `field: {operator: value}` compares; several operators in one pair of braces must all hold.
- A value that is not known passes no comparison, so it passes `none`.
- Money is written in the operator's currency, days as `2026-09-25`, lengths of time as `30d` or `4w`.

Customers who were erased are in no segment. Customers who have left are only in segments that ask about `status`.
A mistake is answered with file, line, column and what to write instead, all mistakes at once.

| command | does |
|---|---|
| `care segments list` | names and titles |
| `care segments count NAME` | how many customers, and how long counting took |
| `care segments sample NAME` | customer ids drawn by lot |
| `care segments explain NAME --customer ID` | each part of the rule with ✓ or ✗; exit 1 if not a member |
| `care segments rank` | computes the monthly ranking now |
| `care segments schema` | JSON Schema of the file, for editors |
"""

_NOTES = """\
## Exactly

- **Time since a day.** A year is full on its anniversary, for 29 February on 28 February where there is no 29th; a
  month is full on the same day, or on the last day of a shorter month. `tenure_years: {more_than: 3}` holds from the
  day after the third anniversary. `age` counts completed years: at 30 and a half one is 30, so `at_most: 30` holds.
- **Subscriptions.** Each line asks for itself whether *any* subscription passes. Those that have ended count only for
  `subscription_ends_on`.
- **Attributes** are compared as text (`equals: "3"`) or as numbers (`equals: 3`, `at_least: 3`) by how the rule
  writes the value. A text is a number when it is plain digits, at most 15 characters: `12`, `-3`, `199.90`.
- **Top percent.** Once a month, active customers with a figure are ranked within their customer type, equal figures by
  id. `top_percent: 20` selects ranks up to 20% of the type. With `leave_below: 25`, who was in the top 20% at a
  ranking stays while ranked within the top 25%, so that nobody moves in and out every month.
- **Text** is compared exactly; upper and lower case differ.
"""


def markdown_page(facts: Iterable[Fact] = ()) -> str:
    """Return the page: how rules are written, every operator, every field; `facts` are what other parts know."""
    own = DECLARED_FIELDS.named
    fields = [*own.values(), *(fact_field(fact) for fact in facts if fact.name not in own)]
    operators = _table(
        ("operator", "holds when the value is"), ((f"`{name}`", text) for name, text in OPERATORS.items())
    )
    free = attribute_field(f"{ATTRIBUTE_PREFIX}name")
    assert free is not None
    rows = [_row(field.name, field) for field in fields] + [_row(f"{ATTRIBUTE_PREFIX}<name>", free)]
    table = _table(("field", "holds", "meaning", "operators"), rows)
    return f"{_INTRODUCTION}\n## Operators\n\n{operators}\n## Fields\n\n{table}\n{_NOTES}"


def _row(name: str, field: Field) -> tuple[str, ...]:
    if field.kind is Kind.TRUTH:
        operators = f"`{field.name}: true`"
    else:
        operators = ", ".join(f"`{operator}`" for operator in field.allowed if operator != IS)
    holds = f"{field.kind}, any subscription" if field.source is Source.SUBSCRIPTION else str(field.kind)
    ranked = ", ranked monthly" if TOP_PERCENT in field.allowed else ""
    return f"`{name}`", holds + ranked, field.description, operators


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
