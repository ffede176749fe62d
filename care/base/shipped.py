"""Where the campaigns and templates that come with the product lie: in the installed package, or in a checkout."""

from pathlib import Path

import care
from care.base.errors import UnavailableError

FOLDERS = ("campaigns", "templates")
_PACKAGE = Path(care.__file__).resolve().parent


def shipped(name: str) -> Path:
    """Return the shipped folder `campaigns` or `templates`.

    Raises:
        UnavailableError: the installation is not complete.
    """
    for home in (_PACKAGE / "shipped", _PACKAGE.parent):
        if (home / name).is_dir():
            return home / name
    raise UnavailableError(f"{_PACKAGE}: the shipped folder {name}/ is missing. Install care again")
