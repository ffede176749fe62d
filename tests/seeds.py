"""The seed of a run: the same for each, so that a change is blamed for what it breaks; another when it is asked for."""

import os
import secrets
import zlib

USUAL = 20_261_127
_OWN = secrets.token_hex(4)


def seed_of_run(variable: str = "CARE_TEST_SEED") -> int:
    """Return the number that a variable names, or for `random` one that all workers of this run draw, and say it."""
    named = os.environ.get(variable) or str(USUAL)
    if named == "random":
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or _OWN
        named = str(zlib.crc32(run.encode()) % 1_000_000)
    print(f"{variable}={named}", flush=True)  # noqa: T201 - pytest shows it with a failure
    return int(named)
