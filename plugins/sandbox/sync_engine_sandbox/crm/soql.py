"""SOQL text to a tree: the part of the language that loaders and comparisons use.

``SELECT`` of fields, parents' fields and ``COUNT()``; ``WHERE`` with AND, OR, NOT, comparisons, IN, LIKE, INCLUDES and
one level of sub-select; ``ORDER BY``, ``LIMIT``, ``OFFSET``. ``GROUP BY`` and ``TYPEOF`` are refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sync_engine_sandbox.crm.errors import ApiError, refuse

TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^'\\]|\\.)*')
    | (?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<day>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?(?![\w.]))
    | (?P<word>[A-Za-z_][\w.]*(?::\d+)?)
    | (?P<sign><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
SIGNS = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})
UNSUPPORTED = frozenset({"GROUP", "HAVING", "TYPEOF", "WITH", "USING", "FOR"})
LITERAL_KINDS = frozenset({"text", "moment", "day", "number"})


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the query; ``at`` counts characters from 0."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in a condition: kind is text, number, day, moment, boolean, null or range (such as ``LAST_N_DAYS:3``)."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """``field operator value``; the value of IN and INCLUDES is a tuple or a sub-select."""

    path: Token
    operator: str
    value: Literal | tuple[Literal, ...] | Select


@dataclass(frozen=True, slots=True)
class Every:
    """AND."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801 - Any is typing's
    """OR."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """NOT."""

    part: Condition


Condition = Comparison | Every | Any_ | Not


@dataclass(frozen=True, slots=True)
class Order:
    """One key of ORDER BY."""

    path: Token
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Select:
    """A whole query."""

    text: str
    fields: tuple[Token, ...]
    count: bool
    sobject: Token
    where: Condition | None
    order: tuple[Order, ...]
    limit: int | None
    offset: int


def located(query: str, at: int, code: str, message: str) -> ApiError:
    """An error that shows the place in the query, as the platform prints it."""
    start = max(0, at - 60)
    row = query.count("\n", 0, at) + 1
    column = at - (query.rfind("\n", 0, at) + 1) + 1
    shown = query[start : at + 40].replace("\n", " ")
    return refuse(code, f"\n{shown}\n{' ' * (at - start)}^\nERROR at Row:{row}:Column:{column}\n{message}")


def parse(query: str) -> Select:
    """Read a query.

    Raises:
        ApiError: MALFORMED_QUERY, with the place.
    """
    parser = _Parser(query)
    select = parser.select()
    parser.end()
    return select


def _tokens(query: str) -> list[Token]:
    found: list[Token] = []
    at, end = 0, len(query.rstrip())
    while at < end:
        match = TOKEN.match(query, at)
        if match is None or match.lastgroup is None:
            at += len(query[at:]) - len(query[at:].lstrip())
            message = (
                "line breaks not allowed in string literals" if query[at] == "'" else f"unexpected token: '{query[at]}'"
            )
            raise located(query, at, "MALFORMED_QUERY", message)
        found.append(Token(match.lastgroup, match.group(match.lastgroup), match.start(match.lastgroup)))
        at = match.end()
    return found


class _Parser:
    def __init__(self, query: str) -> None:
        self.query = query
        self.tokens = _tokens(query)
        self.at = 0

    def peek(self, offset: int = 0) -> Token:
        index = self.at + offset
        return self.tokens[index] if index < len(self.tokens) else Token("end", "<EOF>", len(self.query))

    def next(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def is_word(self, *words: str) -> bool:
        for offset, word in enumerate(words):
            token = self.peek(offset)
            if token.kind != "word" or token.text.upper() != word:
                return False
        return True

    def take(self, *words: str) -> bool:
        if self.is_word(*words):
            self.at += len(words)
            return True
        return False

    def expect(self, text: str) -> Token:
        token = self.next()
        if token.text.upper() != text:
            raise self.unexpected(token)
        return token

    def name(self) -> Token:
        token = self.next()
        if token.kind != "word":
            raise self.unexpected(token)
        return token

    def unexpected(self, token: Token) -> ApiError:
        if token.text.upper() in UNSUPPORTED:
            return located(
                self.query, token.at, "MALFORMED_QUERY", f"{token.text.upper()} is not supported by this local server"
            )
        if token.kind == "end":
            return located(self.query, token.at, "MALFORMED_QUERY", "unexpected token: '<EOF>'")
        return located(self.query, token.at, "MALFORMED_QUERY", f"unexpected token: '{token.text}'")

    def end(self) -> None:
        if self.peek().kind != "end":
            raise self.unexpected(self.peek())

    def select(self) -> Select:
        start = self.expect("SELECT").at
        fields, count = self.fields()
        self.expect("FROM")
        sobject = self.name()
        where = self.any_of() if self.take("WHERE") else None
        order = self.orders() if self.take("ORDER", "BY") else ()
        limit = self.whole() if self.take("LIMIT") else None
        offset = self.whole() if self.take("OFFSET") else 0
        self.take("ALL", "ROWS")
        return Select(self.query[start:], fields, count, sobject, where, order, limit, offset)

    def fields(self) -> tuple[tuple[Token, ...], bool]:
        if self.is_word("COUNT") and self.peek(1).text == "(" and self.peek(2).text == ")":
            self.at += 3
            return (), True
        found = [self.name()]
        while self.peek().text == ",":
            self.next()
            found.append(self.name())
        return tuple(found), False

    def whole(self) -> int:
        token = self.next()
        if token.kind != "number" or not token.text.isdigit():
            raise self.unexpected(token)
        return int(token.text)

    def orders(self) -> tuple[Order, ...]:
        found = [self.order()]
        while self.peek().text == ",":
            self.next()
            found.append(self.order())
        return tuple(found)

    def order(self) -> Order:
        path = self.name()
        descending = self.take("DESC")
        if not descending:
            self.take("ASC")
        last = self.take("NULLS", "LAST")
        if not last:
            self.take("NULLS", "FIRST")
        return Order(path, descending, last)

    def any_of(self) -> Condition:
        """Conditions of one level: all joined by AND, or all by OR; mixing them needs parentheses."""
        first = self.negated()
        if not self.is_word("AND") and not self.is_word("OR"):
            return first
        word, other, kind = ("AND", "OR", Every) if self.is_word("AND") else ("OR", "AND", Any_)
        parts = [first]
        while self.take(word):
            parts.append(self.negated())
        if self.is_word(other):
            raise self.unexpected(self.peek())
        return kind(tuple(parts))

    def negated(self) -> Condition:
        if self.take("NOT"):
            return Not(self.negated())
        if self.peek().text == "(":
            self.next()
            inner = self.any_of()
            self.expect(")")
            return inner
        return self.comparison()

    def comparison(self) -> Comparison:
        path = self.name()
        token = self.next()
        operator = token.text.upper()
        if operator == "NOT":
            self.expect("IN")
            return Comparison(path, "NOT IN", self.values())
        if operator in {"IN", "INCLUDES", "EXCLUDES"}:
            return Comparison(path, operator, self.values())
        if operator == "LIKE" or token.text in SIGNS:
            return Comparison(path, "!=" if operator == "<>" else operator, self.literal())
        raise self.unexpected(token)

    def values(self) -> tuple[Literal, ...] | Select:
        self.expect("(")
        if self.is_word("SELECT"):
            inner = self.select()
            self.expect(")")
            return inner
        found = [self.literal()]
        while self.peek().text == ",":
            self.next()
            found.append(self.literal())
        self.expect(")")
        return tuple(found)

    def literal(self) -> Literal:
        token = self.next()
        if token.kind == "text":
            return Literal("text", unescape(token.text[1:-1]))
        if token.kind in LITERAL_KINDS:
            return Literal(token.kind, token.text)
        word = token.text.upper()
        if word in {"TRUE", "FALSE"}:
            return Literal("boolean", word.lower())
        if word == "NULL":
            return Literal("null", "null")
        if token.kind == "word" and "." not in word:
            return Literal("range", word)
        raise self.unexpected(token)


def unescape(text: str) -> str:
    r"""Take the backslashes out of a quoted text; ``\%`` and ``\_`` stay for LIKE."""
    return re.sub(r"\\([^%_])", lambda match: ESCAPES.get(match.group(1).lower(), match.group(1)), text)
