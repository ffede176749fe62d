"""The log's questions: right, and answered by indexes however long the ledger is."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Purpose
from care.messages.model import MessageStatus
from care.messages.store import move_messages
from care.messages.tables import campaign_known
from care.reports.log import Question, Watch, find_entries, known_campaign
from care.reports.story import tell_story
from tests.reports.index_use import plans_of, sorts, steps_of, whole_tables
from tests.reports.ledger import AT, DAY, make_attempt, make_message, make_sent

S = MessageStatus
QUESTIONS = {
    "nothing": Question(until=AT),
    "a page on": Question(until=AT, before=1),
    "since": Question(since=AT - timedelta(days=1), until=AT),
    "a state": Question(statuses=(S.FAILED, S.UNDELIVERED)),
    "a campaign": Question(campaign_id="birthday", until=AT),
    "a campaign's failures": Question(campaign_id="birthday", statuses=(S.FAILED,)),
}


class TestEveryQuestion:
    @pytest.mark.parametrize("name", QUESTIONS)
    def test_is_answered_by_indexes(self, sqlite_engine: sa.Engine, name: str) -> None:
        """No table is read from end to end and nothing is sorted."""
        with write(sqlite_engine) as conn:
            make_message(conn)
        steps = steps_of(sqlite_engine, lambda conn: find_entries(conn, QUESTIONS[name]))
        assert steps
        assert not whole_tables(steps)
        assert not sorts(steps)

    def test_about_a_customer_sorts_only_their_own(self, sqlite_engine: sa.Engine) -> None:
        """A customer has few messages."""
        steps = steps_of(sqlite_engine, lambda conn: find_entries(conn, Question(customer_id=1)))
        assert any("ix_message_customer_id" in step for step in steps)
        assert not whole_tables(steps)

    def test_about_one_message_too(self, sqlite_engine: sa.Engine) -> None:
        """Its attempts, receipts and decisions are found by its key."""
        with write(sqlite_engine) as conn:
            made = make_sent(conn)
        assert not whole_tables(steps_of(sqlite_engine, lambda conn: tell_story(conn, made)))

    def test_about_one_that_was_judged_anew_says_so(self, sqlite_engine: sa.Engine) -> None:
        """Planned first, and found wanting when the planner looked again: no line would tell why it is skipped."""
        later = AT + timedelta(minutes=20)
        with write(sqlite_engine) as conn:
            made = make_message(conn, status=S.SKIPPED, reason="no_consent", planned_at=AT, status_at=later)
            at_once = make_message(conn, status=S.SKIPPED, reason="no_consent", planned_at=AT, status_at=AT)
            stories = [tell_story(conn, one) for one in (made, at_once)]
        told = [[(event.at, event.text.partition(":")[0]) for event in story.events] for story in stories if story]
        assert told == [[(AT, "planned for birthday"), (later, "looked at again")], [(AT, "entered as skipped")]]

    def test_gives_the_latest_due_first(self, engine: sa.Engine) -> None:
        """Over all states and lanes, at most as many as asked for."""
        with write(engine) as conn:
            ids = [
                make_message(conn, due_at=AT - timedelta(minutes=n), purpose=purpose, status=status)
                for n, (purpose, status) in enumerate(
                    [("greeting", "planned"), ("service", "skipped"), ("offer", "held"), ("survey", "cancelled")]
                )
            ]
        with read(engine) as conn:
            assert [entry.id for entry in find_entries(conn, Question(limit=3))] == ids[:3]

    def test_shows_what_was_due_and_has_been_put_off(self, engine: sa.Engine) -> None:
        """Held, or waiting for its next try: at the hour it was due, page by page; what is to come is left out."""
        later = AT + timedelta(minutes=10)
        with write(engine) as conn:
            went = make_sent(conn, due_at=AT - timedelta(hours=3))
            held = make_message(
                conn, due_at=AT - timedelta(hours=2), wake_at=later, status="held", reason="template 'x' is broken"
            )
            again = make_message(conn, due_at=AT - timedelta(hours=1), wake_at=later, attempts=1)
            make_message(conn, due_at=AT + timedelta(hours=1), wake_at=AT + timedelta(hours=1))
            make_message(conn, due_at=later, wake_at=AT + timedelta(days=1), status="held", reason="paused")
        with read(engine) as conn:
            pages = [find_entries(conn, Question(until=AT, limit=1))]
            pages += [find_entries(conn, Question(until=AT, limit=1, before=one)) for one in (again, held, went)]
            of_a_campaign = find_entries(conn, Question(until=AT, campaign_id=pages[0][0].campaign_id))
        assert [[entry.id for entry in page] for page in pages] == [[again], [held], [went], []]
        assert {entry.id for entry in of_a_campaign} == {again, held, went}

    def test_finds_what_was_put_off_by_an_index_of_its_own(self, engine: sa.Engine) -> None:
        """However many wait for their hour, and on PostgreSQL too: the plan with sequential scans priced out."""
        with write(engine) as conn:
            make_message(conn)
        if engine.dialect.name == "sqlite":
            steps = steps_of(engine, lambda conn: find_entries(conn, Question(until=AT)))
        else:
            steps = plans_of(engine, lambda conn: find_entries(conn, Question(until=AT)))
        assert sum("ix_message_put_off" in step for step in steps) == 2 * len(Purpose)

    def test_of_a_campaign_walks_back_day_by_day(self, engine: sa.Engine) -> None:
        """Without a limit in sight it ends at the first day."""
        with write(engine) as conn:
            days = [DAY - timedelta(days=n) for n in (9, 5, 0)]
            ids = [make_message(conn, occasion_on=day, campaign_id="a") for day in days]
            make_message(conn, campaign_id="b")
        with read(engine) as conn:
            assert [entry.id for entry in find_entries(conn, Question(campaign_id="a"))] == ids[::-1]
            assert find_entries(conn, Question(campaign_id="a", before=ids[0])) == []


class TestFollowing:
    def test_tells_each_move_once(self, engine: sa.Engine) -> None:
        """Attempts, receipts and decisions make a message news; what did not move is none."""
        with write(engine) as conn:
            old = make_sent(conn)
            waiting = make_message(conn)
            watch = Watch.begin(conn)
        with read(engine) as conn:
            assert watch.look(conn) == []
        with write(engine) as conn:
            move_messages(conn, [waiting], S.HELD, now=AT, by="dispatcher", reason="quiet_hours", wake_at=AT)
            make_attempt(conn, old, n=2)
        with read(engine) as conn:
            assert {entry.id for entry in watch.look(conn)} == {old, waiting}
            assert watch.look(conn) == []


def test_a_campaign_without_a_file_is_known_by_name_or_id(engine: sa.Engine) -> None:
    """The planner remembers it."""
    with write(engine) as conn:
        row = {"campaign_id": "x1", "name": "old", "digest": "d", "state": "withdrawn", "seen_at": AT}
        conn.execute(sa.insert(campaign_known).values(**row))
    with read(engine) as conn:
        assert [known_campaign(conn, word) for word in ("x1", "old", "new")] == ["x1", "x1", None]
