"""Writes an accepted expression as SQL. Identifiers come from the caller; operations stand in brackets.

Mind the traps of DuckDB and Spark: a plain product of two DECIMAL(18, 4) overflows in DuckDB, so one side
is cast wider; `concat` treats NULL differently in each, so NULLs are made empty first; a cast that fails
gives NULL.
"""

from __future__ import annotations

from collections.abc import Callable

from .expression_reading_sql import (
    cast_sql,
    parse_date_sql,
    parse_decimal_sql,
    parse_timestamp_sql,
    round_sql,
)
from .expression_tree import Kind, Node
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


_COPIES = {
    "cast": 4, "round": 2, "sum": 3, "json_field": 2, "parse_date": 2, "parse_decimal": 22, "parse_timestamp": 13,
}  # fmt: skip
"""How often the SQL of an operation says its argument, where it does more than once."""


def size_of(node: Node) -> int:
    """About how many parts the SQL of a tree has."""
    return 1 + _COPIES.get(node.op, 1) * sum(map(size_of, node.args))


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


def _cut(sql: str, kind: Kind, given: Kind) -> str:
    """A cast that may give up decimals: what is rounded up beyond its digits is unknown, and stops nothing."""
    return f"TRY_CAST({sql} AS {kind.sql})" if given.scale > kind.scale else _cast(sql, kind)


def _product(node: Node, args: list[str]) -> str:
    left, right = node.value
    one, other = (argument.kind for argument in node.args)
    if left.width + right.width > _INT64_DIGITS and max(left.width, right.width) <= _INT64_DIGITS:
        left = Kind(left.name, _INT64_DIGITS + 1 - left.scale, left.scale)
    found = f"({_cut(args[0], left, one)} * {_cut(args[1], right, other)})"
    return _cast(found, node.kind) if left.width + right.width > node.kind.width + 1 else found


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
    "cast": cast_sql,
    "round": round_sql,
    "fit": lambda n, a: _cut(a[0], n.kind, n.args[0].kind),
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
    "parse_date": parse_date_sql,
    "parse_timestamp": parse_timestamp_sql,
    "parse_decimal": parse_decimal_sql,
}

OPERATIONS = frozenset({*BINARY, *_LEAVES, *_FORMS})
"""Whatever a tree is written from, beside functions that are called as they are named."""
