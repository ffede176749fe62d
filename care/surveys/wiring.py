"""What the follow-up gives to the rooms below: tables that occasions speak of, kinds of occasions, facts for rules."""

from collections.abc import Callable, Mapping
from pathlib import Path

import sqlalchemy as sa

from care.base.settings import Settings
from care.campaigns.templates import TemplateLibrary
from care.customers.tables import subscription
from care.planning.shelf import Shelf
from care.segments.facts import Fact
from care.segments.fields import Fields
from care.segments.ticket_facts import ticket_facts
from care.surveys import occasion_open
from care.surveys.conversation.tables import spoken_of
from care.surveys.figures.facts import survey_facts
from care.surveys.occasion import OCCASIONS, PREFIX, asked_ticket
from care.surveys.telling import told_case

SUBJECTS: Mapping[str, sa.FromClause] = {
    "subscription_end": subscription,
    "inbound": spoken_of,
    "case": told_case,
    PREFIX: asked_ticket,
    occasion_open.PREFIX: occasion_open.open_ticket,
}
"""By the word before the first ':' of a message's occasion."""


def rule_facts(zone: str) -> Mapping[str, Fact]:
    """Return what rules may ask about tickets and answers; days are those of the operator's `zone`."""
    return {**ticket_facts(), **survey_facts(zone)}


def build_shelf(
    settings: Settings, root: Path, library: TemplateLibrary, fields: Fields, installation: Callable[[], str]
) -> Shelf:
    """Return the campaigns as their files say; `root` is where relative paths start."""
    return Shelf(
        directory=root / settings.paths.campaigns,
        library=library,
        country=settings.operator.country,
        fields=fields,
        kinds=OCCASIONS,
        installation=installation,
    )
