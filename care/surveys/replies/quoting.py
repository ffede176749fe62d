"""What a reply holds that its writer did not write: quoted messages, signatures, taps on our text, our own menu."""

import re
from itertools import pairwise
from typing import Final

_TAPBACK: Final = re.compile(
    r"(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|removed an? [a-z ]{4,20} from)"
    r"(?:\s*[\"'].*|\s+an? (?:image|photo|picture|message|video|attachment|link)\.?)"
    r"|(?:reacted|reagi\w+)\b.{1,12}\bto\s*:?\s*[\"'].*"
    r"|\S{1,4}\s*to\s*[\"'].*[\"']"
    r"|已?(?:给|点)?(?:赞|踩|强调|喜欢|不喜欢|爱|爱心|笑|大笑|质疑)\s*[了过]?\s*[\"'].*"
    r"|(?:已)?对\s*[\"'].*[\"']\s*(?:表示|点了|做出|回应|添加|点|作出|给出|的).*"
    r"|(?:已)?给\s*[\"'].*[\"']\s*点.{0,6}"
    r"|表示.{1,6}[\"'].*"
    r"|取消.{1,6}[\"'].+[\"'].*"
    r"|(?:已)?(?:对|向|给|把|将|就|在)\s*[\"'].{6,}[\"'].{0,12}",
    re.DOTALL,
)
_LINE: Final = re.compile(
    r"^(?:>|on .{4,80} wrote:|-{2,}\s*(?:original|forwarded)|begin forwarded|sent from|get outlook|sent via"
    r"|发自|来自我的|从我的|原始(?:短信|邮件|信息)|-{2,}\s*(?:原始|转发)|发件人:|from:|.{4,40}写道:)"
)
_SIGNATURE: Final = re.compile(r"\n(?:--|__|==)\s?[^\n\d]*(?:\n.*)?\Z", re.DOTALL)
_TAIL: Final = re.compile(r"\s*(?:sent from my [a-z ]{3,20}|发自我的\s?\S{2,12}|来自我的\s?\S{2,12})\.?\Z")
_LABEL: Final = r"[^\d\n.,;]{1,24}"
_POINT: Final = rf"\d{{1,2}}\s?[=:.\-]?\s?{_LABEL}"
_MENU: Final = re.compile(rf"(?:\b|(?<=[^\d])){_POINT}(?:[,;.]?\s?{_POINT}){{3,}}")
_PAIR: Final = re.compile(r"(\d{1,2})\s?[=:.\-]?\s?([^\d\n.,;]{1,24})")
_ENDS_OF_SCALE: Final = re.compile(
    r"(?:please |请)?(?:reply|respond|answer|rate(?: us)?|回复|回)?(?: with)?(?: one digit only,?)?(?: from)? ?"
    r"\d{1,2} ?\([^()\n]{2,24}\)(?: for [a-z]+)? ?(?:to|到|至|-|~) ?\d{1,2} ?\([^()\n]{2,24}\)\.?"
    r"|(?:reply|回复)\s?\d (?:for )?(?:yes|是|已解决),? ?\d (?:for )?(?:no|否|未解决)"
    r"|回复1已解决 ?2未解决"
)
_INSTRUCTION: Final = re.compile(
    r"(?:(?:reply|txt|text|send)\s|(?:回复|回|发送)\s?)\"?[a-z]{1,11}\"?\s?(?:to|for|可|即可|即)\s?"
    r"(?:\d{3,8} )?(?:to )?(?:opt[ -]?out|unsubscribe|stop|resubscribe|cancel|help|end|退订|恢复|拒收|取消)[a-z ]{0,16}"
    r"|(?:to (?:opt[ -]?out|unsubscribe|stop|end|cancel),? ?(?:reply|txt|text|send)|unsub(?:scribe)?,? reply)"
    r" (?!(?:alert|message|reminder|survey|update|notification|service)s?\b)\"?[a-z]{1,11}\"?(?: to \d{3,8})?"
    r"|(?:拒收|退订|取消接收|恢复接收)(?:短信)?(?:请|可)?(?:随时)?(?:回复|回)\s?[a-z]{1,11}"
)
_SHORT: Final = 12
"""A text no longer than this quotes nothing: it is the keyword itself."""


def is_tapback(text: str) -> bool:
    """Tell whether a phone wrote that somebody tapped on our message, which it quotes."""
    return _TAPBACK.fullmatch(text) is not None


def own_words(text: str) -> str:
    """Return a normalised text without quoted lines, signatures, our menu and our instructions."""
    if len(text) <= _SHORT:
        return text
    kept = text
    if "\n" in kept:
        kept = _without_history(kept)
    kept = _TAIL.sub("", kept)
    if any(sign.isdigit() for sign in kept):
        kept = _ENDS_OF_SCALE.sub("\n", kept)
        kept = _MENU.sub(_menu_gone, kept)
    return _INSTRUCTION.sub("\n", kept).strip()


def _without_history(text: str) -> str:
    kept: list[str] = []
    for line in _SIGNATURE.sub("", text).split("\n"):
        if line.startswith(">"):
            continue
        if _LINE.match(line):
            break
        kept.append(line)
    return "\n".join(kept)


def _menu_gone(match: re.Match[str]) -> str:
    """Take a menu out: digits that run by one step, each with a name; keep other texts with many digits."""
    pairs = _PAIR.findall(match[0])
    digits = [int(digit) for digit, _ in pairs]
    steps = {after - before for before, after in pairwise(digits)}
    names = [name.strip() for _, name in pairs]
    if len(steps) == 1 and steps <= {1, -1} and all(names):
        return "\n"
    return match[0]
