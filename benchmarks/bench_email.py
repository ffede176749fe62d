"""P4, P5: e-mails dispatched end to end by two processes, against bare smtplib and against django-post-office.

    python benchmarks/bench_email.py [--messages N] [--rounds N] [--url URL] [--peer-url URL]

Ours: claimed, re-checked, rendered, built, written ahead, sent, recorded, durable. smtplib: two processes with two kept
connections each that send one ready mail of ours again and again. django-post-office: the same words queued, rendered,
sent by 2 processes of 5 threads, and logged; its ratio counts our planning too.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import world as worlds
from benchmarks.crew import Crew, crew
from benchmarks.measure import SINK_FACTOR, Compared, Row, Spent, compare, in_turn, rate, say, table, timed
from benchmarks.sinks import ceiling, sink
from care.base.vocabulary import Channel
from care.bootstrap import Services
from care.campaigns.occasion import OccasionFacts
from care.campaigns.rendering import Rendered
from care.delivery.channels.mime import MailComposer

P4 = {"must": 0.5, "stretch": 1.1}
P5 = {"must": 4.0, "stretch": 12.0}
PROCESSES, CONNECTIONS = 2, 2  # of the bare loop; more of either do not help it on two cores
URL = f"https://care.example.com/u/{0:040d}"


def settings(port: int) -> dict[str, str]:
    """Return settings that send e-mail to an SMTP sink."""
    return {
        "CARE_EMAIL__PROVIDER": "smtp",
        "CARE_SMTP__HOST": "127.0.0.1",
        "CARE_SMTP__PORT": str(port),
        "CARE_SMTP__TLS": "none",
        "CARE_OPERATOR__PUBLIC_URL": "https://care.example.com",
    }


def sample(services: Services) -> Rendered:
    """Return one greeting in words."""
    (campaign,) = services.campaigns
    now = services.clock.now()
    facts = OccasionFacts(
        occasion="birthday:solar-2026",
        occasion_on=now.date(),
        locale="en",
        zone="UTC",
        currency="CNY",
        customer={"name": "Ann Lee", "salutation": "", "country": "GB", "locale": "en"},
        subject=None,
    )
    links = {"unsubscribe_url": URL, "preferences_url": URL}
    return services.renderer.render(campaign, Channel.EMAIL, facts, links=links)


def write_mail(services: Services, path: Path) -> Path:
    """Write one mail as ours sends it."""
    words = sample(services)
    mail = MailComposer("care@example.com").compose(
        to="c00000001@example.com",
        subject=words.subject,
        text=words.text,
        html=words.html,
        message_id="1.0123456789ab@example.com",
        date=datetime.now(UTC),  # noqa: TID251 - a benchmark stands outside the product
        unsubscribe_url=URL,
    )
    path.write_bytes(mail)
    return path


def write_template(services: Services, path: Path) -> Path:
    """Write the same words as a template of the peer."""
    words = sample(services)
    parts = {"subject": words.subject, "text": words.text, "html": words.html}
    open_parts = {name: text.replace("Ann", "{{ name }}").replace(URL, "{{ url }}") for name, text in parts.items()}
    assert all("{{ name }}" in text for text in open_parts.values()), "the peer's words vary like ours"
    path.write_text(json.dumps(open_parts), encoding="utf-8")
    return path


class Ours:
    """Two dispatchers on one world."""

    def __init__(self, services: Services, dispatchers: Crew, count: int) -> None:
        self._services, self._crew, self._count = services, dispatchers, count

    def dispatch(self) -> Spent:
        """Send what is planned, again."""
        worlds.make_due_again(self._services)
        return self._run()

    def plan_and_dispatch(self) -> Spent:
        """Plan anew and send; what is planned comes due in between, as hours pass in life."""
        worlds.unplan(self._services.engine)
        worlds.forget_journal(self._services)
        planned = timed(lambda: worlds.plan_today(self._services))
        worlds.bring_forward(self._services)
        worlds.tidy(self._services.engine)
        sent = self._run()
        return Spent(planned.wall + sent.wall, planned.cpu + sent.cpu)

    def _run(self) -> Spent:
        spent = self._crew.run([0] * PROCESSES)
        assert self._crew.done == self._count, f"{self._crew.done} of {self._count} sent"
        return spent


def peer_round(peer: Crew, count: int) -> Spent:
    """Queue and send so many through the peer, its tables emptied before."""
    peer.run([0])
    spent = peer.run([count])
    assert peer.done == count, f"{peer.done} of {count} sent by the peer"
    return spent


def measure(count: int, rounds: int, *, url: str = "", peer_url: str = "", peer_count: int = 0) -> list[Row]:
    """Return P4, and P5 if `peer_count` mails are to go through the peer too."""
    name = "PostgreSQL" if url else "SQLite"
    with ExitStack() as stack:
        port = stack.enter_context(sink("smtp"))
        folder = worlds.make_folder({"bench": worlds.CAMPAIGN.format(channel="email")}, settings(port), url=url)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        services = worlds.open_folder(folder)
        stack.callback(services.engine.dispose)
        worlds.add_customers(services, count, channel="email")
        assert worlds.plan_now(services) == count
        mail, words = write_mail(services, folder / "mail"), write_template(services, folder / "words.json")
        ours = Ours(services, stack.enter_context(crew("worker_dispatch.py", PROCESSES, str(folder))), count)
        bare = stack.enter_context(crew("worker_smtplib.py", PROCESSES, str(port), str(mail), str(CONNECTIONS)))
        works: list[Callable[[], Spent]] = [ours.dispatch, lambda: bare.run([count // 2, count - count // 2])]
        say(f"P4 on {name}: {count:,} e-mails by two processes, bare smtplib")
        compared = compare(in_turn(rounds, *works))
        alone = ceiling("smtp", port)
        rows = [
            _row(
                "P4", f"e-mail dispatch, 2 processes, {name}", "smtplib", compared, count=count, alone=alone, levels=P4
            )
        ]
        if peer_count and find_spec("post_office"):
            peer_database = peer_url or f"sqlite:///{folder / 'peer.db'}"
            peer = stack.enter_context(crew("worker_post_office.py", 1, str(port), peer_database, str(words)))
            say(f"P5: {count:,} planned and dispatched, {peer_count:,} by django-post-office")
            found = in_turn(rounds, ours.plan_and_dispatch, lambda: peer_round(peer, peer_count))
            scaled = [[mine, Spent(*(part * count / peer_count for part in theirs))] for mine, theirs in found]
            against = f"django-post-office, {'PostgreSQL' if peer_url else 'SQLite'}"
            work = f"e-mail end to end, 2 processes, {name}"
            rows.append(_row("P5", work, against, compare(scaled), count=count, alone=alone, levels=P5))
    return rows


def _row(
    row: str, work: str, against: str, found: Compared, *, count: int, alone: float, levels: dict[str, float]
) -> Row:
    return Row(
        row=row,
        work=work,
        ours=rate(count, found.ours),
        reference=f"{against}: {rate(count, found.reference)}",
        ratio=found.ratio,
        cpu_ratio=found.cpu_ratio,
        sink=f"{alone:,.0f}/s",
        is_sink_bound=alone < SINK_FACTOR * count / min(found.ours.wall, found.reference.wall),
        **levels,
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=6_000)
    parser.add_argument("--peer-messages", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", default="", help="a PostgreSQL database for ours; its tables are dropped")
    parser.add_argument("--peer-url", default="", help="another one for the peer")
    given = parser.parse_args()
    rows = measure(given.messages, given.rounds, url=given.url, peer_url=given.peer_url, peer_count=given.peer_messages)
    print(table(rows))


if __name__ == "__main__":
    main()
