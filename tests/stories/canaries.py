"""Two hundred customers whose every word can be recognised wherever it turns up."""

import csv
from dataclasses import dataclass
from pathlib import Path

PHRASE = "velvet harbour seventeen"
"""Stands in the body of every message and reply."""

_REFUSED = ("unknown-user", "plain-no", "spam")


@dataclass(frozen=True, slots=True)
class Canary:
    """One customer; nothing of this may be read in a log."""

    number: int
    name: str
    salutation: str
    phone: str
    email: str
    street: str

    @property
    def words(self) -> tuple[str, ...]:
        """What to search for: parts that no program would write by itself."""
        digits = self.phone.removeprefix("+")
        return (self.name, self.salutation, digits, digits[2:], self.email, self.email.split("@")[1], self.street)


def make_canaries(count: int = 200) -> list[Canary]:
    """Return customers with names of two scripts, numbers, addresses and streets that are theirs alone."""
    return [
        Canary(
            number=n,
            name=f"鹂鸣{chr(0x4E00 + 37 * n)}{chr(0x5E00 + 11 * n)}" if n % 2 else f"Quillfeather{n:03d}",
            salutation=f"尊贵的鹂{chr(0x4E00 + 41 * n)}女士" if n % 2 else f"Dear Lady Q{n:03d}feather",
            phone=f"+86139{7_000_000 + 7919 * n:08d}",
            email=f"{_REFUSED[n % 3] if n % 10 == 0 else f'canary{n:03d}'}@nest{n:03d}.example.org",
            street=f"Nightingale Alley {n:03d}",
        )
        for n in range(count)
    ]


def write_customers(canaries: list[Canary], path: Path, *, zone: str) -> None:
    """Write an import file, with two rows at its end that are refused."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "salutation", "phone", "email", "street", "timezone", "country", "joined_on"])
        for canary in canaries:
            phone = "" if canary.number % 4 == 0 else canary.phone
            words = (canary.name, canary.salutation, phone, canary.email, canary.street)
            writer.writerow([f"K{canary.number}", *words, zone, "CN", "2010-05-01"])
        first = canaries[0]
        writer.writerow(
            ["K900", first.name, first.salutation, first.phone + "12345", first.email, first.street, zone, "CN", ""]
        )
        writer.writerow(
            ["K901", first.name, first.salutation, "", "not@@" + first.email, first.street, zone, "CN", "2010-99-01"]
        )


def found_in(canaries: list[Canary], text: str) -> list[str]:
    """Return every planted word that the text holds, with a little of what stands around it."""
    hits = []
    for word in (PHRASE, *(word for canary in canaries for word in canary.words)):
        at = text.find(word)
        if at >= 0:
            hits.append(f"{word!r} in …{text[max(0, at - 120) : at + 60]!r}…")
    return hits
