"""What every check may look at: templates, policy, senders, what the ledger knows, and each text with long words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from care.base.errors import CareError, FileError
from care.base.settings import Settings
from care.base.vocabulary import Channel
from care.campaigns.locales import language_of
from care.campaigns.model import Campaign
from care.campaigns.plain_words import plain
from care.campaigns.rendering import Rendered, Renderer, RenderError
from care.campaigns.samples import SAMPLE_LINKS, sample_facts
from care.campaigns.templates import TemplateLibrary
from care.policy.answering import one_way_of
from care.policy.model import CountryPolicy, Policies
from care.policy.wording import sms_wrapping

MAX_PARTS = 2
_SAMPLE_WORD = "0000-0000000"  # as long as a phone number


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCampaign:
    """A campaign that the ledger has worked with."""

    id: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One text of a campaign, filled in with long words."""

    channel: Channel
    locale: str
    path: Path
    policy: CountryPolicy
    rendered: Rendered
    body: str  # without prefix and suffix
    suffix: str
    contract_words: tuple[str, ...]  # what the occasion gave: prices in it are the customer's own
    missing: tuple[str, ...] = ()  # variables that neither campaign, occasion, customer nor operator gives


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """The surroundings of a check."""

    library: TemplateLibrary
    policies: Policies
    settings: Settings
    today: date
    known: tuple[KnownCampaign, ...] = ()
    max_parts: int = MAX_PARTS
    _samples: dict[str, "tuple[tuple[Sample, ...], tuple[Trouble, ...]]"] = field(default_factory=dict)

    @property
    def renderer(self) -> Renderer:
        """Return a renderer over the same templates and policies."""
        return Renderer(
            library=self.library,
            policies=self.policies,
            operator=self.settings.operator,
            one_way=one_way_of(self.settings),
        )

    def samples(self, campaign: Campaign) -> tuple[Sample, ...]:
        """Return every text of the campaign that can be filled in, per channel and locale."""
        return self._of(campaign)[0]

    def troubles(self, campaign: Campaign) -> "tuple[Trouble, ...]":
        """Return every text that cannot."""
        return self._of(campaign)[1]

    def _of(self, campaign: Campaign) -> "tuple[tuple[Sample, ...], tuple[Trouble, ...]]":
        key = f"{campaign.id}:{campaign.template}"
        if key not in self._samples:
            found = list(_fill_in(campaign, self))
            samples = tuple(one for one in found if isinstance(one, Sample))
            self._samples[key] = samples, tuple(one for one in found if isinstance(one, Trouble))
        return self._samples[key]

    def policy_for(self, locale: str) -> CountryPolicy:
        """Return the policy of the country in which a locale is most likely read; the operator's own first."""
        home = self.policies.country(self.settings.operator.country)
        if locale in home.languages or locale == self.settings.operator.locale:
            return home
        countries = list(self.policies.countries.values())
        first = [policy for policy in countries if locale in policy.languages[:1]]
        among = [policy for policy in countries if locale in policy.languages]
        same = [policy for policy in countries if language_of(locale) in map(language_of, policy.languages[:1])]
        return next(iter([*first, *among, *same]), home)

    def is_home(self, locale: str) -> bool:
        """Tell whether a locale is the operator's own language, which most customers read."""
        return language_of(locale) == language_of(self.settings.operator.locale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A text that cannot be filled in at all."""

    channel: Channel
    error: CareError
    path: Path | None = None


def _fill_in(campaign: Campaign, context: CheckContext) -> Iterator[Sample | Trouble]:
    renderer = context.renderer
    for channel in campaign.channels:
        try:
            locales = context.library.locales(campaign.template, channel)
        except FileError as error:
            yield Trouble(channel=channel, error=error, path=error.path)
            return
        for locale in locales:
            try:
                yield _sample(campaign, channel, locale, context, renderer)
            except FileError as error:
                yield Trouble(channel=channel, error=error, path=error.path)
            except CareError as error:
                path, _ = context.library.resolve(campaign.template, channel, locale)
                yield Trouble(channel=channel, error=error, path=path)


def _sample(campaign: Campaign, channel: Channel, locale: str, context: CheckContext, renderer: Renderer) -> Sample:
    policy = context.policy_for(locale)
    operator = context.settings.operator
    attributes: Mapping[str, str] = {}
    for _ in range(2):
        facts = sample_facts(
            locale=locale,
            country=policy.code,
            zone=operator.timezone,
            currency=operator.currency,
            day=context.today,
            attributes=attributes,
        )
        try:
            rendered = renderer.render(campaign, channel, facts, links=SAMPLE_LINKS)
            break
        except RenderError as error:
            if not error.missing or attributes or set(error.missing) & set(campaign.values):
                raise
            attributes = dict.fromkeys(error.missing, _SAMPLE_WORD)
    path, _ = context.library.resolve(campaign.template, channel, locale)
    prefix, suffix = "", ""
    if channel is Channel.SMS:
        brand, hotline = plain(operator.brand), plain(operator.hotline)
        prefix, suffix = sms_wrapping(policy, campaign.purpose, locale, brand, hotline)
    given = campaign.occasion.variables(facts)
    return Sample(
        channel=channel,
        locale=locale,
        path=path,
        policy=policy,
        rendered=rendered,
        body=rendered.text.removeprefix(prefix).removesuffix(suffix),
        suffix=suffix,
        contract_words=tuple(value for value in given.values() if isinstance(value, str)),
        missing=tuple(sorted(attributes)),
    )
