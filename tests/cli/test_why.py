"""`care why` as a user runs it at three in the morning: the first line is the answer."""

import json
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.changes import Change, record_changes
from care.customers.tables import consent, customer
from care.explain.why import explain_why
from care.messages.tables import attempt, message
from tests.cli.desk import Desk
from tests.factories import make_consent, make_subscription, make_suppression
from tests.house import BIRTHDAY
from tests.reports.index_use import steps_of, whole_tables

LOYAL = "loyal:\n  tenure_years: {at_least: 5}\n"


def head(desk: Desk, *words: str) -> str:
    answer = desk("why", *words)
    assert answer.code == 0, answer.err
    return answer.out.splitlines()[0]


def caps_of(desk: Desk, campaign: str) -> tuple[bool, str]:
    found = json.loads(desk("why", "C1", campaign, "--json").out)
    (caps,) = [step for step in found["campaigns"][0]["steps"] if step["step"] == "caps"]
    return caps["passed"], caps["text"]


class TestTheFirstLine:
    def test_is_the_message_where_there_is_one(self, desk: Desk) -> None:
        """With when, how and which."""
        desk.customer("C1")
        desk.greet()
        number = desk.house.messages()[0].id
        line = head(desk, "C1", "birthday")
        assert line.startswith("birthday: delivered at 2026-09-25 10:")
        assert line.endswith(f"CST by sms (message {number})")

    def test_names_the_leaf_of_who_never_qualified(self, desk: Desk) -> None:
        """With its place in the file."""
        (desk.house.folder / "campaigns" / "segments.yaml").write_text(LOYAL, encoding="utf-8")
        desk.house.write_campaign(BIRTHDAY.replace("everyone", "loyal"))
        desk.customer("C1", joined_on=date(2023, 6, 25))
        place = desk.house.folder / "campaigns" / "segments.yaml"
        assert head(desk, "C1", "birthday") == f"birthday: never qualified: tenure_years 3.2 < 5 ({place.name}:2)"

    def test_names_the_day_to_come(self, desk: Desk) -> None:
        """And how far it is."""
        desk.customer("C1", birth_mmdd=301)
        assert head(desk, "C1", "birthday") == "birthday: not due on 2026-09-25; next on 2027-03-01, in 157 days"

    def test_names_what_the_record_lacks(self, desk: Desk) -> None:
        """There is no day to come without a birthday."""
        desk.customer("C1", birth_mmdd=None)
        assert head(desk, "C1", "birthday") == "birthday: not due on 2026-09-25; no birthday on record"

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"deceased": True}, "reported as deceased"),
            ({"minor": True}, "under age: no greetings or offers"),
            ({"status": "left", "left_on": date(2026, 5, 1)}, "left on 2026-05-01: only what is owed"),
            ({"phone": None}, "no address for sms or email"),
            ({"consents": ()}, "greeting by sms, email: no consent on record, and one is needed"),
        ],
    )
    def test_names_what_forbids_it(self, desk: Desk, fields, words) -> None:
        """The decision that comes first."""
        desk.customer("C1", **fields)
        assert head(desk, "C1", "birthday").startswith(f"birthday: {words}")

    def test_names_an_opt_out_with_its_reason_scope_and_day(self, desk: Desk) -> None:
        """Since when, and where the word came from."""
        desk.customer("C1", phone="+8613912345678")
        with write(desk.engine) as conn:
            make_suppression(conn, address="+8613912345678", scope="marketing")
        assert head(desk, "C1", "birthday") == (
            "birthday: sms silenced: opt out (marketing) since 2026-01-01 08:00 CST, from test"
        )

    def test_says_when_it_is_on_its_way(self, desk: Desk) -> None:
        """Due, nothing against it; a stop is said as a wait."""
        desk.customer("C1", birth_mmdd=927)
        day = ("--on", "2026-09-27")
        assert head(desk, "C1", "birthday", *day) == "birthday: due at 2026-09-27 10:00 CST, will be planned"
        desk("pause", "--campaign", "birthday")
        assert "campaign:birthday is stopped until resumed" in head(desk, "C1", "birthday", *day)

    def test_says_when_the_ledger_lacks_what_was_due(self, desk: Desk) -> None:
        """The program did not run that day."""
        desk.customer("C1", birth_mmdd=924)
        line = head(desk, "C1", "birthday", "--on", "2026-09-24")
        assert "was due at 2026-09-24 10:00 CST and nothing forbade it, but the ledger has no message" in line

    def test_sums_up_all_campaigns(self, desk: Desk) -> None:
        """Without a campaign: those that matter in the first line, one line for each."""
        desk.house.write_campaign(BIRTHDAY.replace("birthday", "gift").replace("kind: gift", "kind: birthday"), "gift")
        desk.customer("C1", birth_mmdd=301)
        assert head(desk, "C1") == "C1 on 2026-09-25: nothing was due"
        desk.customer("C2")
        assert head(desk, "C2") == "C2 on 2026-09-25: birthday, gift"

    def test_is_never_empty_for_a_campaign_that_is_gone(self, desk: Desk) -> None:
        """Its messages are still the answer."""
        desk.customer("C1")
        desk.greet()
        desk.house.remove_campaign()
        assert head(desk, "C1", "birthday").startswith("birthday: delivered at 2026-09-25")
        desk.customer("C2")
        assert head(desk, "C2", "birthday") == "C2 never had a message of this campaign, and its file is gone"


