"""Ask a mailbox for returned mails by IMAP: a mail is marked or moved only once it is durable here."""

import imaplib
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from care.base.errors import SettingsError, UnavailableError
from care.base.settings import BounceSettings
from care.inbound.bounces.mime import MOST_BYTES

MOST_AT_ONCE = 20
MOST_A_VISIT = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_is_plain = re.compile(r'[^"\\\r\n\0]+').fullmatch

Keep = Callable[[Sequence[bytes]], int]


def visit_mailbox(settings: BounceSettings, keep: Keep) -> int:
    """Hand every unread mail of the folder to `keep` in groups, and mark those that it kept; return how many.

    A connection that drops loses nothing: what was not marked comes again, and is known by then. What `keep` raises
    is passed on, and the group stays unread.

    Raises:
        UnavailableError: the server does not answer, or refuses; the line names the key of the setting to mend.
        SettingsError: the certificates cannot be read, or a folder has no usable name.
    """
    taken = 0
    with _said_plainly(settings), _signed_in(settings) as box:
        uids = _unread(box)[:MOST_A_VISIT]
        for at in range(0, len(uids), MOST_AT_ONCE):
            mails = {uid: raw for uid in uids[at : at + MOST_AT_ONCE] if (raw := _mail(box, uid))}
            keep(list(mails.values()))
            _put_away(box, list(mails), settings)
            taken += len(mails)
    return taken


def count_unread(settings: BounceSettings) -> int:
    """Return how many unread mails the folder holds; raises as `visit_mailbox` does."""
    with _said_plainly(settings), _signed_in(settings) as box:
        return len(_unread(box))


@contextmanager
def _said_plainly(settings: BounceSettings) -> Iterator[None]:
    """Turn trouble with the server into one line; what it said may quote anything, so only its kind is told."""
    try:
        yield
    except (imaplib.IMAP4.error, OSError, UnicodeError) as error:
        raise UnavailableError(
            f"bounces.host: {_place(settings)} cannot be asked ({_kind(error)}). Check the address and bounces.tls"
        ) from None


def _place(settings: BounceSettings) -> str:
    return f"{settings.host}:{settings.port}"


def _kind(error: Exception) -> str:
    if isinstance(error, imaplib.IMAP4.abort):
        return "the connection broke"
    return "it refused a command" if isinstance(error, imaplib.IMAP4.error) else type(error).__name__


@contextmanager
def _signed_in(settings: BounceSettings) -> Iterator[imaplib.IMAP4]:
    folders = (settings.folder, *([settings.done_folder] if settings.done_folder else []))
    if not all(_is_plain(folder) and folder.isascii() for folder in folders):
        raise SettingsError("bounces.folder: holds a quote or a letter beyond ASCII. Name it as the server does")
    box = _connect(settings)
    try:
        _sign_in(box, settings)
        if box.select(f'"{settings.folder}"')[0] != "OK":
            raise UnavailableError(
                f"bounces.folder: {_place(settings)} has no folder {settings.folder}. Correct the name"
            )
        if settings.done_folder and box.status(f'"{settings.done_folder}"', "(UIDVALIDITY)")[0] != "OK":
            raise _no_done_folder(settings)
        yield box
    finally:
        try:
            box.logout()
        except (imaplib.IMAP4.error, OSError):
            with suppress(OSError):
                box.shutdown()


def _sign_in(box: imaplib.IMAP4, settings: BounceSettings) -> None:
    """Sign in; LOGIN carries ASCII only, PLAIN every letter.

    Raises:
        UnavailableError: refused, or letters that no way of this server can carry; none of them is repeated.
    """
    name, password = settings.username, settings.password.get_secret_value()
    if _CONTROL.search(name + password):
        raise UnavailableError("bounces.password: it, or bounces.username, holds a line break or the like. Remove it")
    is_ascii = (name + password).isascii()
    if not is_ascii and "AUTH=PLAIN" not in box.capabilities:
        raise UnavailableError(
            f"bounces.password: it, or bounces.username, holds a letter beyond ASCII, which {_place(settings)} cannot "
            "take. Choose another"
        )
    try:
        if is_ascii:
            box.login(name, password)
        else:
            box.authenticate("PLAIN", lambda _: f"\0{name}\0{password}".encode())
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        raise UnavailableError(
            f"bounces.password: {_place(settings)} refused the sign-in. Check bounces.username and bounces.password"
        ) from None


