"""An e-mail template made ready once: MJML to inlined HTML, HTML to text, with the Jinja tags carried through.

MJML and CSS know nothing of Jinja, so every tag is replaced by a mark before they work and put back after.
What is left per customer is one Jinja rendering each for subject, text and HTML.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import nodes

from care.base.errors import FileError, InputError
from care.campaigns.mjml import compile_mjml
from care.campaigns.mjml_lint import lint_mjml
from care.campaigns.sandbox import Render, compile_html, compile_text, parse
from care.campaigns.template_files import read_source, shared_file, split_email
from care.campaigns.template_names import names_in
from care.campaigns.text_part import text_part

_TAG: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_MARK: Final = re.compile(r"<!--jx(\d+)xj-->|jx(\d+)xj")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledEmail:
    """The three renderers of an e-mail and the variables they use."""

    needed: frozenset[str]
    optional: frozenset[str]
    subject: Render
    text: Render
    html: Render


class _Marks:
    """Jinja tags and the marks that stand for them: words for values, comments for `{% %}`."""

    def __init__(self) -> None:
        self.tags: list[str] = []

    def hide(self, source: str) -> str:
        """Return the source with marks in place of tags; lines stay lines."""
        return _TAG.sub(self._mark, source)

    def _mark(self, found: re.Match[str]) -> str:
        tag = found.group()
        if tag.startswith("{#"):
            return "\n" * tag.count("\n")
        self.tags.append(" ".join(tag.split()))
        mark = f"jx{len(self.tags) - 1}xj"
        lines = "\n" * tag.count("\n")
        return f"<!--{mark}-->{lines}" if tag.startswith("{%") else mark + lines

    def restore(self, text: str) -> str:
        """Return the text with the tags back in place."""
        return _MARK.sub(lambda found: self.tags[int(found.group(1) or found.group(2))], text)


def compile_email(source: str, path: Path, directory: Path) -> CompiledEmail:
    """Return the renderers of an e-mail template; `directory` holds the shared pieces it may include.

    Raises:
        FileError: in this file or in a piece, at the exact line: front matter, Jinja, MJML.
    """
    email = split_email(source, path)
    trees = [
        parse(email.subject, path, first_line=email.subject_line),
        parse(email.body, path, first_line=email.body_line),
    ]
    marks = _Marks()
    body = _hidden(email.body, path, email.body_line, marks)
    html = compile_mjml(body, path, _including(directory, path, marks, trees))
    needed, optional = names_in(*trees)
    return CompiledEmail(
        needed=needed,
        optional=optional,
        subject=compile_text(email.subject),
        text=compile_text(marks.restore(text_part(html))),
        html=compile_html(marks.restore(html)),
    )


def _hidden(source: str, path: Path, first_line: int, marks: _Marks) -> str:
    found = _MARK.search(source)
    if found:
        line = source[: found.start()].count("\n") + first_line
        raise FileError(path, f"the word '{found.group()}' is used inside", "Choose another word", line=line)
    hidden = marks.hide(source)
    lint_mjml(hidden, path, first_line=first_line, restore=marks.restore)
    return hidden


def _including(directory: Path, path: Path, marks: _Marks, trees: list[nodes.Template]) -> Callable[[str], str]:
    """Return how a shared piece is read, checked and hidden as the e-mail itself is."""

    def load(wanted: str) -> str:
        try:
            piece = shared_file(directory, wanted)
        except InputError as error:
            raise FileError(path, "includes what is not there", str(error)) from None
        source = read_source(piece)
        trees.append(parse(source, piece))
        return _hidden(source, piece, 1, marks)

    return load
