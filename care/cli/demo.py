"""`care demo`: the product at work, without any account."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from care.demo.look import Sight
    from care.demo.run import Outcome

app = typer.Typer()

_MOST_CUSTOMERS = 200_000
_LOOK_AT = (
    "the books and promises of the week, each with its figure; they are counted twice, by two ways",
    "who got nothing, and the reason in plain words: no consent, household told already, too often, hold-out",
    "notices falling due one by one in the next half hour: reload the page and see them leave and arrive",
    "the log's problems: refused, switched off, answered by nobody, and what was done about each",
    "one message's own page: why it was owed, when it was tried, what the provider said",
)
_TRY = (
    ("care log --follow", "each message as it leaves"),
    ("care plan --days 3", "who would get what, when, and what it costs"),
    ("care inbox list", "what customers wrote back; care inbox answer replies"),
    ("care books", "the books, campaign by campaign"),
    ("care import customers files/customers.csv", "the same file again changes nothing"),
)


@app.command()
def demo(
    *,
    customers: int = typer.Option(10_000, min=20, max=_MOST_CUSTOMERS, help="How many customers to make up."),
    once: bool = typer.Option(False, "--once", help="Play the past week, print the books and end; start nothing."),
    port: int = typer.Option(8000, min=0, max=65535, help="Port of the console; 0 takes a free one."),
    folder: Path = typer.Option(
        Path(".demo"), "--dir", help="Working folder of the demo; an earlier demo's is emptied."
    ),
    seed: int = typer.Option(1, help="Another number makes other people; the same number makes the same."),
    until: str = typer.Option("", "--until", help="With --once: end the week on this day, as 2026-09-26, not now."),
    json: bool = typer.Option(False, "--json", help="With --once: print the result as one JSON object."),
) -> None:
    """Show the product at work: made-up customers, a week of messages through the sandbox, then the live console.

    Nothing leaves this machine and no folder but the demo's own is touched. Ends on Ctrl-C.
    Exit 0: fine. Exit 1: the books do not balance. Exit 2: the folder or the port cannot be used.
    """
    from care.base.errors import InputError
    from care.demo.live import free_port

    if not once and (json or until):
        raise InputError("--json and --until belong to --once. Add --once, or leave them out")
    chosen = port if once else free_port(port)
    folder = folder.resolve()
    outcome = _play(folder, customers=customers, seed=seed, port=chosen, until=_end_of_week(until), quiet=json)
    if once:
        answer(outcome, customers=customers, seed=seed, as_json=json)
    else:
        _go_live(folder, chosen, outcome)


def _end_of_week(day: str) -> "datetime":
    from datetime import time

    from care.base.clock import SystemClock
    from care.base.errors import InputError
    from care.calendars.walltime import instant_at, load_zone
    from care.cli.times import read_day
    from care.demo.folder import ZONE

    now = SystemClock().now()
    if not day:
        return now
    until = instant_at(read_day("--until", day), time(22), load_zone(ZONE))
    if until > now:
        raise InputError(f"--until {day}: is not over yet. Name a past day")
    return until


def _play(folder: Path, *, customers: int, seed: int, port: int, until: "datetime", quiet: bool) -> "Outcome":
    from care.cli.output import say
    from care.demo.run import Wish, run_demo

    if not quiet:
        say(f"The demo works in {folder} (seed {seed}); nothing leaves this machine.")
    wish = Wish(folder=folder, customers=customers, seed=seed, port=port, until=until)
    with _progress(quiet=quiet) as on_progress:
        return run_demo(wish, say=(lambda _line: None) if quiet else say, on_progress=on_progress)


@contextmanager
def _progress(*, quiet: bool) -> "Iterator[Callable[[str, float], None]]":
    """Show a bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda _what, _share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    with Progress(TextColumn("{task.description}"), BarColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Importing", total=1.0)
        yield lambda what, share: bar.update(task, description=f"Playing the past week: {what}", completed=share)


def answer(outcome: "Outcome", *, customers: int, seed: int, as_json: bool) -> None:
    """Print the books and what the outbox says.

    Raises:
        AnswerIsNoError: something does not add up.
    """
    from care.base.errors import AnswerIsNoError
    from care.cli.books import tell
    from care.cli.output import print_json, say

    proof = outcome.proof
    if as_json:
        print_json(_as_object(outcome, customers=customers, seed=seed))
    else:
        tell(proof.books)
        say(_outbox_line(outcome))
    if not proof.books.balance:
        raise AnswerIsNoError(proof.books.verdict)
    if not proof.balances:
        raise AnswerIsNoError(_outbox_line(outcome))


def _outbox_line(outcome: "Outcome") -> str:
    found = outcome.proof.outbox
    if found.balances:
        return f"The outbox agrees: each of {found.accepted:,} accepted messages is in it exactly once."
    return (
        f"The outbox does NOT agree: of {found.accepted:,} accepted messages {found.missing} are missing, "
        f"{found.doubled} came twice, and {found.stray} in it nobody knows of."
    )


def _as_object(outcome: "Outcome", *, customers: int, seed: int) -> dict[str, Any]:
    from care.cli.books import as_object

    proof = outcome.proof
    books = as_object(proof.books)
    return {
        "balanced": proof.balances,
        "customers": customers,
        "seed": seed,
        "since": outcome.since,
        "until": outcome.until,
        "handed_over": outcome.handed_over,
        "duplicates": books["promises"]["duplicates"],
        "by_status": proof.by_status,
        "skipped": proof.skipped,
        "inbound": proof.inbound,
        "outbox": {
            "accepted": proof.outbox.accepted,
            "missing": proof.outbox.missing,
            "doubled": proof.outbox.doubled,
            "stray": proof.outbox.stray,
        },
        "books": books,
        "seconds": outcome.seconds,
    }


def _go_live(folder: Path, port: int, outcome: "Outcome") -> None:
    from care.cli.output import complain, say
    from care.demo.live import HOST, LOG, run_live

    say(outcome.proof.books.verdict)
    say(_outbox_line(outcome))
    say("Starting the daemon, the sender and the console …")

    def on_ready(answers: bool) -> None:
        if answers:
            _welcome(folder, f"http://{HOST}:{port}/", outcome.sights)
        else:
            complain(f"The console does not answer. The reason should be in {folder / LOG}")

    run_live(folder, port=port, on_ready=on_ready)
    say(f"Stopped. The week stays in {folder} until the next demo; care run, started there, goes on with it.")


def _welcome(folder: Path, address: str, sights: "Sequence[Sight]") -> None:
    from care.cli.output import say
    from care.demo.live import LOG

    say(f"\nThe console: {address}   (for this machine only, no sign-in)")
    say("\nLook at")
    for line in _LOOK_AT:
        say(f"  {line}")
    say("\nTry in a second terminal")
    for line in _how_to_get_there(folder):
        say(f"  {line}")
    commands = [*_TRY, *((sight.command, sight.shows) for sight in sights)]
    width = max(len(command) for command, _ in commands)
    for command, shows in commands:
        say(f"  {command:<{width}}   {shows}")
    say(f"\nCtrl-C ends it. What the processes log is in {folder / LOG}")


def _how_to_get_there(folder: Path) -> list[str]:
    """Return the lines that make `care` known to a shell, if it is not, and lead it into the folder."""
    import shutil

    here = Path(sys.executable).parent
    found = shutil.which("care")
    lines = [] if found and Path(found).parent == here else [f'export PATH="{here}:$PATH"']
    return [*lines, f"cd {folder}"]
