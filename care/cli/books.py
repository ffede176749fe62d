"""`care books`: does everything add up, and was every promise kept?"""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from care.bootstrap import Services
    from care.cli.books_providers import ProviderBooks
    from care.reports.books import BookPage, Books

app = typer.Typer()

_ALWAYS = ("campaign", "day", "intended", "delivered", "difference")


@app.command()
def books(
    date: str = typer.Option("", "--date", help="The local day, as 2027-02-06; the last of several with --days."),
    days: int = typer.Option(0, "--days", help="How many days up to that one; without --date the last 7."),
    provider: bool = typer.Option(False, "--provider", help="Ask the providers for their own lists now."),
    accept: str = typer.Option(
        "", "--accept", metavar="REASON", help="Accept for a reason what differs on the day, so that no alarm stays."
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Print the books: everyone intended, counted independently, against where each of them stands now.

    What we call handed over is held against each provider's own list every morning, and with --provider now. A
    difference of the last week opens an incident; once it is mended, the same command ends it. What cannot be mended
    is accepted by name: whatever comes on top of it differs again. The reasons stand in care incidents --all.
    Exit 0: they balance, every status has its evidence and no promise was broken, or it was accepted. Exit 1: not so.
    """
    from datetime import timedelta
    from zoneinfo import ZoneInfo

    from care.base.database import plain_errors, read
    from care.base.errors import AnswerIsNoError, InputError
    from care.bootstrap import build_services
    from care.cli.books_accepted import accept_what_differs, check_reason, is_settled
    from care.cli.books_providers import ask_providers, read_providers
    from care.cli.output import print_json, say
    from care.cli.times import read_day
    from care.reports.books import open_books

    if days < 0:
        raise InputError(f"--days {days}: not a number of days. Use 1 or more")
    if accept:
        check_reason(accept, is_one_day=bool(date) and days in (0, 1))
    services = build_services()
    now = services.clock.now()
    last = read_day("--date", date) if date else now.astimezone(ZoneInfo(services.settings.operator.timezone)).date()
    count = days or (1 if date else 7)
    first = last - timedelta(days=count - 1)
    if provider:
        ask_providers(services, first, last)
    with plain_errors(services.engine), read(services.engine, steady=True) as conn:
        found = open_books(conn, first=first, last=last, policies=services.policies, now=now)
        theirs = read_providers(conn, first, last)
    if accept:
        theirs = accept_what_differs(services, found, theirs, accept)
    with read(services.engine, steady=True) as conn:
        settled = is_settled(conn, services, found)
    _keep(services, found)
    if json:
        balance = {"balance": found.balance and theirs.balance, "accepted": settled and not found.balance}
        print_json(as_object(found) | theirs.as_object() | balance)
    else:
        tell(found, theirs)
        if settled and not found.balance:
            say(f"{found.verdict} All of it was accepted: care incidents --all")
    if not (settled and theirs.balance):
        raise AnswerIsNoError(theirs.problem if settled else found.verdict)


def _keep(services: "Services", found: "Books") -> None:
    """Let the alarms know; whoever looks into a database that cannot be written sees the books all the same."""
    from sqlalchemy.exc import DBAPIError

    from care.base.trouble import explain
    from care.bookkeeping import keep_found
    from care.cli.output import complain

    try:
        keep_found(services, found)
    except DBAPIError as error:
        complain(f"care: no alarm knows of this: the database {explain(error)}")


def as_object(found: "Books") -> dict[str, Any]:
    """Return the books for programs."""
    return {
        "first": found.first,
        "last": found.last,
        "balance": found.balance,
        "verdict": found.verdict,
        "intended": found.intended,
        "final": found.final,
        "open": found.open,
        "difference": sum(page.difference for page in found.pages),
        "unknown": list(found.unknown),
        "stalled": found.stalled,
        "promises": {finding.name: finding.count for finding in found.findings},
        "concerned": {finding.name: list(finding.message_ids) for finding in found.broken},
        "pages": [
            {
                "campaign": page.campaign_id,
                "day": page.occasion_on,
                "leg": page.leg,
                "intended": page.intended,
                "by_status": {str(status): count for status, count in sorted(page.by_status.items())},
                "final": page.final,
                "open": page.open,
                "difference": page.difference,
            }
            for page in found.pages
        ],
    }


def tell(found: "Books", theirs: "ProviderBooks | None" = None) -> None:
    """Print the books for people, with the providers' side where it is known."""
    from care.cli.output import print_rows, say

    rows = [_as_cells(page) for page in found.pages]
    print_rows(rows, as_json_lines=False, columns=_columns_worth_showing(rows))
    if found.pages:
        say()
    for finding in found.findings:
        ids = f"  messages {', '.join(map(str, finding.message_ids))}" if finding.message_ids else ""
        say(f"{'kept' if not finding.count else 'BROKEN':<7}{finding.count} {finding.text}{ids}")
    if found.unknown:
        ids = ", ".join(map(str, found.unknown))
        say(f"{'note':<7}{len(found.unknown)} messages may or may not have gone; a receipt settles them: {ids}")
    if found.stalled:
        say(f"{'note':<7}{found.stalled} messages are due and nobody takes them. Does care run?")
    for line in theirs.lines() if theirs else ():
        say(line)
    if found.balance and (theirs is None or theirs.balance):
        say(found.verdict)


def _columns_worth_showing(rows: "Sequence[Mapping[str, Any]]") -> list[str]:
    """Return the columns that say something: a table of zeros is too wide for a terminal."""
    silent = (0, "main")
    return [
        name for name in (rows[0] if rows else ()) if name in _ALWAYS or any(row[name] not in silent for row in rows)
    ]


def _as_cells(page: "BookPage") -> dict[str, Any]:
    from care.messages.model import MessageStatus as S

    def sum_of(*statuses: S) -> int:
        return sum(page.count(status) for status in statuses)

    return {
        "campaign": page.campaign_id,
        "day": page.occasion_on,
        "leg": page.leg,
        "intended": page.intended,
        "delivered": page.count(S.DELIVERED),
        "sent": sum_of(S.ACCEPTED, S.SENT),
        "not_confirmed": page.count(S.UNCONFIRMED),
        "not_delivered": sum_of(S.UNDELIVERED, S.FAILED),
        "skipped": page.count(S.SKIPPED),
        "too_late": page.count(S.EXPIRED),
        "cancelled": page.count(S.CANCELLED),
        "waiting": sum_of(S.PLANNED, S.HELD, S.SENDING),
        "unknown": page.count(S.UNKNOWN),
        "difference": page.difference,
    }
