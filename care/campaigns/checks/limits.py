"""Limits: hold-outs where nobody may be left out, greetings that come too late, links that carriers refuse."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from care.base.vocabulary import Channel, Purpose
from care.campaigns.checks.context import CheckContext
from care.campaigns.checks.findings import Finding, Severity, at_key, at_words
from care.campaigns.model import Campaign
from care.campaigns.scalars import write_duration
from care.policy.model import UrlRule
from care.policy.windows import NeverOpensError, contact_window, next_open

_LONGEST_GREETING = timedelta(hours=24)
_LARGEST_HOLDOUT = 0.5
_LOOK_AHEAD_DAYS = 400
_LINK = re.compile(
    r"https?://|\bwww\.|\b[\w-]+\.(?:com|cn|net|org|io|tw|hk|co|me|cc|ly|top|shop|app)(?:/|\b)", re.IGNORECASE
)


def check_limits(campaign: Campaign, context: CheckContext) -> Iterator[Finding]:
    """Yield limits that contradict the purpose."""
    yield from _holdout(campaign)
    if campaign.purpose is Purpose.GREETING and campaign.use_within > _LONGEST_GREETING:
        length = write_duration(campaign.use_within)
        yield at_key(
            campaign,
            "use_within",
            rule="late",
            severity=Severity.WARNING,
            problem=f"a greeting may still go out {length} after its hour, on another day",
            fix="Write at most 24h; 8h keeps it on the day",
        )
    if campaign.on_every_channel and len(campaign.channels) == 1:
        yield at_key(
            campaign,
            "on_every_channel",
            rule="channels",
            severity=Severity.WARNING,
            problem="there is only one channel",
            fix="Add another channel, or remove the line",
        )
    yield from _links(campaign, context)
    yield from _hours(campaign, context)


def _holdout(campaign: Campaign) -> Iterator[Finding]:
    if campaign.holdout is None:
        return
    if campaign.purpose.is_service or campaign.purpose is Purpose.REPLY:
        yield at_key(
            campaign,
            "holdout",
            rule="holdout",
            severity=Severity.ERROR,
            problem=f"it leaves {campaign.holdout.share:.1%} out on purpose, but its purpose is {campaign.purpose}",
            fix="Remove holdout: everyone who is owed a notice gets it",
        )
    elif campaign.holdout.share > _LARGEST_HOLDOUT:
        yield at_key(
            campaign,
            "holdout",
            rule="holdout",
            severity=Severity.WARNING,
            problem=f"it leaves {campaign.holdout.share:.1%} out, more than half",
            fix="5% to 10% measures the effect; is it written the wrong way round?",
        )


def _links(campaign: Campaign, context: CheckContext) -> Iterator[Finding]:
    for sample in context.samples(campaign):
        rule = sample.policy.sms.urls
        link = _LINK.search(sample.body)
        if sample.channel is not Channel.SMS or rule is UrlRule.ALLOWED or link is None:
            continue
        is_forbidden = rule is UrlRule.FORBIDDEN
        yield at_words(
            campaign,
            sample.path,
            link.group(),
            severity=Severity.ERROR if is_forbidden else Severity.WARNING,
            rule="link",
            problem=f"it has a link ('{link.group()}'), which carriers in {sample.policy.code} "
            + ("refuse" if is_forbidden else "only let pass when registered"),
            fix="Name the hotline instead" if is_forbidden else "Register it with the carriers first",
        )


def _hours(campaign: Campaign, context: CheckContext) -> Iterator[Finding]:
    """Yield a finding where the hour lies so far outside contact hours that a message would expire unsent."""
    operator = context.settings.operator
    window = contact_window(context.policies.country(operator.country), campaign.purpose)
    due_at = _next_due(campaign, context)
    if due_at is None:
        return
    try:
        opens = next_open(window, (operator.timezone,), due_at)
    except NeverOpensError:
        opens = due_at + timedelta(days=_LOOK_AHEAD_DAYS)
    if opens >= due_at + campaign.use_within:
        yield at_key(
            campaign,
            "occasion",
            "at",
            rule="hours",
            severity=Severity.ERROR,
            problem=f"it is due when {campaign.purpose} messages may not be sent in {operator.country}, "
            f"and use_within ({write_duration(campaign.use_within)}) is over before they may",
            fix="Choose an hour inside the contact hours of the policy, or a longer use_within",
        )


def _next_due(campaign: Campaign, context: CheckContext) -> datetime | None:
    """Return the next instant something may be due in the operator's zone, None for hours computed per row."""
    for ahead in range(_LOOK_AHEAD_DAYS):
        day = context.today + timedelta(days=ahead)
        found = campaign.occasion.select_due(day, context.settings.operator.timezone)
        instants = [due.due_at for due in found if isinstance(due.due_at, datetime)]
        if instants:
            return instants[0]
        if any(not due.is_reminder for due in found):
            return None
    return None
