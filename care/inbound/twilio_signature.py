"""Is a request from Twilio? Checked against the configured public address, never against what the request says.

Same arithmetic as Twilio's own validator, many times faster; a test holds the two side by side.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit, urlunsplit

from care.base.settings import Settings

SIGNATURE_HEADER = "x-twilio-signature"
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"
_PORTS = {"https": 443, "http": 80}
_ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}


def signed_text(pairs: Iterable[tuple[str, str]]) -> str:
    """Return what is signed besides the address: names in order, each with its distinct values in order."""
    return "".join(name + value for name, value in sorted(set(pairs)))


def algorithm_of(header: str) -> str | None:
    """Return the hash that the settings header names, SHA-1 where it names none, None where we do not know it."""
    for part in header.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return _ALGORITHMS.get(value.strip().upper())
    return "sha1"


class TwilioSignature:
    """Checks signatures with the account's token; a second token counts too while the first is being replaced."""

    def __init__(self, public_url: str, tokens: Sequence[str]) -> None:
        """Take the address that Twilio was told, and secrets; without any, every request is refused."""
        base = urlsplit(public_url.rstrip("/"))
        self._bases = [urlunsplit(variant) for variant in _with_and_without_port(base)]
        self._tokens = [token.encode() for token in tokens if token]

    def is_valid(self, path: str, pairs: Iterable[tuple[str, str]], headers: Mapping[str, str]) -> bool:
        """Tell whether the request's signature is one for this path, with its query, and these form fields."""
        given = headers.get(SIGNATURE_HEADER, "")
        algorithm = algorithm_of(headers.get(SETTINGS_HEADER, ""))
        if not given or algorithm is None or not given.isascii():
            return False
        rest = path + signed_text(pairs)
        claimed = given.encode()
        valid = False
        for base in self._bases:
            for token in self._tokens:
                signature = base64.b64encode(hmac.digest(token, (base + rest).encode(), algorithm))
                valid |= hmac.compare_digest(signature, claimed)
            if valid:
                break
        return valid


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioAccount:
    """One account whose webhooks are ours: the name its attempts bear, its SID, and its secrets."""

    provider: str
    sid: str  # '' where none is set
    tokens: Sequence[str] = field(repr=False)


class TwilioAccounts:
    """Says which account a webhook is from: it must bear that account's signature and no other account's SID."""

    def __init__(self, public_url: str, accounts: Sequence[TwilioAccount]) -> None:
        """Take the address that Twilio was told, and every account."""
        self._accounts = [(account, TwilioSignature(public_url, account.tokens)) for account in accounts]

    def owner_of(self, path: str, pairs: Sequence[tuple[str, str]], headers: Mapping[str, str]) -> str | None:
        """Return the provider whose account signed the request, None when none of them did."""
        named = {value for name, value in pairs if name == "AccountSid"} - {""}
        for account, signature in self._accounts:
            is_fitting = not account.sid or named <= {account.sid}
            if is_fitting and signature.is_valid(path, pairs, headers):
                return account.provider
        return None


def accounts_of(settings: Settings) -> list[TwilioAccount]:
    """Return the first account, and the second where there is one."""
    named = {"twilio": settings.twilio, "twilio.backup": settings.twilio.second}
    return [
        TwilioAccount(
            provider=provider,
            sid=account.account_sid,
            tokens=(account.auth_token.get_secret_value(), account.next_auth_token.get_secret_value()),
        )
        for provider, account in named.items()
        if account is not None
    ]


def sign(token: str, url: str, pairs: Iterable[tuple[str, str]], *, algorithm: str = "sha1") -> str:
    """Return the signature of a form request to `url`."""
    text = url + signed_text(pairs)
    return base64.b64encode(hmac.new(token.encode(), text.encode(), getattr(hashlib, algorithm)).digest()).decode()


def _with_and_without_port(base: SplitResult) -> list[SplitResult]:
    """Return the address as configured, and with the scheme's own port added or left out: both mean the same."""
    usual = _PORTS.get(base.scheme)
    host = base.netloc.rsplit("@")[-1]
    variants = [base]
    if usual is not None and base.port is None:
        variants.append(base._replace(netloc=f"{host}:{usual}"))
    elif usual is not None and base.port == usual:
        variants.append(base._replace(netloc=host.rsplit(":", 1)[0]))
    return variants
