"""The SQL expressions that configuration may hold: parsed, checked against a small allowed subset, typed.

Everything that is not allowed by name is refused: no subqueries, windows, division, LIKE, floating numbers
or side effects. The result is a tree of our own, from which portable SQL is written; what sqlglot would
write never runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

from .expression_functions import AGGREGATES, CORE, MAPPING, SIDES, TIMES
from .expression_reader import Reader
from .expression_scope import Scope
from .expression_sql import PRESENT, Names, literal, quote, size_of, write
from .expression_text import LONGEST, judge, quoted, refusal
from .expression_tree import ExpressionError, Kind, Node

__all__ = [
    "AGGREGATES", "CORE", "MAPPING", "PRESENT", "SIDES", "TIMES", "Expr", "ExpressionError", "Kind",
    "Names", "Scope", "conjuncts", "literal", "parse", "quote", "render",
]  # fmt: skip

_DEEPEST = 120
_LARGEST = 50_000
"""How deep a tree, and how many parts its SQL has: what is accepted can be written wherever it is asked for."""


@dataclass(frozen=True)
class Expr:
    """An accepted expression: its tree, its type (`text`, `decimal`, …, `unknown` for NULL), its text."""

    tree: Node
    text: str

    @property
    def type(self) -> str:
        return self.tree.kind.name

    @property
    def kind(self) -> Kind:
        """The type with its digits, to be given to a `Scope` that builds on this expression."""
        return self.tree.kind

    @cached_property
    def aggregates(self) -> bool:
        """Whether it holds an aggregate, so that its rows must be grouped."""
        return any(node.op in AGGREGATES for node in self.tree.walk())

    @cached_property
    def parameters(self) -> frozenset[str]:
        """The times it needs: `now`, `days_ago_3`, `business_days_ago_2`."""
        return frozenset(str(node.value) for node in self.tree.walk() if node.op == "parameter")

    @cached_property
    def columns(self) -> frozenset[tuple[str | None, str]]:
        """Every (qualifier, name) it reads."""
        return frozenset(node.value for node in self.tree.walk() if node.op == "column")

    @cached_property
    def bare_columns(self) -> frozenset[tuple[str | None, str]]:
        """The columns it reads outside aggregates."""
        return frozenset(_outside(self.tree))

    @cached_property
    def sides(self) -> frozenset[str]:
        """The sides it asks about by `present()` or `missing()`."""
        return frozenset(node.value for node in self.tree.walk() if node.op == "present")


def _outside(node: Node) -> list[tuple[str | None, str]]:
    if node.op == "column":
        return [node.value]
    if node.op in AGGREGATES:
        return []
    return [column for argument in node.args for column in _outside(argument)]


def render(expr: Expr, names: Names) -> str:
    """The expression as SQL. `names(qualifier, name)` gives each column's SQL; asked for `(side, PRESENT)`,
    it
    gives a boolean that says whether the side has a row."""
    return write(expr.tree, names)


@lru_cache(5_000)
def _parsed(text: str) -> tuple[Any, ...]:
    """What sqlglot makes of a text; nobody changes it. Each poll and each run reads the same expressions anew."""
    tokens = sqlglot.tokenize(text)
    judge(text, tokens)
    return tuple(sqlglot.Dialect.get_or_raise(None).parser().parse(list[Token](tokens), text))


def conjuncts(text: str) -> list[str]:
    """The parts of a condition that must all hold, as texts; of one that cannot be read, itself."""
    try:
        [tree] = _parsed(text)
    except (SqlglotError, ValueError, ExpressionError):
        return [text]
    inner = tree.unnest() if tree is not None else None
    if not isinstance(inner, sqlglot.exp.And):
        return [text]
    return [str(part.sql(normalize_functions=False)) for part in inner.flatten()]


def parse(text: str, scope: Scope) -> Expr:
    """Accept an expression or raise `ExpressionError` with the column and what may be meant."""
    try:
        return _accepted(text, scope)
    except ExpressionError as error:
        raise _with_quotes(text, scope, error) from error


def _with_quotes(text: str, scope: Scope, error: ExpressionError) -> ExpressionError:
    """The same refusal, with what is meant where names with a blank or a sign lack their double quotes."""
    written, names = quoted(text) if not error.suggestion and len(text) <= LONGEST else (text, [])
    if not names:
        return error
    if scope.columns is not None:
        known = [
            name for each in names if (name := re.sub(r"\W+", "_", each.strip('".')).lower()) in scope.columns
        ]
        return ExpressionError(error.message, error.column, " and ".join(known))
    try:
        _accepted(written, scope)
    except ExpressionError:
        return error
    said = "a name with a blank or a sign in it stands in double quotes, and what holds it in YAML in single ones"
    meant = f"'{written}'" if "'" not in written else " and ".join(names)
    return ExpressionError(f"{error.message}; {said}", error.column, meant)


def _accepted(text: str, scope: Scope) -> Expr:
    if len(text) > LONGEST:
        raise ExpressionError(f"longer than {LONGEST} characters", LONGEST + 1)
    try:
        found = _parsed(text)
        if len(found) != 1 or found[0] is None:
            raise ExpressionError("one expression is expected here")
        tree = Reader(scope).read(found[0])
    except SqlglotError as error:
        raise refusal(text, error) from error
    except RecursionError as error:
        raise ExpressionError("nested too deeply", 1) from error
    except ExpressionError as error:
        raise ExpressionError(error.message, error.column or 1, error.suggestion) from error
    if tree.depth > _DEEPEST or size_of(tree) > _LARGEST:
        raise ExpressionError("nested too deeply", 1, "a column of its own for a part of it")
    return Expr(tree, text)