class TestAPastDay:
    def test_is_judged_by_the_record_of_then(self, desk: Desk) -> None:
        """The consent came a day late."""
        who = desk.customer("C1", birth_mmdd=924, consents=())
        with write(desk.engine) as conn:
            make_consent(conn, customer_id=who, at=desk.house.clock.now())
        line = head(desk, "C1", "birthday", "--on", "2026-09-24")
        assert line == "birthday: greeting by sms, email: no consent on record, and one is needed"

    def test_knows_former_values(self, desk: Desk) -> None:
        """The birthday was corrected since: on that day the old one counted."""
        who = desk.customer("C1", birth_mmdd=1001)
        with write(desk.engine) as conn:
            record_changes(conn, [Change(who, "birth_mmdd", 920, 1001)], desk.house.clock.now() - timedelta(days=1))
        assert "was due at 2026-09-20" in head(desk, "C1", "birthday", "--on", "2026-09-20")
        assert "next on 2026-10-01" in head(desk, "C1", "birthday")

    def test_does_not_call_undue_what_was_sent(self, desk: Desk) -> None:
        """A ticket that is answered, a birthday corrected without a change on record: due no more, but it was."""
        who = desk.customer("C1")
        desk.greet()
        with write(desk.engine) as conn:
            conn.execute(sa.update(customer).where(customer.c.id == who).values(birth_mmdd=1001))
        lines = desk("why", "C1", "birthday").out.splitlines()
        assert lines[0].startswith("birthday: delivered at 2026-09-25 10:")
        assert lines[1].split(maxsplit=2) == ["ok", "occasion", "was due when it was planned; nothing more is"]

    def test_before_the_first_record_is_not_recorded(self, desk: Desk) -> None:
        """Rather than guessed."""
        desk.customer("C1")
        assert head(desk, "C1", "birthday", "--on", "2025-12-31") == (
            "birthday: not recorded: the first record is of 2026-01-01 08:00 CST"
        )

    def test_forgets_an_opt_out_that_was_lifted_since(self, desk: Desk) -> None:
        """It stood on the 20th and was gone on the 24th."""
        desk.customer("C1", birth_mmdd=920, phone="+8613912345678")
        with write(desk.engine) as conn:
            make_suppression(conn, address="+8613912345678")
            lift = sa.text("UPDATE suppression SET lifted_at = :at, lifted_by = 'START'")
            conn.execute(lift, {"at": int(desk.house.clock.now().timestamp() * 1e6) - 86_400_000_000})
        assert "silenced: opt out" in head(desk, "C1", "birthday", "--on", "2026-09-20")
        assert "silenced" not in desk("why", "C1", "birthday").out


