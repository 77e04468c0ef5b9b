"""What each function takes and gives: checks the arguments and makes the typed node. Knows no SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import reduce
from zoneinfo import ZoneInfo

from .expression_tree import (
    BOOLEAN,
    COUNT,
    DATE,
    DECIMAL,
    EPOCHS,
    INTEGER,
    TEXT,
    TIMESTAMP,
    UNKNOWN,
    ExpressionError,
    Kind,
    Node,
    common,
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
            raise ExpressionError(f"{name} needs values of one type, got {left.name} and {right.name}")
        return found

    kind = reduce(both, (argument.kind for argument in args))
    return kind, tuple(Node("fit", kind, (a,)) if a.kind.scale > kind.scale else a for a in args)


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


def substring(args: Sequence[Node]) -> Node:
    for position in args[1:]:
        literal(position, "integer", "substring")
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
    literal(args[1], "text", "split")
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


DATE_PARTS = {"dd": "%d", "mm": "%m", "mon": "%b", "yyyy": "%Y", "yy": "%y"}
"""What a date pattern is made of, as strptime has it."""


def parse_date(args: Sequence[Node]) -> Node:
    pattern = literal(args[1], "text", "parse_date")
    parts = re.findall(r"[A-Za-z]+|[^A-Za-z]+", pattern)
    unknown = [part for part in parts if part.isalpha() and part.lower() not in DATE_PARTS]
    if re.fullmatch(r"[dmyDMY]{6,8}", pattern):
        parts, unknown = re.findall(r"dd|mm|yyyy|yy", pattern.lower()), []
    if unknown or "%" in pattern or len([part for part in parts if part.isalpha()]) != 3:
        said = f"'{pattern}' is not a date pattern; use dd, mm or mon, yyyy or yy"
        raise ExpressionError(said, suggestion="'dd/mm/yyyy'")
    written = "".join(DATE_PARTS.get(part.lower(), part) for part in parts)
    return Node("parse_date", DATE, (need(args[0], TEXT, "parse_date"),), written)


TIME_PARTS = {**DATE_PARTS, "hh": "%H", "mi": "%M", "ss": "%S"}
"""What a pattern of a date and a time of day is made of; with `am` hours are those of a clock face."""


def _moment(pattern: str) -> str:
    """A pattern such as `dd.mm.yyyy hh:mi` or `yyyymmddhhmiss` as strptime has it."""
    parts = re.findall(r"[a-z]+|[^a-z]+", pattern.lower())
    if re.fullmatch(r"(yyyy|yy|mm|dd|hh|mi|ss|[^a-z])+", pattern.lower()):  # parts may stand side by side
        parts = re.findall(r"yyyy|yy|mm|dd|hh|mi|ss|[^a-z]+", pattern.lower())
    words = [part for part in parts if part.isalpha()]
    face = {"am": "%p", "hh": "%I"} if "am" in words else {}
    known = {**TIME_PARTS, **face}
    dated = sum(word in DATE_PARTS for word in words) == 3 and len(set(words)) == len(words)
    if re.search(r"[%0-9]", pattern) or not dated or not {"hh", "mi"} <= set(words) <= known.keys():
        said = f"'{pattern}' is not a pattern of date and time; use dd, mm or mon, yyyy or yy, hh, mi, ss, am"
        raise ExpressionError(said, suggestion="'dd.mm.yyyy hh:mi'")
    return "".join(known.get(part, part) for part in parts)


def parse_timestamp(args: Sequence[Node]) -> Node:
    zone = literal(args[1], "text", "parse_timestamp") if len(args) > 1 else None
    if zone is not None:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ExpressionError(
                f"'{zone}' is not a time zone; use a name such as 'America/Chicago', and a pattern third"
            ) from error
    written = literal(args[2], "text", "parse_timestamp") if len(args) > 2 else None
    pattern = written if written is None or written in EPOCHS else _moment(written)
    value = zone if pattern is None else (zone, pattern)
    return Node("parse_timestamp", TIMESTAMP, (need(args[0], TEXT, "parse_timestamp"),), value)


def parse_decimal(args: Sequence[Node]) -> Node:
    sign = literal(args[1], "text", "parse_decimal") if len(args) > 1 else "."
    if sign not in (".", ","):
        raise ExpressionError(
            f"parse_decimal() takes '.' or ',' as its decimal sign, got '{sign}'", suggestion="','"
        )
    return Node("parse_decimal", DECIMAL, (need(args[0], TEXT, "parse_decimal"),), sign)


def ago(name: str) -> Build:
    def build(args: Sequence[Node]) -> Node:
        return Node("parameter", TIMESTAMP, (), f"{name}_{literal(args[0], 'integer', name)}")

    return build


CLOSED_THROUGH = "closed_through_"
"""What the time is called until which the books are closed, before the category."""


def closed_through(args: Sequence[Node]) -> Node:
    category = literal(args[0], "text", "closed_through")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", category):
        raise ExpressionError(f"closed_through() needs a category in small letters, got '{category}'")
    return Node("parameter", TIMESTAMP, (), CLOSED_THROUGH + category)


def days_since(args: Sequence[Node]) -> Node:
    if args[0].kind not in (DATE, TIMESTAMP):
        raise ExpressionError(f"days_since() needs date or timestamp, got {args[0].kind.name}")
    return Node("days_since", INTEGER, (*args, Node("parameter", TIMESTAMP, (), "now")))


def days_between(args: Sequence[Node]) -> Node:
    for argument in args:
        if argument.kind not in (DATE, TIMESTAMP):
            raise ExpressionError(f"days_between() needs date or timestamp, got {argument.kind.name}")
    return Node("days_between", INTEGER, tuple(args))


def booleans(name: str) -> Build:
    return lambda args: Node(name, BOOLEAN, (need(args[0], BOOLEAN, name),))


def now(_: Sequence[Node]) -> Node:
    return Node("parameter", TIMESTAMP, (), "now")


def count(args: Sequence[Node]) -> Node:
    return Node("count", COUNT, tuple(args))
