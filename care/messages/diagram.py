"""`docs/state-machine.md`, written from the table of legal moves."""

from care.messages.model import FINAL, NEXT, OPEN, PLAIN_WORDS, RANK, MessageStatus


def markdown_page() -> str:
    """Return the page: a diagram of every legal move, and each status in plain words."""
    return "\n".join(
        [
            "# Life of a message",
            "",
            "One row of the ledger is one message owed to one customer for one occasion. It always stands in exactly",
            "one of these statuses, and moves only along the arrows; the database refuses any other status. This",
            "page is written from `care/messages/model.py`: `make docs`.",
            "",
            "```mermaid",
            "stateDiagram-v2",
            "    [*] --> planned",
            "    [*] --> skipped",
            *(f"    {source} --> {target}" for source in MessageStatus for target in _targets(source)),
            "```",
            "",
            "| status | means | what to do | may become |",
            "|---|---|---|---|",
            *(_row(status) for status in MessageStatus),
            "",
            f"Still open: {_names(OPEN)}. Final until a person or better news moves them: {_names(FINAL)}.",
            "",
            "A receipt only lifts a message to a higher rank, so doubled, late and shuffled receipts change nothing: "
            + ", ".join(f"{status} {rank}" for status, rank in RANK.items())
            + ".",
            "",
        ]
    )


def _targets(source: MessageStatus) -> list[MessageStatus]:
    return [status for status in MessageStatus if status in NEXT[source]]


def _row(status: MessageStatus) -> str:
    words, advice = PLAIN_WORDS[status]
    return f"| `{status}` | {words} | {advice} | {_names(NEXT[status]) or '–'} |"


def _names(statuses: frozenset[MessageStatus]) -> str:
    return ", ".join(str(status) for status in MessageStatus if status in statuses)
