"""Turns sqlglot's tree into a typed tree of our own, refusing whatever is not allowed by name."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from .expression_calls import Calls
from .expression_casts import cast_to
from .expression_nodes import CALLS, COMPARE, FORMS, LOGIC, QUIET, SAID, SUMS
from .expression_scope import column_of
from .expression_tree import (
    BOOLEAN,
    TEXT,
    UNKNOWN,
    ExpressionError,
    Kind,
    Node,
    factors,
    joined,
    kind_of,
    product,
    total,
)
from .expression_typing import widen
from .problems import closest


class Reader(Calls):
    """Turns sqlglot's tree into ours, refusing whatever is not allowed by name."""

    def read(self, node: Any) -> Node:
        try:
            return self._read(node)
        except ExpressionError as error:
            if error.column or not isinstance(node, exp.Expression):
                raise
            raise ExpressionError(error.message, column_of(node), error.suggestion) from error

    def _read(self, node: Any) -> Node:
        kind = type(node)
        more = [key for key, value in node.args.items() if value and key not in FORMS.get(kind, node.args)]
        if set(more) - QUIET:
            raise ExpressionError(f"not allowed here: {more[0].upper()} in '{node.sql()[:40]}'")
        if kind in COMPARE:
            return self._compare(node, COMPARE[kind])
        if kind in LOGIC:
            return joined(LOGIC[kind], [self._boolean(part) for part in node.flatten()])
        if kind in SUMS:
            left, right = self._number(node.left), self._number(node.right)
            return Node(SUMS[kind], total(left.kind, right.kind), (left, right))
        if kind in CALLS or kind is exp.Count:
            return self.call(node)
        reader = getattr(self, "_read_" + kind.__name__.lower(), None)
        if reader is None:
            said = SAID.get(kind) or f"{kind.__name__.upper()} in '{node.sql()[:40]}'"
            raise ExpressionError(f"not allowed here: {said}")
        result: Node = reader(node)
        return result

    # -- operands of one kind

    def _boolean(self, node: Any) -> Node:
        found = self.read(node)
        if found.kind not in (BOOLEAN, UNKNOWN):
            raise ExpressionError(f"a condition is needed, got {found.kind.name}", column_of(node))
        return found

    def _number(self, node: Any) -> Node:
        found = self.read(node)
        if not found.kind.is_number:
            raise ExpressionError(f"a number is needed, got {found.kind.name}", column_of(node))
        return found

    def _compare(self, node: Any, op: str) -> Node:
        sides = [self.read(node.left), self.read(node.right)]
        if any(side.op == "null" for side in sides):
            raise ExpressionError("nothing equals NULL", suggestion="IS NULL or IS NOT NULL")
        return Node(op, BOOLEAN, widen(sides, "a comparison")[1])

    # -- leaves

    def _read_literal(self, node: exp.Literal) -> Node:
        text = str(node.this)
        if node.is_string:
            return Node("literal", TEXT, (), text)
        if not re.fullmatch(r"\d{1,18}(\.\d{1,8})?", text):
            raise ExpressionError(f"{text} is not an exact number of at most 18 digits and 8 decimals")
        whole, _, decimals = text.partition(".")
        kind = Kind("decimal" if decimals else "integer", len(whole), len(decimals))
        return Node("literal", kind, (), text)

    def _read_null(self, _: exp.Null) -> Node:
        return Node("null", UNKNOWN)

    def _read_boolean(self, node: exp.Boolean) -> Node:
        return Node("boolean", BOOLEAN, (), bool(node.this))

    def _read_column(self, node: exp.Column) -> Node:
        if not isinstance(node.this, exp.Identifier) or node.args.get("db"):
            raise ExpressionError("a column or side.column is expected")
        name, qualifier = str(node.name), str(node.table) or None
        if self.scope.columns is None:
            if qualifier is not None:
                raise ExpressionError(
                    f"'{qualifier}.{name}' is not a field", suggestion=f"json_field({qualifier}, '{name}')"
                )
            return Node("column", TEXT, (), (None, name))
        written = f"{qualifier}.{name}" if qualifier else name
        if "." in name and written in self.scope.columns:
            raise ExpressionError(f'"{name}" in double quotes is one name', suggestion=name)
        if written not in self.scope.columns:
            raise ExpressionError(f"unknown column '{written}'", suggestion=self._near(written))
        return Node("column", kind_of(self.scope.columns[written]), (), (qualifier, name))

    def _near(self, written: str) -> str:
        known = list(self.scope.columns or ())
        same_end = [name for name in known if name.rpartition(".")[2] == written.rpartition(".")[2]]
        return closest(written, same_end) or (same_end[0] if same_end else closest(written, known))

    # -- operators

    def _read_paren(self, node: exp.Paren) -> Node:
        return self.read(node.this)

    def _read_neg(self, node: exp.Neg) -> Node:
        found = self._number(node.this)
        return Node("neg", found.kind, (found,))

    def _read_mul(self, node: exp.Mul) -> Node:
        left, right = self._number(node.left), self._number(node.right)
        casts = factors(left.kind, right.kind)
        return Node("mul", product(*casts), (left, right), casts)

    def _read_not(self, node: exp.Not) -> Node:
        return Node("not", BOOLEAN, (self._boolean(node.this),))

    def _read_is(self, node: exp.Is) -> Node:
        if isinstance(node.expression, exp.Null):
            return Node("is", BOOLEAN, (self.read(node.this),), "NULL")
        if isinstance(node.expression, exp.Boolean):
            return Node(
                "is", BOOLEAN, (self._boolean(node.this),), "TRUE" if node.expression.this else "FALSE"
            )
        raise ExpressionError("IS goes with NULL, TRUE or FALSE only")

    def _read_in(self, node: exp.In) -> Node:
        members = [self.read(member) for member in node.expressions]
        if not members or any(
            inner.op not in ("literal", "neg") for member in members for inner in member.walk()
        ):
            raise ExpressionError("IN needs a list of literals, none of them NULL")
        return Node("in", BOOLEAN, widen([self.read(node.this), *members], "IN")[1])

    def _read_between(self, node: exp.Between) -> Node:
        parts = [self.read(part) for part in (node.this, node.args["low"], node.args["high"])]
        if any(part.op == "null" for part in parts):
            raise ExpressionError("nothing lies between NULL", suggestion="IS NULL")
        return Node("between", BOOLEAN, widen(parts, "BETWEEN")[1])

    def _read_case(self, node: exp.Case) -> Node:
        whens = node.args["ifs"]
        default = node.args.get("default")
        values = [self.read(when.args["true"]) for when in whens]
        values.append(self.read(default) if default is not None else Node("null", UNKNOWN))
        kind, values = widen(values, "CASE")[0], list(widen(values, "CASE")[1])
        if node.this is not None:
            operands = [self.read(node.this), *(self.read(when.this) for when in whens)]
            if any(operand.op == "null" for operand in operands[1:]):
                raise ExpressionError("nothing equals NULL", suggestion="CASE WHEN … IS NULL THEN …")
            head, *tests = widen(operands, "CASE")[1]
        else:
            head, tests = None, [self._boolean(when.this) for when in whens]
        pairs = [part for pair in zip(tests, values, strict=False) for part in pair]
        return Node("case", kind, (*([head] if head else []), *pairs, values[-1]), head is not None)

    def _read_cast(self, node: exp.Cast) -> Node:
        return cast_to(node, self.read(node.this))
