"""Settings to services, and who fills which port. The only module that knows every adapter."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from care.base.clock import Clock, SystemClock
from care.base.database import open_engine
from care.base.errands import Errands
from care.base.keys import Keys, load_keys
from care.base.logs import configure_command_logs
from care.base.money import minor_digits
from care.base.settings import Settings, load_settings, settings_line
from care.base.told import Told
from care.migrations.version import ensure_current

if TYPE_CHECKING:
    from care.campaigns.campaign_set import CampaignSet
    from care.campaigns.rendering import Renderer
    from care.campaigns.templates import TemplateLibrary
    from care.customers.addresses import AddressHasher
    from care.delivery.intent import IntentRules
    from care.delivery.links import LinkSigner
    from care.delivery.mail_ids import MailIds
    from care.delivery.prepare import Preparer
    from care.delivery.room import Room
    from care.delivery.routes import Routes
    from care.delivery.sentry import Sentry
    from care.delivery.work import Work
    from care.inbound.route import InboundRules
    from care.inbound.sandbox_life import SandboxLife
    from care.planning.selection import PlanningRules
    from care.planning.shelf import Shelf
    from care.policy.model import Policies
    from care.segments.book import SegmentBook
    from care.segments.facts import Fact
    from care.segments.fields import Fields


@dataclass
class Services:
    """What use cases need; built on first use, so a command pays only for what it touches."""

    settings: Settings
    clock: Clock
    root: Path  # folder that relative paths in the settings start from
    errands: Errands = field(default_factory=Errands)  # what waits for somebody outside
    told: Told = field(default_factory=Told)  # what the log says of trouble that lasts

    @cached_property
    def engine(self) -> sa.Engine:
        """Engine of the ledger's database, which is at this program's version.

        Raises:
            SchemaVersionError: `care db upgrade` is needed, or the database is from a newer program.
        """
        engine = self.unchecked_engine
        ensure_current(engine)
        return engine

    @cached_property
    def unchecked_engine(self) -> sa.Engine:
        """The same engine for commands that set up, check or replace the database."""
        return open_engine(self.settings.database.url)

    @cached_property
    def keys(self) -> Keys:
        """The two secrets."""
        return load_keys(self.settings)

    @cached_property
    def hasher(self) -> "AddressHasher":
        """Hashes addresses with the suppression key, checked against the database.

        Raises:
            WrongKeyError: the database was written with another key.
        """
        from care.base.database import write
        from care.customers.addresses import AddressHasher
        from care.customers.keys import check_key, ensure_key

        with self.engine.connect() as conn:
            known = check_key(conn, self.keys.suppression)
        if not known:
            with write(self.engine) as conn:
                ensure_key(conn, self.keys.suppression, self.clock.now())
        return AddressHasher(self.keys.suppression)

    @cached_property
    def policies(self) -> "Policies":
        """What may be said to whom when; the operator's `policy.yaml` beside the campaigns is laid over ours."""
        from care.policy.load import load_policies

        return load_policies(self.root / self.settings.paths.campaigns / "policy.yaml")

    @cached_property
    def library(self) -> "TemplateLibrary":
        """All message templates."""
        from care.campaigns.templates import TemplateLibrary

        return TemplateLibrary(self.root / self.settings.paths.templates)

    @cached_property
    def facts(self) -> "Mapping[str, Fact]":
        """What other capabilities know about a customer and rules may ask, by name."""
        from care.surveys.wiring import rule_facts

        return rule_facts(self.settings.operator.timezone)

    @cached_property
    def fields(self) -> "Fields":
        """Every name that rules may use, in the operator's currency."""
        from care.segments.facts import fact_field
        from care.segments.fields import Fields

        known = map(fact_field, self.facts.values())
        return Fields(minor_digits=minor_digits(self.settings.operator.currency)).with_facts(known)

    @cached_property
    def segments(self) -> "SegmentBook":
        """Segments as their file says, without looking at campaigns; a CareError names every mistake in it."""
        from care.segments.load import load_segments

        return load_segments(self.root / self.settings.paths.campaigns / "segments.yaml", fields=self.fields)

    @cached_property
    def shelf(self) -> "Shelf":
        """Campaign and segment files, read again when they change."""
        from care.surveys.wiring import build_shelf

        return build_shelf(self.settings, self.root, self.library, self.fields, lambda: self.keys.installation)

    @property
    def campaigns(self) -> "CampaignSet":
        """Campaigns as their files say."""
        return self.shelf.campaigns

    @property
    def book(self) -> "SegmentBook":
        """Segments as their file says."""
        return self.shelf.book

    @cached_property
    def renderer(self) -> "Renderer":
        """Puts messages into words."""
        from care.campaigns.rendering import Renderer
        from care.policy.answering import one_way_of

        own, way = self.settings.operator, one_way_of(self.settings)
        return Renderer(library=self.library, policies=self.policies, operator=own, one_way=way)

    @cached_property
    def links(self) -> "LinkSigner":
        """Signs the links in messages; without a public address they lead to this machine, for tries."""
        from care.delivery.links import LinkSigner

        web = self.settings.web
        return LinkSigner(self.keys.secret, self.settings.operator.public_url or f"http://{web.host}:{web.port}")

    @cached_property
    def preparer(self) -> "Preparer":
        """Chooses channels and renders."""
        from care.delivery.prepare import Preparer
        from care.policy.answering import one_way_of

        own = self.settings.operator
        renderer, links = self.renderer, self.links
        return Preparer(
            renderer=renderer,
            links=links,
            locale=own.locale,
            timezone=own.timezone,
            currency=own.currency,
            way_back=one_way_of(self.settings).by_country(self.policies),
        )

    @property
    def planning_rules(self) -> "PlanningRules":
        """What the planner needs besides campaigns."""
        from care.delivery.rules import rates_of
        from care.planning.selection import PlanningRules
        from care.surveys.occasion import NEWS, unplanned

        return PlanningRules(
            policies=self.policies,
            book=self.book,
            operator_zone=self.settings.operator.timezone,
            facts=self.facts,
            rates=rates_of(self.settings),
            approval_above=self.settings.approval.above,
            news={"ticket_resolved": NEWS},
            unplanned={"ticket_resolved": unplanned},
        )

    @property
    def horizon(self) -> timedelta:
        """How far ahead the daemon plans."""
        return timedelta(hours=self.settings.daemon.horizon_hours)

    @cached_property
    def inbound_rules(self) -> "InboundRules":
        """What routes the messages of customers."""
        from care.inbound.route import InboundRules
        from care.inbound.twilio import answered_words
        from care.surveys.conversation.wiring import build_conversation

        settings = self.settings
        talk = build_conversation(settings, self.root, self.policies, self.hasher, self.shelf)
        return InboundRules(
            policies=self.policies,
            hasher=self.hasher,
            mail_ids=self.mail_ids,
            operator_country=settings.operator.country,
            operator_zone=settings.operator.timezone,
            answered_by_provider=answered_words(settings),
            handlers=(talk,),
            allowed=self.shelf.channels_of,
        )

    @cached_property
    def room(self) -> "Room":
        """Room on the disk, where the ledger is a file of ours."""
        from care.delivery.room import Room

        on = self.settings
        return Room(folder=on.data_dir, settings=on.disk, is_ours=on.database.url.startswith("sqlite"))

    def gateways(self) -> "Routes":
        """Return fresh gateways, those of each channel with the primary first, not yet opened."""
        from care.delivery.registry import build_gateways

        return build_gateways(self.settings, clock=self.clock)

    @cached_property
    def sandbox_life(self) -> "SandboxLife":
        """The sandbox's carrier and customers, as far as channels are sandboxes."""
        from care.inbound.sandbox_life import SandboxLife

        return SandboxLife(self.settings, self.engine, self.clock)

    @cached_property
    def mail_ids(self) -> "MailIds":
        """Signs return paths and Message-IDs, and recognises them in mails that come back."""
        from care.delivery.mail_ids import MailIds

        return MailIds(self.keys.secret)

    @cached_property
    def intent_rules(self) -> "IntentRules":
        """What the intent transaction checks."""
        from care.delivery.rules import build_intent_rules
        from care.surveys.conversation.open_questions import PhonesInUse

        settings, digits = self.settings, minor_digits(self.settings.operator.currency)
        rules = build_intent_rules(settings, self.policies, mail_ids=self.mail_ids, minor_digits=digits)
        return replace(rules, open_questions=PhonesInUse(policies=self.policies))

    def sentry(self, *, sole: bool | None = None) -> "Sentry":
        """Return a fresh guard for one process that sends; `sole` says that a lock keeps all others out."""
        from care.delivery.sentry import build_sentry

        return build_sentry(self.settings, self.engine, self.clock, secret=self.keys.secret, root=self.root, sole=sole)

    def work(self, routes: "Routes | None" = None, *, sole: bool | None = None) -> "Work":
        """Return what a dispatcher is made of. Checks the suppression key: a wrong one refuses to send."""
        from care.delivery.apart import Apart
        from care.delivery.work import Work
        from care.surveys.wiring import SUBJECTS

        assert self.hasher is not None
        sentry = self.sentry(sole=sole)
        return Work(
            engine=self.engine,
            clock=self.clock,
            routes=routes or self.gateways(),
            preparer=self.preparer,
            rules=self.intent_rules,
            campaigns=self.shelf.fresh,
            subjects=SUBJECTS,
            sentry=sentry,
            tick_seconds=self.settings.daemon.tick_seconds,
            has_room=lambda: sentry.may_send() and self.room.may_send(),
            apart=Apart(lambda: settings_line(self.settings, self.root)),
        )


def build_services(*, clock: Clock | None = None) -> Services:
    """Read the settings, set up logs as a command wants them, and return the services.

    Raises:
        SettingsError: with every mistake.
    """
    settings = load_settings()
    configure_command_logs(settings.log)
    return Services(settings=settings, clock=clock or SystemClock(), root=Path.cwd())
