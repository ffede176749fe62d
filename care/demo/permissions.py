"""What the sample operator's customers allowed, withdrew and were banned for, with its proof."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time

from care.demo.customers import Customer
from care.demo.dice import Dice

COLUMNS = ("customer", "purpose", "channel", "given", "at", "source", "wording")

_WORDING = {
    "zh-CN": "我同意{brand}通过短信和电子邮件向我发送节日问候与优惠信息，可随时退订。",
    "zh-TW": "我同意{brand}以簡訊及電子郵件寄送節日問候與優惠訊息，可隨時取消。",
    "en": "I agree that {brand} may send me greetings and offers by text and e-mail. I can opt out at any time.",
}
_SOURCES = {"store": 0.35, "app": 0.35, "website": 0.2, "hotline": 0.1}
_ASKED_FIRST = frozenset({"CN", "US"})
"""Countries of ours in which greetings and offers need a recorded yes."""

_GIVEN = {"greeting": 0.82, "offer": 0.6}
_REFUSED_UNASKED = 0.07
_WITHDRAWN_LATER = 0.05
_BANS = (
    ("sms", "wrong_number"),
    ("sms", "complaint"),
    ("email", "hard_bounce"),
    ("sms", "opt_out"),
    ("sms", "by_hand"),
)
_BANNED = 0.008
_NOON = time(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """An address that the former system already kept silent."""

    channel: str
    address: str
    reason: str


def draw_consents(
    customers: Iterable[Customer], *, brand: str, before: datetime, seed: int
) -> Iterator[dict[str, str]]:
    """Yield rows of the consent file, all said before `before`, each customer's oldest first."""
    dice = Dice(f"consents:{seed}")
    for customer in customers:
        asked = customer.market.country in _ASKED_FIRST
        for purpose, share in _GIVEN.items():
            if not asked and dice.random() > _REFUSED_UNASKED:
                continue
            gives = asked and (customer.is_member_of_cast or dice.likely(share))
            changes_mind = gives and not customer.is_member_of_cast and dice.likely(_WITHDRAWN_LATER)
            joined_at = datetime.combine(customer.joined_on, _NOON, UTC)
            said_at = joined_at + (before - joined_at) * dice.uniform(0, 0.5)
            source = dice.one_of(_SOURCES)
            for channel in customer.channels:
                word = {"customer": customer.id, "purpose": purpose, "channel": channel}
                if gives:
                    wording = _WORDING[customer.language].format(brand=brand)
                    yield word | _said(said_at, source, given=True) | {"wording": wording}
                if changes_mind or (not gives and not asked):
                    back_at = said_at + (before - said_at) * dice.uniform(0.1, 0.9)
                    yield word | _said(back_at, "hotline", given=False) | {"wording": ""}


def _said(at: datetime, source: str, *, given: bool) -> dict[str, str]:
    return {"given": "true" if given else "false", "at": at.isoformat(timespec="seconds"), "source": source}


def draw_bans(customers: Iterable[Customer], *, seed: int) -> Iterator[Ban]:
    """Yield the addresses that were silent before the week began."""
    dice = Dice(f"bans:{seed}")
    for customer in customers:
        if customer.is_member_of_cast or dice.random() >= _BANNED:
            continue
        channel, reason = dice.choice(_BANS)
        address = customer.row["phone" if channel == "sms" else "email"]
        if address:
            yield Ban(channel=channel, address=address, reason=reason)
