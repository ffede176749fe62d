"""Whether words that can refuse do: not where they are denied, told of, asked about, or speak of something else."""

from collections.abc import Sequence
from typing import Final

from care.surveys.replies.lexicon import ALONE, ANYWHERE, BARE, LAST, ONLY, Pattern
from care.surveys.replies.roles import role
from care.surveys.replies.tokens import Token

_BESIDE: Final = role("beside_refusal")
_RIGHT: Final = role("right_of_refusal")
_POLITE: Final = role("beside_bare_refusal")
_NEGATIONS: Final = frozenset({"dont", "neg", "no", "denies"})
_DENYING: Final = frozenset({"dont", "denies", "want_no"})
_ENDING: Final = frozenset({"stop", "unsubscribe"})
_NAYS: Final = ("no", "nah", "nope")
"""Answers rather than negations: "no stop"."""
_DENIALS: Final = frozenset({"dont", "never"})
_AND: Final = ("and", "&", "so", "then")
_OF_OTHERS: Final = frozenset({"harmless", "matter"})
"""What is cancelled or ended there is none of our messages: "cancel the dinner"."""
_OTHER_THINGS: Final = frozenset({"matter"})
_STRANGERS: Final = frozenset({"matter", "doer"})
_LISTS_OF_OURS: Final = frozenset({"list", "mail_list", "data_request", "my_data"})
"""What somebody wants to be taken from; elsewhere "delete my data" is a wish about data."""
_ANOTHER: Final = frozenset({"doer", "service"})
_WISHES: Final = frozenset({"dont", "forbid", "please"})
_BOUND: Final = frozenset({"no_break", "neg", "dont", "stop", "doer", "third", "please"})
_ASKED: Final = frozenset({"ask_how", "pronoun", "only_asks"})
_COMPLETE: Final = frozenset({"text", "me", "these", "list", "again", "send", "bother_me", "off_part", "take_off"})
"""What ends a refusal: behind it "and" and "it" begin something else."""
_OURS: Final = frozenset({"text", "send", "bother_me", "list", "contacted", "take_off", "these"})
"""Lists that leave no doubt about what is refused, whatever is said before."""
_LEADS_TO: Final = ("to", "i", "说", "叫", "让")
_TURNS: Final = frozenset({"neg", "dont", "doer", "third", "only_asks", "own_doing", "harmless", "matter", "receive"})
_TO_PEOPLE: Final = frozenset({"call", "call_me", "bother_me"})
_JOINED: Final = frozenset({"send", "threat"})
_TAKEN: Final = frozenset({"remove", "delete", "expunge"})
_URGING: Final = frozenset({"urge", "annoyed", "please", "particle"})
_CERTAIN: Final = frozenset({"threat", "still_sends", "unsub_fails"})
"""Lists that leave no doubt: "if you text me again I'll sue" asks nothing."""
_MOST_UNKNOWN: Final = 1
_DIGITS_OF_A_PHONE: Final = 7

Place = tuple[int, int]
"""The first and one past the last token."""


def is_meant(pattern: Pattern, tokens: Sequence[Token], place: Place) -> bool:
    """Tell whether the words at a place refuse, and are not only a mention of a refusal, or of something else."""
    clause = _clause_around(tokens, place)
    if _is_denied(tokens, place[0], clause) or _is_told(tokens, place[0]) or _undoes_itself(tokens, place):
        return False
    if _is_torn(pattern, tokens[slice(*place)]):
        return False
    if _is_about_service(tokens, place) or _is_of_others(pattern, tokens, place):
        return False
    if pattern.needs.isdisjoint(_CERTAIN) and _only_asks(tokens, place[0], clause):
        return False
    if pattern.where == ANYWHERE:
        return not _sends_goods(tokens, place, clause)
    return _stands_alone(pattern, tokens, place, clause) and _has_no_object(tokens[: clause[1]], place[1])


