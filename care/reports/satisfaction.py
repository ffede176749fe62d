"""The figures of a period as rows and objects, with the same words everywhere: terminal, JSON, CSV and report."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from care.base.statistics import Estimate, not_enough
from care.surveys.figures.comparing import Group
from care.surveys.figures.improvements import Effect
from care.surveys.figures.report import SurveyFigures
from care.surveys.figures.sheet import By
from care.surveys.figures.trend import Change, Point
from care.surveys.model import DIMENSIONS, Question, Survey

GROUP_COLUMNS: Final = ("group", "answers", "satisfied", "low", "high", "index", "drawn_mean", "note")
_TITLES: Final[Mapping[Question, str]] = {
    Question.OVERALL: "Overall (CSAT)",
    Question.RESULT: "Result",
    Question.TIMELINESS: "Timeliness",
    Question.ATTITUDE: "Attitude and skill",
}


def measures(found: SurveyFigures) -> list[tuple[str, str, Estimate, str]]:
    """Return every measure as (name, title, estimate, unit); shares and indices on 0 to 100, NPS on -100 to 100."""
    sheet = found.sheet
    rows = [
        (str(question), title, _hundredfold(sheet.ballot(question).satisfaction()), "%")
        for question, title in _TITLES.items()
    ]
    rows += [("index", "Index of the overall ratings, 0 to 100", sheet.ballot(Question.OVERALL).index(), "")]
    rows += [("solved", "Solved", _hundredfold(sheet.ballot(Question.SOLVED).satisfaction()), "%")]
    rows += [("nps", "Would recommend us (NPS)", sheet.ballot(Question.RECOMMEND, Survey.NPS).nps(), "")]
    easy = sheet.ballot(Question.EFFORT, Survey.CES)
    rows += [("ces", "Found it easy (CES)", _hundredfold(easy.satisfaction()), "%")]
    rows += [("ces_mean", "How easy, mean of 1 to 7", easy.mean(1, 7), "")]
    going = sheet.ballot(Question.OVERALL, Survey.IN_PROCESS).satisfaction()
    return [*rows, ("in_process", "While a complaint is open", _hundredfold(going), "%")]


def thirds_of(found: SurveyFigures) -> dict[str, int]:
    """Return how many would recommend us: promoters (9 and 10), passives (7 and 8) and detractors (0 to 6)."""
    counts = found.sheet.ballot(Question.RECOMMEND, Survey.NPS).thirds()
    return dict(zip(("promoters", "passives", "detractors"), counts, strict=True))


def thirds_in_words(found: SurveyFigures) -> str:
    """Return the same as a sentence, '' where nobody was asked."""
    counts = thirds_of(found)
    if not any(counts.values()):
        return ""
    return (
        f"NPS: {counts['promoters']:,} promoters (9 and 10), {counts['passives']:,} passives (7 and 8), "
        f"{counts['detractors']:,} detractors (0 to 6)."
    )


def measure_rows(found: SurveyFigures) -> Iterator[dict[str, Any]]:
    """Yield each measure with its interval in words, or that there is not enough data."""
    for _, title, estimate, unit in measures(found):
        yield {
            "measure": title,
            "answers": estimate.n,
            "value": shown(estimate, unit, least=found.least),
            "95%_interval": "" if not_enough(estimate.n, found.least) else interval(estimate, unit),
        }


def shown(estimate: Estimate, unit: str = "%", *, least: int) -> str:
    """Return a figure on its own, or that there is not enough data."""
    few = not_enough(estimate.n, least)
    return few if few or estimate.value is None else f"{estimate.value:.1f}{unit}"


def interval(estimate: Estimate, unit: str = "%") -> str:
    """Return the interval as people read it."""
    return "" if estimate.low is None or estimate.high is None else f"{estimate.low:.1f} to {estimate.high:.1f}{unit}"


def group_rows(found: SurveyFigures, by: By) -> Iterator[dict[str, Any]]:
    """Yield the groups side by side; shares in percent, `drawn_mean` on 1 to 5."""
    for group in found.groups[by]:
        few = not_enough(group.n, found.least)
        share = _hundredfold(group.satisfaction)
        yield {
            "group": group_name(group, by),
            "answers": group.n,
            "satisfied": None if few else round(share.value or 0, 1),
            "low": None if few else round(share.low or 0, 1),
            "high": None if few else round(share.high or 0, 1),
            "index": None if few else round(group.index.value or 0, 1),
            "drawn_mean": round(group.drawn, 2),
            "note": few or group.verdict,
        }


def group_name(group: Group, by: By) -> str:
    """Return what a group is called."""
    if not group.key:
        return "not known"
    return f"{int(group.key):02}:00" if by is By.HOUR else group.key


def effect_rows(effects: Sequence[Effect]) -> Iterator[dict[str, Any]]:
    """Yield each measure that was taken, with the answers before and after."""
    for effect in effects:
        one = effect.improvement
        yield {
            "id": one.id,
            "theme": one.theme,
            "measure": one.measure,
            "from": one.in_force_on,
            "area": one.area,
            "kind": one.kind,
            "by": one.by,
            "effect": effect.change.words,
        }


def as_object(found: SurveyFigures, *, by: By | None = None) -> dict[str, Any]:
    """Return everything for programs; with `by`, only its groups."""
    quota = found.quota
    return {
        "period": found.period.name,
        "first": found.period.first,
        "end": found.period.end,
        "zone": found.period.zone,
        "valid": {
            "target": quota.target,
            "in_time": quota.count.in_time,
            "derived": quota.count.derived,
            "late": quota.count.late,
            "a_day": round(quota.pace, 2),
            "needed_a_day": round(quota.needed_a_day, 2),
            "reached_on": quota.reached_on,
            "expected_on": quota.expected_on,
            "in_flight": quota.recent.in_flight,
            "recent_rate": round(quota.recent.rate, 4),
            "from_in_flight": quota.from_in_flight,
            "from_to_come": quota.from_to_come,
            "forecast": quota.forecast,
            "alarm": quota.is_alarm,
            "words": quota.words,
        },
        "measures": {name: _estimate(estimate, found.least) for name, _, estimate, _ in measures(found)},
        "recommend": thirds_of(found),
        "asked": [{"survey": a.survey, "invited": a.invited, "answered": a.answered} for a in found.asked],
        "dimensions": [str(question) for question in DIMENSIONS],
        "groups": {str(one): list(group_rows(found, one)) for one in ([by] if by else By)},
        "weeks": [_point(point) for point in found.weeks],
        "months": [_point(point) for point in found.months],
        "latest": _change(found.latest),
        "against_before": _change(found.against_before),
        "handling_time": _correlation(found),
        "reach": [
            {"channel": r.channel, "invited": r.invited, "delivered": r.delivered, "answered": r.answered}
            for r in found.reach
        ],
        "left_out": dict(found.left_out),
    }


def _correlation(found: SurveyFigures) -> dict[str, Any] | None:
    one = found.correlation
    if one is None:
        return None
    return {"n": one.n, "spearman": one.value, "low": one.low, "high": one.high, "p_value": one.p_value}


def _estimate(estimate: Estimate, least: int) -> dict[str, Any]:
    few = not_enough(estimate.n, least)
    figures = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {"n": estimate.n, **(dict.fromkeys(figures) if few else figures), "note": few}


def _point(point: Point) -> dict[str, Any]:
    limits = point.limits
    return {
        "first": point.first,
        "answers": point.ballot.n,
        "satisfied": point.ballot.satisfied,
        "low_limit": limits and limits.low,
        "middle": limits and limits.middle,
        "high_limit": limits and limits.high,
        "is_out": point.is_out,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "earlier": {"answers": change.earlier.n, "satisfied": change.earlier.satisfied},
        "later": {"answers": change.later.n, "satisfied": change.later.satisfied},
        "is_drop": change.is_drop(),
        "words": change.words,
    }


def _hundredfold(estimate: Estimate) -> Estimate:
    """Return a share in percent."""
    value, low, high = (None if x is None else 100 * x for x in (estimate.value, estimate.low, estimate.high))
    return Estimate(n=estimate.n, value=value, low=low, high=high)
