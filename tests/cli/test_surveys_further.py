"""The three further surveys as an operator turns them on, and as their figures are read."""

import csv
import json
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.surveys.tables import follow_up, survey_answer, survey_case, survey_session
from tests.cli.desk import Desk
from tests.factories import make_customer
from tests.house import ROOT
from tests.inbound.house import make_message
from tests.surveys.factories import make_follow_up

NAMES = ("relationship_nps", "effort_followup", "open_complaints")


def shipped(name: str) -> str:
    return (ROOT / f"campaigns/_{name}.yaml").read_text(encoding="utf-8")


class TestTurningOn:
    def test_is_to_take_the_underscore_away(self, desk: Desk) -> None:
        """Until then the files are left alone; after it the check finds nothing but what the words on privacy cost."""
        for name in NAMES:
            desk.house.write_campaign(shipped(name), f"_{name}")
        assert not set(NAMES) & set(desk.house.services.shelf.fresh().live)

        for name in NAMES:
            (desk.house.folder / f"campaigns/_{name}.yaml").rename(desk.house.folder / f"campaigns/{name}.yaml")
        followed = (ROOT / "campaigns/complaint_followup.yaml").read_text(encoding="utf-8")
        desk.house.write_campaign(followed, "complaint_followup")
        answer = desk("campaigns", "check", "--json")

        assert answer.code == 0, answer.out
        found = [json.loads(line) for line in answer.out.splitlines()]
        assert [one for one in found if one["campaign"] in NAMES and one["rule"] != "parts"] == []

    def test_reads_as_a_sentence(self, desk: Desk) -> None:
        """With the share, the round and the days."""
        desk.house.write_campaign(shipped("relationship_nps"), "relationship_nps")
        assert (
            "for 5% of the households, drawn by lot in each quarter and asked from its day 8 to its day 67 at 10:30, "
            "nobody again within 180d"
        ) in desk("campaigns", "show", "relationship_nps").out

    def test_names_every_mistake_with_its_place(self, desk: Desk) -> None:
        """One line each, exit 1; the other campaigns stay live."""
        wrong = {
            "a": ("relationship_nps", "share: 5%", "share: 0%", "'0%' is not a share"),
            "b": ("relationship_nps", "share: 5%, ", "", "'share' is missing"),
            "c": ("relationship_nps", "every: quarter", "every: fortnight", "'fortnight'"),
            "d": ("relationship_nps", "180d", "36h", "'not_again_within' is not whole days"),
            "e": ("relationship_nps", "days: 60", "days: 90", "may have only 90 days"),
            "f": ("effort_followup", "asks: effort", "asks: nps", "'nps'"),
            "g": ("open_complaints", "after: 5d", "after: soon", "'soon' is not a duration"),
            "h": ("open_complaints", "of: [complaint]", "of: []", "'of'"),
        }
        for name, (file, old, new, _) in wrong.items():
            text = shipped(file).replace(f"id: {file}", f"id: {name}").replace(f"name: {file}", f"name: {name}")
            assert old in text
            desk.house.write_campaign(text.replace(old, new), name)
        answer = desk("campaigns", "check")

        assert answer.code == 1
        for name, (*_, words) in wrong.items():
            (line,) = [line for line in answer.err.splitlines() if f"/{name}.yaml:" in line]
            assert words in line
        assert "birthday" in desk.house.services.shelf.fresh().live

    @pytest.mark.parametrize(
        ("file", "old", "new", "words"),
        [
            ("effort_followup", "template: survey_ces", "template: survey_invite", "asks from 1 to 5, but answers are"),
            ("effort_followup", "  asks: effort\n", "", "it asks from 1 to 7, but answers are read from 1 to 5"),
            ("relationship_nps", "survey_nps", "survey_ces", "but answers are read from 0 to 10"),
        ],
    )
    def test_refuses_words_of_another_scale(self, desk: Desk, file: str, old: str, new: str, words: str) -> None:
        """A 7 must never be read on a scale that ends at 5."""
        desk.house.write_campaign(shipped(file).replace(old, new), file)
        answer = desk("campaigns", "check")
        assert answer.code == 1
        assert words in answer.err


