"""The quarterly report for programs: every figure, every late ticket by name."""

from collections.abc import Mapping
from typing import Any

from care.reports.document_forms import as_plain
from care.reports.quarter import Quarter
from care.reports.quarter_document import write_document
from care.reports.satisfaction import as_object as figures_as_object
from care.reports.satisfaction import effect_rows
from care.surveys.figures.promises import Measured
from care.surveys.figures.response import Closing, Coverage, Handled
from care.surveys.promised import in_time_object


def as_object(quarter: Quarter) -> dict[str, Any]:
    """Return everything the report is made of, and the report itself as `document`."""
    figures, complaints = quarter.figures, quarter.complaints
    return {
        **figures_as_object(figures),
        "is_over": quarter.is_over,
        "coverage": [_coverage(one) for one in figures.coverage],
        "follow_up_promises": [in_time_object(one) for one in quarter.kept],
        "commitments": [_promise(one) for one in quarter.promises],
        "themes": {
            "comments": quarter.themes.total,
            "others": quarter.themes.others,
            "method": quarter.themes.method,
            "telling": list(quarter.themes.telling),
            "themes": [
                {"name": one.name, "n": one.n, "bad": one.bad, "good": one.good, "quotes": list(one.quotes)}
                for one in quarter.themes.themes
            ],
        },
        "complaints": {
            "number": complaints.number,
            "customers": complaints.customers,
            "per_customer": dict(complaints.per_customer),
            "by_severity": dict(complaints.by_severity),
            "resolved": complaints.resolved,
            "median_hours": complaints.hours,
        },
        "handled": [_handled(one) for one in figures.handled],
        "cases": [_closing(one) for one in figures.closings],
        "improvements": list(effect_rows(figures.effects)),
        "document": as_plain(write_document(quarter)),
    }


def _coverage(one: Coverage) -> dict[str, Any]:
    return {
        "commitment": one.commitment,
        "tickets": one.total,
        "covered": one.covered,
        "covered_in_time": one.covered_in_time,
        "open": one.open,
        "coverage_in_time": one.in_time.value,
        "invited": one.invited,
        "delivered": one.delivered,
        "answered": one.answered,
        "phone_tasks": one.phone_tasks,
        "merged": one.merged,
        "exempt": one.exempt,
        "late": one.late,
        "call_late": one.call_late,
    }


def _handled(one: Handled) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "received": one.received,
        "handled": one.handled,
        "reopened": one.reopened,
        "open": one.still_open,
    }


def _closing(one: Closing) -> dict[str, Any]:
    return {
        "reason": one.reason,
        "opened": one.opened,
        "closed": one.closed,
        "in_time": one.in_time,
        "overdue": one.overdue,
        "median_hours": one.hours,
    }


def _promise(one: Measured) -> dict[str, Any]:
    promise = one.named.promise
    groups: Mapping[str, Measured] = one.groups
    return {
        "name": one.named.name,
        "title": promise.title,
        "source": promise.source,
        "is_own": one.named.is_own,
        "within": promise.within.words if promise.within else None,
        "wanted_share": promise.share if promise.within else promise.satisfied,
        "at_most": promise.at_most,
        "n": one.n,
        "in_time": one.in_time,
        "value": one.estimate.value,
        "low": one.estimate.low,
        "high": one.estimate.high,
        "words": one.value,
        "verdict": one.verdict,
        "running": one.running,
        "not_recorded": one.not_recorded,
        "late": list(one.late),
        "groups": {name: {"n": part.n, "words": part.value, "verdict": part.verdict} for name, part in groups.items()},
    }
