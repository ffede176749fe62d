"""A job that fails is told of: in a line of the log at once, as an incident in time, and the others go on."""

import io
import json
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read
from care.base.logs import configure_logs
from care.base.settings import LogSettings
from care.bootstrap import Services
from care.delivery.tables import job_run
from care.schedule import Job, run_due_jobs
from tests.house import House


@pytest.fixture
def lines() -> io.StringIO:
    """What is logged, as it is written."""
    stream = io.StringIO()
    configure_logs(LogSettings(format="json"), stream=stream)
    return stream


def said(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def ended(house: House) -> set[str]:
    with read(house.engine) as conn:
        return set(conn.execute(sa.select(job_run.c.name)).scalars())


def job(name: str, error: Exception | None = None) -> Job:
    def run(_services: Services, _now: datetime, _last: datetime | None) -> None:
        if error is not None:
            raise error

    return Job(name=name, every=timedelta(0), run=run, about="for a test")


UNEXPECTED = [
    UnicodeEncodeError("ascii", "päss of Anna", 1, 2, "ordinal not in range(128)"),
    OSError(40, "Too many levels of symbolic links", "/srv/care/Anna.yaml"),
    TypeError("unhashable type: 'list'"),
    AssertionError(),
    sa.exc.InvalidRequestError("a transaction is already begun"),
]


class TestATick:
    @pytest.mark.parametrize("error", UNEXPECTED, ids=lambda error: type(error).__name__)
    def test_goes_on_after_a_job_that_fails(self, house: House, lines: io.StringIO, error: Exception) -> None:
        """Whatever it raises: the others run, and only it is not noted as ended."""
        jobs = (job("first"), job("second", error), job("third"))
        assert run_due_jobs(house.services, jobs) == ["first", "third"]
        assert ended(house) == {"first", "third"}
        (line,) = said(lines)
        assert (line["event"], line["job"], line["error"]) == ("job.failed", "second", type(error).__name__)
        assert "test_failing_jobs" in str(line["trace"])
        assert "Anna" not in lines.getvalue()
