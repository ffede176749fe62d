"""Some hundred sayings of mail systems in many languages, of dead and living addresses alike: `sayings.tsv`."""

import csv
from importlib import resources

import pytest

from care.inbound.bounces.model import Finding
from care.inbound.bounces.read import read_bounce
from tests.inbound.bounces.dialects import POSTFIX, report, words

ADDRESS = "wang@customer.example"
AT_DATA = POSTFIX.replace("RCPT TO command", "end of DATA command")


def sayings(kind: str) -> list[tuple[str, str]]:
    text = resources.files("tests.inbound.bounces").joinpath("sayings.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [(row["how"], row["text"]) for row in rows if row["kind"] == kind]


def read(how: str, text: str) -> Finding:
    said = text.replace("{a}", ADDRESS).replace("{d}", "customer.example").replace("|", "\n")
    mails = {
        "rcpt": lambda: words(POSTFIX.format(address=ADDRESS, answer=said)),
        "data": lambda: words(AT_DATA.format(address=ADDRESS, answer=said)),
        "said": lambda: report(ADDRESS, diagnosis=said, letter="Delivery failed.\n"),
        "letter": lambda: words(said),
    }
    return read_bounce(mails[how]()).first


class TestSayings:
    @pytest.mark.parametrize("kind", ["hard", "soft"])
    def test_mean_what_they_say(self, kind: str) -> None:
        """Each names the address, and tells the dead from those that may live."""
        wrong = [
            (how, text, str(found.kind), found.reason)
            for how, text in sayings(kind)
            if ((found := read(how, text)).kind, found.recipient) != (kind, ADDRESS)
        ]
        assert wrong == []
