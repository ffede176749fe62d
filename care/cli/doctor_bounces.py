"""Do bounces find their way to us? The mailbox is asked, nothing in it is touched."""

from care.base.errors import AnswerIsNoError
from care.base.settings import Settings
from care.inbound.bounces.hooks.sendgrid import load_public_key
from care.inbound.bounces.mailbox import count_unread


def check_bounces(settings: Settings) -> str:
    """Return which ways are open for bounces.

    Raises:
        AnswerIsNoError: a key cannot be read.
        UnavailableError: the mailbox cannot be asked.
        SettingsError: its certificates or folder cannot be used.
    """
    bounces = settings.bounces
    if bounces.sendgrid_public_key and load_public_key(bounces.sendgrid_public_key) is None:
        raise AnswerIsNoError("bounces.sendgrid_public_key is no verification key. Copy it anew from SendGrid")
    keys = {
        "webhook of SES": bounces.ses_topic_arn,
        "webhook of SendGrid": bounces.sendgrid_public_key,
        "webhook of Mailgun": bounces.mailgun_signing_key.get_secret_value(),
    }
    ways = [name for name, key in keys.items() if key]
    if bounces.host:
        ways.append(f"mailbox at {bounces.host} with {count_unread(bounces)} unread")
    if settings.email.bounce_domain:
        ways.append(f"return paths at {settings.email.bounce_domain}")
    if not ways:
        return "nobody is asked: dead addresses are learnt of from the relay's refusals only. See docs/bounces.md"
    return "; ".join(ways)
