"""Is a mail without a report a bounce at all? Robots write many other mails, and people write too."""

import re

from care.inbound.bounces.mime import Headers, plain_words
from care.inbound.bounces.phrases import any_of
from care.inbound.bounces.wordings import plain_text, says, without_doubts, wordings

_SYSTEM = any_of(
    r"mailer[-_.]?daemon",
    r"post_?master",
    r"\bdaemon@",
    r"microsoftexchange",
    r"mail[-_ ]?(delivery|system|daemon|administrator|admin)",
    r"(mdaemon|amavis|exchange|postmast|mailgw|mailscanner)[\w.\-]{0,64}@",
    r"delivery (status|subsystem)",
)
_MAYBE_SYSTEM = any_of(  # shops, lists and people write from such, too
    r"(no-?reply|bounce|delivery|posta-certificata)[\w.\-]{0,64}@|system administrator|anti-?(virus|spam)"
)
_RETURNED = any_of(
    r"undeliver",
    r"not (be )?deliver",
    r"deliver\w* (status|fail|problem|report|error|notif|not)",
    r"fail(ure|ed)",
    r"return(ed|ing)( to sender| mail| message|:)",
    r"bounce",
    r"can(not|'t) (be )?(send|sent|deliver)",
    r"mail (system )?error",
    r"could ?n.t|unable to|rejected|problem|notification|delivery",
    r"error(:| in)",
    r"warning: message|message status",
)
_REPLIED = any_of(
    r"auto[-_ ]?(replied|reply|response|responder|generated \(reply)", r"vacation", r"out[ -]of[ -](the )?office"
)
_ASKS = any_of(
    r"confirm (your|that you)|challenge|verify (your|that you)",
    r"click .{0,40}(deliver|release)",
    r"spam ?arrest|boxbe",
)
_LATE = any_of(
    r"(delivery|mail|message|it).{0,40}(has been |is |was )?delayed",
    r"still (being|be) (tried|retried|attempt)",
    r"will (keep|continue|be) (trying|to try|retried|tr)",
    r"has not (yet )?been delivered",
    r"warning message only|you do not need to resend|no action is required",
    r"could not be delivered for \d",
    r"will retry|retry(ing)? for \d+ more|\(delay(ed)?\)",
)
_GAVE_UP = any_of(
    r"permanent|giv(en|ing) up|fatal|final|failed|returned to (the )?sender|has been deleted|\bblocked (by|as|because)"
)
_TOLD_ARRIVED = re.compile(r'notificationType\\?"\s*:\s*\\?"Delivery', re.IGNORECASE)
_DOMAIN = re.compile(r"@[\w.-]{1,253}")
_UNANSWERABLE = re.compile(r"\s*(<>|<mailer-daemon\b)", re.IGNORECASE)
_NOT_ARRIVED = any_of(
    r"(\bnot|n.t|\bnicht) .{0,20}(deliver|zugestellt)",
    r"\b(no|non|não) .{0,12}(entregad|recapitat|consegnat|entregue)|\b(не|nie) .{0,12}(доставл|dostarcz)",
    r"(没有|没能|未|沒有|无法|無法|不能).{0,4}(成功|发送|投递|送达|傳遞|送達)",
    r"(配信|配送)(でき|され)(ませ|な)|(배달|전송)(되지|하지) ",
)
_SIEVE = any_of(r"automatically rejected|was rejected")  # Dovecot refuses in the form of a read receipt
_REFUSAL = re.compile(r"(?<!\d)5[05]\d[ \-]|(?<![\d.])5\.\d\.\d")
_FORWARDED = re.compile(r"\s*(fwd?|wg|tr|rv|enc|doorst|vb|vs|pd|转发|轉寄)\s*[:：]", re.IGNORECASE)
_ANSWERED = re.compile(r"\s*(re|aw|sv|vs|odp|res|antw|回复|答复|回覆)\s*[:：]", re.IGNORECASE)
_QUOTED_LINE = re.compile(r"^[ \t]*>(?!>>).*$", re.MULTILINE)  # ">>>" is what a server was told
_DESKS = re.compile(r"x-(otrs|znuny|zammad|zendesk|jira|freshdesk|helpscout|rt|gitlab|redmine|ticket)\b|rt-ticket")
_NUMBERED = any_of(
    r"^\s*(re: *)?[\[(]#?[a-z]{0,10}[-#:]?\d+[\])]",
    r"\b(ticket|case|request|incident|issue|vorgang|anfrage|demande|solicitud|richiesta|chamado|zgłoszenie|заявка|обращение)"
    r"(sid| id| no| nr| number|n°)?[ .:]{0,2}[ #:.]?#?\d{2,}",
    r"\b(ticket|case|request|anfrage|demande|solicitud|richiesta)\b.{0,20}(received|opened|created|eingegangen|erhalten)",
    r"工单.{0,4}\d{2,}",
)
_SUMS_UP = any_of(
    r"\b(daily|weekly|monthly|hourly)\b.{0,40}\b(report|digest|summary|statistics|overview)",
    r"\b(täglich|wöchentlich|monatlich)\w*\b.{0,40}(bericht|übersicht|statistik)|(tages|wochen|monats)(bericht|übersicht)",
    r"\bstatisti(ks?|cs|ques?|ca|che)\b|\bquarantine (report|digest|summary|notification)",
)