class TestTheChain:
    def test_shows_every_decision(self, desk: Desk) -> None:
        """Passed or not, in the order of the program."""
        desk.customer("C1")
        steps = [line.split()[:2] for line in desk("why", "C1", "birthday").out.splitlines()[1:]]
        assert steps == [
            ["ok", "occasion"],
            ["ok", "audience"],
            ["ok", "customer"],
            ["ok", "contact"],
            ["ok", "suppression"],
            ["ok", "consent"],
            ["ok", "hours"],
            ["ok", "caps"],
        ]

    def test_counts_what_was_sent_before(self, desk: Desk) -> None:
        """One of marketing in seven days."""
        desk.customer("C1")
        desk.greet()
        desk.house.write_campaign(BIRTHDAY.replace("birthday", "gift").replace("kind: gift", "kind: birthday").replace("10:00", "18:00"), "gift")  # fmt: skip
        found = json.loads(desk("why", "C1", "gift", "--json").out)
        (caps,) = [step for step in found["campaigns"][0]["steps"] if step["step"] == "caps"]
        assert not caps["passed"]
        assert caps["text"].startswith("has had as many as marketing_per_7d allows; free again 2026-10-02")

    def test_counts_as_the_sender_did_when_two_were_due_at_almost_the_same_time(self, desk: Desk) -> None:
        """Both lay there when it looked: the later was one too many, the earlier was not, and no message counts itself."""
        for name, at in (("gift", "10:03"), ("third", "10:06")):
            text = BIRTHDAY.replace("birthday", name).replace(f"kind: {name}", "kind: birthday").replace("10:00", at)
            desk.house.write_campaign(text.replace(f"template: {name}", "template: birthday"), name)
        desk.customer("C1")
        desk.house.plan()
        desk.house.clock.advance(timedelta(minutes=10))
        desk.house.dispatch()
        by_name = {row.campaign_id: row for row in desk.house.messages()}
        assert [by_name[name].reason for name in ("gift", "third")] == ["frequency_cap:marketing_per_7d"] * 2

        said = {name: caps_of(desk, name) for name in by_name}

        assert said["birthday"] == (True, "below every frequency cap")
        for name in ("gift", "third"):
            passed, text = said[name]
            assert not passed
            assert text.startswith("has had as many as marketing_per_7d allows; free again 2026-10-02 10:")

    def test_takes_the_ledgers_word_where_what_counted_then_counts_no_more(self, desk: Desk) -> None:
        """The provider refused the other message afterwards."""
        gift = BIRTHDAY.replace("birthday", "gift").replace("kind: gift", "kind: birthday")
        desk.house.write_campaign(
            gift.replace("template: gift", "template: birthday").replace("10:00", "10:03"), "gift"
        )
        desk.customer("C1")
        desk.house.plan()
        desk.house.clock.advance(timedelta(minutes=10))
        desk.house.dispatch()
        with write(desk.engine) as conn:
            conn.execute(sa.update(attempt).values(outcome="refused"))
            conn.execute(sa.update(message).values(sent_at=None))

        assert caps_of(desk, "gift") == (False, "had as many messages as allowed (marketing per 7d)")

    def test_is_one_object_for_machines(self, desk: Desk) -> None:
        """With the messages and what to do."""
        desk.customer("C1")
        desk.greet()
        found = json.loads(desk("why", "C1", "birthday", "--json").out)
        assert (found["customer"], found["day"], found["campaigns"][0]["kind"]) == ("C1", "2026-09-25", "message")
        assert found["campaigns"][0]["messages"][0]["status"] == "delivered"

    def test_tells_no_number_and_no_name(self, desk: Desk) -> None:
        """Neither in words nor for machines."""
        desk.customer("C1", phone="+8613912345678", email="secret@example.com")
        for words in ((), ("--json",)):
            out = desk("why", "C1", "birthday", *words).out
            for secret in ("139123", "secret@", "王"):
                assert secret not in out

    def test_of_an_erased_customer_says_so(self, desk: Desk) -> None:
        """Whoever was erased gets nothing."""
        who = desk.customer("C1")
        with write(desk.engine) as conn:
            erased = sa.update(customer).where(customer.c.id == who).values(erased_at=desk.house.clock.now())
            conn.execute(erased)
            conn.execute(sa.delete(consent))
        assert head(desk, "C1", "birthday").startswith("birthday: was erased on 2026-09-25")


class TestAnUnknownWord:
    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (["C19"], "care: customer 'C19': not known. Did you mean 'C1'?"),
            (["XYZ"], "care: customer 'XYZ': not known. Check the id, or import: care import customers FILE"),
            (["C1", "birhday"], "care: campaign 'birhday' is not known. Did you mean 'birthday'?"),
        ],
    )
    def test_gets_the_nearest_one(self, desk: Desk, words, line) -> None:
        """Exit 1, one line."""
        desk.customer("C1")
        answer = desk("why", *words)
        assert (answer.code, answer.out, answer.err) == (1, "", f"{line}\n")


def test_reads_no_table_from_end_to_end(desk: Desk) -> None:
    """Also with a million customers and messages, a question about one stays small."""
    if desk.engine.dialect.name != "sqlite":
        pytest.skip("asks SQLite for its query plans")
    desk.customer("C1")
    desk.greet()
    services = desk.house.services

    def ask(conn: sa.Connection) -> object:
        rules, now = services.planning_rules, services.clock.now()
        return explain_why(conn, "C1", list(services.campaigns), on=None, rules=rules, now=now)

    assert not whole_tables(steps_of(desk.engine, ask))
    with read(desk.engine) as conn:
        assert ask(conn)


class TestASubscription:
    def test_is_explained_by_its_own_deadline(self, desk: Desk) -> None:
        """A service notice: due by the hour, for whoever has one that ends."""
        ending = (
            BIRTHDAY.replace("birthday", "ending")
            .replace("purpose: greeting", "purpose: service")
            .replace('{kind: ending, at: "10:00"}', "{kind: subscription_end, before: [24h]}")
            .replace("template: ending", "template: expiry_t24h")
        )
        desk.house.write_campaign(ending + "values: {consequence: {zh-CN: 暂停}, how: {zh-CN: APP}}\n", "ending")
        who = desk.customer("C1", consents=())
        assert head(desk, "C1", "ending") == "ending: not due on 2026-09-25; no subscription on record"
        with write(desk.engine) as conn:
            ends_at = desk.house.clock.now() + timedelta(hours=30)
            make_subscription(conn, customer_id=who, ends_on=date(2026, 9, 26), ends_at=ends_at)
        assert head(desk, "C1", "ending") == "ending: due at 2026-09-25 16:00 CST, not planned yet"
        desk.house.plan()
        assert head(desk, "C1", "ending").startswith("ending: planned for 2026-09-25 16:00 CST (message ")
