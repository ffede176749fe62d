"""What a campaign file may say: one pydantic model, from which errors and the editors' JSON Schema both come."""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    create_model,
    field_validator,
)

from care.base.vocabulary import DELIVERIES, Channel, Purpose
from care.campaigns.occasion import OccasionSpec
from care.campaigns.occasions import KINDS
from care.campaigns.scalars import Duration, Name, Share, Spread, TemplateName, check_locale, mistake
from care.segments.fields import Fields
from care.segments.schema import DIALECT, rule_definitions
from care.segments.ticket_facts import DECLARED_FIELDS

SCHEMA_FILE = "campaign.schema.json"
"""Where `care campaigns schema` is meant to be kept: `# yaml-language-server: $schema=campaign.schema.json`."""


def _words(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value


def _phrase(value: Any) -> Any:
    value = _words(value)
    return {EVERY_LOCALE: value} if isinstance(value, str) else value


def _locale_or_every(value: Any) -> str:
    return EVERY_LOCALE if value == EVERY_LOCALE else check_locale(value)


EVERY_LOCALE = ""
"""The key of a text that serves every locale."""
Phrase = Annotated[
    dict[Annotated[str, BeforeValidator(_locale_or_every)], Annotated[str, BeforeValidator(_words)]],
    BeforeValidator(_phrase),
    WithJsonSchema(
        {
            "description": "one text, or one per locale",
            "anyOf": [
                {"type": ["string", "number"]},
                {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
            ],
            "examples": [{"en": "10 GB extra data", "zh-CN": "10GB流量"}],
        }
    ),
]


class HoldoutSpec(BaseModel):
    """Who is left out on purpose, so that the effect can be measured: `{share: 5%, group: birthday}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: Share = Field(description="of the households", examples=["5%"])
    group: Name | None = Field(None, description="households are drawn once per group; the campaign by default")


class CampaignFile(BaseModel):
    """One campaign: who is written to, why and when, with which words, and within which limits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Name | None = Field(None, description="never changes, the ledger knows it; the name by default")
    name: Name = Field(description="may change without sending anything twice", examples=["birthday"])
    title: Phrase = Field({}, description="for people, one text or one per locale")
    owner: str = Field("", max_length=100, description="who answers for it")
    purpose: Literal["emergency", "service", "reply", "survey", "offer", "greeting"] = Field(
        description="decides consent, hours, caps and lane; a benefit or a price makes it an offer",
        examples=["greeting"],
    )
    audience: Any = Field(examples=["{any: [high_value, long_tenure]}"])
    occasion: OccasionSpec = Field(examples=['{kind: birthday, at: "10:00"}'])
    channels: tuple[Channel, ...] = Field(min_length=1, description="the first that reaches", examples=["[sms, email]"])
    on_every_channel: bool = Field(False, description="one message on each channel instead of the first that reaches")
    template: TemplateName = Field(description="folder under templates/messages", examples=["birthday"])
    reminder: TemplateName | None = Field(
        None, description="folder of the text that reminds, once, where the occasion can", examples=["survey_reminder"]
    )
    use_within: Duration = Field(description="later than this after it is due, silence is better", examples=["8h"])
    spread: Spread | None = Field(
        None, description="greetings and offers: over how long the due times lie; by itself what the rate needs, or off"
    )
    holdout: HoldoutSpec | None = None
    delivery: Literal["once", "reconciled", "at_least_once"] | None = Field(
        None, description="what may be risked when an answer is lost: missing or twice; the purpose decides by default"
    )
    values: dict[str, Phrase] = Field(
        {}, description="words that the template needs and no table has, one text or one per locale"
    )

    @field_validator("channels")
    @classmethod
    def _each_once(cls, value: tuple[Channel, ...]) -> tuple[Channel, ...]:
        if len(set(value)) < len(value):
            raise mistake("a channel is named twice", "Name each channel once, the preferred one first")
        return value

    @field_validator("delivery")
    @classmethod
    def _allowed(cls, value: str | None, info: ValidationInfo) -> str | None:
        purpose = info.data.get("purpose")
        allowed = [str(one) for one in DELIVERIES[Purpose(purpose)]] if purpose else []
        if value is not None and allowed and value not in allowed:
            problem = f"a message of purpose '{purpose}' cannot be delivered '{value}'"
            raise mistake(problem, f"Write {' or '.join(allowed)}, or leave it out")
        return value

    @field_validator("spread")
    @classmethod
    def _fits(cls, value: timedelta | None, told: ValidationInfo) -> timedelta | None:
        purpose, within = told.data.get("purpose"), told.data.get("use_within")
        if value and purpose and not Purpose(purpose).is_marketing:
            raise mistake("only greetings and offers are spread", "Leave 'spread' out: notices go as soon as they may")
        if value and within and value >= within:
            raise mistake("'spread' is as long as 'use_within'", "Make it shorter, so that the last is of use too")
        return value

    @field_validator("values")
    @classmethod
    def _names(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if not name.isidentifier():
                raise mistake(f"'{name}' cannot be a variable of a template", "Use letters, digits and '_'")
        return value

    @property
    def key(self) -> str:
        """Return the id that the ledger uses."""
        return self.id or self.name

    @property
    def aim(self) -> Purpose:
        """Return the purpose."""
        return Purpose(self.purpose)


@lru_cache(maxsize=8)
def _model_of(kinds: tuple[type[OccasionSpec], ...]) -> type[CampaignFile]:
    base = CampaignFile.model_fields["occasion"]
    told: dict[str, Any] = {"discriminator": "kind"} if len(kinds) > 1 else {}
    occasion: Any = (_union(kinds), Field(examples=base.examples, **told))
    return create_model("Campaign", __base__=CampaignFile, occasion=occasion)


def _union(kinds: tuple[type[OccasionSpec], ...]) -> Any:
    joined: Any = kinds[0]
    for kind in kinds[1:]:
        joined = joined | kind
    return joined


def campaign_model(kinds: Mapping[str, type[OccasionSpec]] = KINDS) -> type[CampaignFile]:
    """Return the model of campaign files whose occasion is one of `kinds`."""
    return _model_of(tuple(kinds.values()))


def json_schema(kinds: Mapping[str, type[OccasionSpec]] = KINDS, *, fields: Fields = DECLARED_FIELDS) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of campaign files, for editors."""
    schema = campaign_model(kinds).model_json_schema()
    schema["$defs"] |= rule_definitions(fields)
    schema["properties"]["audience"] = {"$ref": "#/$defs/rule", "description": "a segment's name, or a rule"}
    return {"$schema": DIALECT, **schema, "title": "Campaign"}
