"""The functions that expressions may use: what each takes, what it gives, and what it is for.

One table serves the parser, the error messages and the integrator's guide (a test compares). How a function
is written in SQL is in `expression_sql`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from zoneinfo import ZoneInfo

from .expression_tree import (
    BOOLEAN,
    COUNT,
    DATE,
    DECIMAL,
    INTEGER,
    TEXT,
    TIMESTAMP,
    UNKNOWN,
    ExpressionError,
    Kind,
    Node,
    common,
)

Build = Callable[[Sequence[Node]], Node]


@dataclass(frozen=True, slots=True)
class Function:
    """One function: its signature and meaning as the guide says them, how many arguments, its typing."""

    name: str
    signature: str
    about: str
    least: int
    most: int | None
    build: Build


def _need(node: Node, wanted: Kind, name: str) -> Node:
    if node.kind not in (wanted, UNKNOWN) and not (node.kind.is_number and wanted.is_number):
        raise ExpressionError(f"{name}() needs {wanted.name}, got {node.kind.name}")
    return node


def _literal(node: Node, kind: str, name: str) -> str:
    if node.op != "literal" or node.kind.name != kind:
        raise ExpressionError(
            f"{name}() needs {'a quoted text' if kind == 'text' else 'a whole number'} written out here"
        )
    return str(node.value)


def _texts(name: str, result: Kind = TEXT) -> Build:
    return lambda args: Node(name, result, tuple(_need(argument, TEXT, name) for argument in args))


def widen(args: Sequence[Node], name: str) -> tuple[Kind, tuple[Node, ...]]:
    """One kind for all arguments, each cast to it where it has more decimals than can be kept."""

    def both(left: Kind, right: Kind) -> Kind:
        found = common(left, right)
        if found is None:
            raise ExpressionError(f"{name} needs values of one type, got {left.name} and {right.name}")
        return found

    kind = reduce(both, (argument.kind for argument in args))
    return kind, tuple(Node("fit", kind, (a,)) if a.kind.scale > kind.scale else a for a in args)


def _alike(name: str) -> Build:
    def build(args: Sequence[Node]) -> Node:
        kind, fitted = widen(args, f"{name}()")
        return Node(name, kind, fitted)

    return build


def _nullif(args: Sequence[Node]) -> Node:
    widen(args, "nullif()")
    return Node("nullif", args[0].kind, tuple(args))


def _number(name: str) -> Build:
    def build(args: Sequence[Node]) -> Node:
        if not args[0].kind.is_number:
            raise ExpressionError(f"{name}() needs a number, got {args[0].kind.name}")
        return Node(name, args[0].kind, tuple(args))

    return build


def _extreme(name: str) -> Build:
    def build(args: Sequence[Node]) -> Node:
        if args[0].kind == BOOLEAN:
            raise ExpressionError(f"{name}() does not take boolean", suggestion="bool_or or bool_and")
        return Node(name, args[0].kind, tuple(args))

    return build


def _substring(args: Sequence[Node]) -> Node:
    for position in args[1:]:
        _literal(position, "integer", "substring")
    return Node("substring", TEXT, (_need(args[0], TEXT, "substring"), *args[1:]))


def _split(args: Sequence[Node]) -> Node:
    _literal(args[1], "text", "split")
    if int(_literal(args[2], "integer", "split")) < 1:
        raise ExpressionError("split() counts parts from 1")
    return Node("split", TEXT, (_need(args[0], TEXT, "split"), *args[1:]))


def _json_field(args: Sequence[Node]) -> Node:
    path = _literal(args[1], "text", "json_field")
    if not re.fullmatch(r"[^.\"\\$\[\]]+(\.[^.\"\\$\[\]]+)*", path):
        raise ExpressionError(f"json_field() needs a path such as 'vendor.code', got '{path}'")
    return Node("json_field", TEXT, (_need(args[0], TEXT, "json_field"),), path)


DATE_PARTS = {"dd": "%d", "mm": "%m", "mon": "%b", "yyyy": "%Y", "yy": "%y"}
"""What a date pattern is made of, as strptime has it."""


def _parse_date(args: Sequence[Node]) -> Node:
    pattern = _literal(args[1], "text", "parse_date")
    parts = re.findall(r"[A-Za-z]+|[^A-Za-z]+", pattern)
    unknown = [part for part in parts if part.isalpha() and part.lower() not in DATE_PARTS]
    if re.fullmatch(r"[dmyDMY]{6,8}", pattern):
        parts, unknown = re.findall(r"dd|mm|yyyy|yy", pattern.lower()), []
    if unknown or "%" in pattern or len([part for part in parts if part.isalpha()]) != 3:
        said = f"'{pattern}' is not a date pattern; use dd, mm or mon, yyyy or yy"
        raise ExpressionError(said, suggestion="'dd/mm/yyyy'")
    written = "".join(DATE_PARTS.get(part.lower(), part) for part in parts)
    return Node("parse_date", DATE, (_need(args[0], TEXT, "parse_date"),), written)


def _parse_timestamp(args: Sequence[Node]) -> Node:
    zone = _literal(args[1], "text", "parse_timestamp") if len(args) > 1 else None
    if zone is not None:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ExpressionError(
                f"'{zone}' is not a time zone; use a name such as 'America/Chicago'"
            ) from error
    return Node("parse_timestamp", TIMESTAMP, (_need(args[0], TEXT, "parse_timestamp"),), zone)


def _ago(name: str) -> Build:
    def build(args: Sequence[Node]) -> Node:
        return Node("parameter", TIMESTAMP, (), f"{name}_{_literal(args[0], 'integer', name)}")

    return build


def _days_since(args: Sequence[Node]) -> Node:
    if args[0].kind not in (DATE, TIMESTAMP):
        raise ExpressionError(f"days_since() needs date or timestamp, got {args[0].kind.name}")
    return Node("days_since", INTEGER, (*args, Node("parameter", TIMESTAMP, (), "now")))


def _booleans(name: str) -> Build:
    return lambda args: Node(name, BOOLEAN, (_need(args[0], BOOLEAN, name),))


def _now(_: Sequence[Node]) -> Node:
    return Node("parameter", TIMESTAMP, (), "now")


def _count(args: Sequence[Node]) -> Node:
    return Node("count", COUNT, tuple(args))


_ALL = (
    Function("coalesce", "coalesce(a, b, …)", "the first that is not NULL", 2, None, _alike("coalesce")),
    Function("nullif", "nullif(a, b)", "NULL where both are equal, else a", 2, 2, _nullif),
    Function("least", "least(a, b, …)", "the smallest; NULLs are left out", 2, None, _alike("least")),
    Function("greatest", "greatest(a, b, …)", "the largest; NULLs are left out", 2, None, _alike("greatest")),
    Function("abs", "abs(number)", "without its sign", 1, 1, _number("abs")),
    Function("upper", "upper(text)", "in capital letters", 1, 1, _texts("upper")),
    Function("lower", "lower(text)", "in small letters", 1, 1, _texts("lower")),
    Function("trim", "trim(text)", "without blanks at both ends", 1, 1, _texts("trim")),
    Function("replace", "replace(text, from, to)", "every `from` replaced", 3, 3, _texts("replace")),
    Function(
        "substring", "substring(text, start, length)", "a part; characters count from 1", 2, 3, _substring
    ),
    Function("concat", "concat(a, b, …)", "texts joined; NULL counts as empty", 2, None, _texts("concat")),
    Function("length", "length(text)", "how many characters", 1, 1, _texts("length", INTEGER)),
    Function(
        "normalise",
        "normalise(text)",
        "capital letters and digits only, leading zeros dropped: `inv 00-12a` is `INV0012A`, `0012` is `12`; "
        "NULL where nothing is left",
        1,
        1,
        _texts("normalise"),
    ),
    Function("now", "now()", "the time of the check run", 0, 0, _now),
    Function("days_ago", "days_ago(n)", "n × 24 hours before the check run", 1, 1, _ago("days_ago")),
    Function(
        "business_days_ago",
        "business_days_ago(n)",
        "n business days before the check run, in the entity's calendar",
        1,
        1,
        _ago("business_days_ago"),
    ),
    Function(
        "days_since",
        "days_since(when)",
        "calendar days (UTC) from a date or timestamp to the check run",
        1,
        1,
        _days_since,
    ),
    Function("sum", "sum(number)", "the total of a group", 1, 1, _number("sum")),
    Function("min", "min(value)", "the smallest of a group", 1, 1, _extreme("min")),
    Function("max", "max(value)", "the largest of a group", 1, 1, _extreme("max")),
    Function(
        "count",
        "count(*), count(value), count(DISTINCT value)",
        "how many rows, values that are not NULL, different values",
        0,
        1,
        _count,
    ),
    Function(
        "bool_or", "bool_or(condition)", "whether it holds anywhere in a group", 1, 1, _booleans("bool_or")
    ),
    Function(
        "bool_and", "bool_and(condition)", "whether it holds everywhere in it", 1, 1, _booleans("bool_and")
    ),
    Function("json_field", "json_field(column, 'a.b')", "a text out of a nested value", 2, 2, _json_field),
    Function(
        "parse_date",
        "parse_date(text, 'dd/mm/yyyy')",
        "a date in that pattern (dd, mm or mon, yyyy or yy); NULL where it is none",
        2,
        2,
        _parse_date,
    ),
    Function(
        "parse_timestamp",
        "parse_timestamp(text, 'zone')",
        "an ISO time; one without offset is local to the zone (default UTC)",
        1,
        2,
        _parse_timestamp,
    ),
    Function(
        "parse_decimal",
        "parse_decimal(text)",
        "an exact number; thousands commas and blanks are dropped, `(12.00)` and `12.00-` are negative",
        1,
        1,
        _texts("parse_decimal", DECIMAL),
    ),
    Function("split", "split(text, separator, n)", "the n-th part, from 1; NULL where none", 3, 3, _split),
)

FUNCTIONS = {function.name: function for function in _ALL}
AGGREGATES = frozenset({"sum", "min", "max", "count", "bool_or", "bool_and"})
TIMES = frozenset({"now", "days_ago", "business_days_ago", "days_since"})
SIDES = frozenset({"present", "missing", "allowed"})
MAPPING = frozenset({"json_field", "parse_date", "parse_timestamp", "parse_decimal", "split"})
CORE = frozenset(FUNCTIONS) - AGGREGATES - TIMES - MAPPING
ABOUT_SIDES = {
    "present": ("present(side)", "whether the side has a row for the key"),
    "missing": ("missing(side)", "whether it has none"),
    "allowed": (
        "allowed(pairs, a, b)",
        "whether the two values are one of the check's `pairs` of that name",
    ),
}
"""Functions over sides, which the parser resolves itself."""
