"""Frequency caps as the sender counts them: when it decides about a message, and without the message itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from care.base.vocabulary import Purpose
from care.customers.tables import contact_point
from care.delivery.history import Touches, history_of
from care.delivery.judge import CAPPED
from care.explain.facts import Owed
from care.explain.snapshot import Snapshot
from care.messages.model import MessageStatus
from care.planning.selection import PlanningRules
from care.policy.caps import Release, cap_release
from care.reports.log import Entry
from care.reports.reasons import in_words
from care.surveys.occasion import occasion_key
from care.surveys.tables import follow_up

_BY_CAP = "frequency_cap:"
_GAVE_WAY = "yields to a more important message"
_WAITING = (MessageStatus.PLANNED, MessageStatus.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was counted: the cap that was reached, or what the ledger says kept it back where the count does not."""

    cap: Release | None = None
    kept_back: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapCount:
    """A customer and what a campaign owes them on a day; `entries` are the ledger's messages for it."""

    conn: sa.Connection
    snap: Snapshot
    rules: PlanningRules
    purpose: Purpose
    owed: Sequence[Owed]
    entries: Sequence[Entry]

    def verdict(self) -> Counted:
        """Return what the caps said of the day's messages; the ledger's own word comes before any count."""
        if not self.owed or self.purpose not in CAPPED:
            return Counted()
        kept = next((one for one in self.entries if (one.reason or "").startswith((_BY_CAP, _GAVE_WAY))), None)
        if kept is not None:
            return self._kept(kept)
        if any(one.attempts for one in self.entries):
            return Counted()  # what was written down to be sent was below every cap at that moment
        return Counted(cap=self._reached(self._looked_at()))

    def _kept(self, entry: Entry) -> Counted:
        """Return the cap that kept a message back, with its release: of one that is held, when it wakes."""
        reason = entry.reason or ""
        rule = reason.removeprefix(_BY_CAP) if reason.startswith(_BY_CAP) else ""
        if rule and entry.status is MessageStatus.HELD:
            return Counted(cap=Release(entry.wake_at, rule))
        found = self._reached(entry.status_at)
        if rule and found is not None and found.rule == rule:
            return Counted(cap=found)
        return Counted(
            kept_back=in_words(reason, entry.channel).text
        )  # what counted then was refused by the provider since

    def _looked_at(self) -> datetime:
        """Return when the sender decides, or decided; the hour it is due where nothing is planned."""
        looks = [one.wake_at if one.status in _WAITING else one.status_at for one in self.entries]
        return max([min(one.due_at for one in self.owed), *looks])

    def _reached(self, at: datetime) -> Release | None:
        hashes = self.snap.conn.execute(sa.select(contact_point.c.address_hash)).scalars().all()
        of_customer, lane = [self.snap.customer_id], self.purpose.lane
        history = history_of(self.conn, customers=of_customer, address_hashes=hashes, lane=lane, now=at)
        touches: Touches = {}
        for found in (*history.by_customer.values(), *history.by_address.values()):
            touches |= found
        mine = {one.id for one in self.entries}
        before = [word for number, word in touches.items() if number not in mine and word[0] <= at]
        caps = self.rules.policies.country(self.snap.row["country"]).caps
        if self._is_always_asked():
            caps = replace(caps, survey_invites_per_30d=None)
        return cap_release(before, self.purpose, caps, at)

    def _is_always_asked(self) -> bool:
        """Tell whether all that is owed asks about tickets, whatever was asked before."""
        mine = occasion_key().in_([one.occasion for one in self.owed])
        free = sa.select(sa.func.count()).where(mine, follow_up.c.is_capped.is_(False))
        return self.conn.execute(free).scalar_one() == len(self.owed)
