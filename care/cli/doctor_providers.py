"""Can the providers be reached, and do they know us? Nothing is sent."""

import asyncio
import base64
import smtplib
import ssl
from email.utils import parseaddr

from care.base.errors import AnswerIsNoError, SettingsError
from care.base.settings import Settings, SmtpSettings, TwilioSettings
from care.delivery.registry import BACKUP

_UNAUTHORISED = (401, 403)
_OK = 200


def check_sms(settings: Settings, provider: str) -> str:
    """Ask an SMS provider for our own account; `provider` is its name in attempts.

    Raises:
        AnswerIsNoError: no answer, or the account is refused.
    """
    if settings.sms.provider == "sandbox":
        return f"{provider}: written to an outbox, nothing leaves"
    twilio = (settings.twilio.second if provider.endswith(BACKUP) else None) or settings.twilio
    status = asyncio.run(_account_status(twilio))
    if status in _UNAUTHORISED:
        raise AnswerIsNoError(f"Twilio refuses the account. Check {provider}.account_sid and {provider}.auth_token")
    if status != _OK:
        what = f"answered {status}" if status else "does not answer"
        raise AnswerIsNoError(f"{twilio.base_url} {what}. Check {provider}.base_url and the network")
    return f"{twilio.base_url} knows the account"


async def _account_status(twilio: TwilioSettings) -> int:
    """Return the HTTP status of the account's own page, 0 when there was no answer."""
    import aiohttp

    url = f"{twilio.base_url.rstrip('/')}/2010-04-01/Accounts/{twilio.account_sid}.json"
    who = base64.b64encode(f"{twilio.account_sid}:{twilio.auth_token.get_secret_value()}".encode()).decode()
    headers = {"Authorization": f"Basic {who}"}
    try:
        timeout = aiohttp.ClientTimeout(total=twilio.timeout_seconds)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session, session.get(url) as answer:
            return answer.status
    except (TimeoutError, aiohttp.ClientError):
        return 0


def check_email(settings: Settings, provider: str) -> str:
    """Greet a mail relay, secure the connection and sign in; `provider` is its name in attempts.

    Raises:
        AnswerIsNoError: no answer, a certificate that does not fit, or a refused sign-in.
    """
    if settings.email.provider == "sandbox":
        return f"{provider}: written to an outbox, nothing leaves"
    if "@" not in parseaddr(settings.email.sender)[1]:
        raise AnswerIsNoError("email.sender is not an address")
    smtp = (settings.smtp.second if provider.endswith(BACKUP) else None) or settings.smtp
    place = f"{smtp.host}:{smtp.port}"
    try:
        _sign_in(smtp, provider)
    except smtplib.SMTPAuthenticationError:
        raise AnswerIsNoError(f"{place} refuses {provider}.username and {provider}.password") from None
    except ssl.SSLError as error:
        raise AnswerIsNoError(
            f"{place}: TLS failed ({error.reason}). Check {provider}.host, .tls and .ca_file"
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise AnswerIsNoError(
            f"{place} does not answer ({type(error).__name__}). Check {provider}.host and port"
        ) from None
    return f"{place} takes our sign-in" if smtp.username else f"{place} answers"


def _sign_in(smtp: SmtpSettings, table: str) -> None:
    try:
        context = ssl.create_default_context(cafile=str(smtp.ca_file) if smtp.ca_file else None)
    except OSError as error:
        raise SettingsError(f"{table}.ca_file: cannot be read ({error.strerror}). Correct the path") from None
    timeout = min(smtp.timeout_seconds, 10)
    if smtp.tls == "implicit":
        session: smtplib.SMTP = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=timeout, context=context)
    else:
        session = smtplib.SMTP(smtp.host, smtp.port, timeout=timeout)
    with session:
        if smtp.tls == "starttls":
            session.starttls(context=context)
        if smtp.username:
            session.login(smtp.username, smtp.password.get_secret_value())
        session.noop()
