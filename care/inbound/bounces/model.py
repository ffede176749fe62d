"""What a returned mail says."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What follows from a mail for the address it speaks of."""

    HARD = "hard"  #: nobody can ever be reached there
    SOFT = "soft"  #: not delivered this time
    NONE = "none"  #: no bounce: an automatic reply, a notice of delay or delivery, an ordinary mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a diagnosis means."""

    kind: Kind
    reason: str  # a name of `reasons.tsv`
    error_code: str  # the code of `error_classes.tsv` that stands for the reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a mail says about one recipient. `status` is an enhanced status code such as 5.1.1, or empty."""

    recipient: str
    kind: Kind
    status: str
    reason: str
    error_code: str = ""
    original: str = ""  # the address as we wrote it, where the report tells that it was redirected


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a whole mail says; nothing found means it is no bounce."""

    findings: tuple[Finding, ...] = ()
    is_complaint: bool = False
    note: str = ""  # why it is no bounce: vacation, delivered, delayed, feedback …

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The recipients that were not reached."""
        return tuple(finding for finding in self.findings if finding.kind is not Kind.NONE)

    @property
    def first(self) -> Finding:
        """The first recipient that was not reached, else what there is to say."""
        nothing = Finding(recipient="", kind=Kind.NONE, status="", reason=self.note)
        return next(iter((*self.failures, *self.findings)), nothing)
