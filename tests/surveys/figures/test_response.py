"""How the asking went, against plain Python; measures before and after; what rules may ask."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from statistics import median

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tables import customer
from care.segments.model import Days
from care.surveys.figures.complaints import complaints
from care.surveys.figures.facts import survey_facts
from care.surveys.figures.improvements import Improvement, add_improvement, effects, list_improvements
from care.surveys.figures.period import quarter_named
from care.surveys.figures.report import survey_figures
from care.surveys.figures.response import (
    closing_times,
    coverage,
    handled,
    handling_pairs,
    reasons_left_out,
    response_rates,
)
from care.surveys.figures.sheet import read_sheet
from tests.surveys.factories_figures import DAY, START, World, add_answer, make_quarter
from tests.surveys.figures.recount import counted, shanghai, valid_rows

Q3 = quarter_named("2026Q3", "Asia/Shanghai")
NOW = datetime(2026, 10, 20, tzinfo=UTC)
SEEDS = [31, 32]


def _inside(rows: list[dict[str, object]], column: str) -> list[dict[str, object]]:
    return [row for row in rows if row[column] is not None and Q3.since <= row[column] < Q3.until]


@pytest.fixture(params=SEEDS)
def world(request: pytest.FixtureRequest, engine: sa.Engine) -> World:
    """A quarter of four hundred tickets, written."""
    world = make_quarter(request.param)
    world.write(engine)
    return world


class TestFigures:
    def test_of_reach_are_recounted(self, world: World, engine: sa.Engine) -> None:
        """Invited, delivered and answered per channel of the invitation."""
        with read(engine) as conn:
            found = {one.channel: one for one in response_rates(conn, Q3)}
        messages = world.by_id("message")
        asked = _inside(world["follow_up"], "invited_at")
        channels = Counter(messages[row["invite_message_id"]]["channel"] for row in asked)
        assert {name: one.invited for name, one in found.items()} == channels
        assert sum(one.delivered for one in found.values()) == sum(row["delivered_at"] is not None for row in asked)
        assert sum(one.answered for one in found.values()) == sum(row["answered_at"] is not None for row in asked) > 20

    def test_of_coverage_are_recounted(self, world: World, engine: sa.Engine) -> None:
        """Every resolution that is no test, in the states of its follow-up."""
        tests = {row["id"] for row in world["ticket_resolution"] if row["is_test"]}
        rows = [row for row in _inside(world["follow_up"], "resolved_at") if row["resolution_id"] not in tests]
        with read(engine) as conn:
            found, reasons = coverage(conn, Q3, NOW), reasons_left_out(conn, Q3)
        assert {one.commitment: one.total for one in found} == Counter(row["commitment"] for row in rows)
        assert sum(one.late for one in found) == sum(row["is_late"] for row in rows)
        done = [row for row in rows if row["state"] != "phone_task"]
        in_time = [row for row in done if row["covered_at"] <= row["deadline_at"]]
        waits = [row for row in rows if row["state"] == "phone_task" and row["deadline_at"] >= NOW]
        assert sum(one.covered for one in found) == len(done) < len(rows)
        assert sum(one.open for one in found) == len(waits)
        kept = sum(one.covered_in_time for one in found)
        assert kept == len(in_time)
        assert sum(one.in_time.n for one in found) == len(rows) - len(waits)
        assert sum(one.exempt for one in found) == sum(row["state"] == "exempt" for row in rows)
        assert sum(one.answered for one in found) == sum(row["state"] == "answered" for row in rows)
        everybody = _inside(world["follow_up"], "resolved_at")
        assert reasons["exempt: opted out"] == sum(row["reason"] == "opted_out" for row in everybody)
        assert reasons["closed unanswered"] == sum(row["state"] == "closed_unanswered" for row in everybody)

    def test_of_cases_and_tickets_are_recounted(self, world: World, engine: sa.Engine) -> None:
        """Opened, closed, how long it took; received, handled, open."""
        with read(engine) as conn:
            (low,), kinds = closing_times(conn, Q3, NOW), handled(conn, Q3)
        cases = _inside(world["survey_case"], "opened_at")
        closed = [row for row in cases if row["closed_at"]]
        assert (low.reason, low.opened, low.closed) == ("low_score", len(cases), len(closed))
        assert low.in_time == sum(row["closed_at"] <= row["due_at"] for row in closed)
        assert low.hours == pytest.approx(
            median((r["closed_at"] - r["opened_at"]).total_seconds() / 3600 for r in closed)
        )
        rows = [row for row in _inside(world["ticket"], "opened_at") if not row["is_test"]]
        assert {one.kind: one.received for one in kinds} == Counter(row["kind"] for row in rows)
        assert sum(one.still_open for one in kinds) == 0

    def test_of_handling_time_are_recounted(self, world: World, engine: sa.Engine) -> None:
        """Each valid rating with the hours from the call to the resolution; they go together as they were made to."""
        rows = [r for r in valid_rows(world, Q3) if (r["survey"], r["question"]) == ("ticket", "overall")]
        wanted = sorted(
            (
                (r["resolution"]["resolved_at"] - r["resolution"]["first_call_at"]).total_seconds() / 3600,
                r["score"] / r["high"],
            )
            for r in rows
            if r["resolution"]
        )
        with read(engine) as conn:
            found = sorted(handling_pairs(conn, Q3))
            figures = survey_figures(conn, Q3, target=500, least=30, now=NOW)
        assert [score for _, score in found] == [score for _, score in wanted]
        assert [hours for hours, _ in found] == pytest.approx([hours for hours, _ in wanted], abs=1e-6)
        assert figures.correlation.value < 0
        assert [g.n for g in figures.groups["kind"]] == [
            n for _, n in dict(sorted(counted(rows, lambda r: r["kind"]).items())).values()
        ]

    def test_of_complaints_are_recounted(self, world: World, engine: sa.Engine) -> None:
        """Number, customers, severity."""
        with read(engine) as conn:
            found = complaints(conn, read_sheet(conn, Q3))
        rows = [r for r in _inside(world["ticket"], "opened_at") if r["kind"] == "complaint" and not r["is_test"]]
        assert (found.number, found.customers) == (len(rows), len({r["customer_id"] for r in rows}))
        assert found.by_severity == Counter(r["severity"] or "not known" for r in rows)
        assert sum(times * n for times, n in found.per_customer.items()) == len(rows)


class TestImprovements:
    def test_are_judged_by_those_they_concerned(self, world: World, engine: sa.Engine) -> None:
        """Ninety days before and after, only the area and kind that it was for; equal to a recount."""
        day = date(2026, 8, 10)
        made = Improvement(theme="slow", measure="more vans", in_force_on=day, by="quality", area="East", kind="repair")
        with write(engine) as conn:
            number = add_improvement(conn, made, now=NOW)
        with read(engine) as conn:
            assert list_improvements(conn, Q3) == list_improvements(conn) == [replace(made, id=number)]
            assert list_improvements(conn, Q3.before()) == []
            (effect,) = effects(conn, list_improvements(conn), zone="Asia/Shanghai", now=NOW)
        rows = [
            r
            for r in valid_rows(world, quarter_named("2026Q3", "Asia/Shanghai"))
            if (r["survey"], r["question"], r["area"], r["kind"]) == ("ticket", "overall", "East", "repair")
        ]
        sides = counted(rows, lambda r: shanghai(r["at"]).date() >= day)
        assert (effect.change.earlier.satisfied, effect.change.earlier.n) == sides[False]
        assert effect.change.later.n >= sides[True][1] > 0

    def test_that_lie_ahead_have_no_effect_yet(self, engine: sa.Engine) -> None:
        """Nothing after, so nothing is said."""
        ahead = Improvement(theme="x", measure="y", in_force_on=date(2027, 1, 1), by="z")
        with read(engine) as conn:
            (effect,) = effects(conn, [ahead], zone="Asia/Shanghai", now=NOW)
        assert effect.change.difference is None
        assert "not enough data" in effect.change.words


class TestFacts:
    @pytest.fixture
    def answered(self, engine: sa.Engine) -> sa.Engine:
        """Customer 1 gave 2 and then 5, 2 gave 3 of ten, 3 took a 5 back, 4 said nothing."""
        world = make_quarter(1, tickets=4)
        world["survey_answer"].clear()
        add_answer(world, customer_id=1, follow_up_id=1, score=2, at=START + 10 * DAY)
        add_answer(world, customer_id=1, follow_up_id=1, score=5, at=START + 30 * DAY)
        add_answer(world, customer_id=2, follow_up_id=2, score=3, scale="csat10", at=START + 20 * DAY)
        add_answer(world, customer_id=3, follow_up_id=3, score=5, superseded_at=START + 40 * DAY)
        add_answer(world, customer_id=4, follow_up_id=4, question="comment", score=None, scale=None, comment="hm")
        world.write(engine)
        return engine

    def _who(self, engine: sa.Engine, name: str, operator: str, value: object, as_of: date) -> list[int]:
        predicate = survey_facts("Asia/Shanghai")[name].predicate(operator, value, as_of)
        with read(engine) as conn:
            rows = conn.execute(sa.select(customer.c.id, predicate.label("yes")).order_by(customer.c.id)).all()
        assert all(row.yes is not None for row in rows)
        return [row.id for row in rows if row.yes]

    def test_answered_counts_local_days(self, answered: sa.Engine) -> None:
        """Ratings only; from so many days ago to today, both included."""
        day = date(2026, 7, 31)  # 30 days after 1 July
        assert self._who(answered, "answered", "within_last", Days(days=0), day) == [1]
        assert self._who(answered, "answered", "within_last", Days(days=10), day) == [1, 2]
        assert self._who(answered, "answered", "within_last", Days(days=9), day) == [1]
        assert self._who(answered, "answered", "within_last", Days(days=5), day - timedelta(days=1)) == []

    def test_last_score_is_the_last_one(self, answered: sa.Engine) -> None:
        """On 1 to 5; who gave none passes no comparison."""
        today = date(2026, 9, 1)
        assert self._who(answered, "last_score", "at_least", 4, today) == [1]
        assert self._who(answered, "last_score", "at_most", 2, today) == [2]
        assert self._who(answered, "last_score", "one_of", (2, 5), today) == [1, 2]
        assert self._who(answered, "last_score", "less_than", 5, today) == [2]
        assert self._who(answered, "last_score", "more_than", 5, today) == []
        assert self._who(answered, "last_score", "equals", 5, today) == [1]