class TestFigures:
    def test_show_promoters_and_effort_apart_from_satisfaction(self, desk: Desk) -> None:
        """With the interval, how many were asked, and without a part in the target."""
        self.fill(desk, "nps", "recommend", "nps", [10] * 20 + [8] * 10 + [3] * 10)
        self.fill(desk, "ces", "effort", "ces7", [7] * 30 + [2] * 10)
        found = json.loads(desk("surveys", "report", "--json").out)

        assert found["recommend"] == {"promoters": 20, "passives": 10, "detractors": 10}
        nps, ces = found["measures"]["nps"], found["measures"]["ces"]
        assert (nps["n"], nps["value"]) == (40, 25.0)
        assert nps["low"] < 25 < nps["high"]
        assert (ces["n"], ces["value"]) == (40, 75.0)
        assert found["measures"]["ces_mean"]["value"] == 5.75
        assert {"survey": "nps", "invited": 50, "answered": 40} in found["asked"]
        assert (found["measures"]["overall"]["n"], found["valid"]["in_time"]) == (0, 0)

        told = desk("surveys", "report").out
        assert "NPS: 20 promoters (9 and 10), 10 passives (7 and 8), 10 detractors (0 to 6)." in told
        assert "Asked for nps: 50, answered 40 (80.0%)" in told
        report = desk("report", "quarter", "2026Q3", "--format", "md").out
        assert "20 promoters" in report
        assert "recommendation, random sample" in report

    def fill(self, desk: Desk, survey: str, question: str, scale: str, scores: list[int]) -> None:
        """Ask ten more than answer."""
        at = desk.house.clock.now() - timedelta(days=2)
        with write(desk.engine) as conn:
            for score in [*scores, *[None] * 10]:
                who = make_customer(conn)
                sent = {"purpose": "survey", "status": "sent", "sent_at": at, "occasion": f"{survey}:2026Q3"}
                asked = make_message(conn, customer_id=who, now=at, campaign_id=survey, **sent)
                if score is None:
                    continue
                row = {"survey": survey, "campaign_id": survey, "message_id": asked, "customer_id": who}
                row |= {"channel": "sms", "address_hash": "x", "locale": "en", "scale": scale, "stage": "done"}
                row |= {"opened_at": at, "asked_at": at, "expires_at": at + timedelta(days=7)}
                row |= {"late_until": at + timedelta(days=14)}
                made = conn.execute(sa.insert(survey_session).values(row).returning(survey_session.c.id)).scalar_one()
                row = {"session_id": made, "customer_id": who, "survey": survey, "question": question, "score": score}
                row |= {"scale": scale, "channel": "sms", "source": f"inbound:{made}", "at": at}
                conn.execute(sa.insert(survey_answer).values(row))


class TestCalls:
    def test_about_effort_take_a_score_of_seven(self, desk: Desk, tmp_path: Path) -> None:
        """And none of satisfaction: what was asked is what is written down."""
        with write(desk.engine) as conn:
            who = make_customer(conn)
            for _ in range(3):
                make_follow_up(conn, who, survey="ces", state="phone_task", reason="no_contact")
            refs = list(conn.execute(sa.select(follow_up.c.external_id).order_by(follow_up.c.id)).scalars())
        path = tmp_path / "calls.csv"
        lines = [f"{refs[0]},answered,3,", f"{refs[1]},answered,,5", f"{refs[2]},answered,8,"]
        path.write_text("\n".join(["ref,outcome,effort,overall", *lines]) + "\n", encoding="utf-8")

        told = json.loads(desk("import", "answers", str(path), "--json").out)

        assert (told["answered"], told["rejected"]) == (1, 2)
        rejects = list(csv.reader((tmp_path / "calls.csv.rejects.csv").read_text("utf-8-sig").splitlines()))
        assert [line[1] for line in rejects[1:]] == ["overall", "effort"]
        with read(desk.engine) as conn:
            given = conn.execute(sa.select(survey_answer)).one()
            assert (given.survey, given.question, given.score, given.scale) == ("ces", "effort", 3, "ces7")
            assert conn.execute(sa.select(survey_case.c.reason)).scalars().all() == ["low_score"]
            assert [row.state for row in conn.execute(sa.select(follow_up).order_by(follow_up.c.id))] == [
                "answered",
                "phone_task",
                "phone_task",
            ]
