"""What `care doctor` looks at: each check answers in one line, and one that fails does not stop the next."""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from care.base.database import plain_errors, read, why_not_writable
from care.base.errors import AnswerIsNoError, CareError
from care.base.keys import FILE_NAME as KEYS_FILE
from care.base.settings import Settings
from care.base.vocabulary import Channel
from care.bootstrap import Services, build_services
from care.campaigns.formats import format_duration
from care.cli.doctor_bounces import check_bounces
from care.cli.doctor_follow_up import check_answers, check_cases, check_ticket_system, check_tickets
from care.cli.doctor_providers import check_email, check_sms
from care.cli.output import counted
from care.customers.keys import check_key, key_id
from care.delivery.registry import providers_of
from care.delivery.standstill import standing
from care.delivery.tables import job_run
from care.messages.model import CLAIMABLE
from care.messages.stops import is_by_hand
from care.messages.tables import message, pause
from care.migrations.integrity import check_database
from care.reports.providers import closed_now
from care.watch.alerts import deaf_places, load_apprise
from care.watch.incidents import open_incidents

_LATE = timedelta(minutes=2)
_CLOCK_MAY_DIFFER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the answer."""

    subject: str
    ok: bool
    words: str  # what is so, and what to do if it is wrong

    def as_row(self) -> dict[str, Any]:
        """Return the finding for JSON."""
        return asdict(self)


def examine() -> Iterator[Finding]:
    """Return every finding in order; without settings there is nothing else to look at."""
    try:
        services = build_services()
    except CareError as error:
        yield Finding(subject="settings", ok=False, words="; ".join(str(error).splitlines()))
        return
    for subject, check in CHECKS.items():
        yield _answer(subject, check, services)
        if subject in PROVIDERS:
            yield from _backups(subject, services)


def _answer(subject: str, check: Callable[[Services], str], services: Services) -> Finding:
    try:
        return Finding(subject=subject, ok=True, words=check(services))
    except CareError as error:
        lines = str(error).splitlines()
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        return Finding(subject=subject, ok=False, words=lines[0] + more)
    except Exception as error:  # noqa: BLE001 - whoever asks needs the other lines all the more
        words = f"could not be looked at ({type(error).__name__}). Keep this line for whoever looks after the program"
        return Finding(subject=subject, ok=False, words=words)


def _backups(subject: str, services: Services) -> Iterator[Finding]:
    """Look at what stands by for a channel, where something does."""
    channel, check = PROVIDERS[subject]
    _, *others = providers_of(services.settings, channel)
    for provider in others:
        yield _answer(f"{subject} backup", partial(_provider, check=check, provider=provider), services)


def _provider(services: Services, *, check: Callable[[Settings, str], str], provider: str) -> str:
    return check(services.settings, provider)


def _settings(services: Services) -> str:
    path = Path(os.environ.get("CARE_CONFIG") or "care.toml")
    trial = services.settings.trial.only_to
    words = f"from {path}" if path.exists() else "no care.toml: defaults. Make one: care init"
    return words if trial is None else f"{words}; trial: only {len(trial)} recipients are written to"


def _keys(services: Services) -> str:
    settings = services.settings
    if not settings.security.suppression_key.get_secret_value() and not _key_file(services).exists():
        return "none yet: made beside the database on first use"
    key = services.keys.suppression
    with plain_errors(services.engine), read(services.engine) as connection:
        known = check_key(connection, key)
    return f"suppression key {key_id(key)}" + (", the one the database knows" if known else "; no address hashed yet")


def _key_file(services: Services) -> Path:
    return services.settings.data_dir / KEYS_FILE


def _has_keys(services: Services) -> bool:
    given = services.settings.security
    both = given.secret_key.get_secret_value() and given.suppression_key.get_secret_value()
    return bool(both) or _key_file(services).exists()


def _database(services: Services) -> str:
    found = check_database(services.unchecked_engine)
    if found.problems:
        raise AnswerIsNoError("\n".join(found.problems))
    where = services.unchecked_engine.url.render_as_string(hide_password=True)
    if still := why_not_writable(services.unchecked_engine, job_run):
        raise AnswerIsNoError(f"{where} {still}")
    return f"{where} is sound, at version {found.version}"


def _campaigns(services: Services) -> str:
    campaigns = services.campaigns
    campaigns.require_sound()
    if not len(campaigns):
        raise AnswerIsNoError(f"no campaign in {services.settings.paths.campaigns}. Begin with: care init")
    return f"{len(campaigns)} campaigns are sound"


def _segments(services: Services) -> str:
    return f"{len(services.book.segments)} segments are sound"


def _templates(services: Services) -> str:
    problems = services.library.problems()
    if problems:
        raise AnswerIsNoError("\n".join(str(problem) for problem in problems))
    return f"{len(services.library.names())} templates compile"


def _clock(services: Services) -> str:
    """Compare with the ledger, which never lies ahead of time, and with the database server's own clock."""
    now = services.clock.now()
    engine = services.engine
    with plain_errors(engine), read(engine) as connection:
        newest: datetime | None = connection.execute(sa.select(sa.func.max(message.c.status_at))).scalar()
        server = connection.execute(sa.select(sa.func.now())).scalar() if engine.dialect.name == "postgresql" else now
    if newest and newest - now > _CLOCK_MAY_DIFFER:
        raise AnswerIsNoError(
            f"the clock is {_spoken(newest - now)} behind the newest message. Correct the machine's time"
        )
    if server and abs(server - now) > _CLOCK_MAY_DIFFER:
        raise AnswerIsNoError(
            f"the clock differs by {_spoken(abs(server - now))} from the database server's. Run NTP on both"
        )
    return f"{now:%Y-%m-%d %H:%M:%S} UTC"


