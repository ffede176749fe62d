"""`care run`: one leader that ticks through the schedule and supervises the web and dispatch processes.

APScheduler only wakes us; nothing is stored in it. What is due is asked of the tables at every tick. The dispatcher
starts first, so that what is due leaves soon: it may load what it needs while the leader still makes sure of its right.
"""

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from care.base.database import outlive_the_frozen, read
from care.base.errands import Errands
from care.base.errors import UnavailableError
from care.base.processes import call_on_end, give_word, is_stopped, start_supervised
from care.bootstrap import Services
from care.delivery.leadership import Leadership, leadership_for
from care.delivery.presence import deaf_since
from care.web.listening import HELD_LISTENER, listen_patiently

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

DRAIN_SECONDS = 14
CALM_SECONDS = 30
LONGEST_PAUSE_SECONDS = 30
LONG_OUTAGE, HEAR_SECONDS = timedelta(minutes=5), 10
"""After so long a time without a web process what customers wrote in it is fetched before anything is sent, and waited
for so long at most."""

STILL_SECONDS = 60
"""A child that was stopped is ended after this: its lock keeps everybody else from sending."""

_WATCH_SECONDS = 0.25
_TRIES_FOR_PORT = 12

log = structlog.get_logger()


@dataclass(kw_only=True)
class Child:
    """A supervised process; started again after a crash, with growing pauses while it keeps crashing."""

    name: str
    inherits: Mapping[str, int] = field(default_factory=dict)  # open files by the variable that names them
    early: subprocess.Popen[bytes] | None = None  # waits for the word to begin
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    crashes: int = 0
    next_start_at: float = 0.0
    stopped_at: float | None = None

    def start(self, monotonic: float) -> None:
        """Start the process, or give the one that waits the word to begin."""
        self.process, self.early = self.early or start_supervised(self.name, inherits=self.inherits), None
        give_word(self.process)
        self.started_at = monotonic
        log.info("child.started", child=self.name, pid=self.process.pid)

    def watch(self, monotonic: float) -> None:
        """Start again what has ended, when its pause is over; end what stands still."""
        if self.process is not None and self.process.poll() is None:
            self._end_if_still(self.process, monotonic)
            return
        if self.process is not None:
            self.crashes = 1 if monotonic - self.started_at > CALM_SECONDS else self.crashes + 1
            pause = min(LONGEST_PAUSE_SECONDS, 2 ** (self.crashes - 1) - 1)
            self.next_start_at = monotonic + pause
            log.warning("child.ended", child=self.name, exit_code=self.process.returncode, again_in_seconds=pause)
            self.process = None
        if monotonic >= self.next_start_at:
            self.start(monotonic)

    def _end_if_still(self, process: subprocess.Popen[bytes], monotonic: float) -> None:
        if not is_stopped(process):
            self.stopped_at = None
        elif self.stopped_at is None:
            self.stopped_at = monotonic
        elif monotonic - self.stopped_at > STILL_SECONDS:
            log.error("child.stood_still", child=self.name, pid=process.pid, seconds=STILL_SECONDS)
            process.kill()
            self.stopped_at = None

    def ask_to_end(self) -> None:
        """Ask for a clean end."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> None:
        """Wait for the end; what drains too slowly is killed, and recovery names what was in doubt."""
        if self.process is None:
            return
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            log.warning("child.killed", child=self.name)
            self.process.kill()
            self.process.wait()


@dataclass(kw_only=True)
class Daemon:
    """The leader. `children` are the names of commands to supervise, `early` those of them that wait already."""

    services: Services
    children: tuple[str, ...] = ("dispatch", "web")
    early: Mapping[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _ticking: threading.Lock = field(default_factory=threading.Lock, init=False)

    def run(self) -> bool:
        """Lead until asked to end, then drain; return False if a tick goes on all the same.

        Whatever a tick does may be cut short: planning goes on where it was.

        Raises:
            LockTakenError: another leader runs on this database.
            UnavailableError: the web process's port cannot be used; nothing has been sent.
        """
        services = self.services
        assert services.hasher is not None  # a wrong suppression key refuses before anything starts
        outlive_the_frozen(services.engine)
        leadership = leadership_for(
            services.engine,
            services.settings.data_dir,
            services.clock,
            lives_folder=services.sentry().lives_folder,
        )
        leadership.acquire()
        try:
            listener = self._hold_port()
        except UnavailableError:
            leadership.release()
            raise
        services.errands = Errands(beside=True)
        services.room.lay_ballast()
        call_on_end(self._stop.set)
        inherits = {"web": {HELD_LISTENER: listener.fileno()}} if listener else {}
        supervised = [
            Child(name=name, inherits=inherits.get(name, {}), early=self.early.get(name)) for name in self.children
        ]
        scheduler: BackgroundScheduler | None = None
        try:
            self._hear_first()
            supervised[0].watch(services.clock.monotonic())
            log.info("daemon.started", campaigns=len(services.campaigns), children=list(self.children))
            services.sentry().look_and_tell()
            scheduler = self._scheduler(leadership)
            scheduler.start()
            while not self._stop.is_set():
                for child in supervised:
                    child.watch(services.clock.monotonic())
                time.sleep(_WATCH_SECONDS)  # a signal that sets what we wait for could lock itself out
        finally:
            if listener:
                listener.close()
            has_ended = self._drain(scheduler, supervised)
            leadership.release()
            log.info("daemon.stopped")
        return has_ended

    def _hear_first(self) -> None:
        """Let nobody be told anything who refused in an outage; a silent provider delays for seconds only."""
        services, now = self.services, self.services.clock.now()
        with read(services.engine) as conn:
            deaf = deaf_since(conn, now)
        if deaf is None or now - deaf < LONG_OUTAGE:
            return
        from care.inbound.missed import ERRAND
        from care.watchers import fetch_replies

        until = services.clock.monotonic() + HEAR_SECONDS
        fetch_replies(services, now)
        while services.errands.is_at_work(ERRAND) and services.clock.monotonic() < until and not self._stop.is_set():
            time.sleep(_WATCH_SECONDS / 10)

    def _hold_port(self) -> socket.socket | None:
        """Take the web process's port before anything is sent."""
        web = self.services.settings.web
        if "web" not in self.children:
            return None
        return listen_patiently(web.host, web.port, tries=_TRIES_FOR_PORT, pause=lambda: time.sleep(_WATCH_SECONDS))

    def stop(self) -> None:
        """Ask for the end."""
        self._stop.set()

    def _scheduler(self, leadership: Leadership) -> "BackgroundScheduler":
        from apscheduler.schedulers.background import BackgroundScheduler

        scheduler = BackgroundScheduler(timezone="UTC")
        scheduler.add_job(
            self._tick,
            "interval",
            args=(leadership,),
            seconds=self.services.settings.daemon.tick_seconds,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            next_run_time=self.services.clock.now(),
            id="tick",
        )
        return scheduler

    def _tick(self, leadership: Leadership) -> None:
        from care.schedule import ALL_JOBS, run_due_jobs

        if not self._ticking.acquire(blocking=False):
            return  # the end has begun
        try:
            if self._stop.is_set():
                return
            if not leadership.keep():
                log.error("daemon.lead_lost", problem="another leader took over; this one ends")
                self._stop.set()
                return
            run_due_jobs(self.services, ALL_JOBS)
        finally:
            self._ticking.release()

    def _drain(self, scheduler: "BackgroundScheduler | None", supervised: list[Child]) -> bool:
        """Let children and the current tick end, all within the same time; return whether the tick has.

        No other tick begins after it.
        """
        clock = self.services.clock
        ends_at = clock.monotonic() + DRAIN_SECONDS
        for child in supervised:
            child.ask_to_end()
        if scheduler is not None and scheduler.running:
            scheduler.shutdown(wait=False)
        for child in supervised:
            child.wait(max(0.0, ends_at - clock.monotonic()))
        return self._ticking.acquire(timeout=max(0.0, ends_at - clock.monotonic()))