def why_no_bounce(headers: Headers, notice: str, *, is_receipt: bool, has_copy: bool) -> str:
    """Return why a mail without a report is no bounce, '' if it may be one.

    `notice` is what the mail says itself, `is_receipt` tells that it calls itself a read receipt, `has_copy` that it
    brings another mail back.
    """
    subject = plain_words(headers.get("subject"))
    is_refused = _SIEVE.search(f"{subject}\n{notice}") is not None
    if is_receipt and not is_refused:
        return "read-receipt"
    if headers.get("x-failed-recipients") or _SIEVE.search(subject):
        return ""
    own_words = _QUOTED_LINE.sub("", notice)
    is_answer = _is_answer(headers, subject) and not _REFUSAL.search(own_words)
    if is_answer or is_by_list(headers) or (_FORWARDED.match(subject) and is_by_person(headers)):
        return "ordinary"
    by_system = _is_by_system(headers, f"{subject}\n{own_words}", is_returned=_is_returned(subject))
    if _is_reply(headers, subject, by_system=by_system):
        return "vacation"
    is_unanswerable = _UNANSWERABLE.match(headers.get("return-path")) is not None
    is_returned = (is_unanswerable or has_copy) and _is_returned(subject)
    tells = (is_returned or (is_unanswerable and _REFUSAL.search(own_words))) and not _is_by_desk(headers, subject)
    if not (by_system or tells) or _SUMS_UP.search(subject):
        return "ordinary"
    return _why_harmless(subject, notice)


def is_by_list(headers: Headers) -> bool:
    """Tell whether a list sent a mail; a bounce that a list hands on still says which system wrote it."""
    return bool(headers.get("list-id") or headers.get("list-post")) and not _SYSTEM.search(_names(headers.get("from")))


def is_by_person(headers: Headers) -> bool:
    """Tell whether a mail says itself that a person sent it: no system's name, and an answer would arrive."""
    names = _names(f"{headers.get('from')} {headers.get('sender')}")
    if not names.strip() or _SYSTEM.search(names) or _MAYBE_SYSTEM.search(names):
        return False
    return _takes_answers(headers)


def _takes_answers(headers: Headers) -> bool:
    is_by_robot = headers.get("auto-submitted") or headers.get("x-failed-recipients")
    came_from = headers.get("return-path")
    return bool(came_from) and not is_by_robot and _UNANSWERABLE.match(came_from) is None


def _is_answer(headers: Headers, subject: str) -> bool:
    """Tell whether somebody answered a mail who takes answers: a postmaster quotes what we asked about."""
    return _takes_answers(headers) and bool(headers.get("in-reply-to")) and _ANSWERED.match(subject) is not None


def _names(value: str) -> str:
    """Return addresses without their domains: one may be called like a mail system."""
    return _DOMAIN.sub("@", value)


def _is_by_system(headers: Headers, said: str, *, is_returned: bool) -> bool:
    """Tell whether a mail system wrote, by its name; one that could be anybody's counts if it tells of a refusal."""
    names = _names(f"{headers.get('from')} {headers.get('sender')}")
    if not headers.get("from") or _SYSTEM.search(names):
        return True
    return _MAYBE_SYSTEM.search(names) is not None and (is_returned or _REFUSAL.search(said) is not None)


def _is_by_desk(headers: Headers, subject: str) -> bool:
    """Tell whether a help desk wrote: it repeats what it was sent, subject and all, be it a bounce."""
    number = _NUMBERED.search(subject)
    is_numbered = number is not None and not _is_returned(subject[: number.start()])  # a bounce repeats what we wrote
    return is_numbered or any(_DESKS.match(name) for name, _ in headers.fields)


def _is_reply(headers: Headers, subject: str, *, by_system: bool) -> bool:
    """Tell whether a robot answered for a person; systems mark their bounces as automatic replies, too."""
    names = ("auto-submitted", "x-autoreply", "precedence")
    marked = _REPLIED.search(" ".join(headers.get(name) for name in names)) is not None
    is_returned = by_system and says("subject-returned", subject)
    is_away = says("subject-away", subject) and not is_returned
    is_receipt = wordings("subject-receipt").begin(plain_text(subject))
    return is_away or is_receipt or (marked and not by_system) or bool(headers.get("x-autorespond"))


def _is_returned(subject: str) -> bool:
    return _RETURNED.search(subject) is not None or says("subject-returned", subject)


def _why_harmless(subject: str, notice: str) -> str:
    """Return what a system tells where nothing has failed, '' where something may have."""
    is_returned = _REFUSAL.search(notice) or _NOT_ARRIVED.search(notice) or says("subject-returned", notice)
    is_told = says("arrived", notice) or wordings("arrived").begin(plain_text(subject))
    is_arrived = is_told and not is_returned
    if is_arrived or _TOLD_ARRIVED.search(notice):
        return "delivered"
    if _ASKS.search(notice) and _REFUSAL.search(notice) is None:
        return "challenge"
    said = f"{subject}\n{notice}"
    is_late = _LATE.search(said) is not None or says("still-trying", said)
    gave_up = _GAVE_UP.search(without_doubts(plain_text(said))) is not None  # "if it fails permanently" is no failure
    is_called_late = _LATE.search(subject) is not None and _REFUSAL.search(notice) is None
    return "delayed" if is_called_late or (is_late and not gave_up) else ""
