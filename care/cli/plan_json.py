"""`care plan --json`: the plan as one object."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from care.base.vocabulary import Channel
    from care.planning.admission import Admission
    from care.planning.review import DayState, Review
    from care.reports.plan_days import Judged, Plan, PlanDay
    from care.reports.plan_warnings import Caution

    Look = tuple[Review, list[DayState]]
    """A plan as it can be approved, and where each of its days stands."""


def as_object(
    made: "Plan",
    cautions: "list[Caution]",
    currency: str,
    rates: "Mapping[Channel, float]",
    looks: "Sequence[Look]" = (),
) -> dict[str, Any]:
    """Return the whole plan with names for machines."""
    from care.reports.plan import load_by_lane

    tally = made.tally
    return {
        "from": made.first,
        "to": made.last,
        "made_at": made.made_at,
        "new": made.new,
        "sms": {
            "recipients": tally.recipients,
            "parts": round(tally.parts),
            "cost": _money(tally.cost),
            "currency": currency,
            "exact": tally.is_exact,
            "rendered": tally.rendered,
        },
        "days": [_day_as_object(day) for day in made.days],
        "lanes": [
            {
                "purpose": str(load.purpose),
                "channel": str(load.channel),
                "messages": load.messages,
                "parts": round(load.parts),
                "seconds": round(load.parts / rates[load.channel], 1),
            }
            for load in load_by_lane(made)
        ],
        "withdrawn": [
            {"campaign": one.campaign_id, "messages": one.count, "because": one.reason} for one in made.withdrawals
        ],
        "collisions": {
            "customers": made.collisions.customers,
            "sample_of": made.collisions.step,
            "yielding": [
                {
                    "campaign": one.campaign,
                    "gives_way_to": one.gives_way_to,
                    "rule": one.rule,
                    "dropped": one.is_dropped,
                    "messages": count,
                }
                for one, count in made.collisions.yielding.most_common()
            ],
        },
        "approvals": [_look_as_object(seen, days) for seen, days in looks],
        "warnings": [{"kind": one.kind, "text": one.text} for one in cautions],
    }


def _day_as_object(day: "PlanDay") -> dict[str, Any]:
    return {
        "campaign": day.campaign.name,
        "id": day.campaign.id,
        "purpose": str(day.campaign.purpose),
        "leg": day.leg,
        "day": day.day,
        "qualify": day.qualify,
        "new": day.new,
        "already_planned": day.qualify - day.new,
        "changed": day.changed,
        "done": day.done,
        "by_status": {str(status): count for status, count in sorted(day.by_status.items())},
        "skips": dict(day.skips.most_common()),
        "to_send": {str(channel): count for channel, count in sorted(day.to_send.items())},
        "parts": round(day.tally.parts),
        "cost": _money(day.tally.cost),
        "exact": day.tally.is_exact,
        "start": day.start,
        "finish": day.finish,
        "margin_seconds": None if day.margin is None else int(day.margin.total_seconds()),
        "too_late": day.too_late,
        "admission": [_judged_as_object(one) for one in day.judged],
    }


def _look_as_object(seen: "Review", days: "Sequence[DayState]") -> dict[str, Any]:
    return {
        "campaign": seen.campaign.name,
        "id": seen.campaign.id,
        "plan": seen.hash,
        "customers": seen.audience,
        "days": [{"day": one.day, "customers": one.audience, "state": one.state} for one in days],
    }


def _judged_as_object(one: "Judged") -> dict[str, Any]:
    from care.reports.plan_warnings import whole_parts

    found = one.admission
    return {
        "channel": str(one.channel),
        "sender": one.sender,
        "verdict": str(found.word),
        "parts": round(found.parts),
        "needs_seconds": round(found.needs.total_seconds()),
        "hours": one.hours,
        "zone": one.zone,
        "deadline": found.deadline,
        "finish": found.finish,
        "margin_seconds": _margin(found),
        "missing_parts": whole_parts(found.missing),
        "latest_start": found.latest_start,
        "beside": [{"campaign": each.campaign, "day": each.day, "parts": round(each.parts)} for each in one.beside],
    }


def _margin(found: "Admission") -> int:
    """Return the seconds to spare before the deadline; below zero, the seconds of sending that are not there."""
    if found.margin is not None:
        return int(found.margin.total_seconds())
    lacks = found.needs * (found.missing / found.parts) if found.parts else found.needs
    return -math.ceil(round(lacks.total_seconds(), 3))


def _money(amount: "Decimal") -> float:
    return float(round(amount, 2))
