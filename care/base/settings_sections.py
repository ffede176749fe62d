"""The tables of `care.toml`: names, defaults, limits, and one line of words for each key.

Names and defaults are a contract with users. The words feed `care init`, `docs/settings.md` and nothing else.
"""

from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

from pydantic import SecretStr

from care.base.settings_types import Address, Country, Currency, Host, LedgerUrl, Line, Section, Zone, key


class DatabaseSettings(Section):
    """Where the ledger lives."""

    url: LedgerUrl = key(
        "sqlite:///care.db", "SQLAlchemy URL; postgresql+psycopg://user:password@host/name for PostgreSQL", repr=False
    )


class OperatorSettings(Section):
    """Who writes: used in texts, links and webhooks."""

    brand: Line = key("海岚通信", "Name in every message")
    country: Country = key("CN", "ISO country whose rules apply where a customer has none of their own")
    timezone: Zone = key("Asia/Shanghai", "IANA zone of the operator's own days")
    locale: str = key(
        "zh-CN",
        "Language of customers who chose none",
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        examples=["zh-CN"],
    )
    currency: Currency = key("CNY", "ISO currency of amounts in imports and reports")
    hotline: str = key("96000", "Telephone number that messages name for questions")
    public_url: str = key(
        "",
        "Address under which providers and customers reach the web process; signatures are checked against it",
        pattern=r"^(https?://[^\s/]+(/[^\s]*)?)?$",
        examples=["https://care.example.com"],
    )


class LimitSettings(Section):
    """Brakes against toll fraud and mistakes."""

    spend_per_day: Decimal | None = key(None, "Most that may be spent a day, in major units; nothing: no limit", ge=0)
    international_per_day: int = key(100, "Most SMS parts a day to countries other than the operator's", ge=0)


class ApprovalSettings(Section):
    """Who looks before much is sent."""

    above: int | None = key(
        None, "A campaign's day with more customers than this waits for care approve; nothing: none waits", ge=0
    )


class TrialSettings(Section):
    """A first try with a few real people."""

    only_to: tuple[Address, ...] | None = key(
        None, "Numbers and addresses that may be written to; all others are recorded, not sent"
    )


class PathSettings(Section):
    """Folders, relative to the working directory."""

    campaigns: Path = key(Path("campaigns"), "Folder of the campaign files and segments.yaml")
    templates: Path = key(Path("templates/messages"), "Folder of the message templates")
    state: Path | None = key(None, "Folder of our own small files; nothing: .care beside the database")
    journal: Path | None = key(
        None, "Folder of the journal of what was sent, best on another disk; nothing: journal in paths.state"
    )


class SmsSettings(Section):
    """How SMS leave."""

    provider: Literal["sandbox", "twilio"] = key("sandbox", "sandbox writes to an outbox and sends nothing")
    rate_per_second: float = key(10, "SMS parts per second, shared by all processes of this sender", gt=0)
    sandbox_backup: bool = key(False, "A second sandbox stands by, to play what a second account at Twilio is for")


_API = "https://api.twilio.com"


class TwilioBackupSettings(Section):
    """A second account at Twilio, for when the first is in trouble; all other keys are those of the first."""

    account_sid: str = key("", "AC…; nothing: there is no second account")
    auth_token: SecretStr = key(SecretStr(""), "Of the second account")
    next_auth_token: SecretStr = key(SecretStr(""), "Its secondary token, while tokens change")
    messaging_service_sid: str = key("", "MG…; this or from_number")
    from_number: str = key("", "Number of the second account, +…; all purposes share it")
    base_url: str = key(
        "", "Another host than the first account's", pattern=r"^(https?://[^\s/]+.*)?$", examples=[_API]
    )


