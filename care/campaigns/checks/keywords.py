"""Replies: no text may ask for a word that opts the customer out, or ask at all where nobody can answer."""

import re
from collections.abc import Iterator

from care.base.vocabulary import Channel, Purpose
from care.campaigns.checks.context import CheckContext, Sample
from care.campaigns.checks.findings import Finding, Severity, at_key, at_words
from care.campaigns.model import Campaign
from care.campaigns.samples import SAMPLE_LINKS
from care.policy.answering import WayBack, one_way_of
from care.policy.keywords import Keyword, classify, normalise

_QUOTES = "[\"'“”‘’「」『』《》【】]?"
_ASKS = (
    re.compile(
        rf"(?:回复|回覆|回|发送|發送|輸入|输入|传送|傳送)\s*{_QUOTES}([A-Za-z]{{1,12}}|\d{{1,6}}|[\u4e00-\u9fff]{{1,4}})"
    ),
    re.compile(
        rf"\b(?:reply|replying|text|send|answer|respond)\b(?:\s+(?:with|by|us|back|to us|the word))*"
        rf"\s*:?\s+{_QUOTES}([A-Za-z]{{1,12}}|\d{{1,6}})\b",
        re.IGNORECASE,
    ),
    re.compile(rf"{_QUOTES}\b([A-Z]{{1,12}}|\d)\b{_QUOTES}\s+(?:for|to)\s+(?:yes|no|confirm|accept|cancel)\b"),
)
_CARRIER_WORDS = {
    "yes": "opts in",
    "start": "opts in",
    "unstop": "opts in",
    "help": "asks the carrier for help",
    "info": "asks the carrier for help",
}
_DOES = {
    Keyword.OPT_OUT: "opts the customer out",
    Keyword.OPT_IN: "opts in",
    Keyword.HELP: "asks for help",
}
_WITHOUT_MAIL = {"ticket_resolved": "Whoever has no e-mail address is called: care surveys followup --phone-tasks"}
_ANY_REPLY = re.compile(r"直接回[复覆]|请回[复覆]|請回[复覆]|\breply\b", re.IGNORECASE)


def asked_words(text: str) -> list[str]:
    """Return the words and digits that a text asks the customer to send back, in order of patterns."""
    return [found for pattern in _ASKS for found in pattern.findall(text)]


def check_keywords(campaign: Campaign, context: CheckContext) -> Iterator[Finding]:
    """Yield texts that ask for an opt-out, opt-in or help word as an answer."""
    for sample in _texts(campaign, context):
        for word in dict.fromkeys(asked_words(sample.body)):
            meaning = _meaning(word, sample)
            if meaning:
                yield at_words(
                    campaign,
                    sample.path,
                    word,
                    severity=Severity.ERROR,
                    rule="keyword",
                    patterns=_ASKS,
                    problem=f"it asks for the reply '{word}', which {meaning} in {sample.policy.code}",
                    fix="Ask for a digit; the way to opt out is added by the country's policy",
                )


def check_two_way(campaign: Campaign, context: CheckContext) -> Iterator[Finding]:
    """Yield texts that need an answer where the sender is one-way; a survey that goes by e-mail too can be answered."""
    for sample in _texts(campaign, context):
        asks = campaign.purpose is Purpose.SURVEY or asked_words(sample.body) or _ANY_REPLY.search(sample.body)
        way_out = asked_words(sample.suffix) or _ANY_REPLY.search(sample.suffix)
        if not asks and not way_out:
            continue
        why = _one_way(campaign, sample, context)
        if why and _goes_by_mail_alone(campaign, sample, context):
            yield at_key(
                campaign,
                "channels",
                rule="two_way",
                severity=Severity.WARNING,
                problem=f"in {sample.locale} it is answered by e-mail, not by SMS, as {why}",
                fix=_WITHOUT_MAIL.get(campaign.occasion.kind, "Whoever has no e-mail address is not asked"),
            )
        elif why:
            what = "it needs an answer" if asks else "its way to opt out needs an answer"
            yield at_key(
                campaign,
                "channels",
                rule="two_way",
                severity=Severity.ERROR if asks else Severity.WARNING,
                problem=f"{what} in {sample.locale}, but {why}",
                fix="Send it by e-mail, or over a gateway that takes replies"
                if asks
                else "Use a gateway that takes replies, or a suffix with the hotline in the policy",
            )


def _texts(campaign: Campaign, context: CheckContext) -> Iterator[Sample]:
    if campaign.purpose is Purpose.REPLY:
        return
    yield from (sample for sample in context.samples(campaign) if sample.channel is Channel.SMS)


def _meaning(word: str, sample: Sample) -> str:
    keyword = classify(word, sample.policy)
    return _DOES[keyword] if keyword else _CARRIER_WORDS.get(normalise(word), "")


def _goes_by_mail_alone(campaign: Campaign, sample: Sample, context: CheckContext) -> bool:
    """Tell whether the sender leaves the SMS out, because nobody could answer it, and a mail asks."""
    way_back = one_way_of(context.settings).way_back(sample.policy)
    is_left_out = campaign.purpose is Purpose.SURVEY and way_back is WayBack.NONE
    return is_left_out and Channel.EMAIL in campaign.channels


def _one_way(campaign: Campaign, sample: Sample, context: CheckContext) -> str:
    """Return why nobody can answer, or '' where they can: by SMS, or on the page whose link the text carries."""
    one_way = one_way_of(context.settings)
    has_link = SAMPLE_LINKS["survey_url"] in sample.body
    if has_link and one_way.way_back(sample.policy, campaign.purpose) is WayBack.LINK:
        return ""
    return one_way.why(sample.policy, campaign.purpose)
