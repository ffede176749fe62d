"""One topic of Amazon SNS: its messages are checked against its own region's certificate.

Everything that is fetched is built from `bounces.ses_topic_arn`. An address in a request is compared, never followed.
"""

import base64
import binascii
import re
import threading
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode

from care.inbound.bounces.hooks.base import HookNotYetError, HookRefusedError, HookUnreadableError

ARN = re.compile(r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2}(?:-[a-z]+)+-\d):(\d{12}):([A-Za-z0-9_-]{1,256})")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9a-f]{16,64}\.pem")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_SECONDS = 8.0
_MOST_BYTES = 64 * 1024
_MOST_CERTIFICATES = 8
_TOKEN = re.compile(r"[A-Za-z0-9]{1,1024}")

Fetch = Callable[[str], bytes]


class SnsTopic:
    """The topic that counts; safe to use from several threads."""

    def __init__(self, arn: str, fetch: Fetch) -> None:
        """`arn` is well formed; `fetch` gets an https address of Amazon's and raises OSError."""
        found = ARN.fullmatch(arn)
        assert found is not None, "the settings checked it"
        self._arn, self._fetch = arn, fetch
        self._host = f"sns.{found[2]}.amazonaws.com" + (".cn" if found[1] == "aws-cn" else "")
        self._keys: dict[str, Any] = {}
        self._lock = threading.Lock()

    def check(self, message: Any) -> None:
        """Refuse what Amazon did not sign for this topic.

        Raises:
            HookRefusedError: no signature of Amazon's, or another topic.
            HookUnreadableError: not a message of SNS.
            HookNotYetError: the certificate cannot be fetched now.
        """
        kind = message.get("Type") if isinstance(message, dict) else None
        if not isinstance(kind, str) or kind not in _SIGNED:
            raise HookUnreadableError("Type")
        if message.get("TopicArn") != self._arn:
            raise HookRefusedError("not of the topic bounces.ses_topic_arn")
        try:
            signature = base64.b64decode(str(message.get("Signature", "")), validate=True)
        except (binascii.Error, ValueError):
            raise HookRefusedError("no signature") from None
        if not _is_signed(self._key(str(message.get("SigningCertURL", ""))), signature, message):
            raise HookRefusedError("not signed by Amazon SNS")

    def confirm(self, token: str) -> None:
        """Confirm the subscription that a checked message offers.

        Raises:
            HookUnreadableError: the token is none.
            HookNotYetError: Amazon does not answer.
        """
        if not _TOKEN.fullmatch(token):
            raise HookUnreadableError("Token")
        query = urlencode({"Action": "ConfirmSubscription", "TopicArn": self._arn, "Token": token})
        self._get(f"https://{self._host}/?{query}")

    def _key(self, address: str) -> Any:
        """Return the key of a certificate; only addresses of the topic's own region are fetched, each once."""
        scheme_and_host = f"https://{self._host}"
        if not (address.startswith(scheme_and_host) and _CERTIFICATE.fullmatch(address[len(scheme_and_host) :])):
            raise HookRefusedError("a certificate from elsewhere")
        with self._lock:
            known = self._keys.get(address)
        if known is not None:
            return known
        key = _public_key(self._get(address))
        with self._lock:
            if len(self._keys) >= _MOST_CERTIFICATES:
                self._keys.clear()
            self._keys[address] = key
        return key

    def _get(self, address: str) -> bytes:
        try:
            return self._fetch(address)
        except OSError as error:
            words = f"{self._host} cannot be asked ({type(error).__name__}): Amazon's certificates and confirmations"
            raise HookNotYetError(f"{words} come from there. Check the network and the proxy") from None


def _public_key(pem: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import load_pem_x509_certificate

    try:
        key = load_pem_x509_certificate(pem).public_key()
    except ValueError:
        raise HookNotYetError("what Amazon's address answered is no certificate. Check the proxy") from None
    if not isinstance(key, RSAPublicKey):
        raise HookRefusedError("not a certificate of Amazon SNS")
    return key


def _is_signed(key: Any, signature: bytes, message: Mapping[str, Any]) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    method = SHA256() if message.get("SignatureVersion") == "2" else SHA1()  # noqa: S303 - what version 1 is
    try:
        key.verify(signature, signed_text(message), PKCS1v15(), method)
    except InvalidSignature:
        return False
    return True


def signed_text(message: Mapping[str, Any]) -> bytes:
    """Return what SNS signs of a message: names and values in turn, a line each."""
    names = [name for name in _SIGNED[str(message["Type"])] if isinstance(message.get(name), str)]
    return "".join(f"{name}\n{message[name]}\n" for name in names).encode("utf-8", "replace")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def fetch_from_amazon(address: str) -> bytes:
    """Return what stands at an https address; redirects are not followed.

    Raises:
        OSError: nothing usable came in time.
    """
    if not address.startswith("https://"):
        raise URLError("not https")
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(address, timeout=_SECONDS) as answer:
        return bytes(answer.read(_MOST_BYTES))
