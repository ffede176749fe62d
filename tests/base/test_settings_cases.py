"""Settings of cases and of the ticket system: each mistake in one line, no secret in any of them."""

import base64
from typing import Any

import pytest

from care.base.errors import SettingsError
from care.base.settings import as_plain, load_settings

GOOD = "whsec_" + base64.b64encode(b"k" * 32).decode()


def problems(tmp_path: Any, **env: str) -> list[str]:
    with pytest.raises(SettingsError) as found:
        load_settings({f"CARE_{name}": value for name, value in env.items()}, directory=tmp_path)
    return str(found.value).splitlines()


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_short", "whsec_" + "!" * 40]
    + ["whsec_" + base64.b64encode(b"k" * size).decode() for size in (23, 65)],
)
def test_a_ticket_system_needs_a_secret_that_is_one(tmp_path: Any, secret: str) -> None:
    """24 to 64 bytes in base64; the line does not repeat it."""
    (line,) = problems(tmp_path, TICKET_SYSTEM__URL="https://t.example/hook", TICKET_SYSTEM__SECRET=secret)
    assert line.startswith("ticket_system.secret: needed with ticket_system.url")
    assert len(secret) < 8 or secret not in line


@pytest.mark.parametrize(
    ("env", "begins"),
    [
        ({"TICKET_SYSTEM__URL": "tickets.example"}, "ticket_system.url"),
        (
            {"TICKET_SYSTEM__URL": "https://u:hunter2@t.example", "TICKET_SYSTEM__SECRET": GOOD},
            "ticket_system.url: holds",
        ),
        ({"CASES__WORK_FROM": "18:00", "CASES__WORK_UNTIL": "09:00"}, "cases.work_until: must be later"),
        ({"CASES__WORK_FROM": "9 o'clock"}, "cases.work_from"),
        ({"CASES__CALL_BACK_HOURS": "0"}, "cases.call_back_hours"),
    ],
)
def test_mistakes_are_named(tmp_path: Any, env: dict[str, str], begins: str) -> None:
    """By key, with what to do, and without a password."""
    (line,) = problems(tmp_path, **env)
    assert line.startswith(begins)
    assert "hunter2" not in line


def test_the_secret_is_shown_nowhere(tmp_path: Any) -> None:
    """`care config show` says that there is one."""
    env = {"CARE_TICKET_SYSTEM__URL": "https://t.example/hook", "CARE_TICKET_SYSTEM__SECRET": GOOD}
    settings = load_settings(env, directory=tmp_path)
    assert as_plain(settings)["ticket_system"]["secret"] == "***"
    assert GOOD not in repr(settings)
