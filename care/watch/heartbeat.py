"""The beat heard outside: one request a minute while all is well, so that others miss a daemon that died."""

from urllib.error import URLError
from urllib.request import Request, urlopen

from care.base.errors import UnavailableError

TIMEOUT_SECONDS = 10.0


def beat(url: str) -> None:
    """Ask for the address once; what it answers does not matter.

    Raises:
        UnavailableError: nobody took the request; the line holds no address, since it is a secret.
    """
    request = Request(url, headers={"User-Agent": "care"})  # noqa: S310 - the settings allow http and https only
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
            pass
    except (URLError, OSError, ValueError) as error:
        raise UnavailableError(
            f"alerts.heartbeat_url: no answer ({type(error).__name__}). Check the address and the network"
        ) from None
