"""The chapters of the quarterly report that hold figures: analysis and monitoring."""

from collections.abc import Iterator, Sequence

from care.base.statistics import not_enough
from care.reports.document import Bar, Bars, Block, Line, Listing, Paragraph, Step, Table
from care.reports.quarter import Quarter
from care.reports.satisfaction import group_name, interval, measures, shown
from care.surveys.figures.comparing import Group
from care.surveys.figures.promises import Measured
from care.surveys.figures.sheet import By
from care.surveys.figures.themes import Theme
from care.surveys.figures.trend import Point, percent

MOST_GROUPS = 20
MOST_NAMED = 12
_TITLES = {
    By.AREA: "By area",
    By.STAFF: "By member of staff",
    By.KIND: "By kind of ticket",
    By.CHANNEL: "By channel of the answer",
    By.HOUR: "By hour of the invitation",
}


def analysis(quarter: Quarter) -> Iterator[Block]:
    """Yield scores, groups, correlation, themes and complaints."""
    figures = quarter.figures
    yield Table(
        title="Scores",
        columns=("measure", "answers", "value", "95% interval"),
        rows=[
            (
                *(title, estimate.n, shown(estimate, unit, least=figures.least)),
                "" if not_enough(estimate.n, figures.least) else interval(estimate, unit),
            )
            for _, title, estimate, unit in measures(figures)
        ],
    )
    yield Paragraph(f"Against {figures.period.before().name}: {figures.against_before.words}.")
    for by in By:
        yield from _groups(by, figures.groups[by], figures.least)
    yield Paragraph(_correlation(quarter))
    yield from _themes(quarter)
    yield from _complaints(quarter)


def _groups(by: By, groups: Sequence[Group], least: int) -> Iterator[Block]:
    if not groups:
        return
    chosen = sorted(groups, key=lambda group: -group.n)[:MOST_GROUPS]
    if by is By.HOUR:
        chosen = [group for group in groups if group.n >= least]
        yield Paragraph(f"Hours of the invitation with {least} answers or more: {len(chosen)} of {len(groups)}.")
    if chosen:
        yield Bars(title=f"{_TITLES[by]}: share of the satisfied", bars=[_bar(group, by, least) for group in chosen])
    apart = [group for group in groups if group.verdict]
    if apart:
        yield Listing([f"{group_name(group, by)}: {group.verdict}, {_apart(group)}" for group in apart])
    else:
        yield Paragraph("No group differs from the rest by more than chance.")
    if by is By.STAFF:
        yield _drawn(groups)


def _drawn(groups: Sequence[Group]) -> Table:
    """Return the table that is fair to those with few answers."""
    ranked = sorted(groups, key=lambda group: -group.drawn)
    return Table(
        title="Mean per member of staff, drawn towards that of all where answers are few (1 to 5)",
        columns=("member of staff", "answers", "drawn mean"),
        rows=[(group_name(group, By.STAFF), group.n, f"{group.drawn:.2f}") for group in ranked[:MOST_GROUPS]],
        note="For a talk, not for a verdict: one person's figures rest on few answers.",
    )


def _bar(group: Group, by: By, least: int) -> Bar:
    few, found = not_enough(group.n, least), group.satisfaction
    if few or found.value is None or found.low is None or found.high is None:
        return Bar(label=group_name(group, by), n=group.n, value=None, note=f"too few ({group.n})")
    ends = (100 * found.value, 100 * found.low, 100 * found.high)
    return Bar(label=group_name(group, by), n=group.n, value=ends[0], low=ends[1], high=ends[2])


def _apart(group: Group) -> str:
    found = group.against_rest
    assert found is not None
    return f"{100 * found.value:+.1f} points ({100 * found.low:+.1f} to {100 * found.high:+.1f})"


def _correlation(quarter: Quarter) -> str:
    found = quarter.figures.correlation
    few = not_enough(found.n if found else 0, quarter.figures.least)
    if found is None or few:
        return f"Handling time and score: {few or 'one of them never changes'}."
    strength = "no clear link" if found.low <= 0 <= found.high else "longer waits go with lower scores"
    if found.low > 0:
        strength = "longer waits go with higher scores"
    return (
        f"Handling time and score: {strength} (Spearman {found.value:+.2f}, {found.low:+.2f} to {found.high:+.2f}, "
        f"{found.n:,} tickets). That two things go together does not say which brings the other."
    )