class TwilioSettings(Section):
    """The account at Twilio."""

    account_sid: str = key("", "AC…")
    auth_token: SecretStr = key(SecretStr(""), "Signs requests and checks the signatures of callbacks")
    next_auth_token: SecretStr = key(SecretStr(""), "The secondary token: while tokens change, callbacks may bear it")
    messaging_service_sid: str = key("", "MG…; this or from_number")
    from_number: str = key("", "Number that SMS come from, +…")
    base_url: str = key(_API, "Another host for tests and proxies", pattern=r"^https?://[^\s/]+", examples=[_API])
    two_way: bool = key(True, "false where the country has no inbound SMS")
    opt_out_replies: Literal["twilio", "care"] = key("twilio", "Who confirms STOP; Twilio then refuses ours")
    timeout_seconds: float = key(10, "Longest wait for an answer", gt=0, le=60)
    backup: TwilioBackupSettings = TwilioBackupSettings()

    @property
    def second(self) -> Self | None:
        """Return the second account with every key it needs, None where there is none."""
        own, none = self.backup, TwilioBackupSettings()
        if own == none:
            return None
        return self.model_copy(
            update={**dict(own), "base_url": own.base_url or self.base_url, "backup": none},
        )


class EmailSettings(Section):
    """How e-mails leave."""

    provider: Literal["sandbox", "smtp"] = key("sandbox", "sandbox writes to an outbox and sends nothing")
    sender: str = key("care@example.com", "From address")
    bounce_domain: str = key(
        "",
        "Domain of the return path, so that bounces find their message",
        pattern=r"^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+)?$",
        examples=["bounces.example.com"],
    )
    rate_per_second: float = key(16, "E-mails per second, shared by all processes of this sender", gt=0)
    sandbox_backup: bool = key(False, "A second sandbox stands by, to play what a second relay is for")


class SmtpBackupSettings(Section):
    """A second mail relay, for when the first is in trouble; only time-out and connections are the first one's."""

    host: str = key("", "Name of the second relay; nothing: there is none")
    port: int = key(587, "587 for starttls, 465 for implicit", gt=0, lt=65536)
    username: str = key("", "Nothing: no sign-in")
    password: SecretStr = key(SecretStr(""), "Of the second relay's account")
    tls: Literal["starttls", "implicit", "none"] = key("starttls", "none only on loopback or with allow_plain")
    ca_file: Path | None = key(None, "Certificates to trust instead of the system's")
    allow_plain: bool = key(False, 'The explicit word that tls = "none" to another machine is meant')


class SmtpSettings(Section):
    """The mail relay."""

    host: Host = key("localhost", "Name of the relay; its certificate must carry it", min_length=1)
    port: int = key(587, "587 for starttls, 465 for implicit", gt=0, lt=65536)
    username: str = key("", "Nothing: no sign-in")
    password: SecretStr = key(SecretStr(""), "Of the relay's account")
    tls: Literal["starttls", "implicit", "none"] = key("starttls", "none only on loopback or with allow_plain")
    ca_file: Path | None = key(None, "Certificates to trust instead of the system's")
    allow_plain: bool = key(False, 'The explicit word that tls = "none" to another machine is meant')
    timeout_seconds: float = key(30, "Longest wait for an answer", gt=0, le=600)
    connections: int = key(4, "Most connections at once", ge=1, le=64)
    backup: SmtpBackupSettings = SmtpBackupSettings()

    @property
    def second(self) -> Self | None:
        """Return the second relay with every key it needs, None where there is none."""
        own, none = self.backup, SmtpBackupSettings()
        return None if own == none else self.model_copy(update={**dict(own), "backup": none})


