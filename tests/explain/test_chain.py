"""The chain of decisions, from plain facts: each step's words, and which of several decides."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from care.base.vocabulary import Channel, Purpose
from care.explain.answer import Kind, answer
from care.explain.chain import chain
from care.explain.facts import CampaignFacts, Lot, Owed, Person, Stop, Word
from care.policy.caps import Release
from care.policy.model import ConsentRule

AT = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
YES = Word(rule=ConsentRule.REQUIRED, given=True, at=AT - timedelta(days=9))
WELCOME = CampaignFacts(
    campaign_id="birthday",
    name="birthday",
    purpose=Purpose.GREETING,
    channels=(Channel.SMS, Channel.EMAIL),
    occasion="on each birthday",
    day=date(2026, 9, 25),
    today=date(2026, 9, 25),
    zone="Asia/Shanghai",
    person=Person(erased_at=None, has_left=False, left_on=None, deceased=False, minor=False, hardship=False),
    owed=(Owed(occasion="birthday:solar-2026", due_at=AT, use_by=AT + timedelta(hours=8)),),
    next_on=None,
    lacks="",
    disqualified=None,
    contacts=frozenset({Channel.SMS}),
    suppressions={},
    open_channels=frozenset({Channel.SMS}),
    consents={Channel.SMS: YES, Channel.EMAIL: Word(rule=ConsentRule.REQUIRED)},
    lot=None,
    stops=(),
    opens_at=AT,
    cap=None,
    messages=(),
)
GONE = replace(WELCOME.person, has_left=True, left_on=date(2026, 5, 1))


def words(facts: CampaignFacts) -> dict[str, str]:
    return {step.name: step.text for step in chain(facts)}


class TestTheChain:
    def test_passes_a_welcome_customer(self) -> None:
        """Every step is passed, and the message is expected."""
        assert all(step.passed for step in chain(WELCOME))
        assert answer(WELCOME).kind is Kind.EXPECTED

    def test_says_each_channels_consent(self) -> None:
        """Agreed here, nothing on record there."""
        assert words(WELCOME)["consent"] == (
            "greeting by sms: agreed on 2026-09-16 10:00 CST; email: no consent on record, and one is needed"
        )

    @pytest.mark.parametrize(
        ("change", "kind", "text"),
        [
            ({"disqualified": "area south, needs north"}, Kind.NEVER_QUALIFIED, "never qualified: area south, needs north"),
            ({"lot": Lot(group="g", share=0.05, position=0.04)}, Kind.FORBIDDEN, "in the 5% left out of group 'g' to measure the effect"),
            ({"person": GONE}, Kind.FORBIDDEN, "left on 2026-05-01: only what is owed under the contract goes out"),
            ({"person": GONE, "disqualified": "x"}, Kind.FORBIDDEN, "left on 2026-05-01: only what is owed under the contract goes out"),
            ({"opens_at": None}, Kind.FORBIDDEN, "no hour is allowed in every zone the customer may be in"),
            ({"opens_at": AT + timedelta(days=1)}, Kind.FORBIDDEN, "outside the allowed hours; opens 2026-09-26 10:00 CST, too late"),
            ({"cap": Release(AT + timedelta(days=5), "marketing_per_7d")}, Kind.FORBIDDEN, "has had as many as marketing_per_7d allows; free again 2026-09-30 10:00 CST"),
            ({"cap": Release(None, "marketing_per_7d")}, Kind.FORBIDDEN, "has had as many as marketing_per_7d allows; never allowed"),
            ({"stops": (Stop(scope="campaign:birthday", is_cancelled=True),)}, Kind.FORBIDDEN, "campaign:birthday is cancelled until resumed"),
            ({"owed": ()}, Kind.NOT_DUE, "not due on 2026-09-25; not in the next year"),
            ({"owed": (), "next_on": date(2026, 9, 26)}, Kind.NOT_DUE, "not due on 2026-09-25; next on 2026-09-26, in 1 day"),
            ({"owed": (), "disqualified": "x"}, Kind.NOT_DUE, "not due on 2026-09-25; not in the next year; besides, never qualified: x"),
        ],
    )  # fmt: skip
    def test_names_the_first_decision_that_failed(self, change, kind, text) -> None:
        """In one line."""
        found = answer(replace(WELCOME, **change))
        assert (found.kind, found.text) == (kind, text)

    def test_promises_no_day_to_whom_the_audience_leaves_out(self) -> None:
        """Not in the list of all campaigns either; to everybody else it does."""
        tomorrow = replace(WELCOME, owed=(), next_on=date(2026, 9, 26))

        assert answer(replace(tomorrow, disqualified="x")).brief == "not due on 2026-09-25, and never qualified: x"
        assert answer(tomorrow).brief == "not due on 2026-09-25; next on 2026-09-26, in 1 day"

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"opens_at": AT + timedelta(hours=1)}, "outside the allowed hours; opens 2026-09-25 11:00 CST"),
            ({"stops": (Stop(scope="purpose:greeting", by="ops:anna"),)}, "purpose:greeting is stopped until resumed by ops:anna"),
            ({"cap": Release(AT + timedelta(hours=2), "all_per_day")}, "has had as many as all_per_day allows; free again 2026-09-25 12:00 CST"),
        ],
    )  # fmt: skip
    def test_tells_a_wait_from_a_refusal(self, change, text) -> None:
        """It is still expected, only later."""
        found = answer(replace(WELCOME, **change))
        assert (found.kind, found.text) == (Kind.EXPECTED, f"due at 2026-09-25 10:00 CST, not planned yet; {text}")

    def test_lets_what_is_owed_go_to_those_who_have_left(self) -> None:
        """A service notice needs no consent either."""
        facts = replace(
            WELCOME,
            purpose=Purpose.SERVICE,
            person=GONE,
            consents=dict.fromkeys(WELCOME.channels, Word(rule=ConsentRule.NONE)),
        )
        assert answer(facts).kind is Kind.EXPECTED
        assert words(facts)["customer"] == "has left, but this is owed"
        assert words(facts)["consent"] == "service by sms, email: needs no consent"


class TestAWord:
    @pytest.mark.parametrize(
        ("rule", "given", "allows"),
        [
            (ConsentRule.REQUIRED, None, False),
            (ConsentRule.REQUIRED, True, True),
            (ConsentRule.REQUIRED, False, False),
            (ConsentRule.IMPLIED, None, True),
            (ConsentRule.IMPLIED, False, False),
            (ConsentRule.NONE, False, True),
        ],
    )
    def test_allows_by_the_countrys_rule(self, rule, given, allows) -> None:
        """No record means what the rule says."""
        assert Word(rule=rule, given=given).allows is allows
