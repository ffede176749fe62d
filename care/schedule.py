"""The one table of periodic jobs. The daemon ticks through it; a simulation runs the same table on a virtual clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from care.base.database import insert, read, write
from care.base.errors import CareError
from care.base.trouble import explain, is_read_only
from care.bookkeeping import check_books
from care.bootstrap import Services
from care.delivery import health, receipts
from care.delivery.forgotten import forget_older
from care.delivery.journal import FORGET_AFTER
from care.delivery.spam import stop_spam
from care.delivery.standstill import why_still
from care.delivery.tables import job_run
from care.inbound.events.store import KEEP_ANSWERS, forget_answers
from care.loop_jobs import escalate_cases, tell_ticket_system
from care.messages.expiring import expire_overdue
from care.planning.run import plan_all
from care.watch.facts import stuck_jobs
from care.watch.rules import LEADER_LIMIT
from care.watchers import ask_missed, ask_silent, resolve, say_alive, watch_house, watch_jobs

AWAKE = timedelta(minutes=15)
"""A job that ended so lately has been running: what others ought to have done meanwhile was their turn to do."""

UNCONFIRMED_AFTER = timedelta(hours=72)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One periodic job: `run(services, now, last)` where `last` is when it last ended, None for never."""

    name: str
    every: timedelta  # zero: at every tick
    run: Callable[[Services, datetime, datetime | None], None]
    about: str


def plan_ahead(services: Services, now: datetime, last: datetime | None) -> None:
    """Bring the ledger up to date with campaign files and customers, unless the disk is nearly full."""
    if not services.room.may_plan() or _stands_still(services):
        return
    services.shelf.refresh()
    found = services.campaigns
    if found.nameless_breakage:
        log.warning("planning.partly", problem="a broken campaign file does not even say its id")
    known_broken = _broken_ids(services)
    plan_all(
        services.engine,
        list(found),
        rules=services.planning_rules,
        now=now,
        ahead=services.horizon,
        last_run_at=last,
        keep=known_broken,
    )


def _stands_still(services: Services) -> bool:
    """Tell whether the ledger may have forgotten what was sent: then nothing in it is moved on either."""
    with read(services.engine) as conn:
        return bool(why_still(conn))


def _broken_ids(services: Services) -> frozenset[str]:
    """Return ids whose file may merely be broken now: nothing of theirs is cancelled."""
    from care.messages.tables import campaign_known

    with read(services.engine) as conn:
        known = conn.execute(sa.select(campaign_known.c.campaign_id)).scalars().all()
    return frozenset(i for i in known if services.campaigns.is_broken(i))


def follow_up(services: Services, now: datetime, last: datetime | None) -> None:
    """Follow up what was resolved: move follow-ups with the ledger, take on new resolutions."""
    from care.calendars.overrides import load_overrides
    from care.policy.answering import one_way_of
    from care.surveys.asking import Asking, kept
    from care.surveys.following import follow
    from care.surveys.inviting import take_on

    if not services.room.may_plan() or _stands_still(services):
        return
    operator = services.settings.operator
    fresh = Asking(
        campaigns=services.campaigns,
        policies=services.policies,
        operator_zone=operator.timezone,
        operator_country=operator.country,
        one_way=one_way_of(services.settings),
        overrides=load_overrides(services.root / services.settings.paths.campaigns / "calendar.yaml"),
    )
    asking = kept(fresh)
    was_awake = last is not None and now - last < AWAKE
    moved = follow(services.engine, asking, now=now, may_judge=was_awake)
    taken = take_on(services.engine, asking, now=now)
    if moved or taken:
        log.info("follow_up.done", moved=moved, taken_on=taken)