def _oldest_due(services: Services) -> str:
    now = services.clock.now()
    waiting = sa.select(sa.func.min(message.c.wake_at), sa.func.count()).where(
        message.c.status.in_([str(status) for status in CLAIMABLE]), message.c.wake_at <= now, message.c.use_by > now
    )
    with plain_errors(services.engine), read(services.engine) as connection:
        oldest, count = connection.execute(waiting).one()
        paused = connection.execute(sa.select(pause.c.scope).where(is_by_hand())).scalars().all()
    stopped = f"; paused: {', '.join(sorted(paused))}" if paused else ""
    if oldest and now - oldest > _LATE and not paused:
        since = _spoken(now - oldest)
        raise AnswerIsNoError(
            f"{counted(count, 'message')} {_are(count)} due, the oldest for {since}. Is care run at work? See: care log"
        )
    return (
        f"{counted(count, 'message')} {_are(count)} due now" if count else "no message is waiting past its hour"
    ) + stopped


def _spoken(span: timedelta) -> str:
    return format_duration(span, "en")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _journal(services: Services) -> str:
    """Would a sender go on here: is the journal readable, and all of it known, and this the machine that sent last?"""
    folder = services.root / services.settings.journal_dir
    with plain_errors(services.engine):
        with read(services.engine) as connection:
            still = [one.words for one in standing(connection)]
        if _has_keys(services):  # looking must not make them, and without them nothing was ever sent
            still += [one.words for one in services.sentry().foresee()]
    if still:
        raise AnswerIsNoError("; ".join(dict.fromkeys(still)))
    return f"what is sent is also written to {folder}"


def _sms(services: Services) -> str:
    return check_sms(services.settings, services.settings.sms.provider)


def _email(services: Services) -> str:
    return check_email(services.settings, services.settings.email.provider)


def _providers(services: Services) -> str:
    with plain_errors(services.engine), read(services.engine) as connection:
        closed = closed_now(connection, services.clock.now())
    if closed:
        raise AnswerIsNoError(f"closed: {'; '.join(closed)}. See: care providers")
    return "none is closed"


def _disk(services: Services) -> str:
    left, needed = services.room.free_mib(), services.settings.disk.plan_free_mib
    if left is None:
        raise AnswerIsNoError(f"{services.room.folder}: cannot be looked at. Check the folder of database.url")
    if left < needed:
        stops = "sent" if left < services.settings.disk.send_free_mib else "planned"
        consequence = f"nothing new is {stops}" if services.room.is_ours else "logs and the outbox need room"
        raise AnswerIsNoError(f"{left:,} MiB free, below disk.plan_free_mib ({needed:,}): {consequence}. Free space")
    return f"{left:,} MiB free"


def _incidents(services: Services) -> str:
    with plain_errors(services.engine), read(services.engine) as connection:
        standing = open_incidents(connection, services.clock.now())
    if standing:
        raise AnswerIsNoError(f"open: {'; '.join(each.title for each in standing)}. See: care incidents")
    return "none open"


def _alerts(services: Services) -> str:
    urls = [url.get_secret_value() for url in services.settings.alerts.urls]
    if not urls:
        return "nobody is told (alerts.urls is empty); see care incidents"
    apprise = load_apprise()
    strange = [str(number) for number, url in enumerate(urls, start=1) if apprise.Apprise.instantiate(url) is None]
    if strange:
        raise AnswerIsNoError(f"alerts.urls: number {', '.join(strange)} is no Apprise URL. Correct it")
    with plain_errors(services.engine), read(services.engine) as connection:
        deaf = deaf_places(connection, urls, services.clock.now())
    if deaf:
        numbers = ", ".join(map(str, deaf))
        raise AnswerIsNoError(f"alerts.urls: number {numbers} does not take an alert. Try: care incidents --send-test")
    return f"{len(urls)} addresses are told. Try them: care incidents --send-test"


def _bounces(services: Services) -> str:
    return check_bounces(services.settings)


CHECKS: dict[str, Callable[[Services], str]] = {
    "settings": _settings,
    "database": _database,
    "keys": _keys,
    "segments": _segments,
    "campaigns": _campaigns,
    "templates": _templates,
    "journal": _journal,
    "sms": _sms,
    "email": _email,
    "providers": _providers,
    "disk": _disk,
    "bounces": _bounces,
    "tickets": check_tickets,
    "survey answers": check_answers,
    "cases": check_cases,
    "ticket system": check_ticket_system,
    "clock": _clock,
    "oldest due": _oldest_due,
    "incidents": _incidents,
    "alerts": _alerts,
}
"""Every check by the word its line begins with."""

PROVIDERS: dict[str, tuple[Channel, Callable[[Settings, str], str]]] = {
    "sms": (Channel.SMS, check_sms),
    "email": (Channel.EMAIL, check_email),
}
"""Those of providers, which may have a backup: its check follows in a line of its own."""
