"""Reports in every shape that mail systems give them: encodings, charsets, folds, line ends, copies."""

import base64
import quopri
from collections.abc import Callable
from dataclasses import dataclass

BOUNDARY = "=_shape_1"
COPY = "From: care@example.com\nTo: {address}\nSubject: Greetings\nMessage-ID: <m1@example.com>\n\nHello\n"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a report is written."""

    encoding: str = "8bit"
    charset: str = "utf-8"
    copy: str = "message/rfc822"
    fold: str = ""
    line_end: str = "\n"
    has_letter: bool = True
    order: tuple[str, ...] = ("letter", "fields", "copy")


ENCODINGS = ("8bit", "base64", "quoted-printable")
COPIES = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "none")
FOLDS = ("", "\n ", "\n\t", "\n    ")
ORDERS = (("letter", "fields", "copy"), ("fields", "letter", "copy"), ("letter", "copy", "fields"))


def shaped(shape: Shape, *, address: str, status: str, diagnosis: str, letter: str, action: str = "failed") -> bytes:
    """Return a report about one recipient in a shape."""
    words = diagnosis.replace(" ", shape.fold, 1) if shape.fold else diagnosis
    fields = f"Final-Recipient: rfc822;{address}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp;{words}\n"
    pieces = {
        "letter": _part("text/plain", letter, shape) if shape.has_letter else b"",
        "fields": _part("message/delivery-status", f"Reporting-MTA: dns; relay.example.com\n\n{fields}", shape),
        "copy": b"" if shape.copy == "none" else _part(shape.copy, COPY.format(address=address), Shape()),
    }
    head = (
        "From: MAILER-DAEMON@relay.example.com\nTo: b+7.k3v@bounce.example.com\nSubject: Returned mail\n"
        f'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n boundary="{BOUNDARY}"\n\n'
    ).encode()
    whole = head + b"".join(pieces[name] for name in shape.order) + f"--{BOUNDARY}--\n".encode()
    return whole.replace(b"\n", shape.line_end.encode())


def _part(kind: str, text: str, shape: Shape) -> bytes:
    encode: dict[str, Callable[[bytes], bytes]] = {
        "8bit": bytes,
        "base64": base64.encodebytes,
        "quoted-printable": quopri.encodestring,
    }
    body = encode[shape.encoding](text.encode(shape.charset, "replace"))
    head = f'--{BOUNDARY}\nContent-Type: {kind}; charset="{shape.charset}"\nContent-Transfer-Encoding: {shape.encoding}\n\n'
    return head.encode() + body + b"\n"
