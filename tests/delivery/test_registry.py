import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from care.base.clock import VirtualClock
from care.base.settings import load_settings
from care.base.vocabulary import Channel
from care.delivery.channels.base import Outgoing
from care.delivery.channels.sandbox import SandboxGateway
from care.delivery.registry import build_gateways, outbox_dir
from care.messages.model import Outcome

NOW = datetime(2026, 9, 25, 2, tzinfo=UTC)
REAL = {
    "CARE_SMS__PROVIDER": "twilio",
    "CARE_TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
    "CARE_TWILIO__AUTH_TOKEN": "token",
    "CARE_TWILIO__FROM_NUMBER": "+15005550006",
    "CARE_OPERATOR__PUBLIC_URL": "https://care.example.com",
    "CARE_SECURITY__SECRET_KEY": "s" * 40,
    "CARE_SECURITY__SUPPRESSION_KEY": "h" * 40,
    "CARE_EMAIL__PROVIDER": "smtp",
}


class TestBuildGateways:
    def test_serves_every_channel_from_the_sandbox_by_default(self, tmp_path: Path) -> None:
        """Nothing set: nothing leaves; receipts come back through the callbacks."""
        settings = load_settings({"CARE_DATABASE__URL": f"sqlite:///{tmp_path}/care.db"}, directory=tmp_path)
        heard: list[str] = []
        gateways = build_gateways(
            settings, clock=VirtualClock(NOW), seed=1, on_receipt=lambda **fact: heard.append(fact["status"])
        )
        assert set(gateways.channels) == set(Channel)
        assert {gateway.provider for gateway in gateways.all()} == {"sandbox"}
        sms = gateways.primary(Channel.SMS)
        assert isinstance(sms, SandboxGateway)
        message = Outgoing(
            attempt_id=1, message_id=1, token="t", to="+8613800000001", body="x", valid_until=NOW + timedelta(hours=1)
        )

        async def run() -> Outcome:
            await sms.open()
            result = await sms.send(message)
            await sms.close()
            return result.outcome

        assert asyncio.run(run()) is Outcome.ACCEPTED
        assert outbox_dir(settings) == tmp_path / ".care" / "outbox"
        assert sms.outbox.path == tmp_path / ".care" / "outbox" / "sms.jsonl"
        sms.pump(NOW + timedelta(days=1))
        assert heard[0] == "sent"

    def test_takes_the_providers_of_the_settings(self, tmp_path: Path) -> None:
        """Each channel has the adapter its settings name."""
        gateways = build_gateways(load_settings(REAL, directory=tmp_path), clock=VirtualClock(NOW))
        assert {gateway.channel: gateway.provider for gateway in gateways.all()} == {
            Channel.SMS: "twilio",
            Channel.EMAIL: "smtp",
        }
        assert gateways.primary(Channel.SMS).capabilities.callback_per_message
        assert not gateways.primary(Channel.EMAIL).capabilities.two_way

    def test_puts_the_backup_behind_the_primary(self, tmp_path: Path) -> None:
        """Each under its own name; one name may serve both channels, so a channel is asked for too."""
        given = {"CARE_SMS__SANDBOX_BACKUP": "true", "CARE_EMAIL__SANDBOX_BACKUP": "true"}
        settings = load_settings({**given, "CARE_DATABASE__URL": f"sqlite:///{tmp_path}/care.db"}, directory=tmp_path)
        routes = build_gateways(settings, clock=VirtualClock(NOW))
        for channel in Channel:
            assert [each.provider for each in routes.of(channel)] == ["sandbox", "sandbox.backup"]
            second = routes.by_name("sandbox.backup", channel)
            assert isinstance(second, SandboxGateway)
            assert second.channel is channel
            assert second.outbox.path.name == f"{channel}.backup.jsonl"
            assert routes.by_name("twilio", channel) is None
        assert routes.primary(Channel.SMS) is routes.of(Channel.SMS)[0]
        assert len(routes.all()) == 4

    def test_names_the_second_relay(self, tmp_path: Path) -> None:
        """Both speak to their own host; what a mail bears is the same on both."""
        given = {**REAL, "CARE_SMTP__BACKUP__HOST": "127.0.0.1", "CARE_SMTP__BACKUP__PORT": "9"}
        routes = build_gateways(load_settings(given, directory=tmp_path), clock=VirtualClock(NOW))
        first, second = routes.of(Channel.EMAIL)
        assert (first.provider, second.provider) == ("smtp", "smtp.backup")
        assert asyncio.run(second.check()).startswith("smtp.backup.host: no connection to 127.0.0.1:9")
