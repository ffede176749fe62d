"""What the people of the made-up year do when a message reaches them, and the truth about every word they write."""

import heapq
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from care.base.clock import Clock
from care.base.vocabulary import Channel
from care.delivery.channels.around import Around
from care.delivery.channels.base import Gateway, Outgoing, Result
from care.inbound.sandbox_life import SandboxLife
from care.inbound.twilio import INBOUND_KIND
from care.messages.model import Outcome
from tests.surveys.year import grammar
from tests.surveys.year.people import Habit, Person

QUESTIONS = {"survey_result": "result", "survey_timeliness": "timeliness", "survey_attitude": "attitude"}
ORDER = ("overall", "result", "timeliness", "attitude")
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One message that left, as the carrier saw it."""

    at: datetime
    channel: Channel
    to: str
    template: str
    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What one text message meant: which invitation it answers, and the score of each question."""

    invite: int  # message id
    scores: Mapping[str, int]


class Carrier(SandboxLife):
    """The sandbox's carrier; its own customers keep silent."""

    def _hear_reply(self, **_reply: object) -> None:
        """Ours write, and we know what they meant."""


class Asked(Around):
    """A sandbox gateway that lets its customers see what comes."""

    def __init__(self, inner: Gateway, life: "Life") -> None:
        """Hand over to `inner`."""
        super().__init__(inner)
        self._life = life

    async def send(self, outgoing: Outgoing) -> Result:
        """Hand over, and let the customer read it."""
        result = await self.inner.send(outgoing)
        if result.outcome is Outcome.ACCEPTED:
            self._life.reads(self.channel, outgoing)
        return result


@dataclass(order=True, slots=True)
class _Word:
    at: datetime
    number: int
    phone: str = field(compare=False)
    text: str = field(compare=False)
    truth: Truth | None = field(compare=False)
    copies: int = field(compare=False, default=1)
    is_void: bool = field(compare=False, default=False)


class Life:
    """All customers: what they have received, what they are about to write, and what they meant by it."""

    def __init__(self, people: Sequence[Person], clock: Clock, dice: random.Random) -> None:
        self._by_phone = {one.phone: one for one in people if one.phone}
        self._clock, self._dice = clock, dice
        self._words: list[_Word] = []
        self._numbers = itertools.count(1)
        self._open: dict[str, int] = {}  # by phone: the invitation that is being answered
        self._coming: dict[str, _Word] = {}  # by phone: what they are about to write
        self.kept: list[Kept] = []
        self.truths: dict[str, Truth | None] = {}  # by the provider's reference of the inbound message

    def reads(self, channel: Channel, out: Outgoing) -> None:
        """Let a customer read a message."""
        now = self._clock.now()
        self.kept.append(Kept(at=now, channel=channel, to=out.to, template=out.template, message_id=out.message_id))
        person = self._by_phone.get(out.to) if channel is Channel.SMS else None
        if person is None:
            return
        if out.template in QUESTIONS:
            self._answer_next(person, QUESTIONS[out.template], now)
        elif "digit" in out.body or "回复" in out.body or "回覆" in out.body or "Reply 5" in out.body:
            self._answer_invite(person, out, now)

    def _answer_invite(self, person: Person, out: Outgoing, now: datetime) -> None:
        phone, habit = person.phone, person.habit
        coming = self._coming.pop(phone, None)
        if coming is not None:
            coming.is_void = True  # nobody could tell which question is meant: they begin with the new one
        if habit is Habit.SILENT:
            return
        soon = now + timedelta(minutes=self._dice.uniform(1, 300))
        if habit is Habit.REFUSES:
            self._say(soon, phone, grammar.refuse(person.locale, self._dice), None)
            return
        self._open[phone] = out.message_id
        if habit is Habit.ALL_AT_ONCE:
            scores = tuple(max(3, grammar.draw_score(self._dice)) for _ in ORDER)
            truth = Truth(invite=out.message_id, scores=dict(zip(ORDER, scores, strict=True)))
            self._say(soon, phone, grammar.say_all_at_once(scores, self._dice), truth)
            return
        score = grammar.draw_score(self._dice)
        is_late = habit is Habit.LATE
        at = now + self._dice.uniform(8, 13) * DAY if is_late else soon
        truth = Truth(invite=out.message_id, scores={"overall": score})
        self._say(at, phone, self._said(person, score), truth)

    def _answer_next(self, person: Person, question: str, now: datetime) -> None:
        invite = self._open.get(person.phone)
        if invite is None or self._dice.random() < 0.2:
            return
        score = grammar.draw_score(self._dice)
        at = now + timedelta(minutes=self._dice.uniform(1, 20))
        self._say(at, person.phone, self._said(person, score), Truth(invite=invite, scores={question: score}))

    def _said(self, person: Person, score: int) -> str:
        say = grammar.say_in_words if person.habit is Habit.WORDS else grammar.say_in_digits
        return say(score, person.locale, self._dice)

    def _say(self, at: datetime, phone: str, text: str, truth: Truth | None) -> None:
        copies = 2 if self._dice.random() < 0.05 else 1  # the provider tells it twice
        word = _Word(at, next(self._numbers), phone, text, truth, copies)
        self._coming[phone] = word
        heapq.heappush(self._words, word)

    def next_at(self) -> datetime | None:
        """Return when somebody will next write."""
        return self._words[0].at if self._words else None

    def written_by(self, now: datetime) -> list[dict[str, object]]:
        """Return what was written up to an instant, as the provider's webhooks, shuffled among itself."""
        rows = []
        while self._words and self._words[0].at <= now:
            word = heapq.heappop(self._words)
            if word.is_void:
                continue
            if self._coming.get(word.phone) is word:
                del self._coming[word.phone]
            ref = f"SMyear{word.number:08}"
            self.truths[ref] = word.truth
            payload = {"MessageSid": ref, "From": word.phone, "To": "+100", "Body": word.text}
            row = {
                "kind": INBOUND_KIND,
                "dedupe": f"inbound:{ref}",
                "token": None,
                "payload": payload,
                "received_at": word.at,
                "wake_at": word.at,
            }
            rows += [row] * word.copies
        self._dice.shuffle(rows)
        return rows