def rank_values(services: Services, now: datetime, _last: datetime | None) -> None:
    """Rank customers by value when the month's ranking is missing."""
    from zoneinfo import ZoneInfo

    from care.segments.value import bands_of, compute_values, values_are_stale

    today = now.astimezone(ZoneInfo(services.settings.operator.timezone)).date()
    with read(services.engine) as conn:
        stale = values_are_stale(conn, today)
    if stale:
        bands = bands_of(services.book, [campaign.audience for campaign in services.campaigns])
        compute_values(services.engine, as_of=today, now=now, bands=bands)


def ask_mailbox(services: Services, now: datetime, _last: datetime | None) -> None:
    """Fetch returned mails from the mailbox of the settings; does nothing where none is set."""
    from care.inbound.bounces.mailbox import visit_mailbox
    from care.inbound.ingest import store_mails

    settings = services.settings.bounces
    if not settings.host:
        return
    taken = visit_mailbox(settings, lambda mails: store_mails(services.engine, mails, now=now))
    if taken:
        log.info("mailbox.asked", mails=taken)


def work_inbox(services: Services, now: datetime, _last: datetime | None) -> None:
    """Work on what webhooks stored, as a second pair of hands for the web process."""
    from care.inbound.worker import work_inbox as work

    work(services.engine, services.inbound_rules, now=now)


def work_events(services: Services, now: datetime, _last: datetime | None) -> None:
    """Work on what other systems told us, as a second pair of hands for the web process."""
    from care.inbound.events.applying import event_rules
    from care.inbound.events.worker import work_events as work

    work(services.engine, event_rules(services.settings, services.hasher), now=now)


def watch(services: Services, now: datetime, _last: datetime | None) -> None:
    """Expire what waited past its time; name what was never confirmed; stop spam; forget what was answered long ago."""
    is_still = _stands_still(services)
    with write(services.engine) as conn:
        expired = 0 if is_still else expire_overdue(conn, now=now)
        silent = receipts.give_up_waiting(conn, now=now, older_than=now - UNCONFIRMED_AFTER)
        health.forget_tallies(conn, now)
        stop_spam(conn, now)
        forget_older(conn, now - FORGET_AFTER)
        forget_answers(conn, now - KEEP_ANSWERS)
    if expired or silent:
        log.info("watch.done", expired=expired, unconfirmed=silent)


def tell_sandbox(services: Services, now: datetime, _last: datetime | None) -> None:
    """Let the sandbox's carrier and customers answer; does nothing where real providers are set."""
    services.sandbox_life.pump(now)


JOBS: tuple[Job, ...] = (
    Job(name="values", every=timedelta(hours=1), run=rank_values, about="rank customers by value, once a month"),
    Job(name="events", every=timedelta(0), run=work_events, about="work on what other systems told us"),
    Job(name="follow_up", every=timedelta(0), run=follow_up, about="follow up what was resolved, and what was asked"),
    Job(name="plan", every=timedelta(0), run=plan_ahead, about="turn what is due soon into ledger rows"),
    Job(name="sandbox", every=timedelta(0), run=tell_sandbox, about="receipts and replies of the sandbox"),
    Job(name="mailbox", every=timedelta(minutes=1), run=ask_mailbox, about="fetch returned mails by IMAP"),
    Job(name="inbox", every=timedelta(0), run=work_inbox, about="work on receipts, replies and bounces"),
    Job(name="cases", every=timedelta(minutes=1), run=escalate_cases, about="escalate cases that are overdue"),
    Job(name="watch", every=timedelta(minutes=1), run=watch, about="expire the late, name the unconfirmed"),
)
"""The periodic jobs of the business, in the order of one tick."""


def raise_alarms(services: Services, now: datetime, _last: datetime | None) -> None:
    """Judge everything by the table of alarms; jobs that do not end well are part of it, and this job is one."""
    turns = {job.name: max(LONGEST_TURN, 3 * job.every) for job in ALL_JOBS}
    try:
        watch_house(services, now, turns=turns)
    except Exception:
        watch_jobs(services, now, turns=turns)
        raise


