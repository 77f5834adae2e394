"""What an expression may contain: an allow-list over Jinja's syntax tree, and what is read differently from Jinja.

Three forms are read as filters, so that there is one implementation of each:
    ``name.upper()``  as ``name | upper``           the only calls there are
    ``a ~ b``         as ``[a, b] | join``          bounded, and no value is written as nothing
    ``1.19``          as ``'1.19' | number``        never a binary float
"""

from __future__ import annotations

import inspect
import re
from typing import NoReturn

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.parser import Parser
from jinja2.visitor import NodeTransformer

from sync_engine.expressions.dates import unknown_directive
from sync_engine.expressions.errors import InvalidExpression
from sync_engine.expressions.filters import FILTERS, METHODS, TESTS
from sync_engine.expressions.sandbox import SANDBOX
from sync_engine.problems import nearest, problem
from sync_engine.sdk.problem import Origin

MAX_LENGTH = 16_000
"""Characters of an expression or template."""
MAX_DEPTH = 50
VALUES = "values"
"""``values['3d-code']`` is the value of an attribute whose code is no name."""

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.CondExpr,
    nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Concat, nodes.Compare, nodes.Operand,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Not, nodes.And,
    nodes.Or, nodes.Call, nodes.Keyword,
)  # fmt: skip
_FORBIDDEN: dict[type[nodes.Node], tuple[str, str, str]] = {
    nodes.Dict: ("{", "a mapping in braces", "A `translate` table belongs to the mapping itself."),
    nodes.Pow: ("**", "the operator `**`", "Multiply instead."),
}
_INSTEAD = {
    "float": "`number` reads a text as an exact number.",
    "tojson": "An expression yields its value as it is.",
    "safe": "Nothing is escaped unless `escape` asks for it.",
    "format": "Put the parts together with `~`.",
    "selectattr": "Mappings have no list filters by attribute.",
    "defined": "A known attribute is always defined; write `is not none`.",
    "undefined": "A known attribute is always defined; write `is none`.",
}
_EXACT_DIGITS = 15
"""Digits that a literal with decimals may have: so many survive the lexer, which reads them as a binary float."""
_MAX_DIGITS = 38


class Source:
    """A text with the place of each part."""

    def __init__(self, text: str, origin: Origin, *, template: bool) -> None:
        self.text = text
        self.template = template
        self._origin = origin
        self._tokens: list[tuple[int, int, str, str]] = []  # line, offset, type, text

    @property
    def what(self) -> str:
        """The word for the text in messages."""
        return "template" if self.template else "expression"

    def fail(self, code: str, written: str = "", line: int = 1, hint: str = "", **values: object) -> NoReturn:
        """Raise the problem, at the first place from a line on where ``written`` stands as a token."""
        places = [place for at, place, _, text in self._tokens if at >= line and text == written]
        self.fail_at(places[0] if written and places else 0, code, hint, **values)

    def fail_at(self, offset: int, code: str, hint: str = "", **values: object) -> NoReturn:
        """Raise the problem, at a place in the text."""
        raise InvalidExpression(problem(code, self._place(offset), hint, what=self.what, **values))

    def _place(self, offset: int) -> Origin:
        # Line breaks and quotes of the document are gone from the text, so places are only known in a single line.
        if not self._origin.line or "\n" in self.text:
            return self._origin
        quoted = self.text.startswith(tuple("'\"{[&*!|>%@`#")) or ": " in self.text or " #" in self.text
        return Origin(self._origin.file, self._origin.line, self._origin.column + offset + quoted)

    def parse(self) -> nodes.Template | nodes.Expr:
        """The syntax tree; refuses what is no expression before it is parsed."""
        if len(self.text) > MAX_LENGTH:
            self.fail_at(0, "SE407", reason=f"it has more than {MAX_LENGTH:,} characters")
        if not self.template and self.text.lstrip().startswith("{{"):
            self.fail_at(0, "SE408")
        try:
            self._scan()
            if self.template:
                return SANDBOX.parse(self.text)
            parser = Parser(SANDBOX, self.text, state="variable")
            found = parser.parse_expression()
            if not parser.stream.eos:
                parser.fail(f"unexpected {parser.stream.current.value!r}", parser.stream.current.lineno)
            found.set_environment(SANDBOX)
        except TemplateSyntaxError as error:
            self._syntax(error)
        except RecursionError:
            self.fail_at(0, "SE407", reason="its brackets are nested too deep")
        return found

    def _scan(self) -> None:
        """Note where each token stands, refuse statements and numbers that could be something else."""
        place = 0
        state = None if self.template else "variable"
        for line, kind, text in SANDBOX.lexer.tokeniter(self.text, None, None, state):
            found = self.text.find(text, place)
            place = found if found >= 0 else place
            self._tokens.append((line, place, kind, text))
            if kind in ("block_begin", "raw_begin"):
                hint = "Choose with `{{ a if b else c }}`."
                self.fail_at(place, "SE402", hint, construct="a statement (`{% … %}`)")
            if kind in ("integer", "float"):
                self._number(place, text)
                before = self._tokens[-2] if len(self._tokens) > 1 else None
                if before and before[2] == "integer" and before[1] + len(before[3]) == place:  # 012 is read as 0 and 12
                    self.fail_at(before[1], "SE406", literal=before[3] + text)
            place += len(text)

    def _number(self, place: int, text: str) -> None:
        whole, _, decimals = text.partition(".")
        if not (whole + decimals).isdigit() or (len(whole) > 1 and whole.startswith("0")):
            self.fail_at(place, "SE406", f"Write a text in quotes: '{text}'.", literal=text)
        if len(whole) > _MAX_DIGITS or (decimals and len(whole + decimals) > _EXACT_DIGITS):
            self.fail_at(place, "SE406", f"Write '{text}' | number.", literal=text)

    def _syntax(self, error: TemplateSyntaxError) -> NoReturn:
        reason = str(error.message or "it cannot be read")
        if position := re.search(r"unexpected char .* at (\d+)\Z", reason):
            self.fail_at(int(position[1]), "SE401", reason=reason[: position.start(1) - 4])
        reason = reason.replace("'end of template'", "end")
        got = re.search(r"(?:got|unexpected) '(.+)'\Z", reason)
        self.fail("SE401", got[1] if got else "", error.lineno, reason=reason)


