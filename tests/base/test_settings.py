"""Settings: every mistake at once with its key, its place and its fix; secrets never shown."""

from pathlib import Path

import pytest

from care.base.errors import FileError, SettingsError
from care.base.settings import Settings, as_plain, load_settings

SECRETS = {"CARE_SECURITY__SECRET_KEY": "s" * 32, "CARE_SECURITY__SUPPRESSION_KEY": "k" * 32}


def _load(folder: Path, toml: str = "", **env: str) -> Settings:
    if toml:
        (folder / "care.toml").write_text(toml, encoding="utf-8")
    return load_settings(env, directory=folder)


def _mistakes(folder: Path, toml: str = "", **env: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        _load(folder, toml, **env)
    assert caught.value.exit_code == 2
    return str(caught.value).replace(f"{folder}/", "").splitlines()


class TestLoadSettings:
    def test_needs_nothing(self, tmp_path: Path) -> None:
        """Without file and environment the product runs on SQLite and sends nothing."""
        settings = _load(tmp_path)

        assert settings.database.url == "sqlite:///care.db"
        assert (settings.sms.provider, settings.email.provider) == ("sandbox", "sandbox")

    def test_reads_the_file_and_lets_the_environment_win(self, tmp_path: Path) -> None:
        """A container overrides one key and keeps the others."""
        settings = _load(
            tmp_path,
            '[web]\nhost = "0.0.0.0"\nport = 9000\n[prices]\nCN = 0.045\n',
            CARE_WEB__PORT="9100",
            CARE_PRICES__HK="0.3",
        )

        assert (settings.web.host, settings.web.port) == ("0.0.0.0", 9100)  # noqa: S104 - read, not bound
        assert {country: str(price) for country, price in settings.prices.items()} == {"CN": "0.045", "HK": "0.3"}

    def test_takes_another_file_from_care_config(self, tmp_path: Path) -> None:
        """The file need not lie in the working directory."""
        other = tmp_path / "other.toml"
        other.write_text('[operator]\nbrand = "北桥宽带"\n', encoding="utf-8")

        assert _load(tmp_path, CARE_CONFIG=str(other)).operator.brand == "北桥宽带"

    def test_reads_a_secret_from_the_file_a_variable_names(self, tmp_path: Path) -> None:
        """Mounted secrets need not stand in the environment; the newline at the end is not part of them."""
        (tmp_path / "secret").write_text("t0ken\n", encoding="utf-8")

        settings = _load(tmp_path, CARE_TWILIO__AUTH_TOKEN_FILE=str(tmp_path / "secret"))

        assert settings.twilio.auth_token.get_secret_value() == "t0ken"

    def test_does_not_take_ca_file_for_a_secret(self, tmp_path: Path) -> None:
        """`smtp.ca_file` is a key of its own."""
        assert _load(tmp_path, CARE_SMTP__CA_FILE="/etc/ca.pem").smtp.ca_file == Path("/etc/ca.pem")

    def test_splits_the_list_of_trial_recipients(self, tmp_path: Path) -> None:
        """In the environment a list is written with commas."""
        settings = _load(tmp_path, CARE_TRIAL__ONLY_TO="+8613800000001, a@b.cn")

        assert settings.trial.only_to == ("+8613800000001", "a@b.cn")

    def test_reads_a_file_with_byte_order_mark(self, tmp_path: Path) -> None:
        """Editors on Windows write one."""
        assert _load(tmp_path, "\ufeff[web]\nport = 9000\n").web.port == 9000


class TestMistakes:
    def test_are_all_told_at_once_with_key_place_and_fix(self, tmp_path: Path) -> None:
        """One run shows everything: wrong values, unknown keys and sections, contradictions."""
        toml = '[sms]\nprovider = "twilo"\n[web]\nport = 99999\nhots = "x"\n[operater]\nbrand = "x"\n[operator]\npublic_url = "https://care.example.cn"\n'

        assert _mistakes(tmp_path, toml, CARE_SMTP__PORT="abc", CARE_OPERATOR__TIMEZONE="Mars/X") == [
            "operator.timezone: 'Mars/X' is not an IANA time zone such as Asia/Shanghai (set by CARE_OPERATOR__TIMEZONE)",
            "sms.provider: should be 'sandbox' or 'twilio' (set by care.toml:2)",
            "smtp.port: should be a valid integer, unable to parse string as an integer (set by CARE_SMTP__PORT)",
            "web.port: should be less than 65536 (set by care.toml:4)",
            "web.hots: no such setting (set by care.toml:5). Did you mean 'web.host'?",
            "operater: no such setting (set by care.toml:6). Did you mean 'operator'?",
            "security.secret_key: required with operator.public_url. Generate one: care init --keys",
            "security.suppression_key: required with operator.public_url. Generate one: care init --keys",
        ]

    def test_name_the_line_of_broken_toml(self, tmp_path: Path) -> None:
        """A file that cannot be read at all is one line with its place."""
        with pytest.raises(FileError) as caught:
            _load(tmp_path, "[web]\nport = \n")

        assert (caught.value.line, caught.value.exit_code) == (2, 2)
        assert str(caught.value).startswith(f"{tmp_path}/care.toml:2:8: Invalid value. ")

    def test_name_a_file_in_another_encoding(self, tmp_path: Path) -> None:
        """GBK is not guessed at."""
        (tmp_path / "care.toml").write_bytes('[operator]\nbrand = "海岚"\n'.encode("gbk"))

        with pytest.raises(FileError, match="is not UTF-8. Save the file as UTF-8"):
            _load(tmp_path)

    def test_include_a_care_config_that_is_not_there(self, tmp_path: Path) -> None:
        """A wrong path is not taken for defaults."""
        (line,) = _mistakes(tmp_path, CARE_CONFIG="/nowhere/care.toml")

        assert line == "/nowhere/care.toml: CARE_CONFIG names no file. Correct the path or run: care init"

    def test_include_a_secret_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        """The variable is named, so the mount can be mended."""
        (line,) = _mistakes(tmp_path, CARE_SMTP__PASSWORD_FILE="/nowhere/password")

        assert line.startswith("CARE_SMTP__PASSWORD_FILE: cannot read the file it names (No such file or directory)")

    @pytest.mark.parametrize(
        ("name", "meant"),
        [("CARE_DATABASE_URL", "CARE_DATABASE__URL"), ("CARE_SECURITY_SECRET_KEY_FILE", "CARE_SECURITY__SECRET_KEY")],
    )
    def test_include_a_variable_with_one_underscore(self, tmp_path: Path, name: str, meant: str) -> None:
        """It would be ignored in silence otherwise."""
        assert _mistakes(tmp_path, **{name: "x"}) == [f"{name}: no such setting. Did you mean {meant}?"]

    def test_include_every_secret_that_twilio_needs(self, tmp_path: Path) -> None:
        """A real provider without its account is refused before anything is sent."""
        keys = [line.split(":")[0] for line in _mistakes(tmp_path, '[sms]\nprovider = "twilio"\n')]

        assert keys == ["twilio.account_sid", "twilio.auth_token", "twilio.from_number", "operator.public_url"]

    @pytest.mark.parametrize("url", ["nonsense", "", "mysql://u:pa55@h/d", "sqlite:care.db", "oracle9://x"])
    def test_include_a_database_that_cannot_be(self, tmp_path: Path, url: str) -> None:
        """The forms that work are named; the URL, which may hold a password, is not repeated."""
        (line,) = _mistakes(tmp_path, CARE_DATABASE__URL=url)

        forms = "sqlite:///care.db nor postgresql+psycopg://user:password@host/name"
        assert line == f"database.url: is neither {forms} (set by CARE_DATABASE__URL)"

    @pytest.mark.parametrize(
        "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"]
    )
    def test_include_a_database_in_memory(self, tmp_path: Path, url: str) -> None:
        """Every process would have its own."""
        (line,) = _mistakes(tmp_path, CARE_DATABASE__URL=url)

        assert line.startswith(
            "database.url: would be in memory, which processes cannot share. Write sqlite:///care.db"
        )

    def test_include_mail_in_the_clear(self, tmp_path: Path) -> None:
        """Without TLS only to this machine, or by an explicit word."""
        toml = '[email]\nprovider = "smtp"\n[smtp]\nhost = "{}"\ntls = "none"\n'

        assert _mistakes(tmp_path, toml.format("mail.example.cn"))[0].startswith("smtp.tls: none sends passwords")
        assert _load(tmp_path, toml.format("localhost")).smtp.tls == "none"
        assert _load(tmp_path, toml.format("mail.example.cn") + "allow_plain = true\n").smtp.allow_plain

    def test_include_short_secrets_unknown_purposes_and_prices_below_zero(self, tmp_path: Path) -> None:
        """What would work today and hurt later is refused."""
        env = {"CARE_SECURITY__SECRET_KEY": "short", "CARE_SENDERS__GREETINGS": "+1", "CARE_PRICES__CN": "-1"}

        assert [line.split(":")[0] for line in _mistakes(tmp_path, **env)] == [
            "security.secret_key",
            "senders.greetings",
            "prices.CN",
        ]

    def test_include_a_value_where_a_table_belongs(self, tmp_path: Path) -> None:
        """The line shows how a table is written."""
        assert _mistakes(tmp_path, "web = 8000\n") == [
            "web: is a table of keys (set by care.toml:1). Write [web] and its keys below"
        ]


