# ruff: noqa: E501 - one row of a table is one line
"""Whatever is accepted is written as SQL that DuckDB runs, with the value that plain Python gives.

Expressions are drawn together with what they mean: a text, its type, and a function of the row. Decimals are exact,
NULL is None, logic has three values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from exceptions_app import duck
from exceptions_app.catalog.expression_tree import Node
from exceptions_app.catalog.expressions import (
    AGGREGATES,
    SIDES,
    TIMES,
    ExpressionError,
    Scope,
    parse,
    quote,
    render,
)

Row = Mapping[str, Any]
EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
COLUMNS = {
    "a": "quantity",
    "b": "money",
    "i": "integer",
    "s": "text",
    "t": "text",
    "f": "boolean",
    "g": "boolean",
}
SQL = {
    "quantity": "DECIMAL(18,4)",
    "money": "DECIMAL(18,4)",
    "integer": "BIGINT",
    "text": "VARCHAR",
    "boolean": "BOOLEAN",
}
SCOPE = Scope(COLUMNS)


@dataclass(frozen=True)
class Drawn:
    """An expression as text, and what it means."""

    text: str
    means: Callable[[Row], Any]


def _strict(operation: Callable[..., Any], *parts: Drawn) -> Callable[[Row], Any]:
    """NULL in, NULL out."""

    def means(row: Row) -> Any:
        values = [part.means(row) for part in parts]
        return None if any(value is None for value in values) else operation(*values)

    return means


def _and(left: Any, right: Any) -> Any:
    return False if False in (left, right) else None if None in (left, right) else True


def _or(left: Any, right: Any) -> Any:
    return True if True in (left, right) else None if None in (left, right) else False


def _not(value: Any) -> Any:
    return None if value is None else not value


def _column(name: str) -> Drawn:
    return Drawn(name, lambda row: row[name])


def _literal(value: Decimal | int) -> Drawn:
    return Drawn(format(value, "f") if isinstance(value, Decimal) else str(value), lambda _: value)


def _text(value: str) -> Drawn:
    return Drawn("'" + value.replace("'", "''") + "'", lambda _: value)


numbers_leaf = st.one_of(
    st.sampled_from(["a", "b", "i"]).map(_column),
    st.integers(0, 999).map(_literal),
    st.decimals(0, 999, places=2).map(_literal),
)
texts_leaf = st.one_of(st.sampled_from(["s", "t"]).map(_column), st.text("aZ 0'-é", max_size=4).map(_text))
booleans_leaf = st.sampled_from(["f", "g"]).map(_column)


def _sums(inner: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn]:
    def plain(op: str, left: Drawn, right: Drawn) -> Drawn:
        ops: dict[str, Callable[[Any, Any], Any]] = {
            "+": lambda x, y: x + y,
            "-": lambda x, y: x - y,
            "*": lambda x, y: x * y,
        }
        return Drawn(f"({left.text} {op} {right.text})", _strict(ops[op], left, right))

    def several(name: str, parts: list[Drawn]) -> Drawn:
        picks: dict[str, Callable[[list[Any]], Any]] = {
            "coalesce": lambda v: v[0],
            "least": min,
            "greatest": max,
        }

        def means(row: Row) -> Any:
            values = [value for part in parts if (value := part.means(row)) is not None]
            return picks[name](values) if values else None

        return Drawn(f"{name}({', '.join(part.text for part in parts)})", means)

    def case(condition: Drawn, yes: Drawn, no: Drawn) -> Drawn:
        text = f"CASE WHEN {condition.text} THEN {yes.text} ELSE {no.text} END"
        return Drawn(text, lambda row: (yes if condition.means(row) is True else no).means(row))

    return st.one_of(
        st.builds(plain, st.sampled_from("+-*"), inner, inner),
        st.builds(lambda x: Drawn(f"(-{x.text})", _strict(lambda v: -v, x)), inner),
        st.builds(lambda x: Drawn(f"abs({x.text})", _strict(abs, x)), inner),
        st.builds(several, st.sampled_from(["coalesce", "least", "greatest"]), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda x, y: Drawn(f"nullif({x.text}, {y.text})", lambda r: None if x.means(r) is not None and x.means(r) == y.means(r) else x.means(r)), inner, inner),
        st.builds(case, booleans_leaf, inner, inner),
    )  # fmt: skip


def _words(inner: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn]:
    return st.one_of(
        st.builds(lambda x: Drawn(f"upper({x.text})", _strict(str.upper, x)), inner),
        st.builds(lambda x: Drawn(f"trim({x.text})", _strict(lambda v: v.strip(" "), x)), inner),
        st.builds(lambda x: Drawn(f"substring({x.text}, 2, 2)", _strict(lambda v: v[1:3], x)), inner),
        st.builds(lambda x: Drawn(f"replace({x.text}, 'a', 'bb')", _strict(lambda v: v.replace("a", "bb"), x)), inner),
        st.builds(lambda x, y: Drawn(f"concat({x.text}, {y.text})", lambda r: (x.means(r) or "") + (y.means(r) or "")), inner, inner),
        st.builds(lambda x: Drawn(f"normalise({x.text})", _strict(_normalised, x)), inner),
        st.builds(lambda x: Drawn(f"match_part({x.text}, 'b(?P<next>.)', 'next')", _strict(_after_b, x)), inner),
        st.builds(lambda x: Drawn(f"CASE WHEN matches({x.text}, '^a|b$') THEN 'y' ELSE 'n' END", lambda r: "y" if re.search("(?is)^a|b\\Z", x.means(r) or "-") else "n"), inner),
    )  # fmt: skip


def _after_b(value: str) -> str | None:
    found = re.search("(?is)b(?P<next>.)", value)
    return found["next"] if found else None


def _normalised(value: str) -> str | None:
    kept = "".join(c for c in value.upper() if c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    return kept.lstrip("0") or None


numbers = st.recursive(numbers_leaf, _sums, max_leaves=5)
texts = st.recursive(texts_leaf, _words, max_leaves=4)

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda x, y: x == y, "<>": lambda x, y: x != y, "<": lambda x, y: x < y, "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y, ">=": lambda x, y: x >= y,
}  # fmt: skip


def _compared(op: str, left: Drawn, right: Drawn) -> Drawn:
    return Drawn(f"{left.text} {op} {right.text}", _strict(_COMPARE[op], left, right))


def _logic(inner: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn]:
    return st.one_of(
        st.builds(lambda x, y: Drawn(f"({x.text} AND {y.text})", lambda r: _and(x.means(r), y.means(r))), inner, inner),
        st.builds(lambda x, y: Drawn(f"({x.text} OR {y.text})", lambda r: _or(x.means(r), y.means(r))), inner, inner),
        st.builds(lambda x: Drawn(f"NOT ({x.text})", lambda r: _not(x.means(r))), inner),
        st.builds(lambda x: Drawn(f"(({x.text}) IS NULL)", lambda r: x.means(r) is None), inner),
        st.builds(lambda x: Drawn(f"(({x.text}) IS NOT TRUE)", lambda r: x.means(r) is not True), inner),
    )  # fmt: skip


booleans = st.recursive(
    st.one_of(
        booleans_leaf,
        st.builds(_compared, st.sampled_from(sorted(_COMPARE)), numbers, numbers),
        st.builds(_compared, st.sampled_from(["=", "<>"]), texts, texts),
        st.builds(lambda x: Drawn(f"{x.text} BETWEEN 1 AND 2.5", _strict(lambda v: 1 <= v <= Decimal("2.5"), x)), numbers),
        st.builds(lambda x: Drawn(f"{x.text} IN ('a', 'Z')", _strict(lambda v: v in ("a", "Z"), x)), texts),
    ),
    _logic,
    max_leaves=4,
)  # fmt: skip

money = st.none() | st.decimals(-9999, 9999, places=4)
rows = st.fixed_dictionaries(
    {
        "a": money, "b": money, "i": st.none() | st.integers(-9999, 9999),
        "s": st.none() | st.text("aZ 0'-", max_size=4), "t": st.none() | st.text("aZ 0'-", max_size=4),
        "f": st.sampled_from([None, True, False]), "g": st.sampled_from([None, True, False]),
    }
)  # fmt: skip

_CON = duck.session()
_TABLE = "SELECT " + ", ".join(
    f"CAST(${name} AS {SQL[type_]}) AS {quote(name)}" for name, type_ in COLUMNS.items()
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(numbers, texts, booleans), rows)
def test_accepted_expression_agrees_with_plain_python(drawn: Drawn, row: dict[str, Any]) -> None:
    try:
        expr = parse(drawn.text, SCOPE)
    except ExpressionError as error:
        assert "38 digits" in error.message, (drawn.text, str(error))
        return
    sql = render(expr, lambda _, name: quote(name))
    found = _CON.execute(f"SELECT {sql} FROM ({_TABLE})", row).fetchone()
    assert found is not None
    with localcontext(EXACT):
        wanted = drawn.means(row)
    _same(found[0], wanted, exact=expr.kind.scale <= 8 and not any(map(_rounds, expr.tree.walk())))


def _rounds(node: Node) -> bool:
    """Whether a step gives up decimals so that its digits fit."""
    if node.op == "mul":
        return any(arg.kind.scale > cast.scale for arg, cast in zip(node.args, node.value, strict=True))
    return node.op == "fit"


def _same(found: Any, wanted: Any, *, exact: bool) -> None:
    if isinstance(found, Decimal) and isinstance(wanted, Decimal | int) and not exact:
        assert abs(found - wanted) < Decimal("0.01")
        return
    assert found == wanted


WORDS = [
    "a", "s", "f", "order", "quantity", "sum(", "count(*)", "upper(", ")", "(", "+", "-", "*", "/", "=", "<>", ">", "AND",
    "OR", "NOT", "IS", "NULL", "IN", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE", "END", "CAST(", "AS", "date", "1", "2.5",
    "'x'", ",", ".", ";", "--", "/*", "*/", "::", "||", "SELECT", "FROM", "\"", "'", "now()", "$1", "?", "@x", "[1]", "{",
]  # fmt: skip


@settings(max_examples=400)
@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=40))
def test_any_text_is_accepted_or_refused_and_never_breaks(text: str) -> None:
    scope = Scope(COLUMNS, AGGREGATES | TIMES | SIDES)
    try:
        expr = parse(text, scope)
    except ExpressionError as error:
        assert error.message
        return
    sql = render(expr, lambda _, name: quote(name))
    times = dict.fromkeys(expr.parameters, "2026-11-24T15:00:00Z")
    row = dict.fromkeys(COLUMNS)
    tail = " GROUP BY ALL" if expr.aggregates else ""
    if expr.aggregates and expr.bare_columns:
        return
    _CON.execute(f"SELECT {sql} AS v FROM ({_TABLE}){tail}", {**times, **row}).fetchall()
