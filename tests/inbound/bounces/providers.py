"""Mail providers that sign what they post, with keys made for the test."""

import base64
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

ARN = "arn:aws:sns:eu-west-1:123456789012:bounces"
HOST = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE = f"{HOST}/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
MAILGUN_KEY = "the signing key of the account"


@cache
def amazon() -> tuple[rsa.RSAPrivateKey, bytes]:
    """A key and its certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=3650))
    return key, built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass
class Amazon:
    """The network as far as Amazon: gives the certificate, notes what was asked."""

    asked: list[str] = field(default_factory=list)
    is_away: bool = False

    def fetch(self, address: str) -> bytes:
        self.asked.append(address)
        if self.is_away:
            raise TimeoutError
        return amazon()[1] if address == CERTIFICATE else b"<ConfirmSubscriptionResponse/>"


def sns(message: Any, **changes: str) -> bytes:
    """A notification as SNS signs it; changes made before signing."""
    body = {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": ARN,
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2026-09-25T02:00:00.000Z",
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        **changes,
    }
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    if body["Type"] == "Notification":
        names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    text = "".join(f"{name}\n{body[name]}\n" for name in names if name in body)
    method = hashes.SHA256() if body["SignatureVersion"] == "2" else hashes.SHA1()  # noqa: S303
    signature = amazon()[0].sign(text.encode(), padding.PKCS1v15(), method)
    return json.dumps(body | {"Signature": base64.b64encode(signature).decode()}).encode()


def ses(word: str, address: str, source: str = "", **more: Any) -> dict[str, Any]:
    """An event of SES about one recipient."""
    mail = {"source": source, "headers": [], "commonHeaders": {}}
    said = {"emailAddress": address, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"} | more
    event: dict[str, Any] = {"notificationType": word, "mail": mail}
    if word == "Bounce":
        kind = {"bounceType": more.get("type", "Permanent"), "bounceSubType": "General"}
        event["bounce"] = kind | {"bouncedRecipients": [said]}
    elif word == "Complaint":
        event["complaint"] = {"complainedRecipients": [{"emailAddress": address}], "complaintFeedbackType": "abuse"}
    else:
        event["delivery"] = {"recipients": [address]}
    return event


@cache
def sendgrid_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def sendgrid_public_key() -> str:
    """The verification key as SendGrid shows it."""
    public = sendgrid_key().public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(public.public_bytes(serialization.Encoding.DER, form)).decode()


def sendgrid(events: Any, now: datetime) -> tuple[bytes, dict[str, str]]:
    """A signed list of events: body and headers."""
    body, stamp = json.dumps(events).encode(), str(int(now.timestamp()))
    signature = sendgrid_key().sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return body, {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
    }


def mailgun(data: Any, now: datetime, *, token: str = "t" * 50, key: str = MAILGUN_KEY) -> bytes:
    """A signed event."""
    stamp = str(int(now.timestamp()))
    signature = hmac.digest(key.encode(), f"{stamp}{token}".encode(), "sha256").hex()
    signed = {"timestamp": stamp, "token": token, "signature": signature}
    return json.dumps({"signature": signed, "event-data": data}).encode()


def mailgun_failure(address: str, **more: Any) -> dict[str, Any]:
    """A failure for good, as Mailgun tells it."""
    status = {"code": 550, "message": "5.1.1 user unknown", "enhanced-code": "5.1.1", "bounce-type": "hard"}
    data = {"event": "failed", "severity": "permanent", "reason": "bounce", "recipient": address, "id": "e-1"}
    return data | {"delivery-status": status} | more
