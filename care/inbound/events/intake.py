"""Take events in: many requests, one durable transaction, and an answer for each."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.inbound.events import keys, store
from care.inbound.events.model import Answer, Entry, EventProblem, NewEvent, Posted

STORED, REPEATED, MIXED = 202, 200, 207


def take_in(conn: sa.Connection, group: Sequence[Posted], *, now: datetime) -> None:
    """Write down what is news in some requests, and give each its answer."""
    answered = store.known_answers(conn, {one.idempotency_key for one in group if one.idempotency_key})
    fresh = []
    for posted in group:
        known = answered.get((posted.key_id, posted.idempotency_key or ""))
        if known is None:
            fresh.append(posted)
        else:
            posted.answer = known[1] if known[0] == posted.request_digest else _other_request()
    _store(conn, fresh, now)
    keep: dict[tuple[str, str], Posted] = {}
    for posted in fresh:
        posted.answer = answer_to(posted)
        if posted.idempotency_key:
            keep.setdefault((posted.key_id, posted.idempotency_key), posted)
    store.keep_answers(conn, list(keep.values()))
    keys.note_use(conn, sorted({one.key_id for one in group}), now)


def _store(conn: sa.Connection, group: Iterable[Posted], now: datetime) -> None:
    """Write events down and note for each whether it was news, a repeat, or its id said something else before."""
    wanted: dict[str, tuple[NewEvent, Entry, str]] = {}
    entries = [(entry, posted.key_id) for posted in group for entry in posted.entries if entry.event]
    for entry, source in entries:
        assert entry.event is not None
        wanted.setdefault(entry.event.external_id, (entry.event, entry, source))
    made = store.add_events(conn, [store.row_of(new, source=by, now=now) for new, _, by in wanted.values()])
    said = store.digests_of(conn, [name for name in wanted if name not in made])
    for entry, _ in entries:
        assert entry.event is not None
        name = entry.event.external_id
        first, first_entry, _source = wanted[name]
        if name in made and entry is first_entry:
            entry.status = STORED
        elif entry.event.digest == (first.digest if name in made else said.get(name)):
            entry.status = REPEATED
        else:
            detail = "id: an event of this id said something else. Give news an id of its own"
            entry.problem = EventProblem(409, "id-taken", "Id is taken", detail)


def answer_to(posted: Posted) -> Answer:
    """Return the answer to a request whose events are written down."""
    if not posted.is_list:
        (entry,) = posted.entries
        if entry.problem is not None:
            return _answer(entry.problem.status, entry.problem.as_dict())
        state = "stored" if entry.status == STORED else "known"
        return _answer(entry.status, {"id": entry.external_id, "status": state})
    problems = [
        {"index": index, "id": entry.external_id, **entry.problem.as_dict()}
        for index, entry in enumerate(posted.entries)
        if entry.problem is not None
    ]
    stored = sum(entry.status == STORED for entry in posted.entries)
    known = sum(entry.status == REPEATED for entry in posted.entries)
    body: dict[str, Any] = {"stored": stored, "known": known, "problems": problems}
    if len(problems) < len(posted.entries):
        return _answer(MIXED if problems else STORED if stored else REPEATED, body)
    detail = "no event of the list can be used; `problems` says why of each"
    whole = EventProblem(422, "unusable", "Unusable events", detail)
    return _answer(whole.status, {**whole.as_dict(), **body})


def problem_answer(problem: EventProblem) -> Answer:
    """Return the answer to a request that cannot be read at all."""
    return _answer(problem.status, problem.as_dict())


def _other_request() -> Answer:
    detail = "Idempotency-Key: was used for another request. Give each request a key of its own"
    return problem_answer(EventProblem(422, "key-reused", "Idempotency key was used", detail))


def _answer(status: int, body: dict[str, Any]) -> Answer:
    return Answer(status=status, body=json.dumps(body, ensure_ascii=False))
