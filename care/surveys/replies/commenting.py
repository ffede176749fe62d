"""What a customer wrote beside the score, in their own letters."""

import re
import unicodedata
from typing import Final

from care.surveys.replies.text import Text

_NUMBER: Final = re.compile(
    r"(?:只能给|只给|我给|我打|俾|畀|我选|给你们|打|给|评分|选|评)?\s*[:：]?\s*"
    r"[0-9①-⑩❶-❿〇零一二两三四五六七八九十壹贰叁肆伍貳參]+(?:\.\d+|[点點][0-9一二三四五六七八九](?=分))?[️⃣]*\s*"
    r"(?:/\s*(?:5|10|7)\b|out of (?:5|10|7|five|ten)|分(?!钟|鐘)|颗?星|顆星|stars?\b|points?\b|⭐|★)?",
    re.IGNORECASE,
)
_MORE: Final = re.compile(
    r"(?:(?:[\s,，、/.-]*[1-5]){3}|\s*(?:[-–~～]|or|to|或者?|到|至)\s*[0-9]+)(?![0-9A-Za-z])", re.IGNORECASE
)
_EDGES: Final = "()（）[] \t\r\n,.;:、，。；：!！-–—~～*=/|"


def comment_beside(original: str, text: Text) -> str:
    """Return the text without the number that was read as the score; all of it where words were the score."""
    plain = unicodedata.normalize("NFKC", original)
    if not text.has_digit:
        return plain.strip() if text.unknown or len(text.tokens) > _SHORT else ""
    spans = [match.span() for match in _NUMBER.finditer(plain) if any(sign.isnumeric() for sign in match[0])]
    if not spans:
        return ""
    start, end = spans[-1] if len(spans) > 1 and text.tokens[0].value is None else spans[0]
    if more := _MORE.match(plain, end):  # the other three of four digits, or the other end of "4 or 5"
        end = more.end()
    before, after = plain[:start], plain[end:]
    if not before.strip(_EDGES):
        return after.strip(_EDGES)
    if not after.strip(_EDGES):
        return before.strip().rstrip(",.;:、，。；：- ")
    return f"{before.strip()} {after.strip(_EDGES)}"


_SHORT: Final = 3
