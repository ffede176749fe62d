"""Twilio lists first what left last: what was created last may stand anywhere among it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from care.base.clock import VirtualClock
from care.base.settings import TwilioSettings
from care.delivery.channels.twilio_sms import LARGEST_PAGE, TwilioSms

ASKED = datetime(2026, 9, 25, 12, 0, tzinfo=UTC)
TO = "+8613800000001"


def entry(sid: str, created: int, sent: int | None, **more: Any) -> SimpleNamespace:
    """Return an entry of a list, created and sent so many minutes after `ASKED`."""
    at = {"date_created": ASKED + timedelta(minutes=created), "date_sent": None}
    if sent is not None:
        at["date_sent"] = ASKED + timedelta(minutes=sent)
    words = {"direction": "outbound-api", "status": "sent", "to": TO, "body": "", "error_code": None, "price": None}
    return SimpleNamespace(sid=sid, num_segments="1", price_unit=None, **{**at, **words, **more})


OURS = entry("ours", 0, 1)
LONG_AGO = [entry(f"old{n}", -n - 60, -n - 60) for n in range(3)]


def listed(entries: Sequence[SimpleNamespace], monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], int]:
    """Return what is found to be created since `ASKED`, and how many entries were read for it."""
    settings = TwilioSettings(account_sid="AC" + "0" * 32, auth_token=SecretStr("x"), from_number="+15005550006")
    gateway = TwilioSms(settings, public_url="https://care.example.com", clock=VirtualClock(ASKED))
    read = list[str]()

    async def stream(**_: object) -> AsyncIterator[SimpleNamespace]:
        async def each() -> AsyncIterator[SimpleNamespace]:
            for one in entries:
                read.append(one.sid)
                yield one

        return each()

    monkeypatch.setattr(type(gateway._client.messages), "stream_async", lambda _self, **more: stream(**more))
    found = asyncio.run(gateway.list_to(TO, ASKED + timedelta(milliseconds=300)))
    return [one.sid for one in found], len(read)


class TestAList:
    @pytest.mark.parametrize(
        "before",
        [entry("waited", -600, 2), entry("failed", -600, None), entry("waits", -30, None)],
        ids=["created long before, left later", "never left", "has not left"],
    )
    def test_is_read_past_what_is_older(self, before: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
        """A message that waited in Twilio's queue stands above ours; ours is there all the same."""
        assert listed([before, OURS, *LONG_AGO], monkeypatch)[0] == ["ours"]

    def test_is_read_to_the_end_where_it_is_short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What has not left yet may stand last."""
        assert listed([*LONG_AGO, entry("ours", 0, None)], monkeypatch)[0] == ["ours"]

    def test_is_left_where_it_is_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A test phone that got thousands: not all of them are fetched each time."""
        many = [entry(f"old{n}", -n - 60, -n - 60) for n in range(3 * LARGEST_PAGE)]
        assert listed([OURS, *many], monkeypatch) == (["ours"], LARGEST_PAGE + 1)

    def test_leaves_out_what_came_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A number of ours that is somebody's too."""
        assert listed([entry("theirs", 1, 1, direction="inbound"), OURS], monkeypatch)[0] == ["ours"]
