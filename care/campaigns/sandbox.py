"""The cage that templates run in: words and choices, no calls, no attributes, no arithmetic, no loops.

Marketing is trusted for words, not for code. Two walls stand behind each other: a template with anything
but the few allowed nodes is refused when it is loaded, and what runs is Jinja's immutable sandbox without
globals, tests or built-in filters, which also refuses the operators that can grow a value without limit.
"""

import re
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.environment import Template
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from care.base.errors import FileError
from care.base.pieced import Pieced
from care.base.yamlfile import did_you_mean

Value = str | int
Render = Callable[[dict[str, Value]], str]

MAX_SOURCE: Final = 100_000  #: characters of one template file
MAX_NODES: Final = 2_000  #: pieces of one template: a tag has two or three
MAX_DEPTH: Final = 40  #: pieces inside each other

_ALLOWED: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Filter,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)
_VARIABLE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_COMPARISONS: Final = frozenset({"eq", "ne", "gt", "gteq", "lt", "lteq"})
_GROWING: Final = frozenset({"*", "**", "%", "+", "<<"})
_WORDS: Final[Mapping[str, str]] = {
    "Call": "calls are not allowed",
    "Getattr": "attributes are not allowed, variables are plain words and numbers",
    "Getitem": "indexes are not allowed, variables are plain words and numbers",
    "For": "loops are not allowed",
    "Macro": "macros are not allowed",
    "Assign": "{% set %} is not allowed; the subject of an e-mail stands in its front matter",
    "Include": "{% include %} is not allowed; an e-mail includes with <mj-include>",
    "Extends": "{% extends %} is not allowed; an e-mail includes with <mj-include>",
    "Scope": "escaping cannot be changed",
}


class Cage(ImmutableSandboxedEnvironment):
    """Jinja without anything but values and our few filters."""

    intercepted_binops = _GROWING

    def __init__(self, *, html: bool) -> None:
        """`html` escapes every value; a text is left as it is."""
        super().__init__(undefined=StrictUndefined, autoescape=html, keep_trailing_newline=False)
        self.globals = {}
        self.tests = {}
        self.filters = dict(FILTERS)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002
        """Refuse: a value could grow without limit."""
        raise SecurityError(f"the operator {operator} is not allowed")

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ARG002
        """Nothing may be called."""
        return False

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002
        """Nothing has attributes."""
        return False


def capitalize_first(text: Value) -> str:
    """Return the text with its first letter large and the rest as it was."""
    words = str(text)
    return words[:1].upper() + words[1:]


def upper(text: Value) -> str:
    """Return the text in capital letters."""
    return str(text).upper()


def lower(text: Value) -> str:
    """Return the text in small letters."""
    return str(text).lower()


def plural(number: Value, one: str, many: str) -> str:
    """Return the number with the word that fits it: `1 year`, `8 years`."""
    return f"{number} {one if str(number) == '1' else many}"


FILTERS: Final[Mapping[str, Callable[..., str]]] = {
    "capitalize_first": capitalize_first,
    "upper": upper,
    "lower": lower,
    "plural": plural,
}

_TEXT: Final = Cage(html=False)
_HTML: Final = Cage(html=True)


def compile_text(source: str) -> Render:
    """Return a renderer for plain text: values appear as they are. The source must have passed `parse`."""
    return _fast(_TEXT.from_string(source))


def compile_text_part(source: str) -> Render:
    """Return the same for the text part of an e-mail; what it makes is `Pieced`."""
    return _in_pieces(_TEXT.from_string(source))


def compile_html(source: str) -> Render:
    """Return a renderer for HTML: every value is escaped; what it makes is `Pieced`.

    The source must have passed `parse`.
    """
    return _in_pieces(_HTML.from_string(source))


