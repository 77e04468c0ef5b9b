"""Turns function calls in sqlglot's tree into ours: which function, what arguments, allowed here or not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from sqlglot import exp

from .expression_functions import AGGREGATES, CORE, FUNCTIONS, SIDES
from .expression_nodes import CALLS, QUIET
from .expression_scope import Scope
from .expression_tree import BOOLEAN, TEXT, ExpressionError, Node, joined
from .problems import closest


class Calls(ABC):
    """The part of a reader that knows functions; `read` is the reader's own, for arguments."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.functions = CORE | scope.functions

    @abstractmethod
    def read(self, node: Any) -> Node:
        """Any node of sqlglot's tree as one of ours."""

    def call(self, node: Any) -> Node:
        name, arguments = ("count", ("this",)) if type(node) is exp.Count else CALLS[type(node)]
        if type(node) is exp.Anonymous:
            name = str(node.this).lower()
        known_arguments = {*arguments, "this", *QUIET}
        extra = [key for key, value in node.args.items() if value and key not in known_arguments]
        if extra or (name == "trim" and node.args.get("position")):
            raise ExpressionError(f"{name}() with {', '.join(extra) or 'a position'} is not allowed")
        if name not in self.functions:
            known = FUNCTIONS.keys() | SIDES
            said = "cannot be used here" if name in known else "is not a function"
            raise ExpressionError(
                f"{name}() {said}", suggestion="" if name in known else closest(name, self.functions)
            )
        given: list[Any] = []
        for key in arguments:
            value = node.args.get(key)
            given.extend(value if isinstance(value, list) else [] if value is None else [value])
        if name in SIDES:
            return self._about_sides(name, given)
        if name == "count":
            return self._count(given)
        return self._apply(name, [self.read(argument) for argument in given])

    def _apply(self, name: str, args: list[Node]) -> Node:
        function = FUNCTIONS[name]
        if len(args) < function.least or (function.most is not None and len(args) > function.most):
            raise ExpressionError(f"{name}() got {len(args)} arguments; it is {function.signature}")
        if name in AGGREGATES and any(
            inner.op in AGGREGATES for argument in args for inner in argument.walk()
        ):
            raise ExpressionError(f"{name}() cannot hold another aggregate")
        return function.build(args)

    def _count(self, given: list[Any]) -> Node:
        inner: Any = given[0] if given else None
        if isinstance(inner, exp.Star):
            return self._apply("count", [])
        distinct = isinstance(inner, exp.Distinct)
        parts = inner.expressions if distinct else given
        if len(parts) != 1:
            raise ExpressionError("count() takes *, one value, or DISTINCT one value")
        node = self._apply("count", [self.read(parts[0])])
        return Node("count", node.kind, node.args, distinct)

    def _about_sides(self, name: str, given: list[Any]) -> Node:
        if name == "allowed":
            return self._allowed(given)
        side = (
            given[0].name
            if len(given) == 1 and isinstance(given[0], exp.Column) and not given[0].table
            else ""
        )
        if side not in self.scope.sides:
            raise ExpressionError(
                f"{name}() needs the name of a side, got '{side}'", suggestion=closest(side, self.scope.sides)
            )
        present = Node("present", BOOLEAN, (), side)
        return present if name == "present" else Node("not", BOOLEAN, (present,))

    def _allowed(self, given: list[Any]) -> Node:
        if len(given) != 3:
            raise ExpressionError("allowed() is allowed(pairs, a, b)")
        named = str(given[0].name)
        if named not in self.scope.pairs:
            raise ExpressionError(
                f"the check has no pairs '{named}'", suggestion=closest(named, self.scope.pairs)
            )
        first, second = self.read(given[1]), self.read(given[2])
        for value in (first, second):
            if value.kind != TEXT:
                raise ExpressionError(f"allowed() compares text, got {value.kind.name}")
        matches = [
            Node("and", BOOLEAN, (_equal(first, left), _equal(second, right)))
            for left, right in self.scope.pairs[named]
        ]
        none = Node("boolean", BOOLEAN, (), False)
        return joined("or", matches) if matches else none


def _equal(value: Node, text: str) -> Node:
    return Node("eq", BOOLEAN, (value, Node("literal", TEXT, (), text)))
