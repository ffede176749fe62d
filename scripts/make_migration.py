"""Write a migration from the difference between the steps so far and the tables in the code.

Usage: python scripts/make_migration.py 0002 "Add the surveys"   (then add "0002" to care/migrations/version.py)
       python scripts/make_migration.py 0001 "Lay every table"   (before the first release: writes the first anew)
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command

from care.base.database import open_engine, write
from care.migrations.upgrade import alembic_config

VERSIONS = Path(__file__).resolve().parent.parent / "care" / "migrations" / "versions"


def main(version: str, message: str) -> None:
    """Write one step and put it into the project's format."""
    for old in VERSIONS.glob(f"{version}_*.py"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/empty.db")
        with write(engine) as connection:
            config = alembic_config(connection)
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            command.upgrade(config, "head")
            command.revision(config, message, autogenerate=True, rev_id=version)
        engine.dispose()
    for made in VERSIONS.glob(f"{version}_*.py"):
        lines = made.read_text(encoding="utf-8").splitlines(keepends=True)
        made.write_text("".join(line for line in lines if "# ###" not in line), encoding="utf-8")
        subprocess.run(["ruff", "format", "-q", str(made)], check=True)
        sys.stdout.write(f"{made}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
