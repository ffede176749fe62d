"""Which variables a template needs, and which it can do without because it asks for them first."""

from jinja2 import nodes

Names = frozenset[str]
_NONE: Names = frozenset()


def names_in(*trees: nodes.Template) -> tuple[Names, Names]:
    """Return (needed, optional) variables of the parts of one message.

    A variable that is only used where an `{% if %}` has made sure of it may be absent; any other must be there:
    `{% if years %}{{ years }} years{% endif %}` can do without `years`, `{{ years }} years` cannot.
    """
    needed: set[str] = set()
    asked: set[str] = set()
    for tree in trees:
        _walk(tree, _NONE, needed, asked)
    return frozenset(needed), frozenset(asked - needed)


def _walk(node: nodes.Node, sure: Names, needed: set[str], asked: set[str]) -> None:
    """Sort the names below a node; `sure` are those known to be there and not empty."""
    if isinstance(node, nodes.Name):
        (asked if node.name in sure else needed).add(node.name)
    elif isinstance(node, nodes.If):
        _test(node.test, sure, needed, asked)
        for child in node.body:
            _walk(child, sure | _sure_if(node.test, holds=True), needed, asked)
        for child in (*node.elif_, *node.else_):
            _walk(child, sure | _sure_if(node.test, holds=False), needed, asked)
    elif isinstance(node, nodes.CondExpr):
        _test(node.test, sure, needed, asked)
        _walk(node.expr1, sure | _sure_if(node.test, holds=True), needed, asked)
        if node.expr2:
            _walk(node.expr2, sure | _sure_if(node.test, holds=False), needed, asked)
    else:
        for child in node.iter_child_nodes():
            _walk(child, sure, needed, asked)


def _test(test: nodes.Node, sure: Names, needed: set[str], asked: set[str]) -> None:
    """Sort the names of a condition: a bare name only asks."""
    if isinstance(test, nodes.Name):
        asked.add(test.name)
    elif isinstance(test, nodes.Not):
        _test(test.node, sure, needed, asked)
    elif isinstance(test, nodes.And | nodes.Or):
        _test(test.left, sure, needed, asked)
        later = sure | _sure_if(test.left, holds=isinstance(test, nodes.And))
        _test(test.right, later, needed, asked)
    else:
        _walk(test, sure, needed, asked)


def _sure_if(test: nodes.Node, *, holds: bool) -> Names:
    """Return the names that are there and not empty when a condition holds, or when it does not."""
    if isinstance(test, nodes.Name):
        return frozenset({test.name}) if holds else _NONE
    if isinstance(test, nodes.Not):
        return _sure_if(test.node, holds=not holds)
    if isinstance(test, nodes.And | nodes.Or):
        left, right = _sure_if(test.left, holds=holds), _sure_if(test.right, holds=holds)
        return left | right if isinstance(test, nodes.And) is holds else left & right
    return _NONE
