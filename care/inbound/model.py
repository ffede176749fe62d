"""What a customer wrote to us, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import sqlalchemy as sa

from care.base.vocabulary import Channel


class HandledAs(StrEnum):
    """What became of an inbound message."""

    OPT_OUT = "opt_out"  #: the whole message was a word of refusal
    NO_SURVEYS = "no_surveys"  #: refused our questions, and nothing else
    OPT_IN = "opt_in"  #: the whole message takes a refusal back
    HELP = "help"  #: asked who we are
    REPLY = "reply"  #: answered a question of ours
    INBOX = "inbox"  #: waits for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One text message as a provider handed it over."""

    provider_ref: str
    channel: Channel
    sender: str  # as the provider wrote it: E.164, a short code or a name
    text: str
    provider_word: str = ""  # STOP, START or HELP where the provider has already acted on it
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A stored inbound message with what is known about its sender."""

    id: int
    provider_ref: str
    channel: Channel
    address: str  # normalised where it is a phone number
    address_hash: str
    text: str
    provider_word: str
    country: str  # two letters; whose rules apply
    customer_id: int | None  # None: nobody we know
    about_message_id: int | None  # the latest message sent to that address
    received_at: datetime


class ReplyHandler(Protocol):
    """Somebody with an open question, who hears an answer before it is searched for keywords."""

    def take(self, conn: sa.Connection, inbound: Inbound, *, now: datetime) -> HandledAs | None:
        """Return what the message is to be handled as, None if no open question of theirs awaits it.

        `REPLY`: the answer was recorded in this transaction. `OPT_OUT`, `NO_SURVEYS`, `OPT_IN`, `HELP`: it is no answer
        but that wish, which the caller then carries out.
        """
        ...