def parse(source: str, path: Path, *, first_line: int = 1) -> nodes.Template:
    """Return the syntax tree of a template that keeps to what is allowed.

    `first_line` is the line of the file where `source` begins.

    Raises:
        FileError: at the exact line, for wrong syntax or for anything that is not allowed.
    """
    shift = first_line - 1
    if len(source) > MAX_SOURCE:
        raise FileError(path, f"has more than {MAX_SOURCE} characters", "Shorten it")
    try:
        tree = _TEXT.parse(source)
    except TemplateSyntaxError as error:
        problem = (error.message or "is not a template").rstrip(".")
        raise FileError(path, problem, "Correct the tag here", line=error.lineno + shift) from None
    except (RecursionError, ValueError):  # ValueError: a number with thousands of digits
        raise FileError(path, "is nested too deeply, or a number in it is too long", "Write it plainly") from None
    _refuse_strangers(tree, path, shift)
    return tree


def _refuse_strangers(tree: nodes.Template, path: Path, shift: int) -> None:
    stack: list[tuple[nodes.Node, int, int]] = [(tree, 1, 0)]
    seen = 0
    while stack:
        node, line, depth = stack.pop()
        seen += 1
        line = node.lineno or next((below.lineno for below in node.find_all(nodes.Node) if below.lineno), line)
        if depth > MAX_DEPTH or seen > MAX_NODES:
            raise FileError(path, "has too many tags, or too many inside each other", "Split it", line=line + shift)
        problem = _stranger(node)
        if problem:
            fix = "Use variables, {% if %} and the filters " + ", ".join(FILTERS)
            raise FileError(path, problem, fix, line=line + shift)
        if isinstance(node, nodes.Filter):
            _check_filter(node, path, line + shift)
        stack.extend((child, line, depth + 1) for child in node.iter_child_nodes())


def _check_filter(node: nodes.Filter, path: Path, line: int) -> None:
    if node.name not in FILTERS:
        raise FileError(path, f"the filter '{node.name}' is not allowed", did_you_mean(node.name, FILTERS), line=line)
    wanted = len(signature(FILTERS[node.name]).parameters) - 1
    if len(node.args) != wanted:
        raise FileError(path, f"the filter '{node.name}' takes {wanted} words", "Give it as many", line=line)


def _stranger(node: nodes.Node) -> str:
    """Return what is wrong with a node itself, or nothing."""
    if type(node) not in _ALLOWED:
        kind = type(node).__name__
        return _WORDS.get(kind, f"'{kind.lower()}' is not allowed")
    if isinstance(node, nodes.Name):
        is_variable = node.ctx == "load" and node.name != "self" and _VARIABLE.fullmatch(node.name)
        return "" if is_variable else f"'{node.name}' cannot be a variable"
    if isinstance(node, nodes.Operand) and node.op not in _COMPARISONS:
        return f"the comparison '{node.op}' is not allowed"
    if isinstance(node, nodes.Const) and not isinstance(node.value, Value):
        return f"the value {node.value!r} is not allowed"
    is_computed = isinstance(node, nodes.Filter) and (node.kwargs or node.dyn_args or node.dyn_kwargs)
    return "filters take plain values only" if is_computed else ""


class _Values(Context):
    """The values and nothing else of a context: blocks, exports and globals are dear to prepare, and forbidden."""

    def __init__(self, values: dict[str, Value]) -> None:
        self.parent = values

    def resolve_or_missing(self, key: str) -> Any:
        """Return a value, or Jinja's mark of a missing one."""
        return self.parent.get(key, missing)

    def __getattr__(self, name: str) -> Any:
        """Refuse whatever is not there."""
        raise SecurityError("a template has values only")


def _fast(template: Template) -> Render:
    """Return a renderer that skips what `Template.render` repeats for each call."""
    root, join = template.root_render_func, "".join

    def render(values: dict[str, Value]) -> str:
        return join(root(_Values(values)))

    return render


def _in_pieces(template: Template) -> Render:
    """Return a renderer of texts that know their pieces: Jinja yields the author's words and the values one by one."""
    root, joined = template.root_render_func, Pieced.joined

    def render(values: dict[str, Value]) -> str:
        return joined([*root(_Values(values))])

    return render