def _stands_alone(pattern: Pattern, tokens: Sequence[Token], place: Place, clause: Place) -> bool:
    """Tell whether the pattern's clause, or the text if that is what the pattern wants, says nothing else."""
    first, end = clause if pattern.where not in (ALONE, ONLY) else (0, len(tokens))
    others = (*tokens[first : place[0]], *tokens[place[1] : end])
    if pattern.where in (ONLY, BARE):
        return _is_bare(others, tokens[clause[0] : clause[1]])
    if pattern.where == LAST:
        is_joined = first > 0 and tokens[first - 1].text in _AND
        if first == 0 or is_joined or any(not token.is_end for token in tokens[end:]):
            return False
    if "dont" not in tokens[place[0]].meanings and _is_of_another(tokens[clause[0] : place[0]]):
        return False
    if pattern.where == ALONE and any("resolved" in token.meanings for token in others):
        return False
    is_bare = pattern.where == LAST or (pattern.where == ALONE and tokens[place[0]].is_chinese)
    if not is_bare and not pattern.needs.isdisjoint(_OURS) and _is_order(tokens[first : place[0]]):
        others = (*tokens[place[1] : end],)
    return _says_nothing_else(others, 0 if is_bare else _MOST_UNKNOWN)


def _is_order(before: Sequence[Token]) -> bool:
    """Tell whether what stands before a refusal leaves it an order: "this is my works phone don't text me"."""
    return all(token.text not in _LEADS_TO and token.meanings.isdisjoint(_TURNS) for token in before)


def _clause_around(tokens: Sequence[Token], place: Place) -> Place:
    """Return the first and one past the last token of the clause."""
    first, end = place
    while first > 0 and not _ends_clause(tokens[first - 1]) and not _begins_clause(tokens, first):
        first -= 1
    while end < len(tokens) and not tokens[end].is_end and not _goes_on(tokens, end):
        end += 1
    return first, end


def _ends_clause(token: Token) -> bool:
    return token.is_end or token.text in _AND


