"""A campaign as sentences that one reads aloud before it runs."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice

from care.base.vocabulary import Channel
from care.campaigns.model import Campaign
from care.campaigns.occasion import Due, Occasion
from care.campaigns.scalars import write_duration
from care.segments.book import SegmentBook
from care.segments.model import Group, Leaf, Rule, SegmentRef

_CHANNELS = {Channel.SMS: "SMS", Channel.EMAIL: "e-mail"}
LOOK_AHEAD_DAYS = 400


def next_days(
    occasion: Occasion, zone: str, today: date, count: int = 3, *, after: datetime | None = None
) -> list[date]:
    """Return the next local days, from today on, on which the occasion may be due to somebody, later than `after`."""
    days = (today + timedelta(days=ahead) for ahead in range(LOOK_AHEAD_DAYS))
    coming = (day for day in days if any(_is_later(due, after) for due in occasion.select_due(day, zone)))
    return list(islice(coming, count))


def _is_later(due: Due, after: datetime | None) -> bool:
    return after is None or not isinstance(due.due_at, datetime) or due.due_at > after


def sentences(campaign: Campaign, book: SegmentBook) -> Iterator[tuple[str, str]]:
    """Yield (question, answer) in plain English: who, when, how, until when, who is left out."""
    yield "Who", f"{_whom(campaign.audience, book)}."
    yield "When", f"{campaign.occasion.describe()}, on the customer's clock."
    yield "How", f"{_how(campaign)}, with the text '{campaign.template}'."
    yield "Why", f"It is {_article(campaign.purpose)} {campaign.purpose}: {_rules(campaign)}."
    yield "Until", f"{write_duration(campaign.use_within)} after it is due; later, silence is better."
    if campaign.holdout:
        share = f"{campaign.holdout.share * 100:g}%"
        yield "Left out", f"{share} of the households in group '{campaign.holdout.group}', to measure the effect."
    if campaign.values:
        words = (f"{name} = {' / '.join(dict.fromkeys(texts.values()))}" for name, texts in campaign.values.items())
        yield "Words", f"{'; '.join(words)}."


def audience_words(rule: Rule, book: SegmentBook) -> str:
    """Return a rule in words: `high_value or long_tenure, but not open_complaint`."""
    if isinstance(rule, SegmentRef):
        return rule.name
    if isinstance(rule, Leaf):
        return _leaf_words(rule)
    return _group_words(rule, book)


def _whom(rule: Rule, book: SegmentBook) -> str:
    words = audience_words(rule, book)
    return "every customer" if words in ("everyone", "") else f"customers who are {words}"


def _leaf_words(leaf: Leaf) -> str:
    if leaf.operator == "is":
        return leaf.field if leaf.value else f"not {leaf.field}"
    value = ", ".join(map(str, leaf.value)) if isinstance(leaf.value, tuple) else str(leaf.value)
    return f"{leaf.field} {leaf.operator.replace('_', ' ')} {value}"


def _group_words(group: Group, book: SegmentBook) -> str:
    wanted = [part for part in group.parts if not (isinstance(part, Group) and part.kind == "none")]
    unwanted = [part for part in group.parts if part not in wanted]
    if group.kind == "none":
        return f"not {' nor '.join(_nested(part, book) for part in group.parts)}"
    joint = " or " if group.kind == "any" else " and "
    words = joint.join(_nested(part, book) for part in wanted)
    exceptions = [audience_words(part, book) for part in unwanted]
    return ", but ".join(filter(None, (words, *exceptions)))


def _nested(part: Rule, book: SegmentBook) -> str:
    words = audience_words(part, book)
    return f"({words})" if isinstance(part, Group) and len(part.parts) > 1 else words


def _how(campaign: Campaign) -> str:
    names = [_CHANNELS[channel] for channel in campaign.channels]
    if len(names) == 1:
        return f"By {names[0]} only"
    if campaign.on_every_channel:
        return f"By {' and '.join(names)}, one message on each"
    return f"By {names[0]}; where that cannot reach, by {' or '.join(names[1:])}"


def _rules(campaign: Campaign) -> str:
    if campaign.purpose.is_marketing:
        return "it needs consent, keeps marketing hours and counts against the caps"
    if campaign.purpose.is_service:
        return "it is owed under the contract, needs no consent and leaves nobody out"
    return "it keeps the hours and caps of its kind"


def _article(purpose: str) -> str:
    return "an" if purpose[0] in "aeio" else "a"
