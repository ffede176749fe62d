"""What may be written in an e-mail template: a short list of MJML and HTML tags, with their attributes."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from care.base.errors import FileError
from care.base.yamlfile import did_you_mean


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BOX: Final = _words("css-class mj-class padding padding-top padding-right padding-bottom padding-left")
_BORDER: Final = _words("border border-radius border-top border-right border-bottom border-left")
_FONT: Final = _words(
    "align color container-background-color font-family font-size font-style font-weight letter-spacing line-height"
    " text-decoration text-transform"
)
_SECTION: Final = _BOX | _BORDER | _words("background-color direction full-width text-align")
_MJML: Final[dict[str, frozenset[str]]] = {
    "mjml": _words("lang dir"),
    "mj-head": frozenset(),
    "mj-title": frozenset(),
    "mj-preview": frozenset(),
    "mj-style": frozenset(),
    "mj-breakpoint": _words("width"),
    "mj-attributes": frozenset(),
    "mj-body": _words("background-color css-class width"),
    "mj-include": _words("path"),
    "mj-wrapper": _SECTION,
    "mj-section": _SECTION,
    "mj-group": _words("background-color css-class direction mj-class vertical-align width"),
    "mj-column": _BOX | _BORDER | _words("background-color vertical-align width"),
    "mj-text": _BOX | _FONT | {"height"},
    "mj-button": _BOX
    | _BORDER
    | _FONT
    | _words("background-color height href inner-padding target text-align title vertical-align width"),
    "mj-image": _BOX | _BORDER | _words("align alt container-background-color height href src target title width"),
    "mj-divider": _BOX | _words("align border-color border-style border-width container-background-color width"),
    "mj-spacer": _BOX | _words("container-background-color height"),
    "mj-table": _BOX | _FONT | _words("border cellpadding cellspacing table-layout width"),
    "mj-raw": frozenset(),
}
_EVERY: Final = frozenset().union(*_MJML.values()) - {"path", "lang", "dir"}
_DEFAULTS: Final = {"mj-all": _EVERY, "mj-class": _EVERY | {"name"}}
_CHILDREN: Final[dict[str, frozenset[str]]] = {
    "mjml": _words("mj-head mj-body"),
    "mj-head": _words("mj-title mj-preview mj-style mj-breakpoint mj-attributes mj-include mj-raw"),
    "mj-attributes": frozenset(_MJML) - _words("mjml mj-head mj-include") | frozenset(_DEFAULTS),
    "mj-body": _words("mj-wrapper mj-section mj-include mj-raw"),
    "mj-wrapper": _words("mj-section mj-include mj-raw"),
    "mj-section": _words("mj-column mj-group mj-include mj-raw"),
    "mj-group": _words("mj-column mj-include mj-raw"),
    "mj-column": _words("mj-text mj-button mj-image mj-divider mj-spacer mj-table mj-include mj-raw"),
}
_TEXT_TAGS: Final = _words("mj-text mj-button mj-table mj-raw mj-title mj-preview mj-style")
_HTML_TAGS: Final = _words(
    "a b br div em h1 h2 h3 h4 hr i img li ol p small span strong sub sup table tbody td th thead tr u ul"
)
_HTML_ATTRIBUTES: Final = _words(
    "align alt border cellpadding cellspacing class colspan dir height href lang role rowspan src style target title"
    " valign width"
)
_VOID: Final = frozenset({"br", "hr", "img"})
_ADDRESS: Final = re.compile(r"(https://|mailto:|tel:)\S|\{\{ ?[a-z_]+_url ?\}\}")
_MARK: Final = "<!--jx"


def lint_mjml(source: str, path: Path, *, first_line: int, restore: Callable[[str], str]) -> None:
    """Refuse what the compiler would swallow; `restore` puts Jinja tags back into a piece of the source.

    Raises:
        FileError: the first unknown or misplaced tag, unknown attribute, unsafe link, or tag left open; with its line.
    """
    lint = _Lint(path, first_line, restore)
    lint.feed(source)
    lint.close()
    if lint.open:
        tag, line = lint.open[-1]
        raise FileError(path, f"<{tag}> is never closed", f"Add </{tag}>", line=line)


class _Lint(HTMLParser):
    """Walks the tags and remembers which are open."""

    def __init__(self, path: Path, first_line: int, restore: Callable[[str], str]) -> None:
        super().__init__(convert_charrefs=True)
        self.path, self.shift, self.restore = path, first_line - 1, restore
        self.open: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check a tag that opens."""
        self._check(tag, attrs)
        if tag not in _VOID:
            self.open.append((tag, self._line()))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check a tag that closes itself."""
        self._check(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Check that what closes is what was opened last."""
        if tag in _VOID:
            return
        if not self.open:
            self._refuse(f"</{tag}> closes nothing", "Remove it")
        opened, line = self.open.pop()
        if opened != tag:
            self._refuse(f"</{tag}> comes before </{opened}> of line {line}", f"Close <{opened}> first")

    def handle_data(self, data: str) -> None:
        """Refuse words where MJML would drop them."""
        if data.strip() and not self._holds_text():
            self.shift += data[: len(data) - len(data.lstrip())].count("\n")
            self._refuse("text stands outside <mj-text>", "Put it into <mj-text> inside a <mj-column>")

    def handle_comment(self, data: str) -> None:
        """Refuse a `{% %}` where MJML would drop it."""
        if data.startswith("jx") and not self._holds_text():
            self._refuse("a {% %} tag stands between MJML tags", "Put it into <mj-raw>{% … %}</mj-raw>")

    def _holds_text(self) -> bool:
        return any(tag in _TEXT_TAGS for tag, _ in self.open)

    def _check(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        parent = self.open[-1][0] if self.open else ""
        inside_text = self._holds_text()
        known = self._known_attributes(tag, parent, inside_text=inside_text)
        if not inside_text:
            self._check_place(tag, parent)
        for name, value in attrs:
            if name not in known:
                self._refuse(f"<{tag}> has no attribute '{name}'", did_you_mean(name, known))
            self._check_value(tag, name, value or "")
        if tag == "mj-include" and not dict(attrs).get("path"):
            self._refuse("<mj-include> has no path", 'Write <mj-include path="_shared/….mjml" />')

    def _known_attributes(self, tag: str, parent: str, *, inside_text: bool) -> frozenset[str]:
        if parent == "mj-attributes":
            tags = {**{name: attributes | _EVERY for name, attributes in _MJML.items()}, **_DEFAULTS}
        elif inside_text:
            tags = dict.fromkeys(_HTML_TAGS, _HTML_ATTRIBUTES)
        else:
            tags = _MJML
        if tag not in tags:
            self._refuse(f"the tag <{tag}> is not known here", did_you_mean(tag, tags))
        return tags[tag]

    def _check_place(self, tag: str, parent: str) -> None:
        allowed = _CHILDREN.get(parent)
        if allowed is not None and tag not in allowed:
            self._refuse(f"<{tag}> cannot stand in <{parent}>", f"Allowed there: {', '.join(sorted(allowed))}")

    def _check_value(self, tag: str, name: str, value: str) -> None:
        if _MARK in value:
            self._refuse(f"a {{% %}} tag stands inside {name}=", "Write the whole tag twice inside {% if %}")
        if name in ("href", "src") and not _ADDRESS.match(self.restore(value)):
            self._refuse(
                f"{name}= of <{tag}> is not a safe address", "Begin with https://, mailto:, tel: or a {{ …_url }}"
            )

    def _line(self) -> int:
        return self.getpos()[0] + self.shift

    def _refuse(self, problem: str, fix: str) -> None:
        raise FileError(self.path, problem, fix, line=self._line())
