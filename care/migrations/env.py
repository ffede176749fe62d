"""What Alembic runs: our connection, our metadata, our way to write types into a step."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context

from care.base.database import Instant
from care.migrations.schema import full_metadata


def _render(kind: str, thing: Any, _context: Any) -> str | Literal[False]:
    """Write steps in plain SQLAlchemy words, so that an old step never changes with our code."""
    if kind == "type" and isinstance(thing, Instant):
        return "sa.BigInteger()"
    if kind == "server_default" and isinstance(getattr(thing, "arg", None), sa.sql.elements.False_):
        return "sa.false()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=full_metadata(),
    render_item=_render,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
