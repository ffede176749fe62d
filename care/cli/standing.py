"""Nothing is sent until somebody has decided: one line wherever people look, and no for what would send."""

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


def require_going(services: "Services") -> None:
    """Refuse where a sender would stand still, also before the first one has looked: in a copied folder, for one.

    Raises:
        AnswerIsNoError: with what to do.
    """
    from care.base.database import plain_errors
    from care.base.errors import AnswerIsNoError

    with plain_errors(services.engine):
        reasons = services.sentry().foresee()
    if reasons:
        raise AnswerIsNoError("; ".join(one.words for one in reasons))
