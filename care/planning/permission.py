"""May we write to this customer, on this channel, for this purpose: one SQL answer for planner and sender.

The planner asks it of whole audiences, the sender asks it again of single rows inside the intent transaction,
so both always mean the same.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.ids import MERSENNE_31, group_line
from care.base.vocabulary import Channel, Purpose
from care.campaigns.model import Campaign, Holdout
from care.customers.tables import consent_now, contact_point, customer, suppression
from care.policy.model import ConsentRule, Policies

_SILENCED_BY: Mapping[Purpose, tuple[str, ...]] = {
    Purpose.EMERGENCY: ("all",),
    Purpose.SERVICE: ("all",),
    Purpose.REPLY: ("all",),
    Purpose.SURVEY: ("all", "survey", "marketing_and_survey"),
    Purpose.OFFER: ("all", "marketing", "marketing_and_survey"),
    Purpose.GREETING: ("all", "marketing", "marketing_and_survey"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentByCountry:
    """What one purpose needs: the rule of each country that has its own, and the rule elsewhere."""

    own: Mapping[str, ConsentRule]
    elsewhere: ConsentRule

    @classmethod
    def read(cls, policies: Policies, purpose: Purpose) -> "ConsentByCountry":
        """Read the rules of one purpose from the policy files."""
        own = {code: policy.consent_rule(purpose) for code, policy in policies.countries.items()}
        return cls(own=own, elsewhere=policies.elsewhere.consent_rule(purpose))


def silencing_scopes(purpose: Purpose) -> tuple[str, ...]:
    """Return the suppression scopes that silence a purpose."""
    return _SILENCED_BY[purpose]


def silences(purpose: Purpose) -> sa.ColumnElement[bool]:
    """Return: this `suppression` row is alive and silences the purpose."""
    alive = sa.and_(
        suppression.c.lifted_at.is_(None), sa.or_(*(suppression.c.scope == scope for scope in _SILENCED_BY[purpose]))
    )
    if purpose is Purpose.REPLY:  # whoever says STOP is told once that it was heard
        return sa.and_(alive, suppression.c.reason != "opt_out")
    return alive


def has_contact(channels: Collection[Channel]) -> sa.ColumnElement[bool]:
    """Return: the customer has a contact point on one of the channels."""
    words = [str(channel) for channel in channels]
    return _is_there(contact_point.c.customer_id == customer.c.id, contact_point.c.channel.in_(words))


def has_open_contact(channel: Channel, purpose: Purpose) -> sa.ColumnElement[bool]:
    """Return: the customer has a contact point on the channel that no suppression silences for the purpose."""
    same = suppression.c.address_hash == contact_point.c.address_hash
    silenced = _is_there(same, silences(purpose), of=contact_point)
    mine = sa.and_(contact_point.c.customer_id == customer.c.id, contact_point.c.channel == str(channel))
    return _is_there(mine, sa.not_(silenced))


def has_consent(channel: Channel, purpose: Purpose, rules: ConsentByCountry) -> sa.ColumnElement[bool]:
    """Return: consent is given, or not needed and not refused. No record means what the country's policy says."""
    mine = sa.and_(
        consent_now.c.customer_id == customer.c.id,
        consent_now.c.purpose == str(purpose),
        consent_now.c.channel == str(channel),
    )
    answers: Mapping[ConsentRule, sa.ColumnElement[bool]] = {
        ConsentRule.REQUIRED: _is_there(mine, consent_now.c.given.is_(True)),
        ConsentRule.IMPLIED: sa.not_(_is_there(mine, consent_now.c.given.is_(False))),
        ConsentRule.NONE: sa.true(),
    }
    branches = []
    for rule in ConsentRule:
        countries = sorted(code for code, own in rules.own.items() if own is rule)
        if countries and rule is not rules.elsewhere:
            branches.append((among(customer.c.country, countries), answers[rule]))
    otherwise = answers[rules.elsewhere]
    return sa.case(*branches, else_=otherwise) if branches else otherwise


