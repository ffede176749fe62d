"""What one process has seen of its providers since it last told the table: in memory, so an answer costs nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from care.delivery.breaker import IN_ROW, SLOW_SECONDS, Door
from care.delivery.channels.base import ErrorClass, Result, Retry
from care.delivery.tally import Counted
from care.messages.model import Outcome

TELL_SECONDS = 1.0
TELL_ERRORS = 5
"""The table hears once a second, and with the next answers recorded when so many went wrong."""
_ACCEPTED, _UNKNOWN, _CAPACITY = Outcome.ACCEPTED, Outcome.UNKNOWN, ErrorClass.CAPACITY  # asked for every message


@dataclass(slots=True)
class _Count:
    answers: int = 0
    errors: int = 0
    slow: int = 0
    accepted: int = 0
    in_row: int = 0
    why: str = ""
    no_room: int = 0
    no_room_why: str = ""
    is_for_today: bool = False


def is_error(result: Result) -> bool:
    """Tell whether an answer speaks against the provider: none that is certain, or one any message would get."""
    return result.outcome is _UNKNOWN or (result.rule is not None and result.rule.is_about_us)


def is_full(result: Result) -> bool:
    """Tell whether a provider refused for want of room: no error, as it may just set the pace."""
    return result.rule is not None and result.rule.error_class is _CAPACITY


def is_full_today(result: Result) -> bool:
    """Tell whether it will have no room before tomorrow."""
    return result.rule is not None and is_full(result) and result.rule.retry is Retry.NEXT_DAY


def why_of(result: Result) -> str:
    """Return what went wrong, for people."""
    return result.rule.meaning if result.rule else result.error_code


def why_against(result: Result) -> str:
    """Return what speaks against the provider, '' where nothing does."""
    return why_of(result) if is_error(result) or is_full(result) else ""


class Counts:
    """Counts by door, from the answers of one process."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._counts: dict[Door, _Count] = {}
        self._told_at = 0.0
        self.is_urgent = False  # the table should hear at once
        self.shut: set[Door] = set()  # doors that took nothing several times in a row; the table will decide

    def note(self, door: Door, result: Result, seconds: float) -> None:
        """Count one answer that took so many seconds."""
        count = self._counts.get(door)
        if count is None:
            count = self._counts[door] = _Count()
        count.answers += 1
        count.slow += seconds > SLOW_SECONDS
        if result.outcome is _ACCEPTED:
            count.accepted += 1
            count.in_row = 0
        elif is_error(result):
            count.errors += 1
            count.in_row += 1
            count.why = why_of(result)
            if count.in_row >= IN_ROW:
                self.shut.add(door)
            self.is_urgent = self.is_urgent or count.errors >= TELL_ERRORS
        elif is_full(result):
            count.no_room += 1
            count.no_room_why, count.is_for_today = why_of(result), is_full_today(result)

    def is_due(self, monotonic: float) -> bool:
        """Tell whether the table should hear now."""
        return self.is_urgent or (bool(self._counts) and monotonic >= self._told_at + TELL_SECONDS)

    def seen(self) -> Mapping[Door, Counted]:
        """Return what there is to tell."""
        return {
            door: Counted(
                answers=count.answers,
                errors=count.errors,
                slow=count.slow,
                accepted=count.accepted,
                in_row=count.in_row,
                why=count.why,
                no_room=count.no_room,
                no_room_why=count.no_room_why,
                is_for_today=count.is_for_today,
            )
            for door, count in self._counts.items()
        }

    def told(self, seen: Mapping[Door, Counted], monotonic: float) -> None:
        """Take off what the table has now; what came meanwhile stays."""
        for door, was in seen.items():
            count = self._counts[door]
            count.answers -= was.answers
            count.errors -= was.errors
            count.slow -= was.slow
            count.accepted -= was.accepted
            count.no_room -= was.no_room
            count.in_row -= 0 if count.accepted else was.in_row
            if not count.answers:
                del self._counts[door]
        self._told_at, self.is_urgent = monotonic, False
        self.shut.clear()
