"""A provider that takes connections and answers nothing: what leaves before anybody can know is bounded."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import SystemClock
from care.base.settings import TwilioSettings
from care.base.vocabulary import Channel
from care.delivery.breaker import ERRORS, IN_ROW
from care.delivery.channels.base import Gateway
from care.delivery.channels.twilio_sms import TwilioSms
from care.delivery.pace import group_size
from care.delivery.silence import SILENT_SECONDS, Line
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.delivery.crew import Crew, RunningClock
from tests.delivery.test_dispatcher import Postbox, greet

OURS = "+8610690000001"
TEN = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)  # ten o'clock in Shanghai
PACE, PROCESSES, PATIENCE = 25, 4, 8.0
ACCOUNT = {
    "SMS__PROVIDER": "twilio",
    "SMS__RATE_PER_SECOND": str(PACE),
    "OPERATOR__PUBLIC_URL": "https://care.example.com",
    "TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO__AUTH_TOKEN": "simulated-token",
    "TWILIO__FROM_NUMBER": OURS,
}


class TestALine:
    def test_is_silent_when_several_wait_and_none_was_ever_answered(self) -> None:
        """A few leave; the next wait for the first answer."""
        assert not Line(waiting=IN_ROW - 1).is_silent(100.0)
        assert Line(waiting=IN_ROW).is_silent(0.0)

    def test_is_open_for_a_while_after_each_answer(self) -> None:
        """A slow provider that answers is not silent, however much waits."""
        line = Line(waiting=1_000, heard_at=10.0)
        assert not line.is_silent(10.0 + SILENT_SECONDS - 0.1)
        assert line.is_silent(10.0 + SILENT_SECONDS)

    def test_lets_a_few_try_again_when_the_waits_are_over(self) -> None:
        """The breaker judges what became of those."""
        assert not Line(waiting=IN_ROW - 1, heard_at=10.0).is_silent(100.0)


@pytest.fixture
def mute() -> Iterator[TwilioSimulator]:
    """It takes every request and says nothing."""
    script = {"create_rates": {"hang": 1.0}, "hang_seconds": 120}
    with start_twilio_simulator(callbacks=False, senders=[OURS], script=script) as running:
        yield running


class TestAProviderThatAnswersNothing:
    @pytest.mark.slow
    def test_leaves_no_more_in_doubt_than_fifty_and_a_group(
        self, tmp_path: Path, postgres_engine: sa.Engine, mute: TwilioSimulator
    ) -> None:
        """Four processes: what each has on its way counts before their waits are over and the breaker hears of it."""
        url = postgres_engine.url.render_as_string(hide_password=False)
        crew = Crew(tmp_path, url, RunningClock(TEN), PROCESSES, **ACCOUNT)
        greet(crew.houses[0], 300)
        settings = TwilioSettings(
            account_sid=mute.account_sid,
            auth_token=mute.auth_token,
            from_number=OURS,
            base_url=mute.url,
            timeout_seconds=PATIENCE,
        )

        def box(channel: Channel) -> Gateway:
            if channel is Channel.EMAIL:
                return Postbox(channel)
            return TwilioSms(settings, public_url="https://care.example.com", clock=SystemClock())

        assert sum(crew.dispatch(box)) == 0
        statuses = crew.houses[0].statuses()
        crew.close()
        doubt = sum(count for words, count in statuses.items() if words.startswith("unknown"))
        print(f"{doubt} in doubt")  # noqa: T201 - pytest shows it with a failure
        assert 0 < doubt <= ERRORS + group_size(PACE)
        assert doubt + sum(count for words, count in statuses.items() if words.startswith(("held", "planned"))) == 300
