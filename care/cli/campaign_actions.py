"""`care campaigns pause|resume|cancel|send-proof`: what changes or sends something."""

from datetime import datetime

import typer

from care.cli.campaign_words import CUSTOMER, JSON, NAME, files_of, preview_of
from care.cli.output import print_json, say
from care.cli.person import who

app = typer.Typer()


@app.command()
def pause(
    name: str = NAME,
    until: datetime | None = typer.Option(
        None,
        "--until",
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"],
        help="Local time of the operator; for good if left out.",
    ),
    json: bool = JSON,
) -> None:
    """Send nothing of a campaign for now; what falls due waits as long as its use-by allows.

    Exit 0: paused. Exit 1: no such campaign.
    """
    from care.base.database import write
    from care.bootstrap import build_services
    from care.calendars.walltime import instant_at, load_zone
    from care.messages.stops import campaign_scope, put_pause

    services = build_services()
    campaign = files_of(services)[0].named(name)
    zone = load_zone(services.settings.operator.timezone)
    end = instant_at(until.date(), until.time(), zone) if until else None
    with write(services.engine) as conn:
        put_pause(conn, campaign_scope(campaign.id), until=end, by=who(), now=services.clock.now())
    if json:
        print_json({"paused": campaign.id, "until": end})
    else:
        say(f"{campaign.name} is paused {f'until {until:%Y-%m-%d %H:%M}' if until else 'until you resume it'}")


@app.command()
def resume(name: str = NAME, json: bool = JSON) -> None:
    """Go on with a paused or cancelled campaign; messages that were cancelled stay so.

    Exit 0: it goes on. Exit 1: no such campaign, or it was neither paused nor cancelled.
    """
    from care.base.database import write
    from care.base.errors import AnswerIsNoError
    from care.bootstrap import build_services
    from care.campaigns.states import resume_campaign

    services = build_services()
    campaign = files_of(services)[0].named(name)
    with write(services.engine) as conn:
        resumed = resume_campaign(conn, campaign, now=services.clock.now())
    if not resumed:
        raise AnswerIsNoError(f"campaign '{campaign.name}' was neither paused nor cancelled. Nothing to do")
    if json:
        print_json({"resumed": campaign.id})
    else:
        say(f"{campaign.name} goes on")


@app.command()
def cancel(name: str = NAME, json: bool = JSON) -> None:
    """Cancel what is unsent of a campaign, and plan nothing more of it until it is resumed.

    Exit 0: cancelled. Exit 1: no such campaign.
    """
    from care.bootstrap import build_services
    from care.campaigns.states import cancel_campaign

    services = build_services()
    campaign = files_of(services)[0].named(name)
    done = cancel_campaign(services.engine, campaign, by=who(), now=services.clock.now())
    if json:
        print_json({"campaign": campaign.id, "cancelled": done.cancelled, "in_work": done.in_work})
        return
    say(f"{campaign.name} is cancelled; {done.cancelled} unsent messages with it")
    if done.in_work:
        say(f"{done.in_work} were with a sender at this moment and may still go")


@app.command("send-proof")
def send_proof(
    name: str = NAME,
    to: str = typer.Option(..., "--to", metavar="ADDRESS", help="Your own number or e-mail address."),
    customer: str | None = CUSTOMER,
    json: bool = JSON,
) -> None:
    """Send one real message to yourself, as a customer would get it; the ledger does not see it.

    Exit 0: the provider took it. Exit 1: it refused, gave no answer, or the address may not be written to.
    """
    import asyncio

    from care.base.database import read, write
    from care.base.errors import AnswerIsNoError, InputError
    from care.bootstrap import build_services
    from care.cli.standing import require_going
    from care.delivery.proof import recipient_of, require_welcome, what_to_do
    from care.delivery.proof import send_proof as hand_over
    from care.watch.accepted import note_outside

    services = build_services()
    campaign = files_of(services)[0].named(name)
    try:
        recipient = recipient_of(to, services.settings.operator.country)
    except InputError as error:
        raise InputError(f"--to: {error}") from None
    hasher = services.hasher
    require_going(services)
    with read(services.engine) as conn:
        require_welcome(conn, recipient, hasher=hasher, settings=services.settings)
    found = preview_of(services, name, customer)
    text = next((one for one in found.texts if one.channel is recipient.channel), None)
    if text is None or text.rendered is None:
        problem = text.problem if text else f"campaign '{campaign.name}' does not go out by {recipient.channel}."
        raise AnswerIsNoError(f"{problem.rstrip('.')}. Choose another address or campaign")
    result = asyncio.run(
        hand_over(
            text.rendered,
            recipient,
            purpose=campaign.purpose,
            template=campaign.template,
            routes=services.gateways(),
            settings=services.settings,
            now=services.clock.now(),
        )
    )
    if result.outcome != "accepted":
        meaning = result.rule.meaning if result.rule else "no reason given"
        code = f" (code {result.error_code})" if result.error_code else ""
        advice = asyncio.run(what_to_do(services.gateways(), recipient.channel))
        raise AnswerIsNoError(f"{recipient.channel}: {result.outcome}: {meaning}{code}. {advice}")
    with write(services.engine) as conn:
        what, refs = f"a proof of {campaign.id} by {recipient.channel}", [result.provider_ref]
        note_outside(conn, refs, what=what, by=who(), now=services.clock.now())
    if json:
        print_json({"sent": campaign.id, "channel": str(recipient.channel), "parts": text.rendered.parts})
    else:
        parts = text.rendered.parts
        say(f"sent by {recipient.channel}, {parts} part{'s' * (parts != 1)}")