class Reader(NodeTransformer):
    """Checks a tree and brings it into the form that is compiled; ``names`` are the free variables it found.

    Args:
        source: the text.
        linked: names of variables that link to other records; a part of one is itself a variable (``brand.country``).
    """

    def __init__(self, source: Source, linked: frozenset[str]) -> None:
        self._source = source
        self._linked = linked
        self._depth = 0
        self.names: set[str] = set()
        self.parts: set[str] = set()
        """What would be variables if the first of the two names were in ``linked``."""

    def read(self, tree: nodes.Node) -> nodes.Node:
        """The tree to compile."""
        found = self.visit(tree)
        found.set_environment(SANDBOX)
        return found

    def visit(self, node: nodes.Node, *args: object, **kwargs: object) -> nodes.Node:
        """Refuse what is not on the list, then read the node."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._source.fail_at(0, "SE407", reason=f"it is nested deeper than {MAX_DEPTH} levels")
        if type(node) in _FORBIDDEN:
            written, construct, hint = _FORBIDDEN[type(node)]
            self._source.fail("SE402", written, node.lineno, hint, construct=construct)
        if type(node) not in _ALLOWED:
            self._source.fail("SE402", "", node.lineno, construct=f"`{type(node).__name__}`")
        read = super().visit(node, *args, **kwargs)
        self._depth -= 1
        return read  # type: ignore[no-any-return]

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802
        """A free variable, unless it stands for something else."""
        if node.name == VALUES:
            self._source.fail(
                "SE402", VALUES, node.lineno, "Write `values['code']`.", construct="`values` without a constant code"
            )
        if node.name == "self":
            self._source.fail("SE402", "self", node.lineno, "Write `values['self']`.", construct="the name `self`")
        self.names.add(node.name)
        return node

    def visit_Const(self, node: nodes.Const) -> nodes.Node:  # noqa: N802
        """A literal; one with decimals is read exactly."""
        if not isinstance(node.value, float):
            return node
        return _filter(nodes.Const(repr(node.value)), "number", node.lineno)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """``~`` as the filter ``join``."""
        parts = nodes.List([self.visit(each) for each in node.nodes], lineno=node.lineno)
        return _filter(parts, "join", node.lineno)

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:  # noqa: N802
        """``a if b`` without ``else`` has no value when ``b`` does not hold."""
        self.generic_visit(node)
        if node.expr2 is None:
            node.expr2 = nodes.Const(None, lineno=node.lineno)
        return node

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802
        """``a.b`` as ``a['b']``."""
        part = nodes.Const(node.attr, lineno=node.lineno)
        return self.visit_Getitem(nodes.Getitem(node.node, part, "load", lineno=node.lineno))

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        """A part of a value, or a variable by its code in quotes."""
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        if isinstance(node.node, nodes.Name) and node.node.name == VALUES and isinstance(key, str):
            self.names.add(key)
            return node
        if isinstance(key, str) and key.startswith("_"):
            self._source.fail("SE402", key, node.lineno, construct=f"`{key}`, a name that starts with an underscore,")
        if isinstance(node.node, nodes.Name) and isinstance(key, str):
            part = f"{node.node.name}.{key}"
            if node.node.name in self._linked:
                self.names.add(part)
                code = nodes.Const(part, lineno=node.lineno)
                return nodes.Getitem(nodes.Name(VALUES, "load", lineno=node.lineno), code, "load", lineno=node.lineno)
            self.parts.add(part)
        return self.generic_visit(node)

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802
        """A method of text as the filter of that name; nothing else can be called."""
        called = node.node
        if not isinstance(called, nodes.Getattr) or called.attr not in METHODS:
            name = called.attr if isinstance(called, nodes.Getattr) else getattr(called, "name", "")
            hint = f"Write `| {name}`." if name in FILTERS else "Filters do the work of functions: `name | upper`."
            self._source.fail("SE402", name, node.lineno, hint, construct=f"the call of `{name or '(…)'}`")
        made = nodes.Filter(called.node, called.attr, node.args, node.kwargs, node.dyn_args, node.dyn_kwargs)
        made.lineno = node.lineno
        return self.visit_Filter(made)

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802
        """A filter of the list with arguments that it takes."""
        self._known(node, FILTERS, "SE403")
        self._arguments(node, node.name, [*node.args], {str(getattr(each, "key", "")) for each in node.kwargs})
        if node.name == "map":
            self._mapped(node)
        if node.name == "date" and node.args and isinstance(node.args[0], nodes.Const):
            wrong = unknown_directive(str(node.args[0].value))
            if wrong is not None:
                self._source.fail("SE405", "date", node.lineno, name="date", reason=f"there is no directive `{wrong}`")
        return self.generic_visit(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802
        """A test of the list."""
        self._known(node, TESTS, "SE404")
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            self._source.fail("SE405", node.name, node.lineno, name=node.name, reason="it takes no arguments")
        return self.generic_visit(node)

    def _known(self, node: nodes.Filter | nodes.Test, table: object, code: str) -> None:
        known = FILTERS if table is FILTERS else TESTS
        if node.name not in known:
            hint = _INSTEAD.get(node.name) or nearest(node.name, known) or f"There are: {', '.join(sorted(known))}."
            self._source.fail(code, node.name, node.lineno, hint, name=node.name)

    def _arguments(self, node: nodes.Filter, name: str, given: list[nodes.Expr], named: set[str]) -> None:
        """Refuse arguments that the filter does not take."""
        reason = ""
        if node.dyn_args or node.dyn_kwargs:
            reason = "its arguments must be written out"
        else:
            try:
                inspect.signature(FILTERS[name]).bind(None, *given, **dict.fromkeys(named))
            except TypeError as error:
                reason = str(error)
        if reason:
            self._source.fail("SE405", node.name, node.lineno, name=name, reason=reason)

    def _mapped(self, node: nodes.Filter) -> None:
        """``map`` names another filter, as a constant."""
        name = node.args[0].value if isinstance(node.args[0], nodes.Const) else None
        if not isinstance(name, str) or name not in FILTERS or name == "map":
            reason = "its first argument is the name of another filter, in quotes"
            self._source.fail("SE405", "map", node.lineno, name="map", reason=reason)
        self._arguments(node, name, node.args[1:], set())


def _filter(value: nodes.Expr, name: str, line: int) -> nodes.Filter:
    return nodes.Filter(value, name, [], [], None, None, lineno=line)
