"""Settings: `care.toml` (or `$CARE_CONFIG`), then environment variables `CARE_SECTION__KEY`; `…_FILE` names a file.

Every mistake is reported at once, each with its key.
"""

import os
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, model_validator

from care.base.settings_sections import (
    AlertSettings,
    ApprovalSettings,
    BounceSettings,
    Country,
    DaemonSettings,
    DatabaseSettings,
    DiskSettings,
    EmailSettings,
    LimitSettings,
    LogSettings,
    OperatorSettings,
    PathSettings,
    Section,
    SecuritySettings,
    SmsSettings,
    SmtpSettings,
    TrialSettings,
    TwilioSettings,
    WebSettings,
)
from care.base.settings_sources import read_sources
from care.base.vocabulary import Purpose

__all__ = [
    "AlertSettings",
    "ApprovalSettings",
    "BounceSettings",
    "DaemonSettings",
    "DatabaseSettings",
    "DiskSettings",
    "EmailSettings",
    "LimitSettings",
    "LogSettings",
    "OperatorSettings",
    "PathSettings",
    "Section",
    "SecuritySettings",
    "Settings",
    "SmsSettings",
    "SmtpSettings",
    "TrialSettings",
    "TwilioSettings",
    "WebSettings",
    "as_plain",
    "load_settings",
]


class Settings(Section):
    """Everything an operator may set."""

    database: DatabaseSettings = DatabaseSettings()
    operator: OperatorSettings = OperatorSettings()
    senders: Mapping[str, str] = Field({}, description='Another sender per purpose: service = "+8610…"')
    prices: Mapping[Country, Decimal] = Field({}, description="Price of one SMS part per country: CN = 0.045")
    limits: LimitSettings = LimitSettings()
    approval: ApprovalSettings = ApprovalSettings()
    trial: TrialSettings = TrialSettings()
    paths: PathSettings = PathSettings()
    sms: SmsSettings = SmsSettings()
    twilio: TwilioSettings = TwilioSettings()
    email: EmailSettings = EmailSettings()
    smtp: SmtpSettings = SmtpSettings()
    bounces: BounceSettings = BounceSettings()
    daemon: DaemonSettings = DaemonSettings()
    web: WebSettings = WebSettings()
    security: SecuritySettings = SecuritySettings()
    disk: DiskSettings = DiskSettings()
    alerts: AlertSettings = AlertSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        problems = [*_twilio(self), *_smtp(self), *_bounces(self), *_secrets(self), *_tables(self), *_alerts(self)]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def data_dir(self) -> Path:
        """Folder of the database file; locks and generated keys live beside it."""
        if self.database.url.startswith("sqlite:///"):
            return Path(self.database.url.removeprefix("sqlite:///")).resolve().parent
        return Path.cwd()

    @property
    def state_dir(self) -> Path:
        """Folder of our own small files, made when it is needed."""
        return self.paths.state or self.data_dir / ".care"

    @property
    def journal_dir(self) -> Path:
        """Folder of the journal of what was sent."""
        return self.paths.journal or self.state_dir / "journal"


_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_SHORTEST_SECRET = 32


def _twilio(settings: Settings) -> list[str]:
    if settings.sms.provider != "twilio":
        return []
    twilio = settings.twilio
    found = []
    if not twilio.account_sid:
        found.append("twilio.account_sid: needed when sms.provider is twilio")
    if not twilio.auth_token.get_secret_value():
        found.append("twilio.auth_token: needed when sms.provider is twilio. Set CARE_TWILIO__AUTH_TOKEN or …_FILE")
    if not (twilio.messaging_service_sid or twilio.from_number):
        found.append("twilio.from_number: this or twilio.messaging_service_sid is needed to send")
    if not settings.operator.public_url:
        found.append("operator.public_url: needed when sms.provider is twilio, for its status callbacks")
    return found


def _smtp(settings: Settings) -> list[str]:
    smtp = settings.smtp
    in_the_clear = settings.email.provider == "smtp" and smtp.tls == "none" and smtp.host not in _LOOPBACK
    if in_the_clear and not smtp.allow_plain:
        return ["smtp.tls: none sends passwords and mail in the clear; use starttls or implicit"]
    return []


def _bounces(settings: Settings) -> list[str]:
    bounces = settings.bounces
    if bounces.host and bounces.tls == "none" and bounces.host not in _LOOPBACK:
        return ["bounces.tls: none sends the password in the clear; use implicit or starttls"]
    return []


def _secrets(settings: Settings) -> list[str]:
    found = []
    for key in ("secret_key", "suppression_key"):
        secret = getattr(settings.security, key).get_secret_value()
        if settings.operator.public_url and not secret:
            found.append(f"security.{key}: required with operator.public_url. Generate one: care init --keys")
        elif secret and len(secret) < _SHORTEST_SECRET:
            found.append(f"security.{key}: shorter than {_SHORTEST_SECRET} characters. Generate one: care init --keys")
    return found


def _alerts(settings: Settings) -> list[str]:
    """Never repeat a URL: tokens are part of it."""
    urls = [url.get_secret_value() for url in settings.alerts.urls]
    found = ["alerts.urls: one of them has no scheme, such as slack://…" for url in urls if "://" not in url][:1]
    beat = settings.alerts.heartbeat_url.get_secret_value()
    if beat and not re.fullmatch(r"https?://[^\s/]+\S*", beat):
        found.append("alerts.heartbeat_url: must begin with https:// or http://")
    return found


def _tables(settings: Settings) -> list[str]:
    purposes = {str(purpose) for purpose in Purpose}
    found = [
        f"senders.{name}: not a purpose ({', '.join(sorted(purposes))})"
        for name in settings.senders
        if name not in purposes
    ]
    return found + [f"prices.{country}: below zero" for country, price in settings.prices.items() if price < 0]


def load_settings(env: Mapping[str, str] | None = None, *, directory: Path | None = None) -> Settings:
    """Read file and environment and return checked settings.

    Raises:
        SettingsError: every mistake at once, one line each, with its key and where it was set.
        FileError: the file is not TOML or not UTF-8; with its line.
    """
    return read_sources(Settings, dict(os.environ if env is None else env), directory or Path.cwd())


def as_plain(settings: Settings) -> dict[str, Any]:
    """Return the effective settings as plain data; secrets and passwords are `***`."""
    return {section: _plain(table) for section, table in settings.model_dump().items()}


_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/@:\s]*):[^/@\s]*@")


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "***" if value.get_secret_value() else ""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (Path, Decimal)):
        return str(value)
    return _PASSWORD_IN_URL.sub(r"\1:***@", value) if isinstance(value, str) else value
