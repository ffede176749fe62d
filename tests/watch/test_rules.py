"""Each row of the table of alarms: when it speaks, and when it does not."""

from datetime import date, timedelta

import pytest

from care.watch.rules import RULES, Facts, WrongPage

MINUTE = timedelta(minutes=1)
FINE = Facts(leader_unseen=MINUTE, sender_unseen=MINUTE, free_mib=1024, least_mib=1024)
WRONG = {
    "standstill": Facts(standstill="nothing is sent: the database was restored. Run: care adopt-journal"),
    "not_sending": Facts(not_sending="a message has been due for 47 minutes and nothing is sent"),
    "leader": Facts(leader_unseen=6 * MINUTE),
    "sender": Facts(sender_unseen=4 * MINUTE),
    "channel": Facts(closed_channels={"sms": 7}),
    "provider": Facts(closed_providers=["sms through twilio for 7 minutes: no answer"]),
    "spam": Facts(spam=["birthday is stopped"]),
    "files": Facts(unmended={"template 'birthday' is broken": 14}),
    "in_doubt": Facts(in_doubt=1),
    "webhooks": Facts(oldest_webhook=16 * MINUTE),
    "cases": Facts(overdue_cases=3, oldest_case=90 * MINUTE),
    "calls": Facts(overdue_calls=2, oldest_call=1_500 * MINUTE),
    "ticket_system": Facts(untold=2, given_up=1),
    "events": Facts(old_events=2, oldest_event=1_500 * MINUTE),
    "jobs": Facts(stuck_jobs=["plan"]),
    "books": Facts(wrong_books=[date(2026, 9, 24)]),
    "provider_books": Facts(
        wrong_pages=[WrongPage(place="twilio sms", day=date(2026, 9, 24), words="2 handed over, 1 on its list")]
    ),
    "uncompared": Facts(uncompared=date(2026, 9, 24)),
    "satisfaction": Facts(satisfaction="90.0% of 500, then 70.0% of 200: a significant drop"),
    "disk": Facts(free_mib=1023, least_mib=1024),
}


class TestRules:
    def test_are_silent_when_all_is_well(self) -> None:
        """Also in a house that has seen nothing yet."""
        for facts in (FINE, Facts()):
            assert [rule.name for rule in RULES if rule.look(facts)] == []

    @pytest.mark.parametrize("name", [rule.name for rule in RULES])
    def test_speak_each_for_itself(self, name: str) -> None:
        """One trouble, one rule."""
        assert [rule.name for rule in RULES if rule.look(WRONG[name])] == [name]

    def test_keep_to_their_limits(self) -> None:
        """At the limit nothing is wrong yet."""
        edge = Facts(leader_unseen=5 * MINUTE, sender_unseen=3 * MINUTE, oldest_webhook=15 * MINUTE)
        assert [rule.name for rule in RULES if rule.look(edge)] == []

    def test_do_not_blame_the_jobs_of_a_dead_leader(self) -> None:
        """One cause, one incident."""
        facts = Facts(leader_unseen=6 * MINUTE, stuck_jobs=["plan", "watch"])
        assert [rule.name for rule in RULES if rule.look(facts)] == ["leader"]
