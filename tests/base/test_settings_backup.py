"""A second account and a second relay in the settings: what they inherit, and what is a mistake."""

from pathlib import Path

import pytest

from care.base.errors import SettingsError
from care.base.settings import Settings, as_plain, load_settings
from care.base.vocabulary import Channel
from care.delivery.registry import providers_of

SECRETS = {"CARE_SECURITY__SECRET_KEY": "s" * 32, "CARE_SECURITY__SUPPRESSION_KEY": "k" * 32}
FIRST = {
    **SECRETS,
    "CARE_OPERATOR__PUBLIC_URL": "https://care.example.com",
    "CARE_SMS__PROVIDER": "twilio",
    "CARE_EMAIL__PROVIDER": "smtp",
    "CARE_TWILIO__ACCOUNT_SID": "AC1",
    "CARE_TWILIO__AUTH_TOKEN": "first-token",
    "CARE_TWILIO__FROM_NUMBER": "+15005550006",
    "CARE_SMTP__HOST": "relay.example.com",
    "CARE_SMTP__USERNAME": "care",
    "CARE_SMTP__PASSWORD": "first-password",
}
TOML = """
[twilio]
base_url = "https://proxy.example.com"
timeout_seconds = 3
[twilio.backup]
account_sid = "AC2"
messaging_service_sid = "MG2"
[smtp]
connections = 7
[smtp.backup]
host = "relay.example.org"
"""


def _load(folder: Path, toml: str = "", **env: str) -> Settings:
    if toml:
        (folder / "care.toml").write_text(toml, encoding="utf-8")
    return load_settings({**FIRST, **env}, directory=folder)


