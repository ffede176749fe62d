"""Bad news by receipt after the last try: why nothing follows is said, as after a refusal."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.delivery.retry import MAX_ATTEMPTS
from care.messages import store as ledger
from care.messages.tables import attempt, message, move
from care.reports.story import tell_story
from tests.delivery.test_receipts import hear, sent_one, word
from tests.house import House

SLOW_DOWN, FILTERED = "20429", "30007"
IN_DOUBT = f"{ledger.IN_DOUBT_STILL}filtered"


def last_move(house: House) -> tuple[str, str, str]:
    with read(house.engine) as conn:
        row = conn.execute(sa.select(move).order_by(move.c.id.desc()).limit(1)).one()
    return row.status, row.reason, row.by


def told(house: House) -> tuple[str, str]:
    """Return what `care message show` says first and last."""
    with read(house.engine) as conn:
        story = tell_story(conn, house.messages()[0].id)
    assert story is not None
    return story.entry.in_words, story.events[-1].text


@pytest.mark.parametrize("status", ["failed", "undelivered"])
class TestTheEnd:
    def test_tells_that_it_gave_up(self, house: House, status: str) -> None:
        """The last of eight tries, taken and then refused by the carrier."""
        made = sent_one(house)
        with write(house.engine) as conn:
            conn.execute(sa.update(message).values(attempts=MAX_ATTEMPTS))
            conn.execute(sa.update(attempt).values(n=MAX_ATTEMPTS))
            row = conn.execute(sa.select(attempt)).mappings().one()
            for n in range(1, MAX_ATTEMPTS):
                earlier = {**row, "id": 100 + n, "n": n, "token": f"earlier-{n}", "outcome": "refused"}
                conn.execute(sa.insert(attempt).values(earlier | {"provider_ref": None}))
        house.clock.advance(timedelta(minutes=1))
        hear(house, word(made, status, SLOW_DOWN))
        reason = f"gave up after {MAX_ATTEMPTS} tries: capacity"
        assert [(one.status, one.reason) for one in house.messages()] == [(status, reason)]
        assert last_move(house) == (status, reason, "receipt")
        first, last = told(house)
        assert f"gave up after {MAX_ATTEMPTS} tries" in first
        assert f"gave up after {MAX_ATTEMPTS} tries" in last

    def test_tells_that_no_time_is_left(self, house: House, status: str) -> None:
        """Bad news of the morning comes in the evening."""
        made = sent_one(house)
        house.clock.advance(house.messages()[0].use_by - house.clock.now() + timedelta(hours=1))
        hear(house, word(made, status, SLOW_DOWN))
        assert last_move(house) == (status, "no time left after capacity", "receipt")
        assert all("no time left" in text for text in told(house))

    def test_tells_what_is_for_good(self, house: House, status: str) -> None:
        """No try could help."""
        made = sent_one(house)
        hear(house, word(made, status, FILTERED))
        assert last_move(house) == (status, "filtered", "receipt")

    @pytest.mark.parametrize("late", [[], ["sent"], ["queued", "sent"]])
    def test_is_not_known_while_an_earlier_request_is_in_doubt(
        self, house: House, status: str, late: list[str]
    ) -> None:
        """Nobody may say that it never went; good words of before the bad one, which come late, change nothing."""
        made = sent_again(house)
        hear(house, word(made, status, FILTERED))
        hear(house, *(word(made, each) for each in late))
        assert [(one.status, one.reason) for one in house.messages()] == [("unknown", IN_DOUBT)]
        assert last_move(house) == ("unknown", IN_DOUBT, "receipt")

    def test_is_known_once_the_earlier_request_arrived(self, house: House, status: str) -> None:
        """Better news, however late, and of whichever of the two."""
        made = sent_again(house)
        hear(house, word(made, status, FILTERED))
        hear(house, replace(word(made, "delivered"), provider_ref="SMearlier", token="earlier"))
        assert house.statuses() == {"delivered": 1}


def sent_again(house: House) -> sa.Row:
    """Return the second try of a greeting, taken, whose first is in doubt."""
    made = sent_one(house)
    with write(house.engine) as conn:
        conn.execute(sa.update(message).values(attempts=2))
        conn.execute(sa.update(attempt).values(n=2))
        row = conn.execute(sa.select(attempt)).mappings().one()
        earlier = {**row, "id": 100, "n": 1, "token": "earlier", "outcome": "unknown", "provider_ref": None}
        conn.execute(sa.insert(attempt).values(earlier))
    return made
