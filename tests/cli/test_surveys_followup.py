"""`care surveys followup` and `care import answers`, as a user types them."""

import csv
import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tickets.tables import ticket_resolution
from care.schedule import follow_up as follow_up_job
from care.schedule import raise_alarms
from care.surveys.figures.further_themes import read_comments
from care.surveys.figures.period import quarter_named
from care.surveys.tables import follow_up, survey_answer, survey_case
from tests.house import ROOT
from tests.surveys.factories_tickets import make_resolved


def set_up(desk, **fields) -> str:
    """Follow up one repair of a customer."""
    text = (ROOT / "campaigns/repair_followup.yaml").read_text(encoding="utf-8")
    desk.house.write_campaign(text, "repair_followup")
    who = desk.customer(fields.pop("customer", "C-1"), **fields)
    with write(desk.engine) as conn:
        ref = make_resolved(conn, customer_id=who, at=desk.house.clock.now(), result="更换光猫")
    tick(desk)
    return ref


def record(desk, folder, ref: str, outcome: str = "not_reached") -> None:
    """Write down how a call ended."""
    (folder / "recorded.csv").write_text(f"ref,outcome\n{ref},{outcome}\n", encoding="utf-8")
    assert desk("import", "answers", str(folder / "recorded.csv")).code == 0


def tick(desk) -> None:
    now = desk.house.clock.now()
    follow_up_job(desk.house.services, now, now)


