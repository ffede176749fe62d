"""The web process leaves a trace of its life, so that its absence can be seen."""

import sqlalchemy as sa

from care.base.database import read
from care.delivery.presence import WEB
from care.delivery.tables import incarnation
from tests.web.conftest import Site


class TestPresence:
    def test_begins_with_the_server_and_ends_with_it(self, site: Site) -> None:
        """One row per life, closed by a clean end."""

        def lives() -> list[sa.Row[tuple[object, ...]]]:
            with read(site.services.engine) as conn:
                return list(conn.execute(sa.select(incarnation).where(incarnation.c.role == WEB)))

        site.wait(lives)
        assert lives()[0].ended_at is None
        site.stop()
        assert lives()[0].ended_at is not None
