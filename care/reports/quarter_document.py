"""The quarterly report in words, in the order of ISO 10004: purpose, scope, methods, gathering, analysis and so on."""

from collections.abc import Iterator
from datetime import timedelta

from care.base.statistics import Estimate
from care.calendars.walltime import load_zone
from care.reports.document import Block, Document, Listing, Paragraph, Section, Table
from care.reports.quarter import Quarter
from care.reports.quarter_analysis import analysis, monitoring
from care.reports.satisfaction import interval, measures, shown, thirds_in_words
from care.surveys.figures.improvements import Effect
from care.surveys.figures.report import SurveyFigures
from care.surveys.figures.sheet import By
from care.surveys.figures.trend import percent
from care.surveys.model import Survey


def write_document(quarter: Quarter) -> Document:
    """Return the report as a document."""
    figures = quarter.figures
    period = figures.period
    state = "" if quarter.is_over else f", preliminary as of {figures.now.astimezone(load_zone(period.zone)):%Y-%m-%d}"
    return Document(
        title=f"Satisfaction and feedback, {period.name}",
        subtitle=f"{quarter.house.brand} · {period.first} to {period.end - timedelta(days=1)}, {period.zone}{state}",
        facts=list(_facts(quarter)),
        sections=[
            Section(title="1. Purpose", blocks=[Paragraph(_PURPOSE)]),
            Section(title="2. Scope and frequency", blocks=list(_scope(quarter))),
            Section(title="3. Methods and duties", blocks=list(_methods(quarter))),
            Section(title="4. Gathering", blocks=list(_gathering(quarter))),
            Section(title="5. Analysis", blocks=list(analysis(quarter))),
            Section(title="6. Communicating", blocks=list(_communicating(quarter))),
            Section(title="7. Monitoring", blocks=list(monitoring(quarter))),
            Section(title="8. Improvement", blocks=list(_improvement(quarter))),
            Section(title="Report on the handling of feedback", blocks=list(_handling(quarter))),
        ],
    )


_PURPOSE = (
    "To know how satisfied customers are after a repair, a complaint or an installation, what they complain of, "
    "whether what was promised was kept, and whether what was done about it helped."
)


def _facts(quarter: Quarter) -> Iterator[tuple[str, str, str]]:
    figures = quarter.figures
    quota = figures.quota
    yield "Valid answers", f"{quota.count.in_time:,}", f"of {quota.target:,} wanted"
    for name, title, estimate, unit in measures(figures):
        if name in ("overall", "index", "nps"):
            value = shown(estimate, unit, least=figures.least)
            is_shown = estimate.n >= figures.least
            yield title, value if is_shown else "–", interval(estimate, unit) if is_shown else value
    judged = [one for one in quarter.promises if one.is_kept is not None]
    yield "Commitments kept", f"{sum(bool(one.is_kept) for one in judged)}", f"of {len(judged)} that can be judged"


def _scope(quarter: Quarter) -> Iterator[Block]:
    covered = quarter.figures.coverage
    total = sum(one.total for one in covered)
    yield Paragraph(
        f"Every resolved ticket that a commitment covers is followed up: {total:,} in this period. Tests and tickets "
        "of our own staff are left out. The report is made each quarter; the figures can be read on any day."
    )


_ASKED = "Customers are asked by text message, e-mail or on a page, and by phone where no message reaches."
_VALID = (
    "A valid answer rates the service overall, on the scale, once per ticket, by the customer who was asked and within "
    "the time. Late answers are part of the scores but not of the target. Answers in words instead of digits count and "
    "are shown apart."
)
_SCORES = (
    "Satisfied is 4 or 5 of 5 (8 to 10 of 10, 5 to 7 of 7). Shares stand with Wilson's 95% interval, means with "
    "Student's. The index is (mean - lowest) / (highest - lowest) * 100. NPS is the share of 9 and 10 minus "
    "that of 0 to 6."
)
_COMPARED = (
    "Periods and groups are compared by a test of two proportions; where many groups are, its p-values are adjusted "
    "(Benjamini and Hochberg). Small groups also show a mean drawn towards that of all."
)


def _methods(quarter: Quarter) -> Iterator[Block]:
    few = f"Figures of fewer than {quarter.figures.least} answers are not printed."
    yield Listing([_ASKED, _VALID, _SCORES, _COMPARED, few])
    yield Paragraph(
        "Duties: customer care asks and settles cases; the owner of each measure answers for its effect; the head of "
        "quality reads this report and decides what follows."
    )


_SURVEYS = {
    Survey.TICKET: "satisfaction with a ticket",
    Survey.NPS: "recommendation, random sample (NPS)",
    Survey.CES: "effort, after a ticket (CES)",
    Survey.IN_PROCESS: "complaint that is still open",
}


