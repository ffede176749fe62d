"""What the `care campaigns` commands share: options, states, the preview and how it prints."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from datetime import date

    from care.bootstrap import Services
    from care.campaigns.campaign_set import CampaignSet
    from care.campaigns.checks.context import KnownCampaign
    from care.campaigns.preview import Preview, PreviewText
    from care.segments.book import SegmentBook

JSON = typer.Option(False, "--json", help="Print JSON.")
NAME = typer.Argument(metavar="NAME", help="Name or id of the campaign.")
CUSTOMER = typer.Option(None, "--customer", metavar="ID", help="The customer's id as imported; else a sample one.")


def files_of(services: "Services") -> "tuple[CampaignSet, SegmentBook]":
    """Return campaigns and segments as their files say now; what is broken is in the set, for the command to tell.

    Raises:
        CareError: the folder or the segments cannot be used.
    """
    from care.campaigns.load import SEGMENTS_FILE, load_campaigns
    from care.segments.load import load_segments

    shelf = services.shelf
    book = load_segments(shelf.directory / SEGMENTS_FILE, fields=shelf.fields)
    digest, kinds = services.library.digest, shelf.kinds
    return load_campaigns(shelf.directory, book, country=shelf.country, template_digest=digest, kinds=kinds), book


def today_of(services: "Services") -> "date":
    """Return the operator's local day."""
    from care.calendars.walltime import load_zone, local_day

    return local_day(services.clock.now(), load_zone(services.settings.operator.timezone))


def has_database(services: "Services") -> bool:
    """Tell whether there is a database to ask: files can be checked before one is set up, and none is made for it."""
    from care.base.errors import CareError
    from care.migrations.version import ensure_current

    name = services.settings.database.url.removeprefix("sqlite:///")
    if name != services.settings.database.url and not (services.root / name).is_file():
        return False
    try:
        ensure_current(services.unchecked_engine)
    except CareError:
        return False
    return True


def known_to_ledger(services: "Services") -> "tuple[KnownCampaign, ...]":
    """Return the campaigns the planner has worked with; none without a database."""
    from care.base.database import read
    from care.campaigns.states import known_campaigns

    if not has_database(services):
        return ()
    with read(services.engine) as conn:
        return known_campaigns(conn)


def states_of(services: "Services") -> dict[str, str]:
    """Return the state of campaigns that are not simply live, by id; none without a database."""
    from care.base.database import read
    from care.campaigns.states import states_now

    if not has_database(services):
        return {}
    with read(services.engine) as conn:
        return states_now(conn, services.clock.now())


def preview_of(services: "Services", name: str, customer: str | None) -> "Preview":
    """Return a campaign as one customer, or a sample one, would get it.

    Raises:
        UnknownCampaignError, AnswerIsNoError: no such campaign or customer.
    """
    from care.base.database import read
    from care.campaigns.preview import preview, sample_preview

    campaign = files_of(services)[0].named(name)
    operator, today = services.settings.operator, today_of(services)
    if customer is None:
        return sample_preview(campaign, renderer=services.renderer, operator=operator, today=today)
    with read(services.engine) as conn:
        return preview(conn, campaign, customer, renderer=services.renderer, operator=operator, today=today)


def preview_lines(found: "Preview") -> Iterator[str]:
    """Yield a preview for people."""
    who = found.facts.customer["external_id"]
    if found.due_at is None:
        yield f"{who}: not due in the coming year; the occasion is a sample"
    else:
        yield f"{who}: {found.facts.occasion}, due {found.due_at:%Y-%m-%d %H:%M} UTC"
    for text in found.texts:
        yield ""
        yield _heading(text)
        if text.rendered is None:
            yield text.problem
            continue
        if text.rendered.subject:
            yield f"Subject: {text.rendered.subject}"
        yield text.rendered.text.strip()
        if 0 < len(text.costly) <= _STRAY:
            yield f"dearer through: {' '.join(text.costly)}"


def _heading(text: "PreviewText") -> str:
    to = f" to {text.address}" if text.address else ", no address"
    if text.rendered is None:
        return f"[{text.channel}{to}]"
    parts = text.rendered.parts
    size = f", {parts} part{'s' * (parts != 1)} of {text.rendered.encoding}" if text.rendered.encoding else ""
    return f"[{text.channel}{to}, {text.rendered.locale}{size}]"


_STRAY = 8
"""So few letters beyond the alphabet of SMS may be a typing mistake; more of them are another script."""


def preview_as_json(found: "Preview") -> dict[str, Any]:
    """Return a preview for programs; addresses stay masked."""
    return {
        "customer": found.facts.customer["external_id"],
        "occasion": found.facts.occasion,
        "due_at": found.due_at,
        "texts": [_text_as_json(text) for text in found.texts],
    }


def _text_as_json(text: "PreviewText") -> dict[str, Any]:
    told: dict[str, Any] = {"channel": str(text.channel), "address": text.address}
    if text.rendered is None:
        return told | {"problem": text.problem}
    rendered = text.rendered
    return told | {
        "locale": rendered.locale,
        "parts": rendered.parts,
        "encoding": rendered.encoding,
        "subject": rendered.subject,
        "text": rendered.text,
        "costly": list(text.costly),
    }
