"""The providers' side of `care books`: their lists against ours, and what they bill."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from care.bookkeeping import compare_with_providers
from care.bootstrap import Services
from care.cli.output import counted
from care.watch.book_store import kept_pages
from care.watch.provider_books import BookState, ProviderPage, day_bounds

_NAMED = 20
_MARKS = {
    BookState.BALANCED: "kept",
    BookState.DIFFERS: "BROKEN",
    BookState.UNASKED: "note",
    BookState.FAILED: "BROKEN",
}


@dataclass(frozen=True, slots=True)
class ProviderBooks:
    """What the providers had to say about some days."""

    pages: Sequence[ProviderPage]

    @property
    def balance(self) -> bool:
        """Tell whether no page differs and every provider that can be asked has answered."""
        return not any(page.is_wrong for page in self.pages)

    @property
    def problem(self) -> str:
        """Return the first page that is wrong, in one line."""
        page = next(page for page in self.pages if page.is_wrong)
        more = sum(page.is_wrong for page in self.pages) - 1
        also = f" (and {counted(more, 'page')} more)" if more else ""
        return f"The books do NOT balance with {page.provider} on {page.day}: {page.words}{also}."

    @property
    def named(self) -> list[str]:
        """Return the references of all differences that are named."""
        there = [ref for page in self.pages for ref in page.unknown_here]
        return there + [each.provider_ref for page in self.pages for each in page.missing_there]

    def lines(self) -> Iterator[str]:
        """Yield the lines for people; differences by name."""
        for page in self.pages:
            yield f"{_MARKS[page.state]:<7}{page.provider} {page.channel}, {page.day}: {page.words}"
            if page.unknown_here:
                yield f"       there, unknown here: {_some(page.unknown_here, len(page.unknown_here))}"
            if page.missing_there:
                named = [f"{each.message_id} ({each.provider_ref})" for each in page.missing_there]
                yield f"       ours, unknown there: message {_some(named, len(named))}"
            for bill in page.bills:
                price = f", {bill.price.normalize():f} {bill.currency}" if bill.price is not None else ", no price yet"
                parts = f"{counted(bill.parts_billed, 'part')} (we count {bill.parts_counted:,})"
                yield f"       billed: {parts}{price}, for {counted(bill.messages, 'message')}"

    def as_object(self) -> dict[str, Any]:
        """Return all of it for programs."""
        return {
            "providers": [
                {
                    "day": page.day,
                    "provider": page.provider,
                    "channel": page.channel,
                    "state": page.state,
                    "ours": page.ours,
                    "theirs": page.theirs,
                    "differences": page.differences,
                    "unknown_here": list(page.unknown_here),
                    "missing_there": [
                        {"message": each.message_id, "provider_ref": each.provider_ref} for each in page.missing_there
                    ],
                    "billed": [asdict(bill) for bill in page.bills],
                    "words": page.words,
                    "checked_at": page.checked_at,
                }
                for page in self.pages
            ],
        }


def _some(names: Sequence[str], count: int) -> str:
    more = f" and {count - _NAMED} more" if count > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def ask_providers(services: Services, first: date, last: date) -> None:
    """Compare each day that has begun with the providers' own lists."""
    today = services.clock.now()
    day = first
    while day <= last and day_bounds(day, services.settings.operator.timezone)[0] < today:
        compare_with_providers(services, day)
        day += timedelta(days=1)


def read_providers(conn: sa.Connection, first: date, last: date) -> ProviderBooks:
    """Return what was found when the days were last compared."""
    return ProviderBooks(kept_pages(conn, first=first, last=last))