def _is_there(*where: sa.ColumnElement[bool], of: sa.Table = customer) -> sa.ColumnElement[bool]:
    """Return: such a row exists for the row of `of`.

    OFFSET 0 changes nothing but the plan: PostgreSQL would else gather all such rows of all customers for each
    chunk, where looking up those of the chunk costs a hundredth.
    """
    return sa.exists(sa.select(sa.literal_column("1")).where(*where).correlate(of).offset(0))


def may_reach(channel: Channel, purpose: Purpose, rules: ConsentByCountry) -> sa.ColumnElement[bool]:
    """Return: open contact and consent on this channel."""
    return sa.and_(has_open_contact(channel, purpose), has_consent(channel, purpose, rules))


def is_held_out(holdout: Holdout) -> sa.ColumnElement[bool]:
    """Return: the customer's household is in the held-out share of the group.

    The same 62-bit arithmetic in SQLite, PostgreSQL and Python: see `care.base.ids.group_position`.
    """
    a, b = group_line(holdout.group)
    lot = sa.cast(customer.c.draw, sa.BigInteger)
    position = (lot * sa.literal(a, sa.BigInteger) + sa.literal(b, sa.BigInteger)) % sa.literal(
        MERSENNE_31, sa.BigInteger
    )
    return position < int(holdout.share * MERSENNE_31)


def reason_not_to_write(
    campaign: Campaign,
    channels: tuple[Channel, ...],
    rules: ConsentByCountry,
    *,
    also_to: sa.ColumnElement[str] | None = None,
) -> sa.ColumnElement[str | None]:
    """Return the first reason why the customer may not get this leg, NULL when they may. The order is the policy.

    `also_to` is the hash of a phone that may be written to besides the customer's own; the same rules hold for it.
    """
    purpose = campaign.purpose
    branches: list[tuple[sa.ColumnElement[bool], sa.ColumnElement[Any]]] = []
    if purpose is not Purpose.EMERGENCY:
        branches.append((customer.c.deceased, sa.literal("deceased")))
    if purpose.is_marketing:
        branches.append((customer.c.minor, sa.literal("minor")))
    if purpose is Purpose.OFFER:
        branches.append((customer.c.hardship, sa.literal("hardship")))
    reachable = sa.or_(*(may_reach(channel, purpose, rules) for channel in channels))
    if also_to is not None and Channel.SMS in channels:
        silenced = sa.exists(
            sa.select(sa.literal_column("1")).where(suppression.c.address_hash == also_to, silences(purpose))
        )
        is_open = sa.and_(also_to.is_not(None), sa.not_(silenced.correlate_except(suppression)))
        reachable = sa.or_(reachable, sa.and_(is_open, has_consent(Channel.SMS, purpose, rules)))
    allowed: sa.ColumnElement[Any] = sa.null()
    if campaign.holdout is not None:
        allowed = sa.case((is_held_out(campaign.holdout), sa.literal(f"holdout:{campaign.holdout.group}")), else_=None)
    branches += [
        (reachable, allowed),
        (sa.not_(has_contact(channels)), sa.literal("no_contact")),
        (
            sa.not_(sa.or_(*(has_open_contact(channel, purpose) for channel in channels))),
            _suppressed(channels, purpose),
        ),
    ]
    return sa.case(*branches, else_=sa.literal("no_consent"))


def _suppressed(channels: tuple[Channel, ...], purpose: Purpose) -> sa.ColumnElement[str]:
    words = [str(channel) for channel in channels]
    first = (
        sa.select(sa.func.min(suppression.c.reason))
        .select_from(contact_point.join(suppression, suppression.c.address_hash == contact_point.c.address_hash))
        .where(contact_point.c.customer_id == customer.c.id, contact_point.c.channel.in_(words), silences(purpose))
        .correlate(customer)
        .scalar_subquery()
    )
    return sa.literal("suppressed:").concat(first)
