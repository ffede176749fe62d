"""How far a refusal reaches: "no surveys" is about our questions, everything else about our messages."""

import re
import unicodedata
from typing import Final

_NO_EN: Final = (
    r"(?:no|no more|no further|not|never|dont|do not|stop|quit|end|cancel|cease|opt(?:ing)? (?:me )?out of|"
    r"unsubscribe (?:me )?from|remove me from|without)"
)
_BETWEEN_EN: Final = (
    r"(?:(?:want|need|like|do|doing|get|getting|receive|receiving|send|sending|me|us|to|be|any|more|further|the|these|"
    r"this|those|your|you|all|of|future|again|ever|another|with|for|please|just) ){0,5}"
)
_ASKED_EN: Final = r"(?:surveys?|surveyed|surveying|questionnaires?|questions?|ask|asking|asked|rate|ratings?|feedback)"
_AFTER_EN: Final = r"(?: (?:texts?|messages?|sms|requests?|me|us|again|any ?more|ever))*"
_NO_ZH: Final = (
    r"(?:不要|不想|不用|不需要|不需|不必|不接受|不愿|不願|别|別|勿|莫|唔好|唔想|唔使|唔要|停止|取消|拒绝|拒絕|谢绝|謝絕|"
    r"无需|無需|毋须|毋須)"
)
_BETWEEN_ZH: Final = (
    r"(?:再|继续|繼續|给|給|向|对|對|被|我|发送|發送|发|發|传|傳|做|参加|參加|参与|參與|任何|这种|這種|这些|這些|这个|這個|"
    r"你们|你們|你哋|的|嘅|来|來|一直|老是|总是|總是|进行|進行|接受|收到|接收|收|什么|什麼|乜|咩)*"
)
_ASKED_ZH: Final = (
    r"(?:问卷|問卷|问|問|调查|調查|回访|回訪|访问|訪問|受访|受訪|满意度|滿意度|评价|評價|评分|評分|打分)"
    r"(?:调查|調查|短信|简讯|簡訊|短訊|我|了|啦|喇|吧)*"
)
_OUR_QUESTIONS: Final = re.compile(
    rf"\b{_NO_EN} {_BETWEEN_EN}{_ASKED_EN}\b{_AFTER_EN}|{_NO_ZH}{_BETWEEN_ZH}{_ASKED_ZH}",
    re.IGNORECASE,
)
_OUR_MESSAGES: Final = re.compile(
    r"\b(?:stop|stopall|unsub\w*|opt|optout|quit|end|cancel|revoke|remove|td|texts?|texting|messag\w+|msgs?|sms|contact\w*|"
    r"call\w*|e?mails?|marketing|offers?|promo\w*|ads?|advert\w*|greetings?|anything|everything|nothing|leave|spam\w*|"
    r"number|lists?)\b|短信|簡訊|简讯|短訊|信息|訊息|讯息|消息|广告|廣告|推广|推廣|推销|推銷|退订|退訂|拒收|打扰|打擾|骚扰|騷擾|"
    r"联系|聯繫|联络|聯絡|电话|電話|优惠|優惠|祝福|通知|停止|取消|拉黑|屏蔽|[发發传傳寄搵]",
    re.IGNORECASE,
)


def refuses_only_questions(text: str) -> bool:
    """Tell whether a refusal speaks of being asked and of nothing wider; in doubt it is about all our messages."""
    plain = " ".join(unicodedata.normalize("NFKC", text).replace("'", "").replace("’", "").split())
    rest, found = _OUR_QUESTIONS.subn(" ", plain)
    return bool(found) and not _OUR_MESSAGES.search(rest)
