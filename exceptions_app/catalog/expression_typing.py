"""What each function takes and gives: checks the arguments and makes the typed node. Knows no SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from .expression_tree import (
    BOOLEAN,
    COUNT,
    DECIMAL,
    TEXT,
    UNKNOWN,
    WIDEST,
    ExpressionError,
    Kind,
    Node,
    common,
    decimal_of,
)
from .json_path import steps_of
from .patterns import groups_of
from .problems import closest

Build = Callable[[Sequence[Node]], Node]


def need(node: Node, wanted: Kind, name: str) -> Node:
    if node.kind not in (wanted, UNKNOWN) and not (node.kind.is_number and wanted.is_number):
        raise ExpressionError(f"{name}() needs {wanted.name}, got {node.kind.name}")
    return node


def literal(node: Node, kind: str, name: str) -> str:
    if node.op != "literal" or node.kind.name != kind:
        raise ExpressionError(
            f"{name}() needs {'a quoted text' if kind == 'text' else 'a whole number'} written out here"
        )
    return str(node.value)


def texts(name: str, result: Kind = TEXT) -> Build:
    return lambda args: Node(name, result, tuple(need(argument, TEXT, name) for argument in args))


def widen(args: Sequence[Node], name: str) -> tuple[Kind, tuple[Node, ...]]:
    """One kind for all arguments, each cast to it where it has more decimals than can be kept."""

    def both(left: Kind, right: Kind) -> Kind:
        found = common(left, right)
        if found is None:
            said = f"{name} needs values of one type, got {left.name} and {right.name}"
            raise ExpressionError(said, suggestion=_bridge(left, right))
        return found

    kind = reduce(both, (argument.kind for argument in args))
    full = (
        kind.width >= WIDEST
    )  # a product is written a digit wider: beside it the engine would cut decimals itself
    fits = [a.kind.scale > kind.scale or (full and a.kind.is_number) for a in args]
    return kind, tuple(Node("fit", kind, (a,)) if fit else a for a, fit in zip(args, fits, strict=True))


def _bridge(left: Kind, right: Kind) -> str:
    """What would make two kinds one."""
    names = {left.name, right.name}
    if names == {"date", "timestamp"}:
        return "CAST(… AS date)"
    typed = names - {"text"} - {"boolean"}
    return f"CAST(… AS {typed.pop()})" if len(typed) == 1 and "text" in names else ""


def alike(name: str) -> Build:
    def build(args: Sequence[Node]) -> Node:
        kind, fitted = widen(args, f"{name}()")
        return Node(name, kind, fitted)

    return build


def nullif(args: Sequence[Node]) -> Node:
    widen(args, "nullif()")
    return Node("nullif", args[0].kind, tuple(args))


def number(name: str) -> Build:
    def build(args: Sequence[Node]) -> Node:
        if not args[0].kind.is_number:
            raise ExpressionError(f"{name}() needs a number, got {args[0].kind.name}")
        return Node(name, args[0].kind, tuple(args))

    return build


def extreme(name: str) -> Build:
    def build(args: Sequence[Node]) -> Node:
        if args[0].kind == BOOLEAN:
            raise ExpressionError(f"{name}() does not take boolean", suggestion="bool_or or bool_and")
        return Node(name, args[0].kind, tuple(args))

    return build


_FURTHEST = 1_000_000


def substring(args: Sequence[Node]) -> Node:
    for position, least in zip(args[1:], (1, 0), strict=False):
        if not least <= int(literal(position, "integer", "substring")) <= _FURTHEST:
            raise ExpressionError(f"substring() counts characters from 1 to {_FURTHEST}")
    return Node("substring", TEXT, (need(args[0], TEXT, "substring"), *args[1:]))


def _pattern(node: Node, name: str) -> tuple[str, dict[str, int]]:
    pattern = literal(node, "text", name)
    try:
        return pattern, groups_of(pattern)
    except ValueError as error:
        raise ExpressionError(f"{name}(): {error}") from None


def matches(args: Sequence[Node]) -> Node:
    pattern, _ = _pattern(args[1], "matches")
    return Node("matches", BOOLEAN, (need(args[0], TEXT, "matches"),), pattern)


def match_part(args: Sequence[Node]) -> Node:
    pattern, groups = _pattern(args[1], "match_part")
    group = literal(args[2], "text", "match_part")
    if group not in groups:
        known = ", ".join(groups) or "none"
        raise ExpressionError(
            f"the pattern has no group '{group}'; it has {known}", suggestion=closest(group, groups)
        )
    return Node("match_part", TEXT, (need(args[0], TEXT, "match_part"),), (pattern, groups[group]))


def split(args: Sequence[Node]) -> Node:
    if not literal(args[1], "text", "split"):
        raise ExpressionError("split() needs a separator, got an empty text")
    if int(literal(args[2], "integer", "split")) < 1:
        raise ExpressionError("split() counts parts from 1")
    return Node("split", TEXT, (need(args[0], TEXT, "split"), *args[1:]))


def json_field(args: Sequence[Node]) -> Node:
    path = literal(args[1], "text", "json_field")
    try:
        steps = steps_of(path)
    except ValueError as error:
        raise ExpressionError(f"json_field(): {error}") from None
    return Node("json_field", TEXT, (need(args[0], TEXT, "json_field"),), steps)


def parse_decimal(args: Sequence[Node]) -> Node:
    sign = literal(args[1], "text", "parse_decimal") if len(args) > 1 else "."
    if sign not in (".", ","):
        raise ExpressionError(
            f"parse_decimal() takes '.' or ',' as its decimal sign, got '{sign}'", suggestion="','"
        )
    scale = int(literal(args[2], "integer", "parse_decimal")) if len(args) > 2 else DECIMAL.scale
    return Node("parse_decimal", decimal_of(scale), (need(args[0], TEXT, "parse_decimal"),), sign)


def rounded(args: Sequence[Node]) -> Node:
    scale, value = int(literal(args[1], "integer", "round")), args[0]
    kind = decimal_of(scale)
    if value.kind == TEXT:
        return Node("round", kind, (value,))
    if not value.kind.is_number:
        raise ExpressionError(f"round() needs a number or a text, got {value.kind.name}")
    if scale >= value.kind.scale:
        return value
    return Node("round", Kind("decimal", min(value.kind.digits + 1, WIDEST - scale), scale), (value,))


def booleans(name: str) -> Build:
    return lambda args: Node(name, BOOLEAN, (need(args[0], BOOLEAN, name),))


def count(args: Sequence[Node]) -> Node:
    return Node("count", COUNT, tuple(args))
