"""MJML to HTML that mail programs of all ages show, and the lint that its compiler does not do.

The compiler swallows misspelt tags and attributes in silence, so we keep our own list of what may be written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from css_inline import CSSInliner, InlineError
from mjml import mjml2html

from care.base.errors import FileError

MAX_HTML: Final = 100_000  #: bytes; Gmail cuts a mail at 102 kB and with it the unsubscribe link

_RESET: Final = '<style type="text/css">\n#outlook'
_RESET_KEPT: Final = '<style type="text/css" data-css-inline="ignore">\n#outlook'
_INLINER: Final = CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


def compile_mjml(source: str, origin: Path, include: Callable[[str], str]) -> str:
    """Return the HTML of linted MJML, style rules inlined.

    `origin` is its file; `include` gives the text of a piece by its path.

    Raises:
        FileError: the compiler refuses it, or the page is too large for mail programs.
    """
    failures: list[FileError] = []

    def load(path: str) -> str:
        try:
            return include(path)
        except FileError as error:  # the compiler would hide it behind its own
            failures.append(error)
            return ""

    try:
        page = mjml2html(source, include_loader=load, fonts={}, disable_comments=False)
        page = _INLINER.inline(page.replace(_RESET, _RESET_KEPT, 1))
    except (ValueError, TypeError, InlineError) as error:
        problem = str(error).split("\n")[0] or type(error).__name__
        raise (failures or [FileError(origin, f"is not MJML ({problem})", "Correct the tags")])[0] from None
    if failures:
        raise failures[0]
    if len(page.encode()) > MAX_HTML:
        raise FileError(origin, f"makes a page of more than {MAX_HTML} bytes", "Shorten it")
    return page
