"""Names, forms of address and e-mail words in three languages, drawn at random from `names.yaml`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from care.base.yamlfile import parse_yaml
from care.demo.dice import Dice


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """How somebody is called. `mailbox` is the word before the @, still without a number."""

    name: str
    salutation: str
    mailbox: str
    surname: str = ""  # empty for firms


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """The words of one language."""

    tag: str
    surnames: Mapping[str, str]  # as written -> in Latin letters
    given: tuple[tuple[str, Sequence[str]], ...]  # form of address with {surname}, first names that go with it
    firms: Sequence[str]
    trades: Sequence[str]
    managers: Sequence[str]

    def person(self, dice: Dice, surname: str = "") -> Called:
        """Draw a person, of the family `surname` if one is given."""
        surname = surname or dice.choice(list(self.surnames))
        title, names = dice.choice(self.given)
        first = dice.choice(names)
        gap = " " if self.tag == "en" else ""
        name = f"{first}{gap}{surname}" if gap else f"{surname}{first}"
        family = self.surnames[surname]
        mailbox = f"{first.lower()}.{family}" if gap else family
        return Called(name=name, salutation=title.format(surname=surname), mailbox=mailbox, surname=surname)

    def firm(self, dice: Dice) -> Called:
        """Draw a firm; it has no form of address of its own."""
        gap = " " if self.tag == "en" else ""
        return Called(name=f"{dice.choice(self.firms)}{gap}{dice.choice(self.trades)}", salutation="", mailbox="office")


@cache
def language(tag: str) -> Language:
    """Return the words of `zh-CN`, `zh-TW` or `en`."""
    return _languages()[tag]


@cache
def _languages() -> Mapping[str, Language]:
    source = resources.files("care.demo").joinpath("names.yaml")
    found = parse_yaml(source.read_text(encoding="utf-8"), Path("names.yaml"))
    return {str(tag): _language(str(tag), words) for tag, words in found.items()}


def _language(tag: str, words: Mapping[str, Any]) -> Language:
    titles = words["titles"]
    return Language(
        tag=tag,
        surnames={str(name): str(latin) for name, latin in words["surnames"].items()},
        given=tuple((str(titles[kind]), [str(name) for name in words[kind]]) for kind in ("women", "men")),
        firms=[str(word) for word in words["firms"]],
        trades=[str(word) for word in words["trades"]],
        managers=[str(word) for word in words["managers"]],
    )
