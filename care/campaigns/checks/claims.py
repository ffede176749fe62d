"""Two campaigns must not both speak of the same thing: a customer would be asked twice."""

from collections.abc import Iterator

from care.campaigns.campaign_set import CampaignSet
from care.campaigns.checks.findings import Finding, Severity, at_key


def check_claims(campaigns: CampaignSet) -> Iterator[Finding]:
    """Yield campaigns that ask about a kind of ticket which another one asks about already; that one does."""
    taken: dict[tuple[str, str], str] = {}
    for campaign in sorted(campaigns, key=lambda campaign: campaign.id):
        for kind in getattr(campaign.occasion, "of", ()):
            first = taken.setdefault((campaign.occasion.kind, kind), campaign.id)
            if first != campaign.id:
                yield at_key(
                    campaign,
                    "occasion",
                    "of",
                    rule="claim",
                    severity=Severity.ERROR,
                    problem=f"'{first}' asks about {kind} already",
                    fix=f"Take '{kind}' out of one of them",
                )
