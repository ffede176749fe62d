"""When a server said "no such user", and to whom: about an address, or about a mail that it had looked at."""

import re

from care.inbound.bounces.phrases import any_of

_AT_RCPT = any_of(
    r"\b(to|for|at|after|during|following|our|of|auf|à|a|al|команд\w*|commande|comando) (the |la )?rcpt\b(?! ?to ?:)",
    r"rcpt([ -]?to)?[\"'>]? ?(command|stage|phase|-befehl|befehl|コマンド|への|命令|명령)",
    r"rcpt[_ ]to\]|>>> rcpt|<<< rcpt|smtp:rcpt",
    r"rcpt to ?: ?<|recipients? failed:|local module|like recipient|rejected recipient|server has rejected address",
    r"address not found \*\*.{0,1500}550[^<]{0,12}<[^>]{1,200}@",  # the server repeats what RCPT gave it
)
_IN_SO_MANY_WORDS = any_of(r"rcpt|like recipient|recipients? failed")
_AT_DATA = any_of(
    r"end of data|(reply|response|answer) to data\b|\bdata[\"']? (command|stage|phase)|>>> data|final data|\(data\)",
    r"after data\b|smtp command:? data|after i sent|smtp:data|(after|at|to) (the )?end of message",
    r"mail from command|after mail from|>>> mail|\[mail_from\]|smtp:mail|sender was rejected|initial connection",
)
_NOBODY_LEFT = any_of(
    r"<<< [45]\d\d [^<>]{0,30}\b(no valid recipients?|need rcpt|valid rcpt|no recipients?|all recipients are)\b",
)
_SAYS_SO = r"(user|no such|unknown|mailbox|recipient|invalid|account|address|bad|nobody|not an?)\b"
_TOLD_WHY = any_of(
    r"permanent (fatal )?(delivery )?(errors?|failure)|permanently failed|failed permanently",
    r"\b(reason|cause|explanation|diagnos\w{2,5}|description|error|problem|result|response|details|reports|says|said)\b"
    r"[^:.]{0,20}:|because",
    r"\b(grund|ursache|fehler|motivo|causa|raz[oó]n|raison|motif|причина|ошибка|powód|reden|oorzaak)\b ?:",
    r"(原因|理由|原由|사유|이유) ?[:：]",
    r"\b(we have|there is|failed addresses)\b|fail(ed|ure) ?:|@[\w.-]{1,200}>? ?(\.{3,9}|…{1,3}\.*) ?[a-z]",
    rf"@[\w.-]{{1,200}}>?[\s:*–-]{{1,8}}(sorry, ?)?{_SAYS_SO}",  # the words stand beside the address
    rf"\b{_SAYS_SO}[a-z ]{{0,30}} ?:? ?<?[^\s<>@()\[\]]{{1,64}}@",
)
_QUOTED = re.compile(r"5(?!52|[23])\d\d")
_OTHER_TROUBLE = ("5.2.", "5.3.", "5.6.")
_OWNER_LEFT = ("5.7.17", "5.7.18")


def is_late(stage: str) -> bool:
    """Tell whether it was said after the content, or before any recipient was named."""
    return _AT_DATA.search(stage) is not None and _NOBODY_LEFT.search(stage) is None


def is_at_rcpt(stage: str, *, is_hearsay: bool) -> bool:
    """Tell whether it was the answer to RCPT; from who says it of anything only if the words are there."""
    return _AT_RCPT.search(stage) is not None or (not is_hearsay and _NOBODY_LEFT.search(stage) is not None)


def names_rcpt(stage: str) -> bool:
    """Tell whether the words are there at all."""
    return _IN_SO_MANY_WORDS.search(stage) is not None


def is_own_word(stage: str, *, reply: str, code: str, is_whole: bool) -> bool:
    """Tell whether a clear "no such user" needs no stage: quoted as an answer, given as the reason, a whole sentence.

    Who refuses the content says so. A code for something else takes the word away.
    """
    is_meant = _QUOTED.fullmatch(reply) is not None or is_whole or (not reply and _TOLD_WHY.search(stage) is not None)
    is_other = code.startswith(_OTHER_TROUBLE) and not code.endswith(".0")
    return is_meant and not is_other and not is_policy(code)


def is_policy(code: str) -> bool:
    """Tell whether a code stands for a policy, which some servers say of anything."""
    return code.startswith("5.7.") and code not in _OWNER_LEFT
