"""One sender, several notices: `care plan` and `care approve` ask whether they fit together."""

import json

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.planning.tables import approval
from tests.cli.desk import Desk
from tests.cli.test_plan_promises import ENDING, ENDS_AT
from tests.factories import make_subscription

LATER = ENDING.replace("ending", "later")  # the same hours, the same deadline: ending comes first by its name
SOONER = LATER.replace("12h", "9h")  # its deadline is three hours earlier


def put(desk: Desk, section: str, key: str, value: object) -> None:
    with (desk.house.folder / "care.toml").open("a", encoding="utf-8") as file:
        file.write(f"[{section}]\n{key} = {value}\n")


@pytest.fixture
def two(desk: Desk) -> Desk:
    """Two notices about six terms, from noon until ten at night; either takes eight of these ten hours."""
    desk.house.remove_campaign()
    desk.house.write_campaign(ENDING, "ending")
    for n in range(6):
        who = desk.customer(f"C{n}", birth_mmdd=101)
        with write(desk.engine) as conn:
            make_subscription(conn, customer_id=who, ends_on=ENDS_AT.date(), ends_at=ENDS_AT)
    parts = json.loads(desk("plan", "--days", "1", "--json").out)["sms"]["parts"]
    put(desk, "sms", "rate_per_second", parts / (8 * 3600 * 0.9))
    desk.house.write_campaign(LATER, "later")
    return desk


def looked_at(desk: Desk, name: str) -> tuple[str, str]:
    """Return the hash and the verdict of a campaign's plan for today."""
    found = json.loads(desk("plan", "--days", "1", "--campaign", name, "--json").out)
    ((look,), (day,)) = found["approvals"], found["days"]
    return look["plan"], day["admission"][0]["verdict"]


def approve(desk: Desk, name: str) -> tuple[int, str]:
    answer = desk("approve", name, "--plan", looked_at(desk, name)[0])
    return answer.code, answer.err


def approved(desk: Desk) -> list[str]:
    with read(desk.engine) as conn:
        return sorted(conn.execute(sa.select(approval.c.campaign_id)).scalars())


class TestTwoNoticesThatFitAlone:
    def test_are_not_both_approved(self, two: Desk) -> None:
        """Neither needs an approval, so both are sure to go: the second is refused, and the line names the first."""
        assert approve(two, "ending") == (0, "")
        code, err = approve(two, "later")
        assert code == 1
        assert err.startswith(
            "care: later on 2026-09-25 by sms: refused, the promise cannot be kept beside ending on 2026-09-25 ("
        )
        assert err.count("\n") == 1
        assert approved(two) == ["ending"]

    def test_have_the_same_verdict_alone_and_with_all(self, two: Desk) -> None:
        """`--campaign` shows one campaign, but asks about all."""
        every, one = two("plan", "--days", "1"), two("plan", "--days", "1", "--campaign", "later")
        assert (every.code, one.code, every.err) == (1, 1, one.err)
        verdicts = [
            {
                day["campaign"]: day["admission"]
                for day in json.loads(two("plan", "--days", "1", *more, "--json").out)["days"]
            }
            for more in ([], ["--campaign", "later"], ["--campaign", "ending"])
        ]
        assert verdicts[0] == verdicts[1] | verdicts[2]
        (beside,) = verdicts[1]["later"][0]["beside"]
        assert (beside["campaign"], beside["day"]) == ("ending", "2026-09-25")

    def test_leave_each_other_out_of_the_figures_of_one(self, two: Desk) -> None:
        """Rows, parts, lanes and warnings are those of the campaign that was asked about."""
        found = json.loads(two("plan", "--days", "1", "--campaign", "ending", "--json").out)
        assert [day["campaign"] for day in found["days"]] == ["ending"]
        assert (found["new"], found["sms"]["recipients"], found["lanes"][0]["messages"]) == (6, 6, 6)
        assert [one for one in found["warnings"] if "later" in one["text"]] == []
        assert two("plan", "--days", "1", "--campaign", "ending").code == 0

    def test_share_nothing_with_what_is_cancelled_or_goes_by_another_lane(self, two: Desk) -> None:
        """What is never sent takes no room, and greetings make way."""
        assert two("campaigns", "cancel", "ending").code == 0
        assert looked_at(two, "later")[1] == "fits"
        assert two("campaigns", "resume", "ending").code == 0
        assert looked_at(two, "later")[1] == "refused"
        two.house.write_campaign(ENDING.replace("service", "greeting"), "ending")
        assert looked_at(two, "later")[1] == "fits"

    def test_keep_their_room_while_they_are_paused(self, two: Desk) -> None:
        """A pause may end at any moment."""
        assert two("campaigns", "pause", "ending").code == 0
        assert looked_at(two, "later")[1] == "refused"


class TestNoticesThatWaitForApproval:
    @pytest.fixture
    def waiting(self, two: Desk) -> Desk:
        """Six customers are above three."""
        put(two, "approval", "above", 3)
        return two

    @pytest.mark.parametrize(("first", "second"), [("ending", "later"), ("later", "ending")])
    def test_take_room_once_they_are_approved(self, waiting: Desk, first: str, second: str) -> None:
        """Whoever is approved first keeps the room, whatever the order of names and deadlines."""
        words = {name: looked_at(waiting, name) for name in (first, second)}
        assert [verdict for _, verdict in words.values()] == ["fits", "fits"]
        assert waiting("approve", first, "--plan", words[first][0]).code == 0
        answer = waiting("approve", second, "--plan", words[second][0])
        assert answer.code == 1
        assert f"{second} on 2026-09-25 by sms: refused, the promise cannot be kept beside {first} on" in answer.err
        assert approved(waiting) == [first]
        assert looked_at(waiting, first)[1] == "fits"
        assert waiting("plan", "--days", "1").err == answer.err

    def test_are_refused_where_they_would_go_first_and_push_out_what_is_approved(self, waiting: Desk) -> None:
        """The earlier deadline goes first and fits, but the promise that stands could be kept no more."""
        waiting.house.write_campaign(SOONER, "later")
        assert approve(waiting, "ending") == (0, "")
        code, err = approve(waiting, "later")
        assert code == 1
        assert "later on 2026-09-25 by sms: refused, the promise cannot be kept beside ending on 2026-09-25 (" in err
        assert "have no time" in err
        assert approved(waiting) == ["ending"]

    def test_are_warned_of_when_they_do_not_fit_together(self, waiting: Desk) -> None:
        """Each could be approved; the plan says that not both can."""
        answer = waiting("plan", "--days", "1")
        assert (answer.code, answer.err) == (0, "")
        line = "later on 2026-09-25: all of it is in time while ending waits for approval, not beside it. Approve first"
        assert line in answer.out
        assert approve(waiting, "ending") == (0, "")
        assert "waits for approval" not in waiting("plan", "--days", "1", "--campaign", "ending").out

    def test_give_their_room_back_with_their_approval(self, waiting: Desk) -> None:
        """Revoked is as never approved."""
        assert approve(waiting, "ending") == (0, "")
        assert looked_at(waiting, "later")[1] == "refused"
        assert waiting("approve", "ending", "--revoke").code == 0
        assert approve(waiting, "later") == (0, "")
