"""Purposes: a benefit, a gift or a price makes a text an offer, whatever its file says."""

import re
from collections.abc import Iterator, Mapping, Sequence

from care.base.vocabulary import Purpose
from care.campaigns.checks.context import CheckContext, Sample
from care.campaigns.checks.findings import Finding, Severity, at_words
from care.campaigns.model import Campaign

_GIFT = re.compile(
    r"优惠|優惠|赠送|贈送|赠品|贈品|送您|送你|免费|免費|不另收费|不另收費|折扣|打折|折抵|\d(?:\.\d)?折|立减|立減|减免|減免|红包|紅包"
    r"|礼品|禮品|礼包|禮包|抽奖|抽獎|特价|特價|促销|促銷|返现|返現|限时|限時|秒杀|秒殺|代金券|积分兑换|積分兌換"
    r"|\bgifts?\b|\bdiscounts?\b|\boffers?\b|\bbonus\b|\bprizes?\b|\bvouchers?\b|\bcoupons?\b|\bcashback\b|\brebates?\b"
    r"|\bon us\b|\bspecial price\b|\blimited time\b|(?<!toll-)(?<!toll )(?<!feel )\bfree\b(?! to\b)",
    re.IGNORECASE,
)
_PRICE = re.compile(
    r"\d[\d,.]*\s*(?:元|块钱|塊錢)|[¥￥$€£]\s?\d|\b(?:USD|EUR|GBP|CNY|TWD|HKD|RMB|NT\$)\s?\d|\d\s?(?:€|£)",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"\d+(?:[.,]\d+)?\s?[%％]|百分之[零一二三四五六七八九十百\d]*")
_IN_WORD = re.compile(r"[A-Za-z\d]")
_KINDS: Mapping[str, re.Pattern[str]] = {"a benefit": _GIFT, "a price": _PRICE, "a percentage": _PERCENT}
_PATIENT = (Purpose.SERVICE, Purpose.EMERGENCY, Purpose.SURVEY)  # facts of a contract may name prices


def check_promotion(campaign: Campaign, context: CheckContext) -> Iterator[Finding]:
    """Yield words of an offer in a text that is none: it would be sent without the consent an offer needs."""
    if campaign.purpose in (Purpose.OFFER, Purpose.REPLY):
        return
    for sample in context.samples(campaign):
        for what, word in promoting_words(_own_words(sample)):
            is_error = what == "a benefit" or campaign.purpose not in _PATIENT
            yield at_words(
                campaign,
                sample.path,
                word,
                severity=Severity.ERROR if is_error else Severity.WARNING,
                rule="promotion",
                patterns=(_KINDS[what],),
                problem=f"it names {what} ('{word}') but its purpose is {campaign.purpose}",
                fix="Take it out, or make the campaign an offer: purpose: offer",
            )


def promoting_words(text: str) -> list[tuple[str, str]]:
    """Return (kind, first words found) for each kind of promotion in a text."""
    found = ((what, pattern.search(text)) for what, pattern in _KINDS.items())
    return [(what, match.group()) for what, match in found if match]


def _own_words(sample: Sample) -> str:
    """Return the text without what the occasion filled in: a customer's own contract is no promotion."""
    return without_words(f"{sample.rendered.subject}\n{sample.body}", sample.contract_words)


def without_words(text: str, words: Sequence[str]) -> str:
    """Return a text without these words; a number inside a longer one, or before a percent sign, is another."""
    for word in sorted(filter(None, words), key=len, reverse=True):
        before = r"(?<![A-Za-z\d])(?<!\d[.,])" if _IN_WORD.match(word[0]) else ""
        after = r"(?![A-Za-z\d]|[.,]\d)" if _IN_WORD.match(word[-1]) else ""
        no_percentage = r"(?!\s?[%％])" if word[-1].isdigit() else ""
        text = re.sub(f"{before}{re.escape(word)}{after}{no_percentage}", " … ", text)
    return text
