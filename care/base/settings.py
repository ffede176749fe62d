"""Settings: `care.toml` (or `$CARE_CONFIG`), then environment variables `CARE_SECTION__KEY`; `…_FILE` names a file.

Every mistake is reported at once, each with its key.
"""

import json
import os
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, model_validator

from care.base.settings_cases import CaseSettings, TicketSystemSettings, case_problems
from care.base.settings_sections import (
    AlertSettings,
    ApprovalSettings,
    BounceSettings,
    DaemonSettings,
    DatabaseSettings,
    DiskSettings,
    EmailSettings,
    LimitSettings,
    LogSettings,
    OperatorSettings,
    PathSettings,
    ReportSettings,
    SecuritySettings,
    SmsSettings,
    SmtpSettings,
    TicketSettings,
    TrialSettings,
    TwilioSettings,
    WebSettings,
)
from care.base.settings_sources import read_sources
from care.base.settings_types import Country, Section
from care.base.vocabulary import Purpose

__all__ = [
    "AlertSettings",
    "ApprovalSettings",
    "BounceSettings",
    "CaseSettings",
    "DaemonSettings",
    "DatabaseSettings",
    "DiskSettings",
    "EmailSettings",
    "LimitSettings",
    "LogSettings",
    "OperatorSettings",
    "PathSettings",
    "ReportSettings",
    "Section",
    "SecuritySettings",
    "Settings",
    "SmsSettings",
    "SmtpSettings",
    "TicketSettings",
    "TicketSystemSettings",
    "TrialSettings",
    "TwilioSettings",
    "WebSettings",
    "as_plain",
    "load_settings",
    "settings_line",
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
    tickets: TicketSettings = TicketSettings()
    daemon: DaemonSettings = DaemonSettings()
    web: WebSettings = WebSettings()
    security: SecuritySettings = SecuritySettings()
    disk: DiskSettings = DiskSettings()
    alerts: AlertSettings = AlertSettings()
    cases: CaseSettings = CaseSettings()
    ticket_system: TicketSystemSettings = TicketSystemSettings()
    reports: ReportSettings = ReportSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        problems = [*_twilio(self), *_smtp(self), *_bounces(self), *_secrets(self), *_tables(self), *_alerts(self)]
        problems += case_problems(self.cases, self.ticket_system)
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
    found = _needless_sandbox(settings.sms, "sms")
    if settings.sms.provider != "twilio":
        return found
    twilio, second = settings.twilio, settings.twilio.second
    found += _account(twilio, "twilio", when="when sms.provider is twilio")
    if second is not None:
        found += _account(second, "twilio.backup", when="for a second account")
        if second.account_sid and second.account_sid == twilio.account_sid:
            found.append("twilio.backup.account_sid: is the first account's. Name another, or leave all of it out")
    if not settings.operator.public_url:
        found.append("operator.public_url: needed when sms.provider is twilio, for its status callbacks")
    return found


def _account(twilio: TwilioSettings, table: str, *, when: str) -> list[str]:
    found = []
    if not twilio.account_sid:
        found.append(f"{table}.account_sid: needed {when}")
    if not twilio.auth_token.get_secret_value():
        variable = f"CARE_{table.upper().replace('.', '__')}__AUTH_TOKEN"
        found.append(f"{table}.auth_token: needed {when}. Set {variable} or …_FILE")
    if not (twilio.messaging_service_sid or twilio.from_number):
        found.append(f"{table}.from_number: this or {table}.messaging_service_sid is needed to send")
    return found


def _needless_sandbox(chosen: SmsSettings | EmailSettings, table: str) -> list[str]:
    if chosen.sandbox_backup and chosen.provider != "sandbox":
        return [f"{table}.sandbox_backup: only with {table}.provider = sandbox. Use [{_SECOND[table]}] instead"]
    return []


_SECOND = {"sms": "twilio.backup", "email": "smtp.backup"}


def _smtp(settings: Settings) -> list[str]:
    found = _needless_sandbox(settings.email, "email")
    if settings.email.provider != "smtp":
        return found
    smtp, second = settings.smtp, settings.smtp.second
    found += _relay(smtp, "smtp")
    if second is None:
        return found
    if not second.host:
        return [*found, "smtp.backup.host: needed for a second relay"]
    if (second.host, second.port) == (smtp.host, smtp.port):
        found.append("smtp.backup.host: is the first relay. Name another, or leave all of it out")
    return found + _relay(second, "smtp.backup")


def _relay(smtp: SmtpSettings, table: str) -> list[str]:
    if smtp.tls == "none" and smtp.host not in _LOOPBACK and not smtp.allow_plain:
        return [f"{table}.tls: none sends passwords and mail in the clear; use starttls or implicit"]
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


def settings_line(settings: Settings, root: Path) -> bytes:
    """Return the settings with their secrets as one line of JSON: for the pipe to a process of ours, never for a file.

    `root` is the folder that relative paths start from.
    """
    return json.dumps({"settings": _revealed(settings.model_dump()), "root": str(root.resolve())}).encode() + b"\n"


def _revealed(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {key: _revealed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_revealed(item) for item in value]
    return str(value) if isinstance(value, (Path, Decimal)) else value


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
