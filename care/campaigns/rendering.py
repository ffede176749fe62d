"""One message in words: the right language, strictly filled in, wrapped and counted as the carrier does.

Everything that does not depend on the customer is worked out once per campaign, channel, locale and country.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from jinja2 import TemplateError

from care.base.errors import CareError
from care.base.settings import OperatorSettings
from care.base.vocabulary import Channel
from care.campaigns.model import Campaign
from care.campaigns.occasion import OccasionFacts
from care.campaigns.plain_words import plain
from care.campaigns.sandbox import Value
from care.campaigns.sms_parts import count_parts
from care.campaigns.templates import MessageTemplate, TemplateLibrary
from care.campaigns.variables import LINK_VARIABLES, Reader, customer_reader, fixed_values, is_fit
from care.policy.answering import OneWay, WayBack
from care.policy.model import CountryPolicy, Policies
from care.policy.wording import sms_wrapping

MAX_PARTS: Final = 10  #: parts of an SMS; more is a mistake
MAX_MAIL: Final = 200_000  #: characters of a rendered mail; more is a mistake
_MAX_PLANS: Final = 2_000


class RenderError(CareError):
    """A message cannot be put into words; `missing` names the variables that are not there.

    It names the template, never the customer's data.
    """

    def __init__(self, template: MessageTemplate, problem: str, fix: str, *, missing: tuple[str, ...] = ()) -> None:
        super().__init__(f"template '{template.name}' ({template.path.name}): {problem}. {fix}")
        self.template, self.locale, self.missing, self.problem = template.name, template.locale, missing, problem


class Rendered(NamedTuple):
    """A message in words. An e-mail counts as one part and has no encoding of its own."""

    text: str  # the SMS with prefix and suffix, or the plain text part
    locale: str  # of the template used
    subject: str = ""
    html: str = ""
    parts: int = 1
    encoding: str = ""  # GSM-7 or UCS-2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What one campaign says to all customers of one locale and country on one channel."""

    campaign: Campaign
    template: MessageTemplate
    fixed: Mapping[str, Value]
    readers: tuple[tuple[str, Reader], ...]
    from_occasion: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""
    withheld: frozenset[str] = frozenset()  # links that this text does without


Wrapping = Callable[..., tuple[str, str]]


