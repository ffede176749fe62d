"""`care why` tells what became of the question after each ticket."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.schedule import follow_up as follow_up_job
from care.schedule import watch
from care.surveys.tables import follow_up, survey_answer
from tests.cli.desk import Desk
from tests.house import ROOT
from tests.surveys.factories import RESOLVED, make_follow_up
from tests.surveys.factories_tickets import make_resolved

ASKED = {"invited_at": RESOLVED + timedelta(hours=2)}
STATES = [
    ({"state": "due"}, "will be asked 2026-09-20 12:00 CST"),
    ({"state": "exempt", "reason": "asked_recently"}, "not asked: asked recently"),
    ({"state": "phone_task", "reason": "no_contact", "is_late": True}, "a person calls: no contact, late"),
    ({"state": "invited", **ASKED}, "asked 2026-09-20 12:00 CST, no receipt yet"),
    ({"state": "delivered", **ASKED}, "asked 2026-09-20 12:00 CST, arrived"),
    (
        {"state": "reminded", "reminded_at": RESOLVED + timedelta(hours=38), **ASKED},
        "asked 2026-09-20 12:00 CST, asked again 2026-09-22 00:00 CST",
    ),
    ({"state": "closed_unanswered", **ASKED}, "asked 2026-09-20 12:00 CST, nobody answered"),
]


def told(desk: Desk, *words: str) -> list[str]:
    answer = desk("why", "C1", *words)
    assert answer.code == 0, answer.err
    return [line.strip() for line in answer.out.splitlines() if "repair" in line]


class TestEachResolution:
    @pytest.mark.parametrize(("fields", "words"), STATES)
    def test_is_told_in_a_sentence(self, desk: Desk, fields: dict[str, Any], words: str) -> None:
        """With when it was resolved and what became of it."""
        customer_id = desk.customer("C1")
        with write(desk.engine) as conn:
            made = make_follow_up(conn, customer_id, **fields)
            name = conn.execute(sa.select(follow_up.c.external_id).where(follow_up.c.id == made)).scalar_one()
        assert told(desk) == [f"repair {name}: resolved 2026-09-20 10:00 CST; {words}"]

    def test_tells_the_score_that_stands(self, desk: Desk) -> None:
        """Not the one that was corrected."""
        customer_id, answered = desk.customer("C1"), RESOLVED + timedelta(hours=3)
        with write(desk.engine) as conn:
            made = make_follow_up(conn, customer_id, state="answered", answered_at=answered, **ASKED)
            for number, (score, superseded) in enumerate([(1, answered), (5, None)]):
                conn.execute(
                    sa.insert(survey_answer).values(
                        follow_up_id=made,
                        customer_id=customer_id,
                        survey="ticket",
                        question="overall",
                        score=score,
                        channel="sms",
                        source=f"inbound:{number}",
                        at=answered,
                        superseded_at=superseded,
                    )
                )
        assert told(desk)[0].endswith("asked 2026-09-20 12:00 CST, answered 5 2026-09-20 13:00 CST")

    def test_names_the_ticket_that_stands_for_it(self, desk: Desk) -> None:
        """One question for several repairs."""
        customer_id = desk.customer("C1")
        with write(desk.engine) as conn:
            later = make_follow_up(conn, customer_id, resolved_at=RESOLVED + timedelta(hours=1))
            name = conn.execute(sa.select(follow_up.c.external_id).where(follow_up.c.id == later)).scalar_one()
            make_follow_up(conn, customer_id, state="merged", merged_into=later)
        assert told(desk)[1].endswith(f"the question about {name} stands for it")

    def test_is_left_out_after_a_month(self, desk: Desk) -> None:
        """And on days before it."""
        customer_id = desk.customer("C1")
        with write(desk.engine) as conn:
            make_follow_up(conn, customer_id, resolved_at=RESOLVED - timedelta(days=28))
        assert len(told(desk, "--on", "2026-09-20")) == 1
        assert told(desk, "--on", "2026-09-24") == []
        assert told(desk, "--on", "2026-08-22") == []

    def test_is_there_for_machines(self, desk: Desk) -> None:
        """State and words."""
        customer_id = desk.customer("C1")
        with write(desk.engine) as conn:
            make_follow_up(conn, customer_id, state="exempt", reason="test_ticket")
        found = json.loads(desk("why", "C1", "--json").out)["follow_ups"]
        assert [(one["kind"], one["state"]) for one in found] == [("repair", "exempt")]


class TestOneThatWaitsForThePhone:
    """A repair was asked about at one o'clock; an installation of the same customer has to wait until that is answered."""

    @pytest.fixture
    def waiting(self, desk: Desk) -> str:
        for name in ("repair_followup", "installation_followup"):
            desk.house.write_campaign((ROOT / f"campaigns/{name}.yaml").read_text(encoding="utf-8"), name)
        who = desk.customer("C1", consents=("survey",), birth_mmdd=101)
        self.resolved(desk, who, "repair")
        desk.house.clock.advance(timedelta(hours=3))
        self.tick(desk, sends=True)
        ref = self.resolved(desk, who, "installation")
        desk.house.clock.advance(timedelta(hours=3))
        self.tick(desk, sends=True)
        assert [m.reason for m in desk.house.messages(status="held")] == ["another question is open"]
        return ref

    def resolved(self, desk: Desk, who: int, kind: str) -> str:
        with write(desk.engine) as conn:
            ref = make_resolved(conn, customer_id=who, at=desk.house.clock.now(), kind=kind)
        self.tick(desk)
        return ref

    def tick(self, desk: Desk, *, sends: bool = False) -> None:
        now = desk.house.clock.now()
        follow_up_job(desk.house.services, now, now - timedelta(minutes=1))
        desk.house.plan()
        if sends:
            desk.house.dispatch()
        watch(desk.house.services, now, None)
        follow_up_job(desk.house.services, now, now - timedelta(minutes=1))

    def of(self, desk: Desk, ref: str, *words: str) -> str:
        out = desk("why", "C1", *words).out
        return next(line for line in out.splitlines() if ref in line).partition("; ")[2]

    def test_is_told_as_waiting(self, desk: Desk, waiting: str) -> None:
        """Not as one that will be asked at an hour that is over."""
        said = self.of(desk, waiting)
        assert said == "waits: another question is open; looked at again 2026-09-26 13:00 CST"

    def test_is_held_by_no_cap(self, desk: Desk, waiting: str) -> None:
        """Installations are always asked about, however lately the customer was asked."""
        found = json.loads(desk("why", "C1", "installation_followup", "--json").out)
        (caps,) = [step for step in found["campaigns"][0]["steps"] if step["step"] == "caps"]
        assert (caps["passed"], caps["text"]) == (True, "below every frequency cap")

    def test_is_called_about_once_its_time_is_over(self, desk: Desk, waiting: str) -> None:
        """Nobody sent while it might have gone: a person calls, in time, and both lists say so."""
        desk.house.clock.advance(timedelta(hours=25))
        self.tick(desk)

        assert self.of(desk, waiting) == "a person calls: expired"
        told = desk("surveys", "followup", "--json")
        assert told.code == 0
        found = json.loads(told.out)
        assert (found["phone_tasks"], found["gaps"]) == ({"expired": 1}, [])
        assert "  phone_task: expired: 1" in desk("surveys", "followup").out
        row = next(line for line in desk("surveys", "followup", "--csv").out.splitlines() if waiting in line)
        assert "phone_task,expired" in row
