"""What the lot says of one customer in a campaign that asks a random sample."""

from datetime import date

import sqlalchemy as sa

from care.customers.tables import customer
from care.explain.snapshot import Snapshot
from care.surveys.occasion_sample import RandomSample


def draw_in_words(snap: Snapshot, occasion: RandomSample, day: date, zone: str) -> str:
    """Return why nothing is owed on a day: not drawn, drawn for another day, or what kept a drawn customer from it."""
    lottery = occasion.lottery
    found = lottery.draw(snap.row["draw"], day)
    when = f"this {lottery.every.words} ({found.round.name})"
    if found.asked_on is None:
        return f"not drawn {when}: place {found.position:.4f}, drawn are those below {lottery.share:.4g}"
    if found.asked_on != day:
        return f"drawn {when}, for {found.asked_on}"
    standing = occasion.obstacles(day, zone)
    columns = [there.label(f"o{n}") for n, there in enumerate(standing.values())]
    row = snap.conn.execute(sa.select(*columns).select_from(customer)).one()
    why = [words for words, there in zip(standing, row, strict=True) if there]
    return f"drawn {when}, for this day, but {'; '.join(why)}"
