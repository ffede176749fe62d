"""What a driver's error means: is the database away for a while, and what a person can do."""

import sqlalchemy as sa

AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError)
"""What passes by itself or by a person's hand: unreachable, restarted, read-only, full, locked. Nothing is wrong with
what was asked, so whoever works for long waits, and keeps what it knows."""

_READ_ONLY = "25006"
_AWAY_STATES = frozenset(
    {
        _READ_ONLY,  # a standby, or write protection
        "25P03",  # we stood still in a transaction
        "25P04",  # a transaction took longer than transaction_timeout
        "42501",  # a right was taken away: some hosts protect a full disk so
    }
)
"""SQLSTATEs that the driver takes for mistakes in the program."""


def is_read_only(original: BaseException | None) -> bool:
    """Tell whether a driver's error says that nothing may be written, whatever it was."""
    return _state_of(original) == _READ_ONLY or "readonly database" in str(original)


def as_away(context: sa.engine.ExceptionContext) -> sa.exc.OperationalError | None:
    """Return the error that a misnamed one should have been, None for all others."""
    original = context.original_exception
    if _state_of(original) not in _AWAY_STATES:
        return None
    return sa.exc.OperationalError(
        context.statement,
        None,
        original,
        hide_parameters=True,
        connection_invalidated=_state_of(original) != "42501",
    )


def _state_of(original: BaseException | None) -> str:
    return getattr(original, "sqlstate", None) or ""


_EXPLANATIONS = (
    (("no such table", "undefinedtable"), "has no tables yet. Run: care db upgrade"),
    (
        ("readonlysqltransaction",),
        "is read-only: a standby, or protected from writing. Point database.url at the primary, or make it writable",
    ),
    (
        ("too many clients", "too many connections", "toomanyconnections", "connection slots"),
        "has no connection left. End what holds them, or raise max_connections",
    ),
    (
        ("statement timeout", "transactiontimeout"),
        "cut off a statement that took too long. Raise statement_timeout for care's role, or see what keeps it busy",
    ),
    (
        ("insufficientprivilege",),
        "does not let care's role do this. Grant it every right on its tables, or make its host lift its protection",
    ),
    (
        ("adminshutdown", "crashshutdown", "cannotconnectnow", "starting up", "shutting down", "recovery mode"),
        "is being stopped or started. Wait, then try again",
    ),
    (
        ("deadlockdetected", "serializationfailure"),
        "undid a transaction that stood in the way of another. Try again",
    ),
    (("idleintransaction",), "ended a transaction in which nothing was done for long. Try again"),
    (("locked", "busy", "lock timeout"), "is locked by another program. End that program or wait, then try again"),
    (("unable to open",), "cannot be opened. Check that the folder exists and may be written"),
    (("full", "no space"), "the disk is full. Free space and run the command again; nothing half-done was kept"),
    (("disk i/o error",), "the disk is full or failing. Free space and run the command again"),
    (
        ("readonly", "read-only"),
        "may not be written. Check the file's owner and permissions, and that its disk is not mounted read-only",
    ),
    (("not a database", "malformed"), "is damaged or not a database. Restore a backup: care db restore FILE"),
)


def explain(error: sa.exc.DBAPIError) -> str:
    """Return what a driver's error means and what to do, without the statement's values."""
    if isinstance(error, (sa.exc.IntegrityError, sa.exc.DataError)):  # their words quote the row
        return f"refused a statement ({type(error.orig).__name__})"
    text = f"{type(error.orig).__name__} {error.orig}".lower()
    for signs, words in _EXPLANATIONS:
        if any(sign in text for sign in signs):
            return words
    if isinstance(error, sa.exc.OperationalError):
        return "does not answer. Check database.url and that the server runs"
    return f"refused a statement ({type(error.orig).__name__})"