def _mistakes(folder: Path, toml: str = "", **env: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        _load(folder, toml, **env)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


class TestBackup:
    def test_is_not_there_unless_named(self, tmp_path: Path) -> None:
        """Nothing set: one provider per channel, as ever."""
        settings = _load(tmp_path)
        assert (settings.twilio.second, settings.smtp.second) == (None, None)
        assert providers_of(settings, Channel.SMS) == ("twilio",)
        assert providers_of(settings, Channel.EMAIL) == ("smtp",)

    def test_comes_from_file_environment_and_secret_files(self, tmp_path: Path) -> None:
        """Each source serves a nested table as it serves any other."""
        (tmp_path / "token").write_text("second-token\n", encoding="utf-8")
        settings = _load(
            tmp_path,
            TOML,
            CARE_TWILIO__BACKUP__AUTH_TOKEN_FILE=str(tmp_path / "token"),
            CARE_TWILIO__BACKUP__FROM_NUMBER="+15005550007",
            CARE_SMTP__BACKUP__PORT="465",
            CARE_SMTP__BACKUP__CA_FILE="/etc/ca.pem",
        )
        second, relay = settings.twilio.second, settings.smtp.second
        assert second is not None
        assert relay is not None
        assert (second.account_sid, second.auth_token.get_secret_value()) == ("AC2", "second-token")
        assert (second.messaging_service_sid, second.from_number) == ("MG2", "+15005550007")
        assert (relay.host, relay.port, relay.ca_file) == ("relay.example.org", 465, Path("/etc/ca.pem"))
        assert providers_of(settings, Channel.SMS) == ("twilio", "twilio.backup")
        assert providers_of(settings, Channel.EMAIL) == ("smtp", "smtp.backup")

    def test_inherits_what_is_no_secret_of_the_first(self, tmp_path: Path) -> None:
        """Addresses, time-outs and connections are shared; passwords and tokens never are."""
        settings = _load(tmp_path, TOML, CARE_TWILIO__BACKUP__AUTH_TOKEN="x")
        second, relay = settings.twilio.second, settings.smtp.second
        assert second is not None
        assert relay is not None
        assert (second.base_url, second.timeout_seconds) == ("https://proxy.example.com", 3)
        assert (relay.connections, relay.username, relay.password.get_secret_value()) == (7, "", "")
        assert second.next_auth_token.get_secret_value() == second.from_number == ""
        assert (second.second, relay.second) == (None, None)

    def test_is_shown_with_its_secrets_masked(self, tmp_path: Path) -> None:
        """`care config show` tells both, and neither secret."""
        plain = as_plain(_load(tmp_path, TOML, CARE_TWILIO__BACKUP__AUTH_TOKEN="second-token"))
        assert plain["twilio"]["backup"]["account_sid"] == "AC2"
        assert plain["twilio"]["backup"]["auth_token"] == "***"
        assert "second-token" not in str(plain)


class TestMistakes:
    def test_are_told_all_at_once(self, tmp_path: Path) -> None:
        """Half an account, a misspelt key, a plain relay: one line each, with its place."""
        toml = '[twilio.backup]\nfrom_numbr = "+1"\nbase_url = "ftp://x"\n[smtp.backup]\nport = 99999\ntls = "none"\n'
        assert _mistakes(tmp_path, toml, CARE_TWILIO__BACKUP__NEXT_AUTH_TOKEN="x") == [
            "twilio.backup.base_url: is not written like https://api.twilio.com (set by care.toml:3)",
            "twilio.backup.from_numbr: no such setting (set by care.toml:2). Did you mean 'twilio.backup.from_number'?",
            "smtp.backup.port: should be less than 65536 (set by care.toml:5)",
            "twilio.backup.account_sid: needed for a second account",
            "twilio.backup.auth_token: needed for a second account. Set CARE_TWILIO__BACKUP__AUTH_TOKEN or …_FILE",
            "twilio.backup.from_number: this or twilio.backup.messaging_service_sid is needed to send",
            "smtp.backup.host: needed for a second relay",
        ]

    def test_include_the_first_account_once_more(self, tmp_path: Path) -> None:
        """The same account or relay fails with the first."""
        named = {"ACCOUNT_SID": "AC1", "AUTH_TOKEN": "x", "FROM_NUMBER": "+1"}
        env = {f"CARE_TWILIO__BACKUP__{key}": value for key, value in named.items()}
        assert _mistakes(tmp_path, **env, CARE_SMTP__BACKUP__HOST="relay.example.com") == [
            "twilio.backup.account_sid: is the first account's. Name another, or leave all of it out",
            "smtp.backup.host: is the first relay. Name another, or leave all of it out",
        ]

    def test_include_a_plain_second_relay(self, tmp_path: Path) -> None:
        """What is refused for the first is refused for the second; another port of one host is another relay."""
        env = {"CARE_SMTP__BACKUP__HOST": "relay.example.org", "CARE_SMTP__BACKUP__TLS": "none"}
        assert _mistakes(tmp_path, **env) == [
            "smtp.backup.tls: none sends passwords and mail in the clear; use starttls or implicit"
        ]
        other = _load(tmp_path, CARE_SMTP__BACKUP__HOST="relay.example.com", CARE_SMTP__BACKUP__PORT="2525")
        assert other.smtp.second is not None

    def test_include_a_sandbox_beside_a_real_provider(self, tmp_path: Path) -> None:
        """It would take real messages and send nothing."""
        assert _mistakes(tmp_path, CARE_SMS__SANDBOX_BACKUP="true", CARE_EMAIL__SANDBOX_BACKUP="true") == [
            "sms.sandbox_backup: only with sms.provider = sandbox. Use [twilio.backup] instead",
            "email.sandbox_backup: only with email.provider = sandbox. Use [smtp.backup] instead",
        ]

    @pytest.mark.parametrize("name", ["CARE_TWILIO_BACKUP_AUTH_TOKEN", "CARE_TWILIO_BACKUP_AUTH_TOKEN_FILE"])
    def test_include_a_name_with_single_underscores(self, tmp_path: Path, name: str) -> None:
        """It would be ignored in silence."""
        assert _mistakes(tmp_path, **{name: "x"}) == [
            f"{name}: no such setting. Did you mean CARE_TWILIO__BACKUP__AUTH_TOKEN?"
        ]

    def test_include_a_word_where_a_table_belongs(self, tmp_path: Path) -> None:
        """`backup = "x"` and a key of it in the environment: one line, no crash."""
        found = _mistakes(tmp_path, '[smtp]\nbackup = "relay"\n', CARE_SMTP__BACKUP__PORT="25")
        assert found == ["smtp.backup: is a table of keys (set by care.toml:2). Write [smtp.backup] and its keys below"]
