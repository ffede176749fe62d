"""The figures of the tables and the counters of this process, in Prometheus' text form."""

import threading
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily

from care.base.database import read
from care.bootstrap import Services
from care.reports.metrics import Figure, figures
from care.watch.figures import watch_figures

KEEP_SECONDS = 5.0
"""How long figures are given again: whoever asks often does not make the database work often."""

_MEANINGS = {
    "care_messages_open": "Messages that still await something",
    "care_messages_ended_last_day": "Messages due in the last 24 hours that have come to an end",
    "care_attempts_last_day": "Hand-overs to providers in the last 24 hours",
    "care_parts_last_day": "Parts handed over in the last 24 hours",
    "care_webhooks_waiting": "Stored webhooks that wait to be worked on",
    "care_webhooks_last_day": "Webhooks worked on in the last 24 hours",
    "care_oldest_webhook_seconds": "Age of the oldest webhook that waits",
    "care_replies_fetched_last_day": "Messages of customers taken in the last 24 hours from a provider's list",
    "care_replies_asked_seconds": "How long ago this provider was last asked what customers wrote",
    "care_survey_answers_last_day": "Ratings that customers gave in the last 24 hours",
    "care_survey_cases_open": "Cases that a person has to settle",
    "care_inbox_waiting": "Messages of customers that wait for a person",
    "care_events_open": "What other systems told us and is not worked on yet, or waits for repair",
    "care_incident_open": "1 while an incident of this kind is open",
    "care_provider_differences": "Messages that differ between us and a provider's list, per day compared",
    "care_provider_well": "1 while messages may go to this provider, for all senders alike",
    "care_disk_free_mib": "What is left on the disk of the database file",
    "care_oldest_due_seconds": "For how long the longest waiting message has been due",
}


class Metrics:
    """The figures of the tables, and counters of this process."""

    def __init__(self) -> None:
        self._counters = CollectorRegistry()
        self._answers: dict[tuple[str, int], Counter] = {}
        self._counter = Counter(
            "care_webhook_answers", "Answers to webhooks of this process", ["kind", "status"], registry=self._counters
        )
        self._lock = threading.Lock()
        self._text = b""
        self._until = 0.0

    def count_answer(self, kind: str, status: int) -> None:
        """Count one answer to a webhook."""
        counter = self._answers.get((kind, status))
        if counter is None:
            counter = self._answers[kind, status] = self._counter.labels(kind, str(status))
        counter.inc()

    def text(self, services: Services) -> bytes:
        """Return everything in Prometheus' text form."""
        clock = services.clock
        with self._lock:
            if not self._text or clock.monotonic() >= self._until:
                now, zone = clock.now(), ZoneInfo(services.settings.operator.timezone)
                with read(services.engine) as conn:
                    watched = watch_figures(conn, now, now.astimezone(zone).date(), services.room.free_mib())
                    self._text = _format([*figures(conn, now), *watched])
                self._until = clock.monotonic() + KEEP_SECONDS
            return self._text + generate_latest(self._counters)


class _Once:
    """Figures as a collector of prometheus_client."""

    def __init__(self, found: list[Figure]) -> None:
        self._found = found

    def collect(self) -> list[GaugeMetricFamily]:
        """Return one family per name; a name without a figure now is there with none."""
        families = []
        for name, meaning in _MEANINGS.items():
            mine = [figure for figure in self._found if figure.name == name]
            labels = [key for key, _ in mine[0].labels] if mine else []
            family = GaugeMetricFamily(name, meaning, labels=labels)
            for figure in mine:
                family.add_metric([value for _, value in figure.labels], figure.value)
            families.append(family)
        return families


def _format(found: list[Figure]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Once(found))
    return generate_latest(registry)
