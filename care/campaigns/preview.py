"""What one real customer would read: each channel's text, its parts, and the characters that cost."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import Instant
from care.base.errors import AnswerIsNoError, CareError
from care.base.masking import mask_text
from care.base.settings import OperatorSettings
from care.base.vocabulary import Channel
from care.campaigns.model import Campaign
from care.campaigns.occasion import Due, OccasionFacts
from care.campaigns.rendering import Rendered, Renderer
from care.campaigns.samples import SAMPLE_LINKS, sample_facts
from care.campaigns.sms_parts import costly_characters
from care.customers.record import mask_address
from care.customers.store import contact_points
from care.customers.tables import customer

_LOOK_AHEAD_DAYS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewText:
    """One channel's text, or why there is none."""

    channel: Channel
    address: str  # masked; '' where the customer has none
    rendered: Rendered | None = None
    problem: str = ""

    @property
    def costly(self) -> tuple[str, ...]:
        """Return the characters that make an SMS dearer, each once, in the order they stand."""
        if self.rendered is None or self.channel is not Channel.SMS:
            return ()
        return tuple(dict.fromkeys(char for _, char in costly_characters(self.rendered.text)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A campaign as one customer would get it."""

    facts: OccasionFacts
    due_at: datetime | None  # None: not due in the next 400 days, so a sample stands in for the occasion
    texts: tuple[PreviewText, ...]


def sample_preview(campaign: Campaign, *, renderer: Renderer, operator: OperatorSettings, today: date) -> Preview:
    """Return the texts for a customer who does not exist, with long words."""
    facts = sample_facts(
        locale=operator.locale,
        country=operator.country,
        zone=operator.timezone,
        currency=operator.currency,
        day=today,
    )
    return Preview(facts=facts, due_at=None, texts=tuple(_texts(campaign, facts, {}, renderer)))


def preview(
    conn: sa.Connection,
    campaign: Campaign,
    customer_id: str,
    *,
    renderer: Renderer,
    operator: OperatorSettings,
    today: date,
) -> Preview:
    """Return the texts for a customer by their imported id.

    Raises:
        AnswerIsNoError: if there is no such customer.
    """
    row = conn.execute(sa.select(customer).where(customer.c.external_id == customer_id)).mappings().one_or_none()
    if row is None:
        fix = "Check the id, or import: care import customers FILE"
        raise AnswerIsNoError(f"customer '{mask_text(customer_id)}': not known. {fix}")
    facts, due_at = _facts(conn, campaign, dict(row), operator, today)
    addresses = {
        Channel(point.channel): mask_address(point.channel, point.address)
        for point in reversed(contact_points(conn, row["id"]))
    }
    return Preview(facts=facts, due_at=due_at, texts=tuple(_texts(campaign, facts, addresses, renderer)))


def _facts(
    conn: sa.Connection, campaign: Campaign, row: Mapping[str, Any], operator: OperatorSettings, today: date
) -> tuple[OccasionFacts, datetime | None]:
    """Return the facts of the customer's next occasion, or of a sample one where none is near."""
    zone = row["timezone"] or operator.timezone
    locale = row["locale"] or operator.locale
    for ahead in range(_LOOK_AHEAD_DAYS):
        for due in campaign.occasion.select_due(today + timedelta(days=ahead), zone):
            found = _find(conn, due, row["id"])
            if found is not None:
                occasion, due_at, subject = found
                facts = OccasionFacts(
                    occasion=occasion,
                    occasion_on=due.occasion_on,
                    locale=locale,
                    zone=zone,
                    currency=operator.currency,
                    customer=row,
                    subject=subject,
                )
                return facts, due_at
    sample = sample_facts(locale=locale, country=row["country"], zone=zone, currency=operator.currency, day=today)
    return replace(sample, customer=row), None


def _find(conn: sa.Connection, due: Due, customer_id: int) -> tuple[str, datetime, Mapping[str, Any] | None] | None:
    """Return (occasion, due_at, the row spoken of) if a set holds this customer."""
    source: sa.FromClause = customer
    if due.joined is not None and due.on is not None:
        source = customer.join(due.joined, due.on)
    told = due.spoken_of
    spoken = list(told.c) if told is not None else []
    if told is not None and told is not due.joined:
        source = source.join(told, told.c.external_id == due.subject)
    occasion = sa.literal(due.occasion) if isinstance(due.occasion, str) else due.occasion
    due_at = sa.literal(due.due_at, Instant) if isinstance(due.due_at, datetime) else due.due_at
    columns = [occasion.label("care_occasion"), due_at.label("care_due_at"), *spoken]
    query = sa.select(*columns).select_from(source).where(customer.c.id == customer_id, due.where)
    row = conn.execute(query.limit(1)).mappings().first()
    if row is None:
        return None
    subject = {column.name: row[column] for column in spoken} if spoken else None
    return row["care_occasion"], row["care_due_at"], subject


def _texts(
    campaign: Campaign, facts: OccasionFacts, addresses: Mapping[Channel, str], renderer: Renderer
) -> Iterator[PreviewText]:
    for channel in campaign.channels:
        address = addresses.get(channel, "")
        try:
            rendered = renderer.render(campaign, channel, facts, links=SAMPLE_LINKS)
        except CareError as error:
            yield PreviewText(channel=channel, address=address, problem=str(error))
        else:
            yield PreviewText(channel=channel, address=address, rendered=rendered)
