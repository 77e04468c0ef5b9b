"""Writes an accepted expression as SQL. Identifiers come from the caller; operations stand in brackets.

Mind the traps of DuckDB and Spark: a plain product of two DECIMAL(18, 4) overflows in DuckDB, so one side
is cast wider; `concat` treats NULL differently in each, so NULLs are made empty first; a cast that fails
gives NULL.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .expression_tree import EPOCHS, SQL_TYPES, Kind, Node
from .json_path import sql_of

Names = Callable[[str | None, str], str]
"""(qualifier or None, name) -> SQL for a column; (side, PRESENT) -> SQL for a boolean: has the side a row."""

PRESENT = "present()"
_INT64_DIGITS = 18

BINARY = {
    "eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "and": "AND", "or": "OR",
}  # fmt: skip


def quote(name: str) -> str:
    """An identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text in single quotes."""
    return "'" + value.replace("'", "''") + "'"


def write(node: Node, names: Names) -> str:
    """The SQL of a tree."""
    if node.op in _LEAVES:
        return _LEAVES[node.op](node, names)
    args = [write(argument, names) for argument in node.args]
    if node.op in BINARY:
        return f"({args[0]} {BINARY[node.op]} {args[1]})"
    if node.op in _FORMS:
        return _FORMS[node.op](node, args)
    return f"{node.op.upper()}({', '.join(args)})"


_LEAVES: dict[str, Callable[[Node, Names], str]] = {
    "literal": lambda n, _: literal(n.value) if n.kind.name == "text" else str(n.value),
    "null": lambda _, __: "NULL",
    "boolean": lambda n, _: "TRUE" if n.value else "FALSE",
    "column": lambda n, names: names(*n.value),
    "present": lambda n, names: names(n.value, PRESENT),
    "parameter": lambda n, _: f"${n.value}",
}


def _cast(sql: str, kind: Kind) -> str:
    return f"CAST({sql} AS {kind.sql})"


def _sum(node: Node, args: list[str]) -> str:
    sign = "+" if node.op == "add" else "-"
    left, right = node.args
    narrow = max(left.kind.width, right.kind.width) <= _INT64_DIGITS < node.kind.width
    first = _cast(args[0], node.kind) if narrow or left.kind.scale > node.kind.scale else args[0]
    second = _cast(args[1], node.kind) if right.kind.scale > node.kind.scale else args[1]
    if node.kind.name == "integer":
        first = _cast(args[0], node.kind)
    return f"({first} {sign} {second})"


def _product(node: Node, args: list[str]) -> str:
    left, right = node.value
    if left.width + right.width > _INT64_DIGITS and max(left.width, right.width) <= _INT64_DIGITS:
        left = Kind(left.name, _INT64_DIGITS + 1 - left.scale, left.scale)
    return f"({_cast(args[0], left)} * {_cast(args[1], right)})"


def _case(node: Node, args: list[str]) -> str:
    operand = args.pop(0) if node.value else ""
    default = args.pop()
    whens = " ".join(f"WHEN {args[i]} THEN {args[i + 1]}" for i in range(0, len(args), 2))
    return f"(CASE {operand} {whens} ELSE {default} END)" if operand else f"(CASE {whens} ELSE {default} END)"


def _count(node: Node, args: list[str]) -> str:
    return f"COUNT({'DISTINCT ' if node.value else ''}{args[0] if args else '*'})"


def _total(node: Node, args: list[str]) -> str:
    """A sum held within what its column can hold: many absurd rows stay absurd, and stop nothing."""
    most = "9" * node.kind.digits + ("." + "9" * node.kind.scale if node.kind.scale else "")
    found = f"SUM({args[0]})"
    held = f"CASE WHEN {found} > 0 THEN {most} WHEN {found} < 0 THEN -{most} END"
    return f"COALESCE(TRY_CAST({found} AS {node.kind.sql}), {held})"


_PLAIN = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_BLANK = r"[ \x{a0}\x{2009}\x{202f}]"
_GROUPED = (
    rf"([0-9]+|[1-9][0-9]{{0,2}}(,[0-9]{{3}})+|[1-9][0-9]{{0,2}}({_BLANK}[0-9]{{3}})+)(\.[0-9]*)?|\.[0-9]+"
)
_DRESSED = rf"^\s*([+-]?\s*({_GROUPED})|({_GROUPED})\s*-|\(\s*({_GROUPED})\s*\))\s*$"
"""A group of thousands never begins with a zero: `0,500` is no number here, and never 500."""


def _parse_decimal(node: Node, args: list[str]) -> str:
    """Most texts are plain and cost one look; only a dressed one that is surely a number is undressed."""
    text, kind = args[0], SQL_TYPES["decimal"]
    if node.value == ",":
        text = f"TRANSLATE({text}, '.,', ',.')"
    digits = f"REGEXP_REPLACE({text}, '[^0-9.]', '', 'g')"
    sign = f"CASE WHEN REGEXP_MATCHES({text}, '[(-]') THEN '-' ELSE '' END"
    return (
        f"(CASE WHEN REGEXP_MATCHES({text}, '{_PLAIN}') THEN TRY_CAST({text} AS {kind}) "
        f"WHEN REGEXP_MATCHES({text}, '{_DRESSED}') THEN TRY_CAST(CONCAT({sign}, {digits}) AS {kind}) END)"
    )


def _parse_timestamp(node: Node, args: list[str]) -> str:
    text = args[0]
    if node.value is None:
        return f"TRY_CAST({text} AS TIMESTAMPTZ)"
    if isinstance(node.value, tuple):
        zone, pattern = node.value
        if pattern in EPOCHS:
            return _since_1970(text, EPOCHS[pattern])
        return _of_zone(_read_by(text, pattern), zone)
    local = _of_zone(f"TRY_CAST({text} AS TIMESTAMP)", node.value)
    offset = r"(?i)(z|\d{2}:\d{2}.*[+-]\d{2}(:?\d{2})?)$"
    exact = f"TRY_CAST({text} AS TIMESTAMPTZ)"
    return f"(CASE WHEN REGEXP_MATCHES({text}, '{offset}') THEN {exact} ELSE {local} END)"


def _of_zone(local: str, zone: str) -> str:
    """A local time as an instant. Of one that comes twice, when clocks go back by an hour or half of one, the first
    passing is meant, as `ZoneInfo` means it; the engine alone would mean the second.
    """
    if zone == "UTC":
        return f"({local} AT TIME ZONE 'UTC')"
    at = f"AT TIME ZONE {literal(zone)}"
    earlier = (f"(t {at}) - INTERVAL {minutes} MINUTE" for minutes in (60, 30))
    first = " ".join(f"WHEN ({each}) {at} = t THEN {each}" for each in earlier)
    return f"(LIST_TRANSFORM([{local}], lambda t: CASE {first} ELSE t {at} END)[1])"


_JSON_DATE = r"^\s*/Date\((-?[0-9]+)([+-][0-9]{4})?\)/\s*$"
"""Milliseconds since 1970 as older services write them: `/Date(1794121050080-0700)/`, whose offset says nothing."""


def _read_by(text: str, pattern: str) -> str:
    """A date or time by a pattern of strptime. Without separators each part has all of its digits: of `1112026`
    nobody can say whether it is the first or the eleventh.
    """
    found = f"TRY_STRPTIME({text}, {literal(pattern)})"
    if not re.fullmatch("(%[YymdHMS])+", pattern):
        return found
    digits = len(pattern) + 2 * pattern.count("%Y")
    return f"(CASE WHEN REGEXP_MATCHES({text}, '^\\s*[0-9]{{{digits}}}\\s*$') THEN {found} END)"


def _since_1970(text: str, microseconds: int) -> str:
    """Of at most as many digits as lead to the year 5138: more would be no time of anybody's."""
    digits = 11 if microseconds == EPOCHS["epoch"] else 14
    if microseconds != EPOCHS["epoch"]:
        text = f"REGEXP_REPLACE({text}, '{_JSON_DATE}', '\\1')"
    number = f"TRY_CAST({text} AS DECIMAL(28, 6)) * {microseconds}"
    at = f"MAKE_TIMESTAMP(TRY_CAST({number} AS BIGINT)) AT TIME ZONE 'UTC'"
    return f"(CASE WHEN REGEXP_MATCHES({text}, '^\\s*-?[0-9]{{1,{digits}}}(\\.[0-9]{{1,6}})?\\s*$') THEN {at} END)"


