"""The demo from start to the end of its past week: folder, customers, seven days, proof."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

from care.base.clock import SystemClock
from care.base.logs import configure_logs
from care.base.settings import Settings, load_settings
from care.bootstrap import Services
from care.calendars.walltime import instant_at, load_zone
from care.demo.clock import WeekClock
from care.demo.fill import fill
from care.demo.folder import SETTINGS, fill_folder, own_folder
from care.demo.look import Sight, find_sights
from care.demo.proof import Proof, prove
from care.demo.tickets import draw_posts
from care.demo.week import UNPACED_ENV, WEEK, hurry, play_week

DATABASE = "care.db"
Say = Callable[[str], None]
OnProgress = Callable[[str, float], None]
"""Told what is being done and how much of it is done, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user wants to see."""

    folder: Path  # absolute
    customers: int
    seed: int
    port: int
    until: datetime  # end of the week: now, or a past instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    proof: Proof
    since: datetime
    until: datetime
    handed_over: int
    sights: Sequence[Sight]
    seconds: dict[str, float]


def week_before(until: datetime, zone: str) -> datetime:
    """Return the midnight, on the operator's clock, that begins the last seven days, the day of `until` included."""
    clock = load_zone(zone)
    return instant_at((until - WEEK).astimezone(clock).date() + timedelta(days=1), time(0), clock)


def run_demo(wish: Wish, *, say: Say, on_progress: OnProgress) -> Outcome:
    """Make the folder, import the customers, play the week and prove it.

    Raises:
        InputError: the folder holds what no demo made, or a demo runs in it.
        UnavailableError: it cannot be written.
    """
    with own_folder(wish.folder):
        return _run(wish, say=say, on_progress=on_progress)


def _run(wish: Wish, *, say: Say, on_progress: OnProgress) -> Outcome:
    watch = SystemClock()
    begun = watch.monotonic()
    settings = _settle(wish)
    since = week_before(wish.until, settings.operator.timezone)
    clock = WeekClock(since)
    services = Services(settings=settings, clock=clock, root=wish.folder)
    hurry(services.unchecked_engine)
    people = fill(
        services,
        wish.folder,
        count=wish.customers,
        until=wish.until,
        seed=wish.seed,
        tell=lambda report: say(
            f"imported {report.added:,} {report.kind} in {report.seconds:.1f} s ({report.rows_per_second:,} rows/s)"
        ),
    )
    filled = watch.monotonic()
    length = wish.until - since
    story = play_week(
        services,
        clock,
        until=wish.until,
        seed=wish.seed,
        posts=draw_posts(people, since=since, until=wish.until, seed=wish.seed),
        on_progress=lambda at: on_progress(f"{at:%a %d %b}", (at - since) / length),
    )
    played = watch.monotonic()
    say(f"played the past 7 days in {played - filled:.1f} s: {story.handed_over:,} messages left for the sandbox")
    proof = prove(services, since=since, until=wish.until)
    sights = find_sights(services.engine)
    services.engine.dispose()
    seconds = {"fill": filled - begun, "play": played - filled, "all": watch.monotonic() - begun}
    return Outcome(
        proof=proof,
        since=since,
        until=wish.until,
        handed_over=story.handed_over,
        sights=sights,
        seconds={name: round(value, 2) for name, value in seconds.items()},
    )


def _settle(wish: Wish) -> Settings:
    """Fill the folder and read its settings; the environment of the caller stays out of it."""
    fill_folder(wish.folder, port=wish.port, until=wish.until)
    env = {
        "CARE_CONFIG": str(wish.folder / SETTINGS),
        "CARE_DATABASE__URL": f"sqlite:///{wish.folder / DATABASE}",
        **UNPACED_ENV,
    }
    settings = load_settings(env, directory=wish.folder)
    quiet = settings.log.model_copy(update={"level": "error"})
    configure_logs(quiet)
    return settings
