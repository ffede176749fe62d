"""An e-mail template made ready once: MJML to inlined HTML, HTML to text, with the Jinja tags carried through.

MJML and CSS know nothing of Jinja, so every tag is replaced by a mark before they work and put back after.
What is left per customer is one Jinja rendering each for subject, text and HTML.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import nodes

from care.base.errors import FileError, InputError
from care.campaigns.mjml import compile_mjml
from care.campaigns.mjml_lint import lint_mjml
from care.campaigns.sandbox import Render, compile_html, compile_text, compile_text_part, parse
from care.campaigns.template_files import read_source, shared_file, split_email
from care.campaigns.template_names import names_in
from care.campaigns.text_part import text_part

_TAG: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_MARK: Final = re.compile(r"<!--jx(\d+)xj-->|jx(\d+)xj")
_INCLUDE: Final = re.compile(r"""<mj-include\s+path=["']([^"']*)["']\s*(?:/>|>\s*</mj-include>)""")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledEmail:
    """The three renderers of an e-mail and the variables they use."""

    needed: frozenset[str]
    optional: frozenset[str]
    subject: Render
    text: Render
    html: Render


def compile_email(source: str, path: Path, directory: Path) -> CompiledEmail:
    """Return the renderers of an e-mail template; `directory` holds the shared pieces it may include.

    Raises:
        FileError: in this file or in a piece, at the exact line: front matter, Jinja, MJML.
    """
    email = split_email(source, path)
    subject = parse(email.subject, path, first_line=email.subject_line)
    body = _Body(directory)
    html = compile_mjml(body.whole(email.body, path, email.body_line), path)
    needed, optional = names_in(subject, *body.trees)
    return CompiledEmail(
        needed=needed,
        optional=optional,
        subject=compile_text(email.subject),
        text=compile_text_part(body.restore(text_part(html))),
        html=compile_html(body.restore(html)),
    )


class _Body:
    """One MJML page with its pieces put in; its Jinja tags are hidden behind marks.

    Values are marked by words, which may stand anywhere; `{% %}` by comments, which even a table lets pass.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.trees: list[nodes.Template] = []
        self._tags: list[str] = []

    def whole(self, source: str, path: Path, first_line: int) -> str:
        """Return the page without includes: the compiler's own would lose the width of the page.

        Raises:
            FileError: at the exact line of this file or of the piece.
        """

        def piece(found: re.Match[str]) -> str:
            try:
                file = shared_file(self.directory, found.group(1))
            except InputError as error:
                line = hidden[: found.start()].count("\n") + first_line
                raise FileError(path, "includes what is not there", str(error), line=line) from None
            inner = self._checked(read_source(file), file, 1)
            if "<mj-include" in inner:
                raise FileError(file, "includes another piece", "Include it from the e-mail itself")
            return inner

        hidden = self._checked(source, path, first_line)
        return _INCLUDE.sub(piece, hidden)

    def restore(self, text: str) -> str:
        """Return a text with the tags back in place."""
        return _MARK.sub(lambda found: self._tags[int(found.group(1) or found.group(2))], text)

    def _checked(self, source: str, path: Path, first_line: int) -> str:
        """Return a source with its tags hidden, once Jinja and MJML have found nothing wrong with it."""
        found = _MARK.search(source)
        if found:
            line = source[: found.start()].count("\n") + first_line
            raise FileError(path, f"the word '{found.group()}' is used inside", "Choose another word", line=line)
        self.trees.append(parse(source, path, first_line=first_line))
        hidden = _TAG.sub(self._mark, source)
        lint_mjml(hidden, path, first_line=first_line, restore=self.restore)
        return hidden

    def _mark(self, found: re.Match[str]) -> str:
        tag = found.group()
        lines = "\n" * tag.count("\n")
        if tag.startswith("{#"):
            return lines
        words = " ".join(tag.split())
        if words not in self._tags:
            self._tags.append(words)
        mark = f"jx{self._tags.index(words)}xj"
        return f"<!--{mark}-->{lines}" if tag.startswith("{%") else mark + lines
