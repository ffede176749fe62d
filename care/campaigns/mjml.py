"""MJML to HTML that mail programs of all ages show, with the style rules written into the tags."""

import re
from pathlib import Path
from typing import Final

from css_inline import CSSInliner, InlineError
from mjml import mjml2html

from care.base.errors import FileError

MAX_HTML: Final = 100_000  #: bytes; Gmail cuts a mail at 102 kB and with it the unsubscribe link

_RESET: Final = re.compile(r'<style type="text/css">\s*#outlook.*?</style>', re.DOTALL)
_INLINER: Final = CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


def compile_mjml(source: str, path: Path) -> str:
    """Return the HTML of linted MJML without includes; `path` is its file.

    Raises:
        FileError: the compiler refuses it, or the page is too large for mail programs.
    """
    try:
        page = _inline(mjml2html(source, fonts={}, disable_comments=False))
    except (ValueError, TypeError, InlineError) as error:
        problem = str(error).split("\n", maxsplit=1)[0] or type(error).__name__
        raise FileError(path, f"is not MJML ({problem})", "Correct the tags") from None
    if len(page.encode()) > MAX_HTML:
        raise FileError(path, f"makes a page of more than {MAX_HTML} bytes", "Shorten it")
    return page


def _inline(page: str) -> str:
    """Write the rules of <mj-style> into the tags; the general reset stays a rule, it would fill every cell."""
    reset = _RESET.search(page)
    if reset is None:
        return str(_INLINER.inline(page))
    inlined = str(_INLINER.inline(page.replace(reset.group(), "", 1)))
    return inlined.replace("</head>", f"{reset.group()}</head>", 1)
