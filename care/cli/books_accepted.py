"""`care books --accept`: what differs and will not be mended, kept with its reason."""

from datetime import timedelta

import sqlalchemy as sa

from care.base.database import read, write
from care.base.errors import AnswerIsNoError, InputError
from care.bookkeeping import compare_with_providers
from care.bootstrap import Services
from care.cli.books_providers import ProviderBooks, read_providers
from care.cli.person import who
from care.reports.books import Books, open_books
from care.watch.accepted import accept, accepted, is_accepted, sums_of

LONGEST_REASON = 200


def check_reason(because: str, *, is_one_day: bool) -> None:
    """Refuse what would say nothing later, or would accept what nobody has looked at.

    Raises:
        InputError: it is no reason, or not of one day.
    """
    if not because.strip() or len(because) > LONGEST_REASON or not because.isprintable():
        raise InputError(f"--accept: give the reason in one line of at most {LONGEST_REASON} characters")
    if not is_one_day:
        raise InputError("--accept: only of one day, which somebody has looked at. Add --date DAY")


def accept_what_differs(services: Services, found: Books, theirs: ProviderBooks, because: str) -> ProviderBooks:
    """Keep with its reason whatever differs on a day, and return what its providers have to say now.

    Raises:
        AnswerIsNoError: nothing differs.
    """
    day = found.first
    what = sums_of(day, found.found) | dict.fromkeys(theirs.named, 1)
    names = [*(f"{kind} {count}" for kind, count in found.found.items()), *theirs.named]
    if not what:
        raise AnswerIsNoError(
            f"nothing differs on {day} that could be accepted. See: care books --date {day} --provider"
        )
    with write(services.engine) as conn:
        words = f"{day} by {who()}: {because.strip()} ({', '.join(names)})"
        accept(conn, what, words=words, now=services.clock.now())
    if theirs.named:
        compare_with_providers(services, day)
    with read(services.engine) as conn:
        return read_providers(conn, day, day)


def is_settled(conn: sa.Connection, services: Services, found: Books) -> bool:
    """Tell whether our own books balance, or all that does not was accepted, day by day; `conn` reads steadily."""
    if found.balance or not accepted(conn):
        return found.balance
    for n in range((found.last - found.first).days + 1):
        day = found.first + timedelta(days=n)
        one = open_books(conn, first=day, last=day, policies=services.policies, now=services.clock.now())
        if not (one.balance or is_accepted(conn, day, one.found)):
            return False
    return True