class Renderer:
    """Puts messages into words; keeps what it worked out until a template changes."""

    def __init__(
        self,
        *,
        library: TemplateLibrary,
        policies: Policies,
        operator: OperatorSettings,
        one_way: OneWay | None = None,
        transport_adds_signature: bool = False,
    ) -> None:
        """`transport_adds_signature` leaves the brand out of an SMS because the gateway puts it there.

        `one_way` says where an SMS can be answered: there it carries no link to the survey's page.
        """
        self._one_way = one_way or OneWay()
        self._library, self._policies, self._operator = library, policies, operator
        self._adds_signature = transport_adds_signature
        self._plans: dict[tuple[int, Channel, str, str], _Plan] = {}
        self._generation = library.generation

    def render(
        self,
        campaign: Campaign,
        channel: Channel,
        facts: OccasionFacts,
        *,
        links: Mapping[str, str] | None = None,
    ) -> Rendered:
        """Return one message in the customer's language, or the nearest there is.

        `links` are the addresses that belong to this recipient: `unsubscribe_url`, `preferences_url`, `survey_url`.

        Raises:
            RenderError: a variable is missing, the text fails or is too long.
            FileError: the template is missing or broken.
        """
        plan = self._plan(campaign, channel, facts)
        values = _values(plan, facts, links)
        template = plan.template
        try:
            text = template.text(values)
            if channel is Channel.SMS:
                return _sms(plan, text)
            assert template.subject is not None
            assert template.html is not None
            subject, html = plain(template.subject(values)), template.html(values)
        except (TemplateError, ArithmeticError, TypeError, ValueError) as error:
            fix = "Check the tags of the template"
            raise RenderError(template, f"cannot be filled in ({type(error).__name__})", fix) from None
        if len(html) > MAX_MAIL or len(text) > MAX_MAIL:
            raise RenderError(template, "makes a mail that is too large", "Shorten the text or its values")
        return Rendered(text=text, subject=subject, html=html, locale=template.locale)

    def _plan(self, campaign: Campaign, channel: Channel, facts: OccasionFacts) -> _Plan:
        if self._generation != self._library.generation or len(self._plans) > _MAX_PLANS:
            self._plans.clear()
            self._generation = self._library.generation
        country = facts.customer.get("country") or self._operator.country
        key = (id(campaign), channel, facts.locale, country)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._make_plan(campaign, channel, facts.locale, country)
        return plan

    def _make_plan(self, campaign: Campaign, channel: Channel, locale: str, country: str) -> _Plan:
        template = self._library.get(campaign.template, channel, locale or self._operator.locale)
        policy = self._policies.country(country)
        if channel is Channel.EMAIL and campaign.purpose.is_marketing:
            _require_way_out(template)
        fixed = fixed_values(
            campaign, template.locale, operator={"brand": self._operator.brand, "hotline": self._operator.hotline}
        )
        given = campaign.occasion.variable_names()
        open_names = template.variables - campaign.values.keys()
        prefix, suffix = self._wrapping(policy, campaign, template) if channel is Channel.SMS else ("", "")
        return _Plan(
            campaign=campaign,
            template=template,
            fixed=dict.fromkeys(template.optional, "") | fixed,
            readers=tuple((name, customer_reader(name)) for name in sorted(open_names - fixed.keys())),
            from_occasion=tuple(sorted(open_names & given)),
            prefix=prefix,
            suffix=suffix,
            withheld=self._withheld(policy, campaign, channel),
        )

    def _withheld(self, policy: CountryPolicy, campaign: Campaign, channel: Channel) -> frozenset[str]:
        """An SMS that can be answered by SMS needs no link, and one that carriers would stop carries none."""
        is_needed = self._one_way.way_back(policy, campaign.purpose) is WayBack.LINK
        return frozenset({"survey_url"}) if channel is Channel.SMS and not is_needed else frozenset()

    def _wrapping(self, policy: CountryPolicy, campaign: Campaign, template: MessageTemplate) -> tuple[str, str]:
        return sms_wrapping(
            policy,
            campaign.purpose,
            template.locale,
            plain(self._operator.brand),
            plain(self._operator.hotline),
            transport_adds_signature=self._adds_signature,
        )


def _require_way_out(template: MessageTemplate) -> None:
    if "unsubscribe_url" not in template.variables:
        problem = "greets or offers by e-mail without a way to unsubscribe"
        raise RenderError(template, problem, "Include a footer with {{ unsubscribe_url }}")


def _values(plan: _Plan, facts: OccasionFacts, links: Mapping[str, str] | None) -> dict[str, Value]:
    """Return every variable the template uses, each a plain word or number.

    Raises:
        RenderError: one that it needs is not there, or empty.
    """
    template = plan.template
    values = dict(plan.fixed)
    if facts.locale != template.locale:
        facts = replace(facts, locale=template.locale)
    for name, read in plan.readers:
        _put(values, name, read(facts))
    if plan.from_occasion:
        given = plan.campaign.occasion.variables(facts)
        for name in plan.from_occasion:
            _put(values, name, given.get(name))
    for name, url in (links or {}).items():
        if name in LINK_VARIABLES and name not in plan.withheld:
            _put(values, name, url)
    if not template.needed <= values.keys():
        missing = tuple(sorted(template.needed - values.keys()))
        fix = "Give it in the campaign's values, or ask first with {% if " + missing[0] + " %}"
        raise RenderError(template, f"needs {', '.join(missing)}, which is not known here", fix, missing=missing)
    return values


def _put(values: dict[str, Value], name: str, value: Value | None) -> None:
    """Add a value that is there: only plain strings and numbers, no empty words, no address that is none."""
    if type(value) is str:
        words = plain(value)
        if is_fit(name, words):
            values[name] = words
    elif type(value) is int:
        values[name] = value


def _sms(plan: _Plan, text: str) -> Rendered:
    whole = f"{plan.prefix}{text}{plan.suffix}"
    count = count_parts(whole)
    if count.parts > MAX_PARTS:
        raise RenderError(plan.template, f"makes an SMS of {count.parts} parts", f"{MAX_PARTS} is the most")
    return Rendered(whole, plan.template.locale, parts=count.parts, encoding=count.encoding)
