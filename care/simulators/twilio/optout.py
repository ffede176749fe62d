"""Opt-outs that Twilio itself handles: STOP blocks a number for one sender, START frees it."""

from typing import Final, Literal

Word = Literal["STOP", "START", "HELP"]

_WORDS: Final[dict[str, Word]] = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"), "STOP"),
    **dict.fromkeys(("START", "YES", "UNSTOP"), "START"),
    **dict.fromkeys(("HELP", "INFO"), "HELP"),
}
CONFIRMATIONS: Final[dict[Word, str]] = {
    "STOP": "You are unsubscribed and will get no more messages from this number. Reply START to come back.",
    "START": "You are subscribed again. Reply HELP for help, STOP to unsubscribe.",
    "HELP": "Reply STOP to unsubscribe.",
}


def keyword_of(body: str) -> Word | None:
    """Return what a whole message asks for; "STOP PLEASE" asks for nothing."""
    return _WORDS.get(body.strip().upper())


class OptOuts:
    """Who may not be written to by whom."""

    def __init__(self) -> None:
        """Start with nobody blocked."""
        self._blocked: set[tuple[str, str]] = set()  # (recipient, number or Messaging Service)

    def is_blocked(self, recipient: str, sender: str) -> bool:
        """Tell whether this sender, a number or a Messaging Service, may not write to the recipient."""
        return (recipient, sender) in self._blocked

    def apply(self, word: Word, recipient: str, senders: frozenset[str]) -> None:
        """Block or free the recipient for every name of the sender it wrote to."""
        pairs = {(recipient, sender) for sender in senders}
        if word == "STOP":
            self._blocked |= pairs
        elif word == "START":
            self._blocked -= pairs