ALL_SECRETS = {
    **SECRETS,
    "CARE_DATABASE__URL": "postgresql+psycopg://care:pa55word@db/care",
    "CARE_TWILIO__AUTH_TOKEN": "t0ken-t0ken",
    "CARE_SMTP__PASSWORD": "pa55word",
}


class TestSecrets:
    def test_are_masked_in_the_plain_form(self, tmp_path: Path) -> None:
        """What `care config show` prints tells that a secret is there, not what it is."""
        plain = as_plain(_load(tmp_path, **ALL_SECRETS))

        assert plain["database"]["url"] == "postgresql+psycopg://care:***@db/care"
        assert plain["twilio"]["auth_token"] == plain["smtp"]["password"] == plain["security"]["secret_key"] == "***"
        assert not any(secret in str(plain) for secret in ("pa55word", "t0ken", "sss", "kkk"))

    def test_are_absent_from_repr(self, tmp_path: Path) -> None:
        """A settings object in a trace or an assertion tells nothing."""
        settings = _load(tmp_path, **ALL_SECRETS)

        assert not any(secret in f"{settings!r} {settings}" for secret in ("pa55word", "t0ken", "sss", "kkk"))

    def test_are_absent_from_errors(self, tmp_path: Path) -> None:
        """A mistake elsewhere, or in the secret itself, does not print it."""
        env = {
            **ALL_SECRETS,
            "CARE_WEB__PORT": "x",
            "CARE_SECURITY__SECRET_KEY": "tooshort",
            "CARE_SMTP__PASSWORT": "pa55word",
        }

        text = "\n".join(_mistakes(tmp_path, **env))

        assert not any(secret in text for secret in ("pa55word", "t0ken", "tooshort"))


