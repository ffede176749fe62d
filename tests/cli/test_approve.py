"""`care approve`: what is large waits until somebody has looked at it."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.messages.tables import move, pause
from care.planning.tables import approval
from tests.cli.desk import Desk
from tests.house import BIRTHDAY

WAITS = "held: waits for approval"


def set_limit(desk: Desk, above: int) -> None:
    with (desk.house.folder / "care.toml").open("a", encoding="utf-8") as file:
        file.write(f"[approval]\nabove = {above}\n")
    settings = desk.house.services.settings
    changed = settings.model_copy(update={"approval": settings.approval.model_copy(update={"above": above})})
    desk.house.services.settings = changed


@pytest.fixture
def crowd(desk: Desk) -> Desk:
    """Five birthdays today, at nine in the morning; whatever is above three waits."""
    desk.house.clock.advance(timedelta(hours=-1))
    for n in range(5):
        desk.customer(f"C{n}")
    set_limit(desk, 3)
    return desk


def plan_hash(desk: Desk, *words: str) -> str:
    (look,) = json.loads(desk("plan", "--campaign", "birthday", "--json", *words).out)["approvals"]
    return str(look["plan"])


def approve(desk: Desk) -> None:
    assert desk("approve", "birthday", "--plan", plan_hash(desk)).code == 0


class TestALargeDay:
    def test_waits_and_nothing_of_it_goes(self, crowd: Desk) -> None:
        """Planned, held with its reason, and still there when its hour has come."""
        crowd.house.plan()
        assert crowd.house.statuses() == {WAITS: 5}
        crowd.house.clock.advance(timedelta(hours=2))
        assert crowd.house.dispatch() == 0
        assert crowd.house.statuses() == {WAITS: 5}

    def test_goes_at_its_hour_once_approved(self, crowd: Desk) -> None:
        """The approval gives each message its hour back, and says who gave it."""
        crowd.house.plan()
        answer = crowd.run("approve", "birthday", "--plan", plan_hash(crowd), CARE_USER="anna")
        assert (answer.code, answer.err) == (0, "")
        assert answer.out == (
            "birthday is approved by ops:anna: 2026-09-25 to 2026-10-01, 5 customers; 5 messages released\n"
        )
        assert crowd.house.statuses() == {"planned": 5}
        assert crowd.house.dispatch() == 0
        crowd.house.clock.advance(timedelta(hours=1))
        assert crowd.house.dispatch() == 5
        with read(crowd.engine) as conn:
            (row,) = conn.execute(sa.select(approval)).all()
            stories = conn.execute(sa.select(move.c.by).where(move.c.reason == "approved")).scalars().all()
        assert (row.by, row.audience, row.revoked_at) == ("ops:anna", 5, None)
        assert stories == ["ops:anna"] * 5

    def test_may_be_approved_before_it_is_planned(self, crowd: Desk) -> None:
        """What the planner writes then goes at once."""
        approve(crowd)
        crowd.house.plan()
        assert crowd.house.statuses() == {"planned": 5}

    def test_waits_again_when_the_approval_is_withdrawn(self, crowd: Desk) -> None:
        """What is unsent is held; what went stays told."""
        crowd.house.plan()
        approve(crowd)
        answer = crowd("approve", "birthday", "--revoke", "--json")
        assert (answer.code, json.loads(answer.out)["held"]) == (0, 5)
        assert {row.wake_at == row.use_by for row in crowd.house.messages()} == {True}  # no sender even looks at them
        crowd.house.clock.advance(timedelta(hours=1))
        assert crowd.house.dispatch() == 0
        assert crowd.house.statuses() == {WAITS: 5}
        approve(crowd)
        assert crowd.house.dispatch() == 5

    def test_that_was_claimed_before_a_withdrawal_is_caught_at_the_last_moment(self, crowd: Desk) -> None:
        """The intent transaction looks again: the rows say planned, the stop says wait."""
        crowd.house.plan()
        approve(crowd)
        with write(crowd.engine) as conn:
            now = crowd.house.clock.now()
            conn.execute(sa.insert(pause).values(scope="wait:birthday:2026-09-25", by="ops:ann", at=now))
        crowd.house.clock.advance(timedelta(hours=1))
        assert crowd.house.dispatch() == 0
        assert crowd.house.statuses() == {WAITS: 5}

    def test_waits_again_when_its_file_is_edited(self, crowd: Desk) -> None:
        """What was approved is not what would go now."""
        crowd.house.plan()
        approve(crowd)
        crowd.house.write_campaign(BIRTHDAY.replace("8h", "9h"))
        crowd.house.plan()
        assert crowd.house.statuses() == {WAITS: 5}

    def test_expires_when_nobody_looks(self, crowd: Desk) -> None:
        """Late is worse than never, and the books say why nothing went."""
        crowd.house.plan()
        crowd.house.clock.advance(timedelta(hours=10))
        assert crowd.house.dispatch() == 0
        assert crowd.house.statuses() == {"expired: its time passed while it waited": 5}

    def test_is_let_go_when_the_limit_is_lifted(self, crowd: Desk) -> None:
        """A setting that no longer asks holds nobody."""
        crowd.house.plan()
        set_limit(crowd, 5)
        crowd.house.plan()
        assert crowd.house.statuses() == {"planned": 5}

    def test_grown_by_a_little_needs_no_second_look(self, crowd: Desk) -> None:
        """A tenth more goes along; beyond that somebody has to look."""
        for n in range(15):
            crowd.customer(f"D{n}")
        crowd.house.plan()
        approve(crowd)
        crowd.customer("E1")
        crowd.house.plan()
        assert crowd.house.statuses() == {"planned": 21}
        for n in range(3):
            crowd.customer(f"F{n}")
        crowd.house.plan()
        assert crowd.house.statuses() == {WAITS: 24}

    def test_is_no_stop_by_hand(self, crowd: Desk) -> None:
        """It is told as what it is, and `care resume` does not end it."""
        crowd.house.plan()
        assert crowd("resume", "--campaign", "birthday").code == 1
        answer = crowd("log", "--state", "held", "--json")
        assert "approves" in answer.out
        assert "wait:" not in crowd("plan", "--days", "1").out

    def test_of_an_emergency_does_not_wait(self, crowd: Desk) -> None:
        """An outage waits for nobody."""
        crowd.house.write_campaign(BIRTHDAY.replace("purpose: greeting", "purpose: emergency"))
        crowd.house.plan()
        assert crowd.house.statuses() == {"planned": 5}


class TestASmallDay:
    def test_goes_without_asking(self, desk: Desk) -> None:
        """Three are not above three."""
        for n in range(3):
            desk.customer(f"C{n}")
        set_limit(desk, 3)
        desk.house.plan()
        assert desk.house.dispatch() == 3


class TestThePlan:
    def test_shows_what_waits_and_the_command(self, crowd: Desk) -> None:
        """A line to copy."""
        answer = crowd("plan", "--days", "1")
        word = plan_hash(crowd, "--days", "1")
        assert f"approval      birthday: 1 of 1 days wait; care approve birthday --plan {word}" in answer.out
        (look,) = json.loads(crowd("plan", "--days", "1", "--json").out)["approvals"]
        assert look == {
            "campaign": "birthday", "id": "birthday", "plan": word, "customers": 5,
            "days": [{"day": "2026-09-25", "customers": 5, "state": "waits"}],
        }  # fmt: skip

    def test_has_the_same_hash_when_nothing_changed(self, crowd: Desk) -> None:
        """Before and after planning, and whoever opts out meanwhile."""
        word = plan_hash(crowd)
        crowd.house.plan()
        crowd.house.clock.advance(timedelta(minutes=30))
        assert plan_hash(crowd) == word


class TestNo:
    def test_to_a_plan_whose_audience_has_changed(self, crowd: Desk) -> None:
        """Both figures are named, and nothing is recorded."""
        word = plan_hash(crowd)
        crowd.customer("C9")
        answer = crowd("approve", "birthday", "--plan", word)
        assert answer.code == 1
        assert answer.err == (
            "care: campaign 'birthday' is not as it was planned: it was for 5 customers and is for 6. "
            "Look again: care plan --campaign birthday\n"
        )
        with read(crowd.engine) as conn:
            assert conn.execute(sa.select(approval)).all() == []

    def test_to_a_plan_whose_text_has_changed(self, crowd: Desk) -> None:
        """The file was edited after it was looked at."""
        word = plan_hash(crowd)
        crowd.house.write_campaign(BIRTHDAY.replace("template: birthday", "template: tenure_anniversary"))
        answer = crowd("approve", "birthday", "--plan", word)
        assert answer.code == 1
        assert "its file, segments or texts were edited" in answer.err

    def test_to_customers_moved_between_days(self, crowd: Desk) -> None:
        """The same sum on other days is another plan."""
        crowd.customer("C9", birth_mmdd=926)
        word = plan_hash(crowd)
        with write(crowd.engine) as conn:
            conn.execute(sa.text("UPDATE customer SET birth_mmdd = 926 WHERE external_id = 'C1'"))
        answer = crowd("approve", "birthday", "--plan", word)
        assert (answer.code, "other days or occasions" in answer.err) == (1, True)

    def test_to_days_that_have_passed(self, crowd: Desk) -> None:
        """An approval is for what is to come."""
        word = plan_hash(crowd, "--days", "1")
        crowd.house.clock.advance(timedelta(days=1))
        answer = crowd("approve", "birthday", "--plan", word)
        assert (answer.code, "its days have passed" in answer.err) == (1, True)

    def test_to_a_promise_that_cannot_be_kept(self, crowd: Desk) -> None:
        """A service message that would be late is not approved; the line says when it would have to start."""
        crowd.house.write_campaign(BIRTHDAY.replace("greeting", "service").replace("8h", "30m"))
        with (crowd.house.folder / "care.toml").open("a", encoding="utf-8") as file:
            file.write("[sms]\nrate_per_second = 0.002\n")
        answer = crowd("approve", "birthday", "--plan", plan_hash(crowd))
        assert answer.code == 1
        assert "refused, the promise cannot be kept" in answer.err
        with read(crowd.engine) as conn:
            assert conn.execute(sa.select(approval)).all() == []

    @pytest.mark.parametrize("word", ["abc", "20260925.7.5.abcdefab", "20269925.7.5.abcdefab.abcdefabcdef"])
    def test_to_what_is_no_hash(self, crowd: Desk, word: str) -> None:
        """The input is wrong: exit 2."""
        answer = crowd("approve", "birthday", "--plan", word)
        assert answer.code == 2
        assert answer.err == f"care: --plan {word}: is no hash of a plan. Copy it from: care plan --campaign NAME\n"

    def test_to_both_or_neither(self, crowd: Desk) -> None:
        """One thing at a time."""
        assert crowd("approve", "birthday").code == 2
        assert crowd("approve", "birthday", "--revoke", "--plan", plan_hash(crowd)).code == 2

    def test_to_withdrawing_what_is_not_there(self, crowd: Desk) -> None:
        """And to a campaign nobody knows."""
        assert crowd("approve", "birthday", "--revoke").code == 1
        assert crowd("approve", "birthdy", "--revoke").code == 1