def _begins_clause(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a clause begins without a sign: on a new line, at a "but", where Chinese runs on (修好了别发了)."""
    token, before = tokens[index], tokens[index - 1]
    is_apart = token.gap and token.is_chinese and before.is_chinese
    return token.new_line or is_apart or "but" in token.meanings or _runs_on(token, before)


def _runs_on(token: Token, before: Token) -> bool:
    """Tell whether a wish begins right behind another sentence: "i work nights please stop", 修好了别发了."""
    if not token.is_chinese:
        return "please" in token.meanings and not before.meanings & _ASKED
    if not token.meanings & _WISHES or before.meanings & _BOUND:
        return False
    return "ending" in before.meanings or before.is_unknown or not before.meanings & _BESIDE


def _goes_on(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether another sentence begins right of a refusal: "don't text me i work nights"."""
    token = tokens[index]
    if _begins_clause(tokens, index) or "new_clause" in token.meanings:
        return True
    may_begin = token.text in _AND or "new_sentence" in token.meanings
    return may_begin and bool(tokens[index - 1].meanings & _COMPLETE)


def _is_denied(tokens: Sequence[Token], start: int, clause: Place) -> bool:
    """Tell whether a negation stands right before, in the same clause: "don't unsubscribe me"."""
    first = max(start - 2, clause[0])
    return any(
        token.meanings & _NEGATIONS and "stop" not in token.meanings and token.text not in _NAYS
        for token in tokens[first:start]
    )


def _is_told(tokens: Sequence[Token], start: int) -> bool:
    """Tell whether somebody says what they or others do or do not do: "you never text me"."""
    meanings = tokens[start].meanings
    if start == 0 or not meanings & _DENIALS or "directive" in meanings:
        return False
    return "pronoun" in tokens[start - 1].meanings


def _undoes_itself(tokens: Sequence[Token], place: Place) -> bool:
    """Tell whether it is the refusal that is refused: "I don't want to stop getting these", 不要退订短信."""
    if not tokens[place[0]].meanings & _DENYING:
        return False
    inside = (token.meanings for token in tokens[place[0] + 1 : place[1]])
    return any(meanings & _ENDING and not meanings & _DENYING for meanings in inside)


def _is_torn(pattern: Pattern, inside: Sequence[Token]) -> bool:
    """Tell whether the words belong to two wishes: "stop lying and call me", 别删，我换号了, 再发一次，不然投诉."""
    joined = "and" if not pattern.needs.isdisjoint(_TO_PEOPLE) and pattern.needs.isdisjoint(_JOINED) else ""
    apart = "," if not pattern.needs.isdisjoint(_TAKEN) and "wrong_number" not in pattern.needs else ""
    for token in inside[1:-1]:
        if token.text in (joined, apart) or ("else" in token.meanings and "else" not in pattern.needs):
            return True
        if "dont" in token.meanings and inside[0].meanings & _URGING and "dont" not in pattern.needs:
            return True
    return False


def _is_about_service(tokens: Sequence[Token], place: Place) -> bool:
    """Tell whether what is refused is the service and not its messages: 退订宽带."""
    return _names_a_service(tokens[place[0] : place[1] + 3])


def _names_a_service(near: Sequence[Token]) -> bool:
    found = frozenset[str]().union(*(token.meanings for token in near))
    return "service" in found and "text" not in found


def _is_of_others(pattern: Pattern, tokens: Sequence[Token], place: Place) -> bool:
    """Tell whether something else is named among the words, and no kind of message: "stop the bill reminders"."""
    strangers = _STRANGERS if pattern.where == ALONE else _OTHER_THINGS
    if pattern.needs.isdisjoint(_LISTS_OF_OURS):
        strangers |= {"data_request"}
    return any(
        tokens[index].meanings & strangers and "text" not in tokens[min(index + 1, len(tokens) - 1)].meanings
        for index in range(*place)
    )


def _sends_goods(tokens: Sequence[Token], place: Place, clause: Place) -> bool:
    """Tell whether it is no message that shall not be sent: "stop sending me two bills"."""
    if any("text" in token.meanings for token in tokens[place[0] : clause[1]]):
        return False
    return any("matter" in token.meanings for token in tokens[place[1] : min(place[1] + 3, clause[1])])


def _only_asks(tokens: Sequence[Token], start: int, clause: Place) -> bool:
    """Tell whether it only asks or tells about a refusal: "did I unsubscribe?"."""
    return any("only_asks" in token.meanings for token in tokens[max(clause[0], start - 3) : start])


def _is_of_another(before: Sequence[Token]) -> bool:
    """Tell whether it is not we who stop, or no message that is stopped: "the router quit", 把宽带取消."""
    if any("own_doing" in token.meanings for token in before):
        return True
    for token in reversed(before):
        if "urge" in token.meanings or "filler" not in token.meanings:
            return bool(token.meanings & _ANOTHER) and "text" not in token.meanings
    return False


def _is_bare(others: Sequence[Token], clause: Sequence[Token]) -> bool:
    """Tell whether nothing but politeness, or a score apart, stands beside a refusal."""
    if any(token.value is not None and len(token.text) < _DIGITS_OF_A_PHONE for token in clause):
        return False
    return all(token.is_end or token.value is not None or token.meanings & _POLITE for token in others)


def _says_nothing_else(others: Sequence[Token], most: int) -> bool:
    """Tell whether the words beside a refusal are small, but for a few; unknown Chinese letters in a row are one."""
    unknown, in_word = 0, False
    for token in others:
        if token.is_end or token.value is not None:
            continue
        if token.meanings & _OF_OTHERS or ("question" in token.meanings and "ask_how" not in token.meanings):
            return False
        is_strange = token.is_unknown or bool(token.meanings and not token.meanings & _BESIDE)
        unknown += is_strange and not (in_word and token.is_unknown and not token.gap)
        in_word = is_strange and token.is_chinese
    return unknown <= most


def _has_no_object(tokens: Sequence[Token], end: int) -> bool:
    """Tell whether nothing else is stopped: right of the refusal, in its clause, stand only small words."""
    if tokens[end - 1].text.endswith("."):
        return True
    for token in tokens[end:]:
        if (token.gap and token.is_chinese) or not token.text[:1].isalnum():
            return True
        if token.meanings & {"third", "happened"} or (token.value is None and not token.meanings & _RIGHT):
            return False
    return True
