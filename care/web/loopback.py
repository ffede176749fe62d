"""Who may see the console while it has no sign-in: someone at this machine, and nobody through a proxy."""

from ipaddress import ip_address

from starlette.requests import Request

_NAMES = {"localhost"}
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's own."""
    try:
        return host in _NAMES or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def why_closed(request: Request, web_host: str) -> str:
    """Return why the console does not answer this request, '' when it does.

    The Host header is checked too: otherwise any web page could read the console by a name that points here.
    """
    if not is_loopback(web_host):
        return (
            "The console is closed: it has no sign-in, and web.host is not a loopback address. "
            "Set web.host to 127.0.0.1 and open it on this machine, or through an SSH tunnel."
        )
    asked_for = request.url.hostname or ""
    came_direct = request.scope.get("http_version") != "1.0" and not any(
        name in request.headers for name in _PROXY_HEADERS
    )
    if not is_loopback(asked_for) or not came_direct:
        return (
            "The console is closed to visitors through a proxy or another name: it has no sign-in. "
            "Open it on the machine itself, at the address that `care web` prints."
        )
    return ""
