"""One line wherever people look: nothing is sent until somebody has decided."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from care.bootstrap import Services


def say_standstill(services: "Services") -> None:
    """Tell on stderr why nothing is sent; say nothing while all may."""
    from care.base.database import plain_errors, read
    from care.cli.output import complain
    from care.delivery.standstill import why_still

    with plain_errors(services.engine), read(services.engine) as conn:
        words = why_still(conn)
    if words:
        complain(f"care: {words}")
