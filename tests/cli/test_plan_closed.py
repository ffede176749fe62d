"""`care plan` and planned maintenance, as a user types them."""

import json

import pytest

from tests.cli.desk import Desk


@pytest.fixture
def greeting(desk: Desk) -> Desk:
    """One greeting by SMS, due now; SMS and mail have a provider each of the same name."""
    desk.house.write_campaign()
    desk.customer("C1")
    return desk


def seen(desk: Desk) -> tuple[str, list[str]]:
    """Return when the day would begin, and what is said of maintenance."""
    found = json.loads(desk("plan", "--days", "1", "--json").out)
    warnings = [one["text"] for one in found["warnings"] if one["kind"] == "maintenance"]
    return found["days"][0]["start"], warnings


class TestMaintenance:
    def test_of_the_only_provider_makes_the_day_wait(self, greeting: Desk) -> None:
        """Until it is over."""
        greeting("providers", "maintenance", "sandbox", "--until", "2h")
        start, (warning,) = seen(greeting)
        assert start == "2026-09-25T04:00:00+00:00"
        assert warning.startswith("sandbox is in maintenance from ")
        assert warning.endswith(": 1 send by sms falls into it and waits")

    def test_of_the_first_of_two_changes_nothing(self, greeting: Desk) -> None:
        """The second carries as many a second."""
        with (greeting.house.folder / "care.toml").open("a", encoding="utf-8") as file:
            file.write("[sms]\nsandbox_backup = true\n")
        greeting("providers", "maintenance", "sandbox", "--until", "2h")
        assert seen(greeting) == ("2026-09-25T02:00:00+00:00", [])
        greeting("providers", "maintenance", "sandbox.backup", "--until", "1h")
        start, (warning,) = seen(greeting)
        assert start == "2026-09-25T03:00:00+00:00"
        assert warning.startswith("sandbox and sandbox.backup are in maintenance from ")
        assert " until 2026-09-25 11:00: 1 send by sms falls into it" in warning

    def test_is_left_alone_by_a_mail_backup(self, greeting: Desk) -> None:
        """Each channel has providers of its own."""
        with (greeting.house.folder / "care.toml").open("a", encoding="utf-8") as file:
            file.write("[email]\nsandbox_backup = true\n")
        greeting("providers", "maintenance", "sandbox", "--until", "2h")
        start, warnings = seen(greeting)
        assert (start, len(warnings)) == ("2026-09-25T04:00:00+00:00", 1)
