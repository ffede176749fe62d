"""The check of all campaigns before anything is sent: files, templates, texts, limits, renames."""

from collections.abc import Iterator, Sequence

from care.campaigns.campaign_set import CampaignSet
from care.campaigns.checks.claims import check_claims
from care.campaigns.checks.context import CheckContext
from care.campaigns.checks.findings import Finding, Severity, in_file, in_template
from care.campaigns.checks.keywords import check_keywords, check_two_way
from care.campaigns.checks.limits import check_limits
from care.campaigns.checks.promotion import check_promotion
from care.campaigns.checks.renames import check_renames
from care.campaigns.checks.scales import check_scale
from care.campaigns.checks.texts import check_texts
from care.campaigns.model import REMINDER_LEG, Campaign

RULES = (check_texts, check_keywords, check_two_way, check_promotion, check_limits, check_scale)
"""One per question; a new rule is one more function here."""


def check_campaigns(campaigns: CampaignSet, context: CheckContext, *, is_whole_folder: bool = True) -> list[Finding]:
    """Return everything found, in the order of files and lines, nothing twice.

    Broken files are errors too. Of a whole folder, templates that no campaign uses are compiled as well, and
    campaigns that vanished are looked for.
    """
    found = [in_file(problem, rule="file") for problem in campaigns.problems]
    found += [finding for campaign in campaigns for finding in check_campaign(campaign, context)]
    if is_whole_folder:
        found += check_renames(campaigns, context)
        found += check_claims(campaigns)
        found += [in_template(problem) for problem in context.library.problems()]
    return sorted({_order(finding): finding for finding in reversed(found)}.values(), key=_order)


def check_campaign(campaign: Campaign, context: CheckContext) -> Iterator[Finding]:
    """Yield what every rule finds in one campaign."""
    reminder = campaign.on_leg(REMINDER_LEG)
    for told in [campaign, reminder] if reminder is not campaign else [campaign]:
        for rule in RULES:
            yield from rule(told, context)


def has_errors(findings: Sequence[Finding]) -> bool:
    """Tell whether a finding keeps a campaign from running."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    return str(finding.path), finding.line, finding.column, finding.severity, finding.problem
