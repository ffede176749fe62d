"""Commitments about tickets: the file, the rules, and the measured figures."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from care.base.database import read
from care.base.errors import CareError, FileError, ManyErrors
from care.calendars.workdays import add_working_days
from care.surveys.figures.commitments import Commitment, Within, load_commitments
from care.surveys.figures.deadlines import OWN_COLUMNS, Calendar, Kept, Ticket, judge, tally
from care.surveys.figures.period import quarter_named
from care.surveys.figures.promises import measure
from care.surveys.figures.sheet import read_sheet
from tests.surveys.factories_figures import make_quarter

Q3 = quarter_named("2026Q3", "Asia/Shanghai")
SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = Calendar(SHANGHAI, lambda day, n: add_working_days(day, n, "CN"))
NOW = datetime(2026, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 9, day, hour, minute, tzinfo=SHANGHAI)


def _ticket(name: str = "T-1", *, attributes: dict[str, str] | None = None, **fields: object) -> Ticket:
    instants = {column: fields.get(column) for column in OWN_COLUMNS}
    words = {column: fields.get(column) for column in ("kind", "severity", "channel", "area", "staff")}
    return Ticket(external_id=name, instants=instants, words=words, attributes=attributes or {})


def _promise(**fields: object) -> Commitment:
    plain = {"title": "x", "source": "y", "from": "opened_at", "to": "resolved_at", "within": "24h", **fields}
    return Commitment.model_validate(plain)


class TestJudge:
    def test_holds_spans_to_the_second(self) -> None:
        """24 hours are in time, a second more is late."""
        opened = _at(1, 9)
        for after, kept in ((24 * HOUR, Kept.IN_TIME), (24 * HOUR + timedelta(seconds=1), Kept.LATE)):
            assert judge(_ticket(opened_at=opened, resolved_at=opened + after), _promise(), CHINA, NOW) == (
                opened,
                kept,
            )

    def test_counts_working_days_by_the_calendar(self) -> None:
        """Before the holidays of Mid-Autumn and National Day 2026 three working days are long."""
        promise = _promise(within="3wd")
        thursday = _at(24, 15)  # 25 to 27 September are off in China
        assert CHINA.deadline(thursday, Within(None, 3)) == datetime(2026, 10, 1, tzinfo=SHANGHAI)
        last = datetime(2026, 9, 30, 23, 59, tzinfo=SHANGHAI)
        assert judge(_ticket(opened_at=thursday, resolved_at=last), promise, CHINA, NOW)[1] is Kept.IN_TIME
        assert judge(_ticket(opened_at=thursday, resolved_at=last + 2 * HOUR), promise, CHINA, NOW)[1] is Kept.LATE

    def test_tells_running_from_overdue(self) -> None:
        """An open ticket is judged once its deadline is over."""
        open_ticket = _ticket(opened_at=_at(1, 9))
        assert judge(open_ticket, _promise(), CHINA, _at(2, 9))[1] is Kept.RUNNING
        assert judge(open_ticket, _promise(), CHINA, _at(2, 9, 1))[1] is Kept.OVERDUE

    def test_does_not_judge_what_nobody_wrote_down(self) -> None:
        """No start, or a resolved ticket whose first answer has no time."""
        promise = _promise(to="first_response_at")
        assert judge(_ticket(), promise, CHINA, NOW) == (None, Kept.NOT_RECORDED)
        done = _ticket(opened_at=_at(1, 9), resolved_at=_at(1, 10))
        assert judge(done, promise, CHINA, NOW)[1] is Kept.NOT_RECORDED
        again = _ticket(opened_at=_at(1, 9), reopened_at=_at(3, 10))
        assert judge(again, promise, CHINA, NOW)[1] is Kept.NOT_RECORDED
        assert judge(again, _promise(to="examined_at"), CHINA, NOW)[1] is Kept.NOT_RECORDED
        assert judge(again, _promise(), CHINA, NOW)[1] is Kept.OVERDUE

    def test_reads_times_of_the_operators_own_columns(self) -> None:
        """With an offset or by the operator's clock; nonsense is no time."""
        promise = _promise(**{"from": "papers_complete_at"})
        for text, kept in (
            ("2026-09-01T09:00", Kept.IN_TIME),
            ("2026-09-01T00:59:00+00:00", Kept.LATE),
            ("soon", Kept.NOT_RECORDED),
        ):
            one = _ticket(attributes={"papers_complete_at": text}, opened_at=_at(1, 1), resolved_at=_at(2, 9))
            assert judge(one, promise, CHINA, NOW)[1] is kept

    @given(st.lists(st.tuples(st.integers(-5, 100), st.integers(0, 60) | st.none()), max_size=30))
    def test_counts_each_ticket_of_the_period_once(self, cases: list[tuple[int, int | None]]) -> None:
        """In time, late, overdue, running and not recorded add up; the late are named."""
        tickets = [
            _ticket(
                f"T-{n}",
                opened_at=Q3.since + day * timedelta(days=1),
                resolved_at=None if took is None else Q3.since + day * timedelta(days=1) + took * HOUR,
                area="East" if n % 2 else None,
            )
            for n, (day, took) in enumerate(cases)
        ]
        found = tally(tickets, _promise(by="area"), CHINA, since=Q3.since, until=Q3.until, now=NOW)
        inside = [day for day, _ in cases if 0 <= day < 92]
        assert sum(found[""].counts.values()) == len(inside)
        assert sum(sum(t.counts.values()) for name, t in found.items() if name) == len(inside)
        assert len(found[""].late) == found[""].counts[Kept.LATE] + found[""].counts[Kept.OVERDUE]


