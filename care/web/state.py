"""What the routes share: services, and the parts that live as long as the web process."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import structlog
from starlette.requests import Request

from care.base.database import write
from care.base.failpoints import failpoint
from care.bootstrap import Services
from care.inbound import store
from care.inbound.bounces.hooks.choice import email_hooks_of
from care.inbound.events.applying import event_rules
from care.inbound.events.intake import take_in
from care.inbound.events.keys import KeyRing
from care.inbound.events.model import Posted
from care.inbound.events.worker import work_events
from care.inbound.twilio_signature import TwilioAccounts, accounts_of
from care.inbound.worker import work_inbox
from care.web.group_commit import GroupCommit, Row
from care.web.inbox_thread import InboxThread
from care.web.limiter import Limiter
from care.web.metrics import Metrics
from care.web.presence_thread import PresenceThread
from care.web.refused import Refused
from care.web.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from care.inbound.bounces.hooks.base import EmailHook

log = structlog.get_logger()


@dataclass(kw_only=True)
class WebState:
    """One web process at work. `open` and `close` belong to its event loop."""

    services: Services
    twilio: TwilioAccounts = field(init=False)
    inbox: InboxThread = field(init=False)
    presence: PresenceThread = field(init=False)
    webhooks: GroupCommit[Row] = field(init=False)
    event_hand: InboxThread = field(init=False)
    events: GroupCommit[Posted] = field(init=False)
    key_ring: KeyRing = field(init=False)
    email_hooks: "Mapping[str, EmailHook]" = field(init=False)
    metrics: Metrics = field(default_factory=Metrics)
    refused: Refused = field(default_factory=Refused)
    refusals: Limiter = field(default_factory=lambda: Limiter(per_second=1, burst=10))
    public_pages: Limiter = field(default_factory=lambda: Limiter(per_second=2, burst=30))

    def __post_init__(self) -> None:
        """Check engine and keys now: a wrong one refuses to start, not to answer."""
        services = self.services
        rules = services.inbound_rules
        engine, clock = services.engine, services.clock
        self.twilio = TwilioAccounts(services.settings.operator.public_url, accounts_of(services.settings))
        self.email_hooks = email_hooks_of(services.settings.bounces)
        turns = Turns()
        self.presence = PresenceThread(engine, clock, self._stand_in, refused=self.refused)
        self.inbox = InboxThread(lambda: work_inbox(engine, rules, now=clock.now(), turn=turns.patient))

        def commit(rows: "Sequence[Row]") -> None:
            with turns.urgent(), write(engine) as conn:
                store.store_webhooks(conn, rows)
                failpoint("webhook.before_commit")
            failpoint("webhook.committed")

        self.webhooks = GroupCommit(commit, after=self.inbox.notice)
        self._prepare_events(turns)

    def _prepare_events(self, turns: Turns) -> None:
        engine, clock = self.services.engine, self.services.clock
        rules = event_rules(self.services.settings, self.services.hasher)
        self.key_ring = KeyRing(self.services.keys.secret)
        self.event_hand = InboxThread(lambda: work_events(engine, rules, now=clock.now(), turn=turns.patient))

        def commit(group: "Sequence[Posted]") -> None:
            with turns.urgent(), write(engine) as conn:
                take_in(conn, group, now=clock.now())

        self.events = GroupCommit(commit, after=self.event_hand.notice)

    def _stand_in(self) -> None:
        from care.schedule import stand_in  # the planner comes along, which a web process does not need to begin

        stand_in(self.services, self.services.clock.now())

    def turn_away(self, status: int, words: str) -> tuple[int, str]:
        """Log that a request was unusable, and return the answer; a flood of them is one line."""
        if self.refusals.allows("unusable", self.services.clock.monotonic()):
            log.warning("webhook.refused", status=status, problem=words)
        return status, words

    def open(self) -> None:
        """Start working on what is stored."""
        self.inbox.start()
        self.event_hand.start()
        self.presence.start()

    async def close(self) -> None:
        """Store and work on what is in hand."""
        await self.webhooks.close()
        await self.events.close()
        self.inbox.stop()
        self.event_hand.stop()
        self.presence.stop()


def state_of(request: Request) -> WebState:
    """Return the state of the process that serves this request."""
    return cast("WebState", request.app.state.care)
