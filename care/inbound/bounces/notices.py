"""Is a mail without a report a bounce at all? Robots write many other mails, and people write too."""

import re

from care.inbound.bounces.mime import Headers, plain_words
from care.inbound.bounces.phrases import any_of

_SYSTEM = any_of(
    r"mailer[-_.]?daemon",
    r"post_?master",
    r"\bdaemon@",
    r"microsoftexchange",
    r"mail[-_ ]?(delivery|system|daemon|administrator|admin)",
    r"(no-?reply|bounce|delivery|mdaemon|amavis|exchange|postmast|mailgw|mailscanner)[\w.\-]{0,64}@",
    r"delivery (status|subsystem)",
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
    r"non remis|rapport|unzustellbar|no entregad|недоставл|не доставл",
    r"配信不能|配送|送信エラー|送信できません|退信",
)
_REPLIED = any_of(
    r"auto[-_ ]?(replied|reply|response|responder|generated \(reply)", r"vacation", r"out[ -]of[ -](the )?office"
)
_AWAY = any_of(
    r"out of (the )?office|away from|on leave|vacation",
    r"auto(matic|mated|matische|matica|-)?[ -]?(reply|response|antwort|respuesta)",
    r"automatische antwort|abwesen|réponse automatique|fuera de",
    r"自动回复|自動返信|自動回覆|不在|休暇",
    r"read:|lu :|gelesen:",
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
)
_GAVE_UP = any_of(r"permanent|giv(en|ing) up|fatal|final|failed|returned to (the )?sender|has been deleted")
_ARRIVED = any_of(
    r'notificationType\\?"\s*:\s*\\?"Delivery', r"successfully delivered|was delivered to|relayed to the following"
)
_SIEVE = any_of(r"automatically rejected|was rejected")  # Dovecot refuses in the form of a read receipt
_REFUSAL = re.compile(r"(?<!\d)5[05]\d[ \-]|(?<![\d.])5\.\d\.\d")


def why_no_bounce(headers: Headers, notice: str, *, is_receipt: bool) -> str:
    """Return why a mail without a report is no bounce, '' if it may be one.

    `notice` is what the mail says itself, `is_receipt` tells that it calls itself a read receipt.
    """
    subject = plain_words(headers.get("subject"))
    is_refused = _SIEVE.search(f"{subject}\n{notice}") is not None
    if is_receipt and not is_refused:
        return "read-receipt"
    if headers.get("x-failed-recipients") or _SIEVE.search(subject):
        return ""
    by_system = _SYSTEM.search(f"{headers.get('from')} {headers.get('sender')}") is not None or not headers.get("from")
    if _is_reply(headers, subject, by_system=by_system):
        return "vacation"
    if not (by_system or _RETURNED.search(subject) or _came_back(headers, notice)):
        return "ordinary"
    return _why_harmless(subject, notice)


def _is_reply(headers: Headers, subject: str, *, by_system: bool) -> bool:
    """Tell whether a robot answered for a person; systems mark their bounces as automatic replies, too."""
    names = ("auto-submitted", "x-autoreply", "precedence")
    marked = _REPLIED.search(" ".join(headers.get(name) for name in names)) is not None
    return _AWAY.search(subject) is not None or (marked and not by_system) or bool(headers.get("x-autorespond"))


def _came_back(headers: Headers, notice: str) -> bool:
    """Tell whether nobody may answer the mail and it quotes a server's refusal."""
    return headers.get("return-path").strip() == "<>" and _REFUSAL.search(notice) is not None


def _why_harmless(subject: str, notice: str) -> str:
    """Return what a system tells where nothing has failed, '' where something may have."""
    if _ARRIVED.search(notice):
        return "delivered"
    if _ASKS.search(notice):
        return "challenge"
    said = f"{subject}\n{notice}"
    return "delayed" if _LATE.search(said) and not _GAVE_UP.search(said) else ""