class TestFile:
    def _load(self, folder: Path, text: str) -> dict[str, object]:
        file = folder / "commitments.yaml"
        file.write_text(text, encoding="utf-8")
        return {named.name: named for named in load_commitments(file)}

    def test_has_defaults_for_everything(self, tmp_path: Path) -> None:
        """Without a file of one's own, every commitment is as shipped and says so."""
        shipped = load_commitments(tmp_path / "none.yaml")
        assert len(shipped) == 20
        assert {named.is_own for named in shipped} == {False}
        assert shipped[0].applied == "first_answer: as shipped"

    def test_is_laid_over_the_defaults(self, tmp_path: Path) -> None:
        """One is replaced with its source, one dropped, one added."""
        found = self._load(
            tmp_path,
            """\
commitments:
  first_answer: {title: First answer, source: 手册 四.1, from: opened_at, to: first_response_at, within: 10m, share: 90%}
  peak_hours: off
  tv_fault: {title: TV, source: 手册 九, from: opened_at, to: resolved_at, within: 2wd, of: {kind: [tv]}}
""",
        )
        assert found["first_answer"].applied == "first_answer: 手册 四.1 (commitments.yaml)"
        assert found["first_answer"].promise.within.words == "10 min"
        assert found["tv_fault"].promise.within.words == "2 working days"
        assert "peak_hours" not in found
        assert len(found) == 20

    @pytest.mark.parametrize(
        ("text", "line", "words"),
        [
            ("commitments:\n  a: {title: x, source: y, from: b, to: c, within: soon}\n", 2, "is no length of time"),
            ("commitments:\n  a:\n    title: x\n    source: y\n    withn: 3h\n", 5, "'withn' is not known"),
            ("commitments:\n  a: {title: x, source: y}\n", 2, "measures nothing, or too much"),
            ("commitments:\n  a: {title: x, source: y, within: 3h}\n", 2, "needs 'from' and 'to'"),
            ("commitments:\n  a: {title: x, source: y, satisfied: 120%}\n", 2, "is no share"),
            ("commitments:\n  a: {title: x, source: y, average: w}\n", 2, "needs 'at_most'"),
            ("commitments:\n  first_anser: off\n", 2, "Did you mean 'first_answer'?"),
            ("commitments:\n  First Answer: off\n", 2, "is no name"),
            ("promises: {}\n", 1, "'promises' is not known"),
            ("commitments: [1]\n", 0, "has no names"),
        ],
    )  # fmt: skip
    def test_refuses_mistakes_with_their_place(self, tmp_path: Path, text: str, line: int, words: str) -> None:
        """One line each: file, line, what, what to do."""
        with pytest.raises(CareError) as caught:
            self._load(tmp_path, text)
        first = caught.value.errors[0] if isinstance(caught.value, ManyErrors) else caught.value
        assert isinstance(first, FileError)
        assert words in str(first)
        assert first.line in (line, line + 1)


class TestMeasure:
    @pytest.mark.parametrize("seed", [21, 22])
    def test_is_what_plain_python_counts(self, engine: sa.Engine, seed: int) -> None:
        """First answers, by area too, ordinary faults, the average wait, and the satisfied of each member of staff."""
        world = make_quarter(seed)
        world.write(engine)
        with read(engine) as conn:
            sheet = read_sheet(conn, Q3)
            found = {
                one.named.name: one
                for one in measure(
                    conn, load_commitments(), sheet, country="CN", overrides=None, least=30, now=NOW
                )
            }  # fmt: skip
        rows = [r for r in world["ticket"] if not r["is_test"] and Q3.since <= r["opened_at"] < Q3.until]
        late = [r["external_id"] for r in rows if r["first_response_at"] - r["opened_at"] > timedelta(minutes=5)]
        assert list(found["first_answer"].late) == late
        assert found["first_answer"].n == len(rows)
        assert found["first_answer"].is_kept is False
        fault = [r for r in rows if (r["kind"], r["severity"]) == ("repair", "ordinary")]
        good = [r for r in fault if r["resolved_at"] - r["opened_at"] <= 24 * HOUR]
        assert (found["ordinary_fault"].in_time, found["ordinary_fault"].n) == (len(good), len(fault))
        assert found["complaint_class"].not_recorded == sum(r["kind"] == "complaint" for r in rows)
        assert found["complaint_class"].verdict == "no verdict"
        waits = [int(r["attributes"]["wait_seconds"]) for r in rows]
        assert found["hotline_wait"].estimate.value == pytest.approx(sum(waits) / len(waits))
        areas = found["area_answer"].groups
        assert sum(part.n for part in areas.values()) == found["area_answer"].n
        assert set(found["staff_check"].groups) >= {"Li Na", "王强", "not known"}

    def test_of_an_empty_house_says_so(self, engine: sa.Engine) -> None:
        """Nothing is kept, nothing missed."""
        with read(engine) as conn:
            sheet = read_sheet(conn, Q3)
            found = measure(conn, load_commitments(), sheet, country="CN", overrides=None, least=30, now=NOW)
        assert {one.is_kept for one in found} == {None}


def test_deadlines_are_worked_out_once_per_day() -> None:
    """Ten thousand tickets of one day ask the calendar once."""
    asked: list[tuple[date, int]] = []

    def nth(day: date, n: int) -> date:
        asked.append((day, n))
        return day + timedelta(days=n)

    calendar = Calendar(SHANGHAI, nth)
    for minute in range(100):
        calendar.deadline(_at(3, 9) + minute * timedelta(minutes=1), Within(None, 3))
    assert asked == [(date(2026, 9, 3), 3)]
