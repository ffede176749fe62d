"""Renames: a campaign that vanished and a new one that looks like it would send everything once more."""

import difflib
from collections.abc import Iterator

from care.campaigns.campaign_set import CampaignSet
from care.campaigns.checks.context import CheckContext, KnownCampaign
from care.campaigns.checks.findings import Finding, Severity, at_key
from care.campaigns.model import Campaign

_ALIKE = 0.6


def check_renames(campaigns: CampaignSet, context: CheckContext) -> Iterator[Finding]:
    """Yield new campaigns that look like one the ledger knows and no file has any more."""
    known_ids = {known.id for known in context.known}
    vanished = [
        known for known in context.known if known.id not in campaigns.live and not campaigns.is_broken(known.id)
    ]
    new = [campaign for campaign in campaigns if campaign.id not in known_ids]
    for campaign in new:
        same = next((known for known in vanished if known.digest == campaign.digest), None)
        alike = same or next((known for known in vanished if _is_alike(known, campaign)), None)
        if alike is not None:
            yield at_key(
                campaign,
                "id",
                rule="rename",
                severity=Severity.ERROR if same else Severity.WARNING,
                problem=f"campaign '{alike.id}' has vanished and this one looks like it; "
                "under another id everything is sent again",
                fix=f"If you renamed it, keep the line id: {alike.id}",
            )


def _is_alike(known: KnownCampaign, campaign: Campaign) -> bool:
    return any(
        difflib.SequenceMatcher(None, old, new).ratio() >= _ALIKE
        for old in (known.id, known.name)
        for new in (campaign.id, campaign.name)
    )
