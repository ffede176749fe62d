"""Does news of tickets reach us, can customers answer, are they called, and does the ticket system hear of it?"""

import socket
import ssl
from datetime import timedelta
from urllib.parse import urlsplit

import sqlalchemy as sa

from care.base.database import plain_errors, read
from care.base.errors import AnswerIsNoError, SettingsError
from care.base.vocabulary import Channel, Purpose
from care.bootstrap import Services
from care.calendars.overrides import load_overrides
from care.campaigns.model import Campaign
from care.customers.tickets.tables import ticket
from care.inbound.events.keys import list_keys
from care.inbound.events.outgoing import untold
from care.inbound.events.store import long_waiting
from care.policy.answering import WayBack, one_way_of
from care.surveys.case_store import overdue_cases
from care.surveys.loop_rules import loop_rules_of
from care.surveys.occasion import TicketResolved

_LONGEST_CONNECT = 10
_PORTS = {"https": 443, "http": 80}
_GIVEN_UP_LATELY = timedelta(days=30)


def check_tickets(services: Services) -> str:
    """Return how news of tickets comes, and which kinds are asked about.

    Raises:
        AnswerIsNoError: every key for events is revoked, or news has waited for repair for a day.
    """
    now, occasions = services.clock.now(), (campaign.occasion for campaign in services.campaigns)
    kinds = sorted({kind for one in occasions if isinstance(one, TicketResolved) for kind in one.of})
    with plain_errors(services.engine), read(services.engine) as conn:
        keys = [row for row in list_keys(conn) if "events" in row["scopes"].split()]
        is_known = conn.execute(sa.select(ticket.c.id).limit(1)).first() is not None
        waiting, _ = long_waiting(conn, came_before=now - timedelta(days=1))
    good = sum(row["revoked_at"] is None for row in keys)
    if keys and not good:
        raise AnswerIsNoError("every key for events is revoked. Make one: care keys create --scope events")
    if waiting:
        raise AnswerIsNoError(f"{waiting:,} events wait for repair. See: care tickets events --state waiting")
    asked = f"{', '.join(kinds)} are asked about" if kinds else "no campaign asks after tickets"
    if good:
        return f"{good} keys may post events; {asked}"
    if is_known:
        return f"imported only, nobody may post events; {asked}"
    return f"{asked}, and none has come. Make a key: care keys create --scope events, or: care import tickets FILE"


def check_answers(services: Services) -> str:
    """Return how customers of the operator's country answer a survey.

    Raises:
        AnswerIsNoError: a campaign asks, and there is no way to answer.
    """
    settings, way = services.settings, one_way_of(services.settings)
    policy = services.policies.country(settings.operator.country)
    back, why = way.way_back(policy), way.why(policy, Purpose.SURVEY)
    if back is WayBack.REPLY:
        return "by text message, and on the page behind links" if settings.operator.public_url else "by text message"
    if back is WayBack.LINK and not settings.operator.public_url:
        raise AnswerIsNoError(f"only by a link, as {why}, and operator.public_url is not set. Set it")
    mute = [one.name for one in _asking(services) if Channel.EMAIL not in one.channels]
    if back is WayBack.NONE and mute:
        raise AnswerIsNoError(
            f"not by SMS, as {why}; add e-mail to the channels of {', '.join(mute)}, or all are called"
        )
    return f"on the page behind links, as {why}" if back is WayBack.LINK else f"by e-mail, else called, as {why}"


def check_cases(services: Services) -> str:
    """Return by when unsatisfied customers are called.

    Raises:
        AnswerIsNoError: nobody works, or a case is past its time.
        FileError: the calendar cannot be used.
    """
    settings, now = services.settings, services.clock.now()
    load_overrides(services.root / settings.paths.campaigns / "calendar.yaml")
    rules = loop_rules_of(settings, services.root)
    if next(rules.hours.stretches(now), None) is None:
        raise AnswerIsNoError("nobody works on any day of the next year. Check calendar.yaml")
    with plain_errors(services.engine), read(services.engine) as conn:
        overdue, _ = overdue_cases(conn, now)
    if overdue:
        raise AnswerIsNoError(f"{overdue:,} customers wait for a call. See: care surveys cases list --overdue")
    cases = settings.cases
    return f"called within {cases.call_back_hours:g} working hours, {cases.work_from} to {cases.work_until}"


def check_ticket_system(services: Services) -> str:
    """Return who hears of cases; its door is knocked at, and nothing is sent.

    Raises:
        AnswerIsNoError: no answer, or a certificate that does not fit.
    """
    url, now = services.settings.ticket_system.url, services.clock.now()
    if not url:
        return "nobody is told of cases (ticket_system.url is empty); see care surveys cases list"
    place = _knock(url, min(services.settings.ticket_system.timeout_seconds, _LONGEST_CONNECT))
    with plain_errors(services.engine), read(services.engine) as conn:
        late, lost = untold(conn, now=now, older_than=timedelta(hours=1), lately=_GIVEN_UP_LATELY)
    if late or lost:
        words = f"{late:,} webhooks have waited for an hour, {lost:,} were given up"
        raise AnswerIsNoError(f"{place} answers, but {words}. See: care tickets webhooks")
    return f"{place} answers, and webhooks are signed"


def _knock(url: str, seconds: float) -> str:
    """Connect as webhooks do and return host and port; the rest of the address may be a token."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    except ValueError:
        raise SettingsError("ticket_system.url: names no port. Correct it") from None
    place = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), seconds) as door:
            if parts.scheme == "https":
                ssl.create_default_context().wrap_socket(door, server_hostname=host).close()
    except ssl.SSLError as error:
        raise AnswerIsNoError(f"{place}: TLS failed ({error.reason}). Check the receiver's certificate") from None
    except OSError as error:
        what = f"does not answer ({type(error).__name__})"
        raise AnswerIsNoError(f"{place} {what}. Check ticket_system.url and the network") from None
    return place


def _asking(services: Services) -> list[Campaign]:
    """Return the campaigns that ask after tickets."""
    return [campaign for campaign in services.campaigns if isinstance(campaign.occasion, TicketResolved)]
