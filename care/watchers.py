"""The watch's periodic jobs: ask after what is silent, raise alarms, tell of them.

`care.schedule` has their table.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from care.base.database import read, why_not_writable, write
from care.base.failpoints import failpoint
from care.bookkeeping import COMPARED_BY
from care.bootstrap import Services
from care.delivery import asking, list_proof, open_doubts, resolving
from care.delivery.doubt import Step
from care.delivery.presence import Gap, deaf_gaps, deaf_since
from care.delivery.registry import (
    account_digests,
    accounts_of,
    build_gateways,
    inbound_listers,
    places_with_records,
)
from care.delivery.tables import job_run
from care.inbound import missed as missed_replies
from care.inbound.worker import work_inbox
from care.watch.alerts import is_unheard, send_alerts
from care.watch.facts import is_compared, look, look_at_jobs, note_compared
from care.watch.heartbeat import beat
from care.watch.incidents import end, has_open, judge, open_incidents
from care.watch.rules import RULES, SATISFACTION, is_wrong

LOOK_BACK = timedelta(hours=72)
"""What was missed longer ago has been named `unconfirmed`."""

log = structlog.get_logger()


def ask_silent(services: Services, now: datetime, _last: datetime | None) -> None:
    """Ask about messages that have had no receipt for a day."""
    with read(services.engine) as conn:
        settings = services.settings
        places, accounts = places_with_records(settings), account_digests(settings)
        silent = asking.silent_attempts(conn, places, now=now, accounts=accounts)
    _ask(services, "ask", silent)


def ask_missed(services: Services, now: datetime, _last: datetime | None) -> None:
    """Ask about messages whose receipt may have come while no web process heard, and what customers wrote then."""
    with read(services.engine) as conn:
        gaps = deaf_gaps(conn, since=now - LOOK_BACK)
        settings = services.settings
        places, accounts = places_with_records(settings), account_digests(settings)
        missed = asking.missed_attempts(conn, places, gaps, accounts=accounts)
    fetch_replies(services, now)
    _ask(services, "catch-up", missed)


def fetch_replies(services: Services, now: datetime) -> None:
    """Fetch what customers wrote in every gap, a short one too, and one that lasts: nobody repeats it."""
    listers = inbound_listers(services.settings)
    if not listers:
        return
    with read(services.engine) as conn:
        gaps, deaf = deaf_gaps(conn, since=now - LOOK_BACK, shortest=timedelta(0)), deaf_since(conn, now)
        stretches = missed_replies.stretches_to_ask(conn, listers, gaps, deaf=deaf, now=now)
    if stretches:
        services.errands.run(missed_replies.ERRAND, lambda: _fetch_now(services, stretches))


def _fetch_now(services: Services, stretches: Mapping[missed_replies.Place, Gap]) -> None:
    new = missed_replies.fetch_replies(
        services.engine, services.gateways(), stretches, clock=services.clock, told=services.told
    )
    if new:
        work_inbox(services.engine, services.inbound_rules, now=services.clock.now())


def _ask(services: Services, name: str, attempts: Sequence[sa.Row[Any]]) -> None:
    if attempts:
        _ask_soon(services, name, lambda: _ask_now(services, attempts))


def _ask_now(services: Services, attempts: Sequence[sa.Row[Any]]) -> None:
    answers = asyncio.run(asking.ask(services.gateways(), attempts))
    dice, now, allowed = random.SystemRandom(), services.clock.now(), services.shelf.channels_of
    with write(services.engine) as conn:
        news = asking.take_answers(conn, answers, now=now, dice=dice, allowed=allowed)
    log.info("receipts.asked", attempts=len(attempts), answers=len(answers), news=news)


def resolve(services: Services, now: datetime, _last: datetime | None) -> None:
    """Settle what is in doubt, as far as anybody can tell."""
    with read(services.engine) as conn:
        doubtful = open_doubts.open_cases(conn, now=now)
    if doubtful:
        _ask_soon(services, "resolve", lambda: resolve_now(services, doubtful))


def _ask_soon(services: Services, name: str, ask: Callable[[], object]) -> None:
    """Ask providers, but wait as a sender does: in a copy of the database another asks, or the journal knows."""
    services.errands.run(name, lambda: services.sentry().foresee() or ask())


def resolve_now(services: Services, doubtful: Sequence[sa.Row[Any]]) -> Counter[Step]:
    """Ask the providers about requests in doubt, and return how often which step followed."""

    def known(refs: Collection[str]) -> frozenset[str]:
        with read(services.engine) as conn:
            return open_doubts.known_refs(conn, refs)

    now = services.clock.now()
    with read(services.engine) as conn:
        complete = {
            provider
            for provider, account in accounts_of(services.settings).items()
            if list_proof.is_proven(conn, provider, account)
        }
    routes = build_gateways(services.settings, clock=services.clock, complete_lists=complete)
    asked = resolving.look(routes, doubtful, known=known, campaigns=services.campaigns)
    cases = asyncio.run(asked)
    dice, allowed = random.SystemRandom(), services.shelf.channels_of
    with write(services.engine) as conn:
        steps = resolving.settle(conn, cases, now=now, dice=dice, allowed=allowed)
        failpoint("resolve.before_commit")
    failpoint("resolve.committed")
    log.info("doubts.resolved", **{str(step).replace(" ", "_"): count for step, count in steps.items()})
    return steps


def watch_house(services: Services, now: datetime, *, turns: Mapping[str, timedelta]) -> None:
    """Judge everything by the table of alarms, and tell of what opened or is over."""
    zone = services.settings.operator.timezone
    there = now.astimezone(ZoneInfo(zone))
    with read(services.engine) as conn:
        is_known = is_compared(conn, now)
        facts = look(
            conn,
            now=now,
            today=there.date(),
            compared=(there - timedelta(hours=COMPARED_BY)).date() - timedelta(days=1),
            zone=zone,
            turns=turns,
            oldest_due=timedelta(minutes=services.settings.alerts.oldest_due_minutes),
            enough=None if is_known else services.settings.reports.enough,
            free_mib=services.room.free_mib(),
            least_mib=services.settings.disk.plan_free_mib,
        )
        is_quiet = not is_wrong(facts) and not has_open(conn)
    if not is_quiet:
        with write(services.engine) as conn:
            judge(conn, facts, now=now)
    if not is_known:
        with write(services.engine) as conn:
            note_compared(conn, now)
            if not facts.satisfaction:
                end(conn, SATISFACTION, now=now)
    _tell_all(services)


def watch_jobs(services: Services, now: datetime, *, turns: Mapping[str, timedelta]) -> None:
    """Judge the leader and its jobs alone, and tell of what opened."""
    with write(services.engine) as conn:
        facts = look_at_jobs(conn, now=now, turns=turns)
        judge(conn, facts, now=now, rules=[rule for rule in RULES if rule.name in ("leader", "jobs")])
    _tell_all(services)


def _tell_all(services: Services) -> None:
    if urls := _addresses(services):
        services.errands.run("alerts", lambda: _tell(services, urls))


def _addresses(services: Services) -> list[str]:
    return [url.get_secret_value() for url in services.settings.alerts.urls]


def _tell(services: Services, urls: Sequence[str]) -> None:
    operator = services.settings.operator
    send_alerts(services.engine, urls, clock=services.clock, zone=operator.timezone, sender=f"care {operator.brand}")


UNWELL = frozenset({"standstill", "not_sending", "leader", "sender", "jobs"})
"""Incidents in which the house does not do its work: then it does not say that it lives either.

Nor where nothing can be written, as then no incident is either, nor while nobody takes an alert."""


def say_alive(services: Services, now: datetime, _last: datetime | None) -> None:
    """Let the beat be heard outside; the last job of a tick, so that one that hangs stops it."""
    url = services.settings.alerts.heartbeat_url.get_secret_value()
    if not url:
        return
    with read(services.engine) as conn:
        is_unwell = any(each.rule in UNWELL for each in open_incidents(conn, now))
        is_unwell = is_unwell or is_unheard(conn, _addresses(services), now)
    if not is_unwell and not why_not_writable(services.engine, job_run):
        services.errands.run("heartbeat", lambda: beat(url))