def _themes(quarter: Quarter) -> Iterator[Block]:
    themes = quarter.themes
    yield Table(
        title=f"What {themes.total:,} comments speak of",
        columns=("theme", "comments", "beside low scores", "beside good scores", "for example"),
        rows=[(one.title, one.n, one.bad, one.good, _quotes(one)) for one in themes.themes],
        note=f"{themes.method} {themes.others:,} belong to none. Numbers, addresses and names are masked.",
    )
    if themes.telling:
        yield Paragraph(f"Words that go with low scores: {', '.join(themes.telling)}.")


def _quotes(theme: Theme) -> str:
    return " / ".join(f"“{quote}”" for quote in theme.quotes)


def _complaints(quarter: Quarter) -> Iterator[Block]:
    found = quarter.complaints
    few = not_enough(found.satisfaction.n, quarter.figures.least)
    yield Table(
        title="Complaints",
        columns=("figure", "value"),
        rows=[
            ("complaints opened", f"{found.number:,}"),
            ("customers who complained", f"{found.customers:,}"),
            *((f"of these {times} times", f"{n:,}") for times, n in found.per_customer.items() if times > 1),
            *((f"severity: {word}", f"{n:,}") for word, n in found.by_severity.items()),
            ("resolved", f"{found.resolved:,}"),
            ("hours to resolve, median", "–" if found.hours is None else f"{found.hours:.1f}"),
            ("satisfied with how it was handled", few or percent(found.satisfaction.value)),
        ],
    )


def monitoring(quarter: Quarter) -> Iterator[Block]:
    """Yield the trend with its limits, what fell, and every commitment with the one that was applied."""
    figures = quarter.figures
    for title, points in (("Satisfied, by week", figures.weeks), ("Satisfied, by month", figures.months)):
        if points:
            yield Line(title=f"{title}, with control limits", steps=[_step(point) for point in points])
    out = [f"{point.first}" for point in figures.weeks if point.is_out]
    words = f"Weeks beyond the limits: {', '.join(out)}." if out else "No week lies beyond the limits."
    yield Paragraph(words, is_warning=bool(out))
    drop = figures.latest.is_drop()
    yield Paragraph(f"Last four weeks against the twelve before: {figures.latest.words}.", is_warning=drop)
    yield Table(
        title="Commitments about tickets",
        columns=("commitment", "deadline", "wanted", "measured", "verdict", "not judged", "applied"),
        rows=[_promise(one) for one in quarter.promises],
        note="Not judged: tickets whose deadline is still running, and those where nobody wrote down when it happened.",
    )
    late = [f"{one.named.name}: {_named(one.late)}" for one in quarter.promises if one.late]
    if late:
        yield Paragraph("Late tickets by name:")
        yield Listing(late)
    for one in quarter.promises:
        if one.groups:
            yield Table(
                title=one.named.promise.title,
                columns=(str(one.named.promise.by), "measured", "verdict"),
                rows=[(name, part.value, part.verdict) for name, part in list(one.groups.items())[:MOST_GROUPS]],
            )


def _promise(one: Measured) -> tuple[str | int, ...]:
    promise = one.named.promise
    if promise.within is not None:
        deadline, wanted = promise.within.words, f"{100 * promise.share:g}%"
    elif promise.average is not None:
        deadline, wanted = "–", f"at most {promise.at_most:g}"
    else:
        deadline, wanted = "–", f"{100 * (promise.satisfied or 0):g}%"
    return (promise.title, deadline, wanted, one.value, one.verdict, _not_judged(one), one.named.applied)


def _not_judged(one: Measured) -> str:
    parts = ((one.running, "running"), (one.not_recorded, "not recorded"))
    return ", ".join(f"{n:,} {word}" for n, word in parts if n)


def _named(late: Sequence[str]) -> str:
    more = len(late) - MOST_NAMED
    return ", ".join(late[:MOST_NAMED]) + (f" and {more:,} more (all of them with --format json)" if more > 0 else "")


def _step(point: Point) -> Step:
    value = 100 * point.ballot.satisfied / point.ballot.n
    return Step(first=point.first, n=point.ballot.n, value=value, limits=point.limits, is_out=point.is_out)
