"""Which messages could go to nobody now: asked before a message that failed is planned again."""

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from care.base.among import among
from care.base.vocabulary import Purpose
from care.campaigns.campaign_set import CampaignSet
from care.delivery.lookups import Lookup
from care.delivery.material import gather
from care.delivery.prepare import choose_contact
from care.messages.store import ClaimedRow
from care.messages.tables import message
from care.planning.permission import ConsentByCountry
from care.policy.model import Policies

_ROWS = sa.select(message.c.purpose, *(message.c[name] for name in ClaimedRow._fields))


class Reach:
    """Looks for an open address as the sender does, on every channel of the campaign."""

    def __init__(self, policies: Policies, campaigns: CampaignSet, subjects: Mapping[str, sa.FromClause]) -> None:
        self._policies, self._campaigns, self._subjects = policies, campaigns, subjects

    def unreachable(self, conn: sa.Connection, ids: Collection[int]) -> set[int]:
        """Return those whose customer has no address that is open and allowed.

        Of a customer or a campaign that is gone the sender tells.
        """
        by_purpose: dict[Purpose, list[ClaimedRow]] = {}
        for purpose, *fields in conn.execute(_ROWS.where(among(message.c.id, ids))):
            untried = ClaimedRow._make(fields)._replace(attempts=0)  # every channel is open again
            by_purpose.setdefault(Purpose(purpose), []).append(untried)
        found = set[int]()
        for purpose, rows in by_purpose.items():
            lookup = Lookup(purpose, ConsentByCountry.read(self._policies, purpose))
            claimed = gather(
                conn, rows, purpose=purpose, campaigns=self._campaigns, lookup=lookup, subjects=self._subjects
            )
            found |= {one.id for one in claimed if one.customer and one.campaign and choose_contact(one) is None}
        return found