class BounceSettings(Section):
    """Mails that come back: a mailbox that is asked for them, and what providers post."""

    host: Host = key("", "IMAP server of the mailbox for bounces; nothing: no mailbox is asked")
    port: int = key(993, "993 for implicit, 143 for starttls", gt=0, lt=65536)
    username: str = key("", "Of the mailbox")
    password: SecretStr = key(SecretStr(""), "Of the mailbox")
    tls: Literal["implicit", "starttls", "none"] = key("implicit", "none only on loopback")
    ca_file: Path | None = key(None, "Certificates to trust instead of the system's")
    folder: str = key("INBOX", "Folder that is read; only for bounces, as every mail in it is taken", min_length=1)
    done_folder: str = key("", "Folder to move taken mails to; nothing: they are marked as read")
    timeout_seconds: float = key(30, "Longest wait for an answer", gt=0, le=600)
    ses_topic_arn: str = key(
        "",
        "SNS topic of Amazon SES whose notifications count: arn:aws:sns:…",
        pattern=r"^(arn:(aws|aws-cn|aws-us-gov):sns:[a-z]{2}(-[a-z]+)+-\d:\d{12}:[A-Za-z0-9_-]{1,256})?$",
        examples=["arn:aws:sns:eu-west-1:123456789012:bounces"],
    )
    sendgrid_public_key: str = key("", "Verification key of SendGrid's signed event webhook")
    mailgun_signing_key: SecretStr = key(SecretStr(""), "Mailgun's HTTP webhook signing key")
    webhook_tolerance_seconds: int = key(300, "How far a webhook's timestamp may be from now", ge=30, le=172_800)


class TicketSettings(Section):
    """Tickets that no customer is asked about."""

    test_kinds: tuple[str, ...] = key(("test",), "Kinds of tickets that are tries")
    test_staff: tuple[str, ...] = key((), "Words in the column staff whose tickets are tries")
    test_customer_types: tuple[str, ...] = key(("staff",), "Customers of these types are colleagues")


class DaemonSettings(Section):
    """How often the daemon looks, and how far ahead it plans."""

    tick_seconds: float = key(5, "Longest wait between due and claimed", gt=0, le=60)
    horizon_hours: int = key(36, "How far ahead messages are planned", ge=1, le=24 * 14)
    machine: str = key("", "Lasting name of this machine, for containers; nothing: asked of the system", max_length=64)


class WebSettings(Section):
    """Where the web process listens."""

    host: str = key("127.0.0.1", "Address; 0.0.0.0 for all, behind a proxy that speaks TLS", min_length=1)
    port: int = key(8000, "0 takes a free one", ge=0, lt=65536)


class SecuritySettings(Section):
    """The two secrets. Without operator.public_url they are generated beside the database."""

    secret_key: SecretStr = key(SecretStr(""), "Signs links and sessions; 32 characters or more")
    suppression_key: SecretStr = key(
        SecretStr(""), "Hashes suppressed addresses; another key refuses to send, because opt-outs would be forgotten"
    )


class DiskSettings(Section):
    """Room that must be left where the database file lies; does not look at a database server's disk."""

    plan_free_mib: int = key(1024, "With less free, nothing new is planned", ge=0)
    send_free_mib: int = key(256, "With less free, nothing new is sent: its outcome could not be written down", ge=0)
    ballast_mib: int = key(16, "A file given up when sending stops, so that outcomes still find room; 0: none", ge=0)


class AlertSettings(Section):
    """Who is told when something is wrong. Without any of it, incidents are kept and shown all the same."""

    urls: tuple[SecretStr, ...] = key(
        (), "Apprise URLs: DingTalk, WeCom, Feishu, Slack, e-mail and many more; needs the extra 'alerts'"
    )
    heartbeat_url: SecretStr = key(
        SecretStr(""), "Asked for with GET each minute while all is well, so that others miss a dead daemon"
    )
    oldest_due_minutes: int = key(15, "A message due for longer, while nobody sends, is an incident", ge=1)


class ReportSettings(Section):
    """What figures of satisfaction are held against."""

    valid_answers: int = key(500, "Valid answers about tickets that each quarter shall bring", ge=1)
    enough: int = key(30, "Figures that rest on fewer answers are not printed: not enough data", ge=2)


class LogSettings(Section):
    """How much is logged, and in which form."""

    level: Literal["debug", "info", "warning", "error"] = key("info", "The least that is written")
    format: Literal["auto", "json", "console"] = key("auto", "auto: console on a terminal, JSON elsewhere")
