"""django-post-office as a worker: python worker_post_office.py SMTP_PORT DATABASE_URL TEMPLATE_FILE.

As its manual advises for many mails: queued by `send_many`, sent by `send_queued` with 2 processes of 5 threads, each
mail logged. The template file is JSON with subject, text and html; the recipient's name and link are its variables.
"""

import json
import logging
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django
from django.conf import settings
from django.core.management import call_command
from sqlalchemy.engine import make_url

from benchmarks.crew import serve

PROCESSES, THREADS = 2, 5
BATCH = 1_000  # mails queued by one call


def configure(port: int, url: str) -> None:
    """Set Django up with nothing but the queue."""
    given = make_url(url)
    is_sqlite = given.drivername == "sqlite"
    database = {"ENGINE": f"django.db.backends.{'sqlite3' if is_sqlite else 'postgresql'}", "NAME": given.database}
    if is_sqlite:
        database |= {"OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"}}
    else:
        database |= {"HOST": given.host, "PORT": str(given.port), "USER": given.username}
    settings.configure(
        DATABASES={"default": database},
        INSTALLED_APPS=["post_office"],
        EMAIL_BACKEND="post_office.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        DEFAULT_FROM_EMAIL="care@example.com",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        POST_OFFICE={"BATCH_SIZE": 5_000, "THREADS_PER_PROCESS": THREADS, "LOG_LEVEL": 2},
    )
    django.setup()
    logging.disable(logging.INFO)
    call_command("migrate", verbosity=0)


def run(count: int) -> int:
    """Queue, render, send and log so many; return how many the queue says were sent."""
    from django.db import connections
    from post_office import mail
    from post_office.models import STATUS, Email, EmailTemplate

    template = EmailTemplate.objects.get(name="greeting")
    for first in range(0, count, BATCH):
        mail.send_many(
            [
                {
                    "sender": "care@example.com",
                    "recipients": [f"c{n:08d}@example.com"],
                    "template": template,
                    "context": {"name": "Ann", "url": f"https://care.example.com/u/{n:040d}"},
                    "headers": {"List-Unsubscribe": f"<https://care.example.com/u/{n:040d}>"},
                    "render_on_delivery": True,
                }
                for n in range(first, min(first + BATCH, count))
            ]
        )
    while mail.get_queued().exists():
        mail.send_queued(processes=PROCESSES)
        connections.close_all()  # its forked children have ended the one they inherited
    return Email.objects.filter(status=STATUS.sent).count()


def main() -> None:
    """Set up and serve; the queue is emptied before each round."""
    port, url, words = int(sys.argv[1]), sys.argv[2], json.loads(Path(sys.argv[3]).read_text(encoding="utf-8"))
    configure(port, url)
    from post_office.models import Email, EmailTemplate, Log

    EmailTemplate.objects.all().delete()
    EmailTemplate.objects.create(
        name="greeting", subject=words["subject"], content=words["text"], html_content=words["html"]
    )

    def work(count: int) -> int:
        if not count:  # the word between rounds
            Log.objects.all().delete()
            Email.objects.all().delete()
            return 0
        return run(count)

    def cpu() -> float:
        gone = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + gone.ru_utime + gone.ru_stime

    serve(work, cpu=cpu)


if __name__ == "__main__":
    main()