class TestFollowup:
    def test_says_that_nobody_was_forgotten(self, desk, tmp_path) -> None:
        """Exit 0, the states, the coverage and each promise by name; a call is open until it is recorded."""
        ref = set_up(desk, phone=None)
        answer = desk("surveys", "followup")

        assert answer.code == 0
        assert "coverage not due yet: 0 of 0 whose time has come; 1 are still in time" in answer.out
        assert "repair_72h: nothing decided yet (0 kept, 0 late, 1 open)" in answer.out
        assert "phone_task: no_contact: 1" in answer.out

        record(desk, tmp_path, ref)
        answer = desk("surveys", "followup")

        assert answer.code == 0
        assert "coverage 100.0%: 1 of 1 whose time has come; 0 are still in time" in answer.out
        assert "repair_72h: 100.0% in time (1 kept, 0 late, 0 open)" in answer.out

    def test_names_each_promise_with_its_source(self, desk, tmp_path) -> None:
        """As the campaign names it, also the one that counts from the first call; in the quarterly report too."""
        ref = set_up(desk, phone=None)
        path = desk.house.folder / "campaigns" / "repair_followup.yaml"
        text = path.read_text(encoding="utf-8")
        named = text.replace("name: first_call_72h, source: service handbook", "name: traced_72h, source: article 5")
        assert named != text
        path.write_text(named, encoding="utf-8")
        record(desk, tmp_path, ref)
        out = desk("surveys", "followup").out
        told = json.loads(desk("surveys", "followup", "--json").out)["in_time"]
        report = json.loads(desk("report", "quarter", "2026Q3", "--format", "json").out)["follow_up_promises"]

        assert "repair_72h: 100.0% in time (1 kept, 0 late, 0 open); source: service handbook" in out
        assert "traced_72h: 100.0% in time (1 kept, 0 late, 0 open); source: article 5" in out
        assert [(one["commitment"], one["share"], one["source"]) for one in told] == [
            ("repair_72h", 1.0, "service handbook"),
            ("traced_72h", 1.0, "article 5"),
        ]
        assert report == told
        for form in ("md", "html"):
            words = desk("report", "quarter", "2026Q3", "--format", form).out.replace("\\_", "_")
            assert "traced_72h" in words
            assert "article 5" in words

    def test_names_who_was_not_called(self, desk, tmp_path) -> None:
        """Past its deadline a call that nobody recorded is a gap, late, and an incident; recorded it is late only."""
        ref = set_up(desk, phone=None)
        desk.house.clock.advance(timedelta(hours=73))
        tick(desk)
        told = desk("surveys", "followup", "--json")

        assert told.code == 1
        found = json.loads(told.out)
        assert [(gap["ref"], gap["why"], gap["covered_at"]) for gap in found["gaps"]] == [(ref, "not_called", None)]
        assert (found["coverage"], found["open"], found["in_time"][0]["share"]) == (0.0, 0, 0.0)
        assert ref in desk("surveys", "followup", "--gaps").out
        assert ref in desk("surveys", "followup", "--late").out
        assert (
            json.loads(desk("books", "--json").out)["promises"]["not_followed_up"] == 0
        )  # it was handed on in time: the call is the gap
        raise_alarms(desk.house.services, desk.house.clock.now(), None)
        assert "calls past their time: 1, the oldest for 60 minutes" in desk("incidents").out

        record(desk, tmp_path, ref)
        tick(desk)
        raise_alarms(desk.house.services, desk.house.clock.now(), None)
        after = desk("surveys", "followup")
        told = json.loads(desk("surveys", "followup", "--json").out)

        assert "coverage 100.0%: 1 of 1 whose time has come; 0 are still in time" in after.out
        assert "covered in time 0.0%: 0 of 1 whose time has come" in after.out
        assert {name: told[name] for name in ("covered", "covered_in_time", "coverage", "coverage_in_time")} == {
            "covered": 1,
            "covered_in_time": 0,
            "coverage": 1.0,
            "coverage_in_time": 0.0,
        }
        quarter = desk("report", "quarter", "2026Q3", "--format", "md").out
        assert "covered: 100.0% (1); covered in time: 0.0% (0)." in quarter
        assert (after.code, desk("surveys", "followup", "--gaps").code) == (0, 0)
        assert "repair_72h: 0.0% in time (0 kept, 1 late, 0 open)" in after.out
        assert ref in desk("surveys", "followup", "--late").out
        desk.house.clock.advance(timedelta(minutes=4))
        raise_alarms(desk.house.services, desk.house.clock.now(), None)
        assert "calls past their time" not in desk("incidents").out

    def test_counts_what_is_merged_into_a_call_with_the_call(self, desk, tmp_path) -> None:
        """Open while the call is, a gap while it is overdue, late when it was made too late."""
        call = set_up(desk, phone=None)
        desk.house.clock.advance(timedelta(hours=1))
        with write(desk.engine) as conn:
            who = conn.execute(sa.select(ticket_resolution.c.customer_id)).scalar_one()
            merged = make_resolved(conn, customer_id=who, at=desk.house.clock.now())
        tick(desk)
        told = json.loads(desk("surveys", "followup", "--json").out)
        assert (told["states"]["merged"], told["open"], told["coverage"]) == (1, 2, None)

        desk.house.clock.advance(timedelta(hours=73))
        tick(desk)
        told = desk("surveys", "followup", "--json")
        found = json.loads(told.out)
        gaps = [(gap["ref"], gap["state"], gap["why"], gap["covered_at"]) for gap in found["gaps"]]
        assert gaps == [(call, "phone_task", "not_called", None), (merged, "merged", "not_called", None)]
        assert (told.code, found["covered"], found["coverage"], found["in_time"][0]["late"]) == (1, 0, 0.0, 2)
        assert "covered: 0.0% (0)" in desk("report", "quarter", "2026Q3", "--format", "md").out
        assert json.loads(desk("books", "--json").out)["promises"]["not_followed_up"] == 0

        record(desk, tmp_path, call)
        tick(desk)
        told = desk("surveys", "followup", "--json")
        found = json.loads(told.out)
        assert (told.code, found["covered"], found["covered_in_time"], found["in_time"][0]["late"]) == (0, 2, 0, 2)
        assert merged in desk("surveys", "followup", "--late").out

    def test_is_shown_beforehand_as_it_will_be_sent(self, desk) -> None:
        """The plan counts the parts of the very text, and the preview tells of the very ticket."""
        ref = set_up(desk)
        number = ref.partition(":")[0]
        planned = desk("plan", "--days", "3", "--json")
        shown = desk("campaigns", "preview", "repair_followup", "--customer", "C-1")

        assert json.loads(planned.out)["warnings"] == []
        assert f"(单号{number})" in shown.out.replace("（", "(").replace("）", ")")

    def test_names_who_was_forgotten(self, desk) -> None:
        """What nobody took on, and what is due past its deadline: exit 1, by name, never 100 %."""
        overdue = set_up(desk)
        with write(desk.engine) as conn:
            who = conn.execute(sa.select(ticket_resolution.c.customer_id)).scalar_one()
        desk.house.clock.advance(timedelta(hours=80))
        with write(desk.engine) as conn:
            at = desk.house.clock.now() - timedelta(hours=1)
            forgotten = make_resolved(conn, customer_id=who, at=at)
        answer = desk("surveys", "followup", "--json")

        assert answer.code == 1
        told = json.loads(answer.out)
        assert [(gap["ref"], gap["why"]) for gap in told["gaps"]] == [
            (overdue, "not_asked"),
            (forgotten, "not_taken_on"),
        ]
        assert told["coverage"] == 0.0
        assert told["adds_up"] is True
        books = desk("books", "--json")
        assert (books.code, json.loads(books.out)["promises"]["not_followed_up"]) == (1, 2)
        assert overdue in desk("surveys", "followup", "--gaps").out
        assert len(list(csv.DictReader(desk("surveys", "followup", "--csv").out.splitlines()))) == 2

    def test_is_quiet_about_nothing(self, desk) -> None:
        """No resolved ticket is no failure; a day that is none is."""
        assert desk("surveys", "followup").code == 0
        assert desk("surveys", "followup", "--gaps").code == 0
        wrong = desk("surveys", "followup", "--until", "soon")
        assert (wrong.code, wrong.err.count("\n")) == (2, 1)

    def test_refuses_days_the_wrong_way_round(self, desk) -> None:
        """Exit 2 and one line, never "no ticket was resolved"; a single day is fine."""
        wrong = desk("surveys", "followup", "--since", "2026-09-04", "--until", "2026-09-01")
        assert (wrong.code, wrong.err.count("\n"), wrong.out) == (2, 1, "")
        assert "--since 2026-09-04: is after --until 2026-09-01" in wrong.err
        assert desk("surveys", "followup", "--since", "2099-01-01").code == 2
        assert desk("surveys", "followup", "--since", "2026-09-04", "--until", "2026-09-04").code == 0