class TestWords:
    def test_say_how_to_write_each_key(self, tmp_path: Path) -> None:
        """No pattern of ours is shown, no value that may be somebody's, and none passes that means nothing."""
        wrong = {
            "OPERATOR__COUNTRY": ("XX", "'XX' is no country. Write its two capitals, such as CN"),
            "OPERATOR__CURRENCY": ("ZZZ", "'ZZZ' is no money in use. Write its three capitals, such as CNY"),
            "OPERATOR__LOCALE": ("Klingon", "is not written like zh-CN"),
            "OPERATOR__BRAND": ("a\nb", "must be one line of text, and not empty"),
            "OPERATOR__PUBLIC_URL": ("care.example.com", "is not written like https://care.example.com"),
            "SMS__RATE_PER_SECOND": ("inf", "should be a finite number"),
            "BOUNCES__HOST": (
                "imap..example.com",
                "'imap..example.com' is no name of a machine. Write it like mail.example.com",
            ),
            "EMAIL__BOUNCE_DOMAIN": ("no domain", "is not written like bounces.example.com"),
            "SMTP__HOST": ("", "must not be empty"),
            "CASES__WORK_FROM": ("9", "is not written like 09:00"),
        }
        told = _mistakes(tmp_path, "", **{f"CARE_{name}": value for name, (value, _) in wrong.items()})
        expected = {
            f"{name.lower().replace('__', '.')}: {words} (set by CARE_{name})" for name, (_, words) in wrong.items()
        }
        assert set(told) == expected

    def test_refuse_whom_nobody_can_write_to(self, tmp_path: Path) -> None:
        """A list may be written as in the file; what is in it is not repeated."""
        assert load_settings({"CARE_TRIAL__ONLY_TO": '["+8613800138000"]'}, directory=tmp_path).trial.only_to == (
            "+8613800138000",
        )
        (told,) = _mistakes(tmp_path, "", CARE_TRIAL__ONLY_TO="a@example.com, 13800138000")
        assert "13800138000" not in told.replace("+8613800138000", "")
        assert told.startswith("trial.only_to.1: holds what is neither a number such as")

    def test_name_an_empty_file_of_a_secret(self, tmp_path: Path) -> None:
        """It would be an empty secret, in silence."""
        (tmp_path / "token").write_text("\n", encoding="utf-8")
        (told,) = _mistakes(tmp_path, "", CARE_TWILIO__AUTH_TOKEN_FILE=str(tmp_path / "token"))
        assert told.startswith("CARE_TWILIO__AUTH_TOKEN_FILE: the file it names is empty")
