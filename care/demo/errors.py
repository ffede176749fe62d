"""What can go wrong in the demo itself."""

from care.base.errors import CareError


class DemoError(CareError):
    """The demo's own data or its week is not as it must be: a fault of the program, not of the user."""
