"""The SQL expressions that configuration may hold: parsed, checked against a small allowed subset, typed.

Everything that is not allowed by name is refused: no subqueries, windows, division, LIKE, floating numbers
or side effects. The result is a tree of our own, from which portable SQL is written; what sqlglot would
write never runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import sqlglot
from sqlglot.errors import SqlglotError

from .expression_functions import AGGREGATES, CORE, MAPPING, SIDES, TIMES
from .expression_reader import Reader
from .expression_scope import Scope
from .expression_sql import PRESENT, Names, literal, quote, write
from .expression_tree import ExpressionError, Kind, Node

__all__ = [
    "AGGREGATES", "CORE", "MAPPING", "PRESENT", "SIDES", "TIMES", "Expr", "ExpressionError", "Kind",
    "Names", "Scope", "conjuncts", "literal", "parse", "quote", "render",
]  # fmt: skip

_LONGEST = 4000


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
    return tuple(sqlglot.parse(text))


def conjuncts(text: str) -> list[str]:
    """The parts of a condition that must all hold, as texts; of one that cannot be read, itself."""
    try:
        [tree] = _parsed(text)
    except (SqlglotError, ValueError):
        return [text]
    inner = tree.unnest() if tree is not None else None
    if not isinstance(inner, sqlglot.exp.And):
        return [text]
    return [str(part.sql(normalize_functions=False)) for part in inner.flatten()]


def parse(text: str, scope: Scope) -> Expr:
    """Accept an expression or raise `ExpressionError` with the column and what may be meant."""
    if len(text) > _LONGEST:
        raise ExpressionError(f"longer than {_LONGEST} characters")
    try:
        found = _parsed(text)
        if len(found) != 1 or found[0] is None:
            raise ExpressionError("one expression is expected here")
        return Expr(Reader(scope).read(found[0]), text)
    except SqlglotError as error:
        details = getattr(error, "errors", None) or [{}]
        said = str(details[0].get("description") or "not an expression").rstrip(".")
        raise ExpressionError(said, int(details[0].get("col") or 0)) from error
    except RecursionError as error:
        raise ExpressionError("nested too deeply") from error