def _connect(settings: BounceSettings) -> imaplib.IMAP4:
    wait = settings.timeout_seconds
    if settings.tls == "implicit":
        return imaplib.IMAP4_SSL(settings.host, settings.port, ssl_context=_context(settings), timeout=wait)
    context = _context(settings) if settings.tls == "starttls" else None
    box = imaplib.IMAP4(settings.host, settings.port, timeout=wait)
    if context is not None:
        _checked(box.starttls(context))
    return box


def _context(settings: BounceSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except OSError:
        raise SettingsError(
            f"bounces.ca_file: {settings.ca_file} is not a readable file of PEM certificates. Correct the path"
        ) from None


def _checked(answer: tuple[str, Any]) -> Any:
    """Return what the server said if it said OK."""
    word, data = answer
    if word != "OK":
        raise imaplib.IMAP4.error(word)
    return data


def _unread(box: imaplib.IMAP4) -> list[str]:
    data = _checked(box.uid("SEARCH", "UNSEEN"))
    words = b" ".join(each for each in data if isinstance(each, bytes)).split()
    return [word.decode() for word in words if word.isdigit()]


def _mail(box: imaplib.IMAP4, uid: str) -> bytes:
    """Return the beginning of a mail without marking it as read; nothing if it has gone meanwhile."""
    data = _checked(box.uid("FETCH", uid, f"(BODY.PEEK[]<0.{MOST_BYTES}>)"))
    return next((each[1] for each in data if isinstance(each, tuple)), b"")


def _put_away(box: imaplib.IMAP4, uids: Sequence[str], settings: BounceSettings) -> None:
    """Mark mails as read; move them where a folder is named for that. Without MOVE they are copied, then deleted.

    Where the folder was made anew meanwhile, the UIDs are of other mails, which nobody has kept: those stay unread.
    """
    if not uids:
        return
    which = ",".join(uids)
    _checked(box.noop())  # lets the server speak before anything is marked
    _require_same(box, settings)
    _checked(box.uid("STORE", which, "+FLAGS.SILENT", r"(\Seen)"))
    try:
        _require_same(box, settings)
    except UnavailableError:
        _checked(box.uid("STORE", which, "-FLAGS.SILENT", r"(\Seen)"))  # what was kept comes again, and is known
        raise
    if settings.done_folder:
        _move_away(box, which, settings)


def _require_same(box: imaplib.IMAP4, settings: BounceSettings) -> None:
    if len({*box.untagged_responses.get("UIDVALIDITY", [])}) > 1:
        raise UnavailableError(
            f"bounces.folder: {_place(settings)} made {settings.folder} anew while it was read. The next visit goes on"
        )


def _move_away(box: imaplib.IMAP4, which: str, settings: BounceSettings) -> None:
    can_move = "MOVE" in box.capabilities
    if box.uid("MOVE" if can_move else "COPY", which, f'"{settings.done_folder}"')[0] != "OK":
        raise _no_done_folder(settings)
    if can_move:
        return
    _checked(box.uid("STORE", which, "+FLAGS.SILENT", r"(\Deleted)"))
    if "UIDPLUS" in box.capabilities:
        _checked(box.uid("EXPUNGE", which))


def _no_done_folder(settings: BounceSettings) -> UnavailableError:
    return UnavailableError(
        f"bounces.done_folder: {_place(settings)} has no folder {settings.done_folder}. "
        "Create it there, correct the name, or leave it empty"
    )
