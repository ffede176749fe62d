"""A reply to its meaning: the first rule that is sure speaks; their order is the policy. When in doubt: unclear."""

from dataclasses import replace
from typing import Final

from care.surveys.replies import quoting
from care.surveys.replies.commenting import comment_beside
from care.surveys.replies.conversation import settle
from care.surveys.replies.lexicon import Lexicon, shipped_lexicon
from care.surveys.replies.model import Flag, Kind, Reading, Reply, Stage
from care.surveys.replies.normalise import normalise
from care.surveys.replies.refusals import keyword, refuses, takes_back
from care.surveys.replies.scales import Scale, scale_named
from care.surveys.replies.scoring import read_answer
from care.surveys.replies.text import Text, read_text
from care.surveys.replies.wishes import read_wish, side_flags

_UNCLEAR: Final = Reading(kind=Kind.UNCLEAR)
_KEYWORDS: Final = {"opt_out": Kind.OPT_OUT, "opt_in": Kind.OPT_IN, "help": Kind.HELP}


def read_reply(reply: Reply, lexicon: Lexicon | None = None) -> Reading:
    """Return what a reply means.

    Raises:
        InputError: the scale is not known.
    """
    scale = scale_named(reply.scale)
    words = lexicon or shipped_lexicon()
    plain = normalise(reply.text)
    if not plain:
        return _UNCLEAR
    if quoting.is_tapback(plain):
        return Reading(kind=Kind.IGNORE, flags=(Flag.TAPBACK,))
    text = read_text(quoting.own_words(plain), words)
    return settle(reply, _read(reply, text, scale, words), text)


def _read(reply: Reply, text: Text, scale: Scale, words: Lexicon) -> Reading:
    """Return what the first rule says that speaks; the last one always does."""
    readings = (rule(reply, text, scale, words) for rule in _RULES)
    return next((reading for reading in readings if reading is not None), _UNCLEAR)


def _by_machine(_reply: Reply, text: Text, _scale: Scale, words: Lexicon) -> Reading | None:
    """Return that nobody wrote it; who says to be busy and to want no more messages is a person."""
    if "auto_reply" not in text.met:
        return None
    marks = [token.meanings for token in text.tokens if "auto_reply" in token.meanings]
    is_person = "send" in text.met and all("busy" in mark for mark in marks)
    if is_person and refuses(text.tokens, text.met, words):
        return None
    return Reading(kind=Kind.IGNORE, flags=(Flag.AUTO_REPLY,))


def _keyword(reply: Reply, text: Text, scale: Scale, words: Lexicon) -> Reading | None:
    """Return what a text that is one keyword asks for; "n" answers a question of yes or no, "恢复" is news."""
    kind = _KEYWORDS.get(keyword(text.plain, reply.lang, words.refusals))
    if kind is None or (scale.words == "yes" and text.plain in ("n", "y", "no")):
        return None
    if kind is Kind.OPT_IN and reply.stage is not Stage.OPTED_OUT and not text.plain.isascii():
        return None
    return Reading(kind=kind)


def _refusal(reply: Reply, text: Text, scale: Scale, words: Lexicon) -> Reading | None:
    """Return a refusal in any wording, with the score that stands beside it."""
    if not refuses(text.tokens, text.met, words):
        return None
    answer = read_answer(reply, text, scale) if reply.stage is Stage.SCORE and text.has_digit else _UNCLEAR
    if answer.kind is not Kind.SCORE or answer.derived:
        return Reading(kind=Kind.OPT_OUT)
    return Reading(kind=Kind.OPT_OUT, score=answer.score, alert=answer.alert)


def _once_refused(reply: Reply, text: Text, _scale: Scale, words: Lexicon) -> Reading | None:
    """Return what can be heard of somebody who gets no messages: only that they want them again."""
    if reply.stage is not Stage.OPTED_OUT:
        return None
    return Reading(kind=Kind.OPT_IN) if takes_back(text.tokens, text.met, words) else _UNCLEAR


def _wish(reply: Reply, text: Text, scale: Scale, _words: Lexicon) -> Reading | None:
    wish = read_wish(text)
    return None if wish is None else _with_answer(reply, wish, text, scale)


def _answer(reply: Reply, text: Text, scale: Scale, _words: Lexicon) -> Reading:
    """Return the answer to what was asked; where nothing was, only what else the text says."""
    if reply.stage is Stage.NONE:
        return replace(_UNCLEAR, flags=side_flags(text))
    return _with_comment(reply, read_answer(reply, text, scale), text)


def _with_answer(reply: Reply, wish: Reading, text: Text, scale: Scale) -> Reading:
    """Keep a digit that stands beside a wish; the wish stays as its flags."""
    if wish.kind is Kind.HELP or Flag.WRONG_NUMBER in wish.flags or reply.stage is Stage.NONE:
        return wish
    if reply.stage is not Stage.SCORE:
        return replace(wish, kind=Kind.COMMENT, comment=reply.text.strip())
    answer = read_answer(reply, text, scale)
    if answer.kind is not Kind.SCORE or (answer.derived and not text.has_digit):
        return wish
    flags = tuple(dict.fromkeys((*answer.flags, *wish.flags)))
    return _with_comment(reply, replace(answer, flags=flags, alert=answer.alert or wish.alert), text)


def _with_comment(reply: Reply, answer: Reading, text: Text) -> Reading:
    if answer.kind is not Kind.SCORE or answer.comment:
        return answer
    comment = comment_beside(reply.text, text) if len(text.tokens) > 1 or not text.has_digit else ""
    return replace(answer, comment=comment) if comment else answer


_RULES: Final = (_by_machine, _keyword, _refusal, _once_refused, _wish, _answer)
