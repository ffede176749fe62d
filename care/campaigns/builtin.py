"""Campaigns without a file: the system's own answers to what customers write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import ClassVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.vocabulary import Channel, Purpose
from care.campaigns.formats import format_day, format_deadline
from care.campaigns.locales import choose_locale
from care.campaigns.model import Campaign
from care.campaigns.occasion import Due, OccasionFacts
from care.segments.model import EVERYONE

REPLY_PREFIX = "reply:"
REPLY_WITHIN = timedelta(minutes=30)
REASON_MENU: Mapping[str, str] = {
    "zh-CN": "1等太久 2态度 3没解决 4其他",
    "zh-TW": "1等太久 2態度 3沒解決 4其他",
    "en": "1 slow, 2 attitude, 3 not fixed, 4 other",
}
START_WORD = "START"
"""The way back that texts name: every country's policy and every provider know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Owed to one inbound message; nothing is planned, the inbound side writes the row itself."""

    kind: ClassVar[str] = "reply"

    def select_due(self, day: date, zone: str) -> Sequence[Due]:  # noqa: ARG002 - nobody is due by the calendar
        """Return nothing: an answer is owed by what a customer wrote, not by a day."""
        return []

    def still_owed(self) -> sa.ColumnElement[bool] | None:
        """Return nothing: an answer stays owed until its half hour is over."""
        return None

    def variables(self, facts: OccasionFacts) -> Mapping[str, str | int]:
        """Return the day, the way back from an opt-out, and the plain words of the row spoken of."""
        subject = facts.subject or {}
        given: dict[str, str | int] = {
            "date": format_day(facts.occasion_on, facts.locale),
            "start_kw": START_WORD,
            "reason_menu": REASON_MENU[choose_locale(facts.locale, REASON_MENU) or "en"],
        }
        given |= {name: value for name, value in subject.items() if type(value) in (str, int)}
        if isinstance(call_by := subject.get("call_by"), datetime):
            given["callback_by"] = format_deadline(call_by.astimezone(ZoneInfo(facts.zone)), facts.locale)
        return given

    def variable_names(self) -> frozenset[str]:
        """Return the names `variables` gives: `ref` where a case is spoken of, `text` in a person's own answer."""
        return frozenset({"date", "ref", "callback_by", "reason_menu", "start_kw", "text"})

    def describe(self) -> str:
        """Return the occasion in plain English."""
        return "at once when a customer writes"


@lru_cache(maxsize=64)
def reply_campaign(template: str) -> Campaign:
    """Return the built-in campaign `reply:<template>`: by SMS, within 30 minutes of the inbound message."""
    return Campaign(
        id=f"{REPLY_PREFIX}{template}",
        name=f"{REPLY_PREFIX}{template}",
        title={"": template},
        owner="",
        purpose=Purpose.REPLY,
        audience=EVERYONE,
        occasion=Reply(),
        channels=(Channel.SMS,),
        template=template,
        use_within=REPLY_WITHIN,
        digest="builtin",
    )


def builtin_campaign(campaign_id: str) -> Campaign | None:
    """Return the built-in campaign of an id, or None if the id is not one of ours."""
    template = campaign_id.removeprefix(REPLY_PREFIX)
    return reply_campaign(template) if template not in ("", campaign_id) else None