def _match_part(node: Node, args: list[str]) -> str:
    pattern, group = node.value
    return f"NULLIF(REGEXP_EXTRACT({args[0]}, {literal('(?is)' + pattern)}, {group}), '')"


_FORMS: dict[str, Callable[[Node, list[str]], str]] = {
    "add": _sum,
    "sub": _sum,
    "mul": _product,
    "neg": lambda _, a: f"(-{a[0]})",
    "not": lambda _, a: f"(NOT {a[0]})",
    "is": lambda n, a: f"({a[0]} IS {n.value})",
    "in": lambda _, a: f"({a[0]} IN ({', '.join(a[1:])}))",
    "between": lambda _, a: f"({a[0]} BETWEEN {a[1]} AND {a[2]})",
    "case": _case,
    "cast": lambda n, a: f"TRY_CAST({a[0]} AS {SQL_TYPES[n.kind.name]})",
    "fit": lambda n, a: _cast(a[0], n.kind),
    "count": _count,
    "sum": _total,
    "concat": lambda _, a: "CONCAT(" + ", ".join(f"COALESCE({part}, '')" for part in a) + ")",
    "normalise": lambda _, a: f"NULLIF(LTRIM(REGEXP_REPLACE(UPPER({a[0]}), '[^A-Z0-9]', '', 'g'), '0'), '')",
    "days_since": lambda _, a: f"(CAST({a[1]} AS DATE) - CAST({a[0]} AS DATE))",
    "days_between": lambda _, a: f"(CAST({a[1]} AS DATE) - CAST({a[0]} AS DATE))",
    "matches": lambda n, a: f"REGEXP_MATCHES({a[0]}, {literal('(?is)' + n.value)})",
    "match_part": _match_part,
    "split": lambda _, a: f"NULLIF(SPLIT_PART({', '.join(a)}), '')",
    "json_field": lambda n, a: sql_of(a[0], n.value, literal),
    "parse_date": lambda n, a: f"CAST({_read_by(a[0], n.value)} AS DATE)",
    "parse_timestamp": _parse_timestamp,
    "parse_decimal": _parse_decimal,
}