def _gathering(quarter: Quarter) -> Iterator[Block]:
    figures = quarter.figures
    quota = figures.quota
    asked = {one.survey: (one.invited, percent(one.rate.value)) for one in figures.asked}
    yield Paragraph(f"{figures.period.name}: {quota.words}", is_warning=quota.is_alarm)
    yield Table(
        title="Asked and answered, by channel of the invitation",
        columns=("channel", "invited", "delivered", "answered", "response rate", "95% interval"),
        rows=[
            (one.channel, one.invited, one.delivered, one.answered, percent(one.rate.value), _percents(one.rate))
            for one in figures.reach
        ],
    )
    yield Table(
        title="Valid answers by survey",
        columns=("survey", "invited", "response rate", "in time", "of these in words", "late"),
        rows=[
            (_SURVEYS[survey], *asked.get(survey, (0, percent(None))), count.in_time, count.derived, count.late)
            for survey in Survey
            for count in [figures.sheet.count(survey)]
        ],
        note="Only answers about satisfaction with tickets count towards the target.",
    )
    if words := thirds_in_words(figures):
        yield Paragraph(words)
    yield Table(
        title="Follow-up by commitment",
        columns=(
            *("commitment", "tickets", "invited", "delivered", "answered", "by phone", "merged", "exempt"),
            *("covered", "still open", "covered in time"),
        ),
        rows=[
            (
                *(one.commitment, one.total, one.invited, one.delivered, one.answered, one.phone_tasks, one.merged),
                *(one.exempt, one.covered, one.open, percent(one.in_time.value)),
            )
            for one in figures.coverage
        ],
    )
    yield Paragraph(_coverage(figures))
    yield Table(
        title="Promises about following up",
        columns=("promise", "kept", "late", "still open", "in time", "source"),
        rows=[
            (one.name, one.kept, one.late, one.open, percent(one.share), one.source or "no source named")
            for one in quarter.kept
        ],
        note="A ticket counts once by the time of its resolution, and once more by that of the customer's first call.",
    )
    yield Paragraph("What to keep in mind when reading the scores:")
    yield Listing(list(_biases(quarter)))


def _coverage(figures: SurveyFigures) -> str:
    """Return both shares of those whose time has come: covered at all, and inside the deadline."""
    of = sum(one.total - one.open for one in figures.coverage)
    covered, kept = (sum(getattr(one, name) for one in figures.coverage) for name in ("covered", "covered_in_time"))
    shares = [f"{percent(n / of if of else None)} ({n:,})" for n in (covered, kept)]
    return f"Of {of:,} follow-ups whose time has come, covered: {shares[0]}; covered in time: {shares[1]}."


def _biases(quarter: Quarter) -> Iterator[str]:
    figures = quarter.figures
    invited, answered = sum(r.invited for r in figures.reach), sum(r.answered for r in figures.reach)
    count = figures.quota.count
    rate = percent(answered / invited if invited else None)
    yield f"Response rate {rate}: those who did not answer may think otherwise."
    everything = count.in_time + count.late
    yield f"Said in words and read by rules: {percent(count.derived / count.in_time if count.in_time else None)}."
    yield f"Late: {percent(count.late / everything if everything else None)}."
    channels = [f"{group.key} {percent(group.n / everything)}" for group in figures.groups[By.CHANNEL] if everything]
    yield f"By channel of the answer: {', '.join(channels) or 'none'}."
    total = sum(one.total for one in figures.coverage)
    merged = sum(one.merged for one in figures.coverage)
    yield f"Merged into the question about a later ticket: {merged:,} of {total:,}."
    left_out = [f"{word} {n:,}" for word, n in figures.left_out.items()]
    yield f"Left out or not answered: {', '.join(left_out) or 'nobody'}."


def _communicating(quarter: Quarter) -> Iterator[Block]:
    yield Paragraph(
        "This report goes to the leadership and to the departments it names. Customers who answered are told what they "
        "said and what was done, once a measure has measurably helped (care surveys improvements campaign)."
    )
    ready = [one for one in quarter.figures.effects if _has_helped(one)]
    if ready:
        listed = ", ".join(str(one.improvement.id) for one in ready)
        yield Paragraph(f"Ready to be told: measure {listed}.")


def _has_helped(effect: Effect) -> bool:
    found = effect.change.difference
    return found is not None and found.value > 0 and found.is_significant()


def _improvement(quarter: Quarter) -> Iterator[Block]:
    effects = quarter.figures.effects
    if not effects:
        yield Paragraph("No measure came into force in this period, or none was written down.", is_warning=True)
        return
    yield Table(
        title="You said, we did",
        columns=("you said", "we did", "from", "for", "owner", "before and after"),
        rows=[
            (
                *(one.improvement.theme, one.improvement.measure, one.improvement.in_force_on.isoformat()),
                " ".join(filter(None, (one.improvement.area, one.improvement.kind))) or "all",
                *(one.improvement.by, one.change.words),
            )
            for one in effects
        ],
        note="Answers up to 90 days before and after. Other things may have changed at the same time.",
    )


def _handling(quarter: Quarter) -> Iterator[Block]:
    figures = quarter.figures
    handled = figures.handled
    yield Table(
        title="Received, handled, open",
        columns=("kind", "received", "handled", "reopened", "open"),
        rows=[
            *((one.kind, one.received, one.handled, one.reopened, one.still_open) for one in handled),
            (
                "all",
                sum(one.received for one in handled),
                sum(one.handled for one in handled),
                sum(one.reopened for one in handled),
                sum(one.still_open for one in handled),
            ),
        ],
        note="Tickets opened in the period, as they stand on the day of this report.",
    )
    yield Table(
        title="Cases opened by what customers answered",
        columns=("reason", "opened", "closed", "closed in time", "overdue", "hours to close, median"),
        rows=[
            (
                *(one.reason.replace("_", " "), one.opened, one.closed, one.in_time, one.overdue),
                "–" if one.hours is None else f"{one.hours:.1f}",
            )
            for one in figures.closings
        ],
    )
    actions = [f"{one.improvement.in_force_on}: {one.improvement.measure}" for one in figures.effects]
    yield Paragraph(f"Actions taken: {len(actions)}.")
    if actions:
        yield Listing(actions)


def _percents(estimate: Estimate) -> str:
    return "" if estimate.low is None else f"{percent(estimate.low)} to {percent(estimate.high)}"