class TestCalls:
    def test_go_out_and_come_back_as_answers(self, desk, tmp_path) -> None:
        """The list that was written is the file that is filled in; twice changes nothing; a bad score opens a case."""
        ref = set_up(desk, phone="+8613800001111", name="王小明")
        with write(desk.engine) as conn:
            conn.execute(sa.update(follow_up).values(state="phone_task", reason="undelivered"))
            from care.surveys.phone_tasks import hand_over

            hand_over(conn, [conn.execute(sa.select(follow_up.c.id)).scalar_one()], now=desk.house.clock.now())
        path = tmp_path / "calls.csv"
        assert desk("surveys", "followup", "--phone-tasks", str(path)).code == 0
        (row,) = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
        assert (row["ref"], row["name"], row["phone"]) == (ref, "王小明", "+8613800001111")
        assert row["ticket_result"] == "更换光猫"
        here = desk.house.clock.now().astimezone(ZoneInfo("Asia/Shanghai"))
        assert row["resolved_at"] == here.isoformat(timespec="minutes")
        assert row["call_by"] == (here + timedelta(hours=72)).isoformat(timespec="minutes")

        filled = row | {"outcome": "answered", "overall": "2", "solved": "no", "comment": "还没好", "by": "amy"}
        bad = row | {"ref": "T-0:r1", "overall": "5"}
        worse = row | {"overall": "9"}
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerows([filled, bad, worse, row])
        answer = desk("import", "answers", str(path), "--json")

        assert answer.code == 1
        told = json.loads(answer.out)
        assert {name: told[name] for name in ("answered", "rejected", "empty")} == {
            "answered": 1,
            "rejected": 2,
            "empty": 1,
        }
        with read(desk.engine) as conn:
            assert conn.execute(sa.select(follow_up.c.state)).scalar_one() == "answered"
            assert conn.execute(sa.select(survey_case.c.reason)).scalars().all() == ["not_solved"]
            given = {a.question: a.score for a in conn.execute(sa.select(survey_answer))}
        assert given == {"overall": 2, "solved": 0, "comment": None}
        assert json.loads(desk("import", "answers", str(path), "--json").out)["repeated"] == 1
        rejected = list(csv.reader((tmp_path / "calls.csv.rejects.csv").read_text("utf-8-sig").splitlines()))
        assert [line[:2] for line in rejected[1:]] == [["3", "ref"], ["4", "overall"]]

    def test_whoever_is_not_reached_is_settled(self, desk, tmp_path) -> None:
        """The call was the last way: asked, and nobody answered."""
        ref = set_up(desk, phone=None)
        path = tmp_path / "calls.csv"
        path.write_text(f"ref,outcome\n{ref},not_reached\n", encoding="utf-8")

        assert desk("import", "answers", str(path)).code == 0
        with read(desk.engine) as conn:
            assert conn.execute(sa.select(follow_up.c.state)).scalar_one() == "closed_unanswered"
        assert "0 calls to make" in desk("surveys", "followup", "--phone-tasks", str(tmp_path / "more.csv")).out

    def test_come_back_as_people_and_spreadsheets_write_them(self, desk, tmp_path) -> None:
        """Any case, full-width digits, the guard against formulas; lists of before, with times to the microsecond."""
        ref, other = set_up(desk, phone=None), set_up(desk, customer="C-2", phone=None)
        with write(desk.engine) as conn:
            conn.execute(sa.update(follow_up).where(follow_up.c.external_id == ref).values(external_id="-T1:r1"))
        path = tmp_path / "calls.csv"
        assert desk("surveys", "followup", "--phone-tasks", str(path)).code == 0
        first, second = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
        assert (first["ref"], second["ref"]) == ("'-T1:r1", other)
        rows = [
            first | {"outcome": "Answered", "overall": "５", "solved": "ＹＥＳ"},
            second | {"outcome": "Not Reached", "call_by": "2026-12-05T12:02:05.267906+00:00"},
        ]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(first))
            writer.writeheader()
            writer.writerows(rows)
        told = desk("import", "answers", str(path), "--json")

        assert (told.code, json.loads(told.out)["answered"], json.loads(told.out)["not_reached"]) == (0, 1, 1)
        with read(desk.engine) as conn:
            given = {a.question: a.score for a in conn.execute(sa.select(survey_answer))}
        assert given == {"overall": 5, "solved": 1}

    def test_that_were_made_in_time_count_from_then(self, desk, tmp_path) -> None:
        """Written down late, on the operator's clock or with an offset: the promise was kept, and the answer is of then."""
        ref, other = set_up(desk, phone=None), set_up(desk, customer="C-2", phone=None)
        made = desk.house.clock.now() + timedelta(hours=2)
        desk.house.clock.advance(timedelta(hours=80))
        tick(desk)
        assert len(desk("surveys", "followup", "--late").out.splitlines()) > 2
        path = tmp_path / "calls.csv"
        assert desk("surveys", "followup", "--phone-tasks", str(path)).code == 0
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
        assert [(row["ref"], row["called_at"]) for row in rows] == [(ref, ""), (other, "")]
        here = made.astimezone(ZoneInfo("Asia/Shanghai"))
        rows[0] |= {"outcome": "answered", "overall": "4", "called_at": f"{here:%Y/%m/%d %H:%M}"}
        rows[1] |= {"outcome": "not_reached", "called_at": made.isoformat()}
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        for n in range(2):
            told = json.loads(desk("import", "answers", str(path), "--json").out)
            assert (told["answered"], told["repeated"], told["not_reached"]) == (1 - n, n, 1)
        tick(desk)

        with read(desk.engine) as conn:
            assert [a.at for a in conn.execute(sa.select(survey_answer))] == [made]
            one, two = conn.execute(sa.select(follow_up).order_by(follow_up.c.id)).all()
        assert (one.answered_at, one.covered_at, two.closed_at, two.covered_at) == (made,) * 4
        found = json.loads(desk("surveys", "followup", "--json").out)
        assert (found["covered_in_time"], found["in_time"][0]["kept"]) == (2, 2)
        assert "nothing was late" in desk("surveys", "followup", "--late").out
        assert f"{here:%Y-%m-%d %H:%M} CST" in desk("surveys", "answers").out, "people read the operator's clock"
        (line,) = desk("surveys", "answers", "--json").out.splitlines()
        assert json.loads(line)["at"].startswith(f"{made:%Y-%m-%dT%H:%M}"), "programs read UTC"

    def test_need_a_time_that_can_be(self, desk, tmp_path) -> None:
        """Exit 1, one line, nothing written: a time to come, one before the resolution, a day alone, words."""
        ref = set_up(desk, phone=None)
        path = tmp_path / "calls.csv"
        for said, why in (
            ("2099-01-01 10:00", "lies in the future"),
            ("2026-09-25 09:59", "lies before the ticket was resolved"),
            ("2026-09-25", "is no day and time"),
            ("soon", "is no day and time"),
        ):
            path.write_text(f"ref,outcome,overall,called_at\n{ref},answered,5,{said}\n", encoding="utf-8")
            told = desk("import", "answers", str(path))
            assert (told.code, f"row 2, called_at: {why}" in told.err) == (1, True)
        with read(desk.engine) as conn:
            assert conn.execute(sa.select(survey_answer)).all() == []

    def test_the_reason_of_a_call_without_answer_is_kept(self, desk, tmp_path) -> None:
        """In the words of whoever called; no customer's words, and scores beside it are refused as before."""
        ref = set_up(desk, phone=None)
        path = tmp_path / "calls.csv"
        words = "ref,outcome,overall,comment,by\n"
        path.write_text(f"{words}{ref},not_reached,5,,amy\n", encoding="utf-8")
        assert "row 2, outcome: says not_reached, but there are answers" in desk("import", "answers", str(path)).err
        path.write_text(f"{words}{ref},not_reached,,number out of service,amy\n", encoding="utf-8")
        for _ in range(2):
            told = desk("import", "answers", str(path), "--json")
            assert (told.code, json.loads(told.out)["not_reached"]) == (0, 1)

        with read(desk.engine) as conn:
            one = conn.execute(sa.select(follow_up)).one()
            (kept,) = conn.execute(sa.select(survey_answer)).all()
            assert read_comments(conn, quarter_named("2026Q3", "Asia/Shanghai")) == []
        assert (one.state, one.reason, one.answered_at) == ("closed_unanswered", "not_reached", None)
        assert (kept.comment, kept.by, kept.follow_up_id) == ("number out of service", "amy", one.id)
        assert "number out of service" in desk("surveys", "answers").out

    def test_a_file_that_is_none_is_refused(self, desk, tmp_path) -> None:
        """Exit 2, one line, nothing lost."""
        path = tmp_path / "calls.csv"
        path.write_text("name,overall\nx,5\n", encoding="utf-8")
        answer = desk("import", "answers", str(path))

        assert (answer.code, answer.err.count("\n")) == (2, 1)
        assert "has no column 'ref' or 'ticket'" in answer.err
