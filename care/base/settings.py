"""Settings: `care.toml` (or `$CARE_CONFIG`), then environment variables `CARE_SECTION__KEY`; `…_FILE` names a file.

Names and defaults are a contract with users; every mistake is reported at once, each with its key.
"""

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from care.base.settings_sources import read_sources


def _iana(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not an IANA time zone such as Asia/Shanghai")
    return name


Zone = Annotated[str, AfterValidator(_iana)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class Section(BaseModel):
    """One table of `care.toml`; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSettings(Section):
    """Where the ledger lives."""

    url: str = "sqlite:///care.db"


class OperatorSettings(Section):
    """Who writes: used in texts, links and webhooks."""

    brand: str = "海岚通信"
    country: Country = "CN"
    timezone: Zone = "Asia/Shanghai"
    locale: str = "zh-CN"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "CNY"
    hotline: str = "96000"
    public_url: Annotated[str, Field(pattern=r"^(https?://[^\s/]+(/[^\s]*)?)?$")] = ""


class LimitSettings(Section):
    """Brakes against toll fraud and mistakes; `spend_per_day` is in major units, nothing means no limit."""

    spend_per_day: Decimal | None = None
    international_per_day: Annotated[int, Field(ge=0)] = 100


class TrialSettings(Section):
    """Numbers and addresses that may be written to; all others are recorded, not sent."""

    only_to: tuple[str, ...] | None = None


class PathSettings(Section):
    """Folders of campaigns and templates, relative to the settings file."""

    campaigns: Path = Path("campaigns")
    templates: Path = Path("templates/messages")


class SmsSettings(Section):
    """SMS provider and its pace in parts per second, shared by all processes of this sender."""

    provider: Literal["sandbox", "twilio"] = "sandbox"
    rate_per_second: Annotated[float, Field(gt=0)] = 10


class TwilioSettings(Section):
    """Twilio account; another `base_url` serves tests and proxies."""

    account_sid: str = ""
    auth_token: SecretStr = SecretStr("")
    messaging_service_sid: str = ""
    from_number: str = ""
    base_url: str = "https://api.twilio.com"
    two_way: bool = True
    opt_out_replies: Literal["twilio", "care"] = "twilio"
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10


class EmailSettings(Section):
    """E-mail provider, sender and return path."""

    provider: Literal["sandbox", "smtp"] = "sandbox"
    sender: str = "care@example.com"
    bounce_domain: str = ""
    rate_per_second: Annotated[float, Field(gt=0)] = 50


class SmtpSettings(Section):
    """Mail relay; TLS is verified, `none` only on loopback or with `allow_plain = true`."""

    host: str = "localhost"
    port: Annotated[int, Field(gt=0, lt=65536)] = 587
    username: str = ""
    password: SecretStr = SecretStr("")
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    ca_file: Path | None = None
    allow_plain: bool = False
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    connections: Annotated[int, Field(ge=1, le=64)] = 4


class DaemonSettings(Section):
    """How often the daemon looks, and how far ahead it plans."""

    tick_seconds: Annotated[float, Field(gt=0, le=60)] = 5
    horizon_hours: Annotated[int, Field(ge=1, le=24 * 14)] = 36


class WebSettings(Section):
    """Where the web process listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, lt=65536)] = 8000


class SecuritySettings(Section):
    """`secret_key` signs links and sessions; `suppression_key` hashes addresses and must never change unnoticed."""

    secret_key: SecretStr = SecretStr("")
    suppression_key: SecretStr = SecretStr("")


class LogSettings(Section):
    """How much is logged, and in which form."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Settings(Section):
    """Everything an operator may set."""

    database: DatabaseSettings = DatabaseSettings()
    operator: OperatorSettings = OperatorSettings()
    senders: Mapping[str, str] = {}
    prices: Mapping[Country, Decimal] = {}
    limits: LimitSettings = LimitSettings()
    trial: TrialSettings = TrialSettings()
    paths: PathSettings = PathSettings()
    sms: SmsSettings = SmsSettings()
    twilio: TwilioSettings = TwilioSettings()
    email: EmailSettings = EmailSettings()
    smtp: SmtpSettings = SmtpSettings()
    daemon: DaemonSettings = DaemonSettings()
    web: WebSettings = WebSettings()
    security: SecuritySettings = SecuritySettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        problems = list(_cross_checks(self))
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def data_dir(self) -> Path:
        """Folder of the database file; locks and generated keys live beside it."""
        if self.database.url.startswith("sqlite:///"):
            return Path(self.database.url.removeprefix("sqlite:///")).resolve().parent
        return Path.cwd()


_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PURPOSES = {"emergency", "service", "reply", "survey", "offer", "greeting"}


def _cross_checks(settings: Settings) -> list[str]:
    found = []
    twilio, smtp, security = settings.twilio, settings.smtp, settings.security
    if settings.sms.provider == "twilio":
        for key in ("account_sid", "auth_token"):
            value = getattr(twilio, key)
            if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                found.append(f"twilio.{key}: needed when sms.provider is twilio")
        if not (twilio.messaging_service_sid or twilio.from_number):
            found.append("twilio.from_number: this or twilio.messaging_service_sid is needed to send")
        if not settings.operator.public_url:
            found.append("operator.public_url: needed when sms.provider is twilio, for its status callbacks")
    plain_mail = settings.email.provider == "smtp" and smtp.tls == "none"
    if plain_mail and smtp.host not in _LOOPBACK and not smtp.allow_plain:
        found.append("smtp.tls: none sends passwords and mail in the clear; use starttls or implicit")
    if settings.operator.public_url:
        found += [
            f"security.{key}: required with operator.public_url. Generate one: care init --keys"
            for key in ("secret_key", "suppression_key")
            if not getattr(security, key).get_secret_value()
        ]
    found += [
        f"senders.{name}: not a purpose ({', '.join(sorted(_PURPOSES))})"
        for name in settings.senders
        if name not in _PURPOSES
    ]
    return found


def load_settings(env: Mapping[str, str] | None = None, *, directory: Path | None = None) -> Settings:
    """Read file and environment and return checked settings.

    Raises:
        SettingsError: every mistake at once, one line each, with its key and where it was set.
    """
    return read_sources(Settings, dict(os.environ if env is None else env), directory or Path.cwd())


def as_plain(settings: Settings) -> dict[str, Any]:
    """Return the effective settings as plain data; secrets are shown as `***` or empty."""
    return {section: _mask(table) for section, table in settings.model_dump().items()}


def _mask(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "***" if value.get_secret_value() else ""
    if isinstance(value, Mapping):
        return {key: _mask(item) for key, item in value.items()}
    if isinstance(value, (Path, Decimal)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_mask(item) for item in value]
    return value
