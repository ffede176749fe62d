"""Who is at the keyboard."""

import getpass
import os


def who() -> str:
    """Return who gave the command, for the record: `ops:anna`, from `CARE_USER` or the account of this machine."""
    try:
        name = os.environ.get("CARE_USER", "").strip() or getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "ops"
    return f"ops:{name}"
