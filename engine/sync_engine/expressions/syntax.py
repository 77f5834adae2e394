"""The allow-list of syntax: what an expression or template may consist of."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from jinja2 import nodes

from sync_engine.expressions.environment import CONCAT, TESTS
from sync_engine.expressions.filters import FILTERS

_FRAME = (nodes.Template, nodes.Output, nodes.TemplateData)
_VALUES = (nodes.Name, nodes.Const, nodes.Tuple, nodes.List, nodes.Keyword, nodes.Slice)
_OPERATIONS = (
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.And, nodes.Or,
    nodes.Not, nodes.Compare, nodes.Operand, nodes.Concat, nodes.CondExpr,
)  # fmt: skip
_ACCESS = (nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem)
_ALLOWED = frozenset((*_FRAME, *_VALUES, *_OPERATIONS, *_ACCESS))


class Forbidden(Exception):
    """Something that does not exist here.

    Attributes:
        code: of the problem.
        what: names it.
        line: of the text, from 1.
        name: a misspelt name, when that is the reason; ``known`` has those that exist.
    """

    def __init__(self, code: str, what: str, line: int, name: str = "", known: Collection[str] = ()) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.line = line
        self.name = name
        self.known = known


def check(tree: nodes.Template, values: str, deepest: int) -> tuple[nodes.Template, frozenset[str], dict[str, Decimal]]:
    """Check a syntax tree and prepare it for compiling.

    Args:
        tree: as parsed.
        values: the name that stands for all attributes.
        deepest: levels of nesting.

    Returns:
        The tree, with decimal literals as variables and joined texts as a bounded filter; the names that are read; and
        the values of those variables.

    Raises:
        Forbidden: on the first thing that does not exist here.
    """
    numbers: dict[str, Decimal] = {}
    names: set[str] = set()
    _visit(tree, values, deepest, names, numbers)
    return tree, frozenset(names), numbers


def _visit(node: nodes.Node, values: str, left: int, names: set[str], numbers: dict[str, Decimal]) -> None:
    if type(node) not in _ALLOWED:
        raise Forbidden("SE402", _word(node), node.lineno)
    if left == 0:
        raise Forbidden("SE402", "such deep nesting", node.lineno)
    _check_names(node)
    if isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.Name) and node.node.name == values:
        if not isinstance(node.arg, nodes.Const) or not isinstance(node.arg.value, str):
            raise Forbidden("SE402", f"`{values}[…]` with anything but a code in quotes", node.lineno)
        names.add(node.arg.value)
        return
    if isinstance(node, nodes.Name) and node.ctx == "load":
        if node.name == values:
            raise Forbidden("SE402", f"`{values}` without a code in brackets", node.lineno)
        if not node.name.startswith("_number_"):
            names.add(node.name)
    for name, child in list(node.iter_fields()):
        if isinstance(child, nodes.Node):
            setattr(node, name, _replaced(child, numbers))
        elif isinstance(child, list):
            child[:] = [_replaced(each, numbers) if isinstance(each, nodes.Node) else each for each in child]
    for each in node.iter_child_nodes():
        _visit(each, values, left - 1, names, numbers)


def _check_names(node: nodes.Node) -> None:
    """Filters, tests and attributes by name."""
    reserved = isinstance(node, nodes.Name) and (node.name == "self" or node.name.startswith("_"))
    if isinstance(node, nodes.Name) and reserved and not node.name.startswith("_number_"):
        raise Forbidden("SE402", f"the name `{node.name}`", node.lineno)
    if isinstance(node, nodes.Filter) and node.name != CONCAT and node.name not in FILTERS:
        raise Forbidden("SE403", f"filter `{node.name}`", node.lineno, node.name, FILTERS)
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        raise Forbidden("SE403", f"test `{node.name}`", node.lineno, node.name, TESTS)
    if isinstance(node, (nodes.Filter, nodes.Test)) and (node.dyn_args is not None or node.dyn_kwargs is not None):
        raise Forbidden("SE402", "arguments by `*`", node.lineno)
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        raise Forbidden("SE402", f"the name `{node.attr}`", node.lineno)


def _replaced(node: nodes.Node, numbers: dict[str, Decimal]) -> nodes.Node:
    """Decimal literals as variables that hold a Decimal; ``a ~ b`` as a filter that bounds what it builds."""
    if isinstance(node, nodes.Const) and isinstance(node.value, float):
        name = f"_number_{len(numbers)}"
        numbers[name] = Decimal(repr(node.value))
        return nodes.Name(name, "load", lineno=node.lineno)
    if isinstance(node, nodes.Concat):
        items = nodes.Tuple(list(node.nodes), "load", lineno=node.lineno)
        return nodes.Filter(items, CONCAT, [], [], None, None, lineno=node.lineno)
    return node


def _word(node: nodes.Node) -> str:
    words: dict[type[nodes.Node], str] = {
        nodes.Call: "a call; use a filter, such as `name | upper`",
        nodes.For: "a loop",
        nodes.If: "a statement; write `a if b else c`",
        nodes.Pow: "`**`",
        nodes.Dict: "a dictionary",
        nodes.Include: "`include`",
        nodes.Import: "`import`",
        nodes.FromImport: "`import`",
        nodes.Extends: "`extends`",
        nodes.Macro: "a macro",
    }
    return words.get(type(node), f"the statement `{type(node).__name__.lower()}`")