def stand_in(services: Services, now: datetime) -> None:
    """Raise the alarms where the leader does not: its death is told so, and that its own alarms fail."""
    with read(services.engine) as conn:
        is_silent = bool(stuck_jobs(conn, now, {ALARMS: LEADER_LIMIT}))
    if is_silent:
        raise_alarms(services, now, None)


ALARMS = "alarms"
LONGEST_TURN = timedelta(minutes=15)
"""A job that has not ended well for so long, or for three of its turns, is an incident."""

WATCH_JOBS: tuple[Job, ...] = (
    Job(
        name="catch_up",
        every=timedelta(seconds=15),
        run=ask_missed,
        about="ask after receipts and replies nobody heard",
    ),
    Job(name="tell", every=timedelta(seconds=10), run=tell_ticket_system, about="tell the ticket system of cases"),
    Job(name="resolve", every=timedelta(minutes=1), run=resolve, about="settle what is in doubt"),
    Job(name="ask", every=timedelta(minutes=5), run=ask_silent, about="ask about receipts that never came"),
    Job(name="books", every=timedelta(hours=1), run=check_books, about="yesterday's books, each morning"),
    Job(name=ALARMS, every=timedelta(minutes=1), run=raise_alarms, about="open and close incidents, and tell of them"),
    Job(name="beat", every=timedelta(minutes=1), run=say_alive, about="say outside that all is well"),
)
"""The periodic jobs of the watch over the house: nothing they do is played in a simulated time."""

ALL_JOBS = (*JOBS, *WATCH_JOBS)
"""Every periodic job there is; what the daemon ticks through."""


_PUT_OFF = "put off"
NOTE_EVERY = timedelta(seconds=30)
"""Jobs of every tick are noted this often: a restart then looks back a little more than it must."""


def run_due_jobs(services: Services, jobs: tuple[Job, ...] = JOBS) -> list[str]:
    """Run the jobs whose time has come and return their names; one that fails does not stop the others."""
    now, ran = services.clock.now(), []
    try:
        with read(services.engine) as conn:
            last_at = {row.name: row.last_at for row in conn.execute(sa.select(job_run))}
    except sa.exc.SQLAlchemyError as error:
        _tell_once(services, error)
        return []
    for job in jobs:
        last = last_at.get(job.name)
        if last is not None and last > now:
            last = None  # the clock was set back: asleep until then, the job would miss what is due meanwhile
        if last is not None and now - last < job.every:
            continue
        try:
            job.run(services, now, last)
            ran.append(job.name)
            if last is None or now - last >= max(job.every, NOTE_EVERY):
                _note(services, job.name, now)
        except Exception as error:  # noqa: BLE001 - the jobs after it have no part in its trouble
            if isinstance(error, sa.exc.DBAPIError) and is_read_only(error.orig):
                _tell_once(services, error)
                return ran  # nor could any of them write
            _tell_of(job, error)
    return ran


def _tell_once(services: Services, error: Exception) -> None:
    problem = _problem(error)
    if services.told.is_news(_PUT_OFF, problem):
        log.error("jobs.put_off", problem=problem)


def _tell_of(job: Job, error: Exception) -> None:
    """Log one line: what a person can act on in its own words, anything else with its kind and its place."""
    if isinstance(error, (CareError, sa.exc.DBAPIError)):
        log.error("job.failed", job=job.name, problem=_problem(error))
    else:
        log.error("job.failed", job=job.name, exc_info=error)


def _problem(error: Exception) -> str:
    if isinstance(error, sa.exc.DBAPIError):
        return f"the database {explain(error)}"
    return str(error).splitlines()[0] if isinstance(error, CareError) else type(error).__name__


def _note(services: Services, name: str, now: datetime) -> None:
    with write(services.engine) as conn:
        statement = insert(conn, job_run).values(name=name, last_at=now)
        conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"last_at": now}))
    if services.told.is_over(_PUT_OFF):  # only what was written shows that the database is back
        log.info("jobs.go_on")
