# ruff: noqa: E501 - one row of a table is one line
"""Whatever is accepted is written as SQL that DuckDB runs, with the value that plain Python gives.

Expressions are drawn together with what they mean: a text, its type, and a function of the row. What there is to draw is
asked of the language: a function, a CAST or an operator without a drawer here fails the test. Decimals are exact, NULL is
None, logic has three values, times are instants.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from random import Random
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from exceptions_app import duck
from exceptions_app.catalog.expression_casts import MADE_OF
from exceptions_app.catalog.expression_functions import FUNCTIONS
from exceptions_app.catalog.expression_nodes import COMPARE, LOGIC, SUMS
from exceptions_app.catalog.expression_sql import OPERATIONS
from exceptions_app.catalog.expression_tree import Kind, Node, decimal_of
from exceptions_app.catalog.expressions import (
    AGGREGATES,
    MAPPING,
    PRESENT,
    SIDES,
    TIMES,
    Expr,
    ExpressionError,
    Scope,
    parse,
    quote,
    render,
)

from . import plainly

Row = Mapping[str, Any]
EXACT = Context(prec=120, rounding=ROUND_HALF_UP)
COLUMNS: dict[str, str | Kind] = {
    "a": "quantity", "b": "money", "p": decimal_of(6), "i": "integer", "j": "integer", "s": "text", "t": "text", "u": "text",
    "f": "boolean", "g": "boolean", "d": "date", "e": "date", "at": "timestamp", "bt": "timestamp", "order.quantity": "quantity",
}  # fmt: skip
SQL = {
    "quantity": "DECIMAL(18,4)", "money": "DECIMAL(18,4)", "integer": "BIGINT", "text": "VARCHAR", "boolean": "BOOLEAN",
    "date": "DATE", "timestamp": "TIMESTAMPTZ",
}  # fmt: skip
PAIRS = {"moves": [("open", "done"), ("a", ""), ("é", "ß")]}
SCOPE = Scope(COLUMNS, AGGREGATES | TIMES | SIDES | MAPPING, frozenset({"order"}), PAIRS)
NOW = datetime(2026, 11, 24, 15, 0, 0, 1, tzinfo=UTC)


class Drawn:
    """An expression as text, its type, and what it means for a row."""

    def __init__(self, text: str, type_: str, means: Callable[[Row], Any]) -> None:
        self.text, self.type, self.means = text, type_, means


def strict(text: str, type_: str, operation: Callable[..., Any], *parts: Drawn) -> Drawn:
    """NULL in, NULL out."""

    def means(row: Row) -> Any:
        values = [part.means(row) for part in parts]
        return None if any(value is None for value in values) else operation(*values)

    return Drawn(text, type_, means)


def alike(text: str, type_: str, pick: Callable[[list[Any]], Any], parts: Sequence[Drawn]) -> Drawn:
    """Of the values that are not NULL."""

    def means(row: Row) -> Any:
        values = [value for part in parts if (value := part.means(row)) is not None]
        return pick(values) if values else None

    return Drawn(text, type_, means)


class Draw:
    """Draws expressions by type. Every method named after a function, an operator or a CAST is one way to go on."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def any(self, type_: str, depth: int) -> Drawn:
        """An expression of a type, at most so many operations deep."""
        ways = WAYS[type_]
        if depth <= 0 or self.random.random() < 0.15:
            return self.leaf(type_)
        return getattr(self, self.random.choice(ways))(type_, depth - 1)  # type: ignore[no-any-return]

    def leaf(self, type_: str) -> Drawn:
        names = [n for n, kind in COLUMNS.items() if _plain(kind) == type_ and "." not in n]
        if type_ == "boolean" and self.random.random() < 0.1:
            return self.random.choice(
                [Drawn("TRUE", type_, lambda _: True), Drawn("FALSE", type_, lambda _: False)]
            )
        if self.random.random() < 0.03:
            return Drawn("CAST(NULL AS " + type_ + ")", type_, lambda _: None)
        if type_ in ("boolean", "date", "timestamp") or self.random.random() < 0.7:
            name = self.random.choice(names)
            return Drawn(name, type_, lambda row: row[name])
        if type_ == "text":
            text = self.random.choice(TEXTS)
            return Drawn("'" + text.replace("'", "''") + "'", type_, lambda _: text)
        if type_ == "integer":
            number = self.random.choice([0, 1, 2, 7, 100, 10**9, 10**18 - 1])
            return Drawn(str(number), type_, lambda _: number)
        exact = self.random.choice(["0.5", "2.50", "0.00000001", "99999999999999.9999", "12.345678"])
        return Drawn(exact, type_, lambda _: Decimal(exact))

    def number(self, depth: int) -> Drawn:
        return self.any(self.random.choice(["integer", "decimal", "decimal"]), depth)

    def value(self, depth: int) -> Drawn:
        return self.any(
            self.random.choice(["integer", "decimal", "text", "boolean", "date", "timestamp"]), depth
        )

    # -- operators

    def add(self, type_: str, depth: int) -> Drawn:
        op = self.random.choice("+-*")
        one, other = (
            self.any(type_, depth),
            self.number(depth) if type_ == "decimal" else self.any(type_, depth),
        )
        ops: dict[str, Callable[[Any, Any], Any]] = {
            "+": lambda x, y: x + y,
            "-": lambda x, y: x - y,
            "*": lambda x, y: x * y,
        }
        return strict(f"({one.text} {op} {other.text})", type_, ops[op], one, other)

    sub = mul = add

    def neg(self, type_: str, depth: int) -> Drawn:
        one = self.any(type_, depth)
        return strict(f"(- {one.text})", type_, lambda v: -v, one)

    def case(self, type_: str, depth: int) -> Drawn:
        yes, no = self.any(type_, depth), self.any(type_, depth)
        if self.random.random() < 0.5:
            test = self.any("boolean", depth)
            text = f"CASE WHEN {test.text} THEN {yes.text} ELSE {no.text} END"
            return Drawn(text, type_, lambda r: (yes if test.means(r) is True else no).means(r))
        head, when = self.any("text", 0), self.any("text", 0)
        text = f"CASE {head.text} WHEN {when.text} THEN {yes.text} END"
        return Drawn(
            text,
            type_,
            lambda r: yes.means(r) if head.means(r) is not None and head.means(r) == when.means(r) else None,
        )

    def compare(self, _: str, depth: int) -> Drawn:
        one = self.value(depth)
        other = self.number(depth) if one.type in ("integer", "decimal") else self.any(one.type, depth)
        op = self.random.choice(["=", "<>", "<", "<=", ">", ">="])
        return strict(f"({one.text}) {op} ({other.text})", "boolean", _COMPARED[op], one, other)

    def logic(self, _: str, depth: int) -> Drawn:
        one, other = self.any("boolean", depth), self.any("boolean", depth)
        if self.random.random() < 0.5:
            return Drawn(
                f"({one.text} AND {other.text})",
                "boolean",
                lambda r: plainly.both(one.means(r), other.means(r)),
            )
        return Drawn(
            f"({one.text} OR {other.text})", "boolean", lambda r: plainly.either(one.means(r), other.means(r))
        )

    def negated(self, _: str, depth: int) -> Drawn:
        one = self.any("boolean", depth)
        return strict(f"NOT ({one.text})", "boolean", lambda v: not v, one)

    def is_(self, _: str, depth: int) -> Drawn:
        said = self.random.choice(["NULL", "NOT NULL", "TRUE", "NOT TRUE", "FALSE", "NOT FALSE"])
        one = self.value(depth) if said.endswith("NULL") else self.any("boolean", depth)
        wanted = {"NULL": None, "TRUE": True, "FALSE": False}[said.rpartition(" ")[2]]
        return Drawn(
            f"(({one.text}) IS {said})",
            "boolean",
            lambda r: (one.means(r) is wanted) != said.startswith("NOT"),
        )

    def in_(self, _: str, depth: int) -> Drawn:
        negated = self.random.choice(["", "NOT "])
        if self.random.random() < 0.5:
            one, listed = self.any("text", depth), self.random.sample(TEXTS, 3)
            texts = ", ".join("'" + text.replace("'", "''") + "'" for text in listed)
            return strict(
                f"({one.text} {negated}IN ({texts}))",
                "boolean",
                lambda v: (v in listed) != bool(negated),
                one,
            )
        one = self.number(depth)
        return strict(
            f"({one.text} {negated}IN (-1, 0, 2.50))",
            "boolean",
            lambda v: (v in (-1, 0, Decimal("2.5"))) != bool(negated),
            one,
        )

    def between(self, _: str, depth: int) -> Drawn:
        one = self.value(depth)
        low, high = self.any(one.type, 0), self.any(one.type, 0)
        negated = self.random.choice(["", "NOT "])
        met = Drawn(
            "",
            "",
            lambda r: plainly.both(
                *(
                    strict("", "", _COMPARED[op], *two).means(r)
                    for op, two in ((">=", (one, low)), ("<=", (one, high)))
                )
            ),
        )
        return strict(
            f"({one.text}) {negated}BETWEEN {low.text} AND {high.text}",
            "boolean",
            lambda v: v != bool(negated),
            met,
        )

    def cast(self, type_: str, depth: int) -> Drawn:
        source = self.random.choice(CASTS[type_])
        one = self.any(source, depth)
        if source == "text":  # mostly one that may be read
            one = self.random.choice([one, self.leaf("text")])
        width, scale = self.random.choice([(18, 4), (18, 4), (18, 0), (20, 10)])
        target = type_ if (width, scale) == (18, 4) or type_ != "decimal" else f"decimal({width}, {scale})"
        return strict(
            f"CAST({one.text} AS {target})",
            type_,
            lambda v: plainly.cast(v, type_, width - scale, scale, _kind(one).scale),
            one,
        )

    # -- functions: one method each, named as they are

    def coalesce(self, type_: str, depth: int) -> Drawn:
        parts = [self.any(type_, depth) for _ in range(2)]
        return alike(f"coalesce({parts[0].text}, {parts[1].text})", type_, lambda v: v[0], parts)

    def nullif(self, type_: str, depth: int) -> Drawn:
        one, other = self.any(type_, depth), self.any(type_, 0)
        return Drawn(
            f"nullif({one.text}, {other.text})",
            type_,
            lambda r: None if one.means(r) is None or one.means(r) == other.means(r) else one.means(r),
        )

    def least(self, type_: str, depth: int) -> Drawn:
        parts = [self.any(type_, depth), self.any(type_, 0), self.any(type_, 0)]
        return alike(f"least({', '.join(part.text for part in parts)})", type_, min, parts)

    def greatest(self, type_: str, depth: int) -> Drawn:
        parts = [self.any(type_, depth), self.any(type_, 0)]
        return alike(f"greatest({parts[0].text}, {parts[1].text})", type_, max, parts)

    def abs(self, type_: str, depth: int) -> Drawn:
        one = self.any(type_, depth)
        return strict(f"abs({one.text})", type_, abs, one)

    def round(self, _: str, depth: int) -> Drawn:
        scale = self.random.randrange(0, 7)
        if self.random.random() < 0.4:
            one = self.leaf("text")
            return strict(
                f"round({one.text}, {scale})", "decimal", lambda v: plainly.rounded_text(v, scale), one
            )
        one = self.any("decimal", depth)
        return strict(
            f"round({one.text}, {scale})",
            "decimal",
            lambda v: plainly.rounded(v, min(scale, _kind(one).scale)),
            one,
        )

    def upper(self, _: str, depth: int) -> Drawn:
        one = self.any("text", depth)
        return strict(f"upper({one.text})", "text", plainly.upper, one)

    def lower(self, _: str, depth: int) -> Drawn:
        one = self.any("text", depth)
        return strict(f"lower({one.text})", "text", plainly.lower, one)

    def trim(self, _: str, depth: int) -> Drawn:
        one = self.any("text", depth)
        return strict(f"trim({one.text})", "text", lambda v: v.strip(plainly.BLANKS), one)

    def replace(self, _: str, depth: int) -> Drawn:
        one, old, new = self.any("text", depth), self.leaf("text"), self.leaf("text")
        return strict(
            f"replace({one.text}, {old.text}, {new.text})",
            "text",
            lambda v, x, y: v.replace(x, y) if x else v,
            one,
            old,
            new,
        )

    def substring(self, _: str, depth: int) -> Drawn:
        one, start, length = self.any("text", depth), self.random.randrange(1, 6), self.random.randrange(0, 6)
        if length == 5:
            return strict(f"substring({one.text}, {start})", "text", lambda v: v[start - 1 :], one)
        return strict(
            f"substring({one.text}, {start}, {length})",
            "text",
            lambda v: v[start - 1 : start - 1 + length],
            one,
        )

    def concat(self, _: str, depth: int) -> Drawn:
        one, other = self.any("text", depth), self.any("text", depth)
        return Drawn(
            f"concat({one.text}, {other.text})",
            "text",
            lambda r: (one.means(r) or "") + (other.means(r) or ""),
        )

    def matches(self, _: str, depth: int) -> Drawn:
        one, pattern = self.any("text", depth), self.random.choice(plainly.PATTERNS)
        return strict(
            f"matches({one.text}, '{pattern}')",
            "boolean",
            lambda v: plainly.found(pattern, v) is not None,
            one,
        )

    def match_part(self, _: str, depth: int) -> Drawn:
        one, pattern = self.any("text", depth), self.random.choice(plainly.PARTS)
        return strict(
            f"match_part({one.text}, '{pattern}', 'x')",
            "text",
            lambda v: ((m := plainly.found(pattern, v)) and m["x"]) or None,
            one,
        )

    def length(self, _: str, depth: int) -> Drawn:
        one = self.any("text", depth)
        return strict(f"length({one.text})", "integer", len, one)

    def normalise(self, _: str, depth: int) -> Drawn:
        one = self.any("text", depth)
        return strict(f"normalise({one.text})", "text", plainly.normalised, one)

    def now(self, _: str, __: int) -> Drawn:
        return Drawn("now()", "timestamp", lambda _: NOW)

    def days_ago(self, _: str, __: int) -> Drawn:
        days = self.random.choice([0, 3, 30])
        return Drawn(f"days_ago({days})", "timestamp", lambda _: NOW - timedelta(days))

    def business_days_ago(self, _: str, __: int) -> Drawn:
        return Drawn("business_days_ago(2)", "timestamp", lambda _: NOW - timedelta(4))

    def closed_through(self, _: str, __: int) -> Drawn:
        return Drawn("closed_through('accrual')", "timestamp", lambda _: None)

    def days_since(self, _: str, depth: int) -> Drawn:
        one = self.any(self.random.choice(["date", "timestamp"]), depth)
        return strict(f"days_since({one.text})", "integer", lambda v: (NOW.date() - plainly.day(v)).days, one)

    def days_between(self, _: str, depth: int) -> Drawn:
        one, other = (self.any(self.random.choice(["date", "timestamp"]), depth) for _ in range(2))
        return strict(
            f"days_between({one.text}, {other.text})",
            "integer",
            lambda x, y: (plainly.day(y) - plainly.day(x)).days,
            one,
            other,
        )

    def json_field(self, _: str, __: int) -> Drawn:
        path, text = self.random.choice(["a", "a.b", "[0]", "[1].a", "[a=x].b"]), self.random.choice(JSON)
        one = self.random.choice(
            [Drawn("u", "text", lambda row: row["u"]), Drawn(f"'{text}'", "text", lambda _: text)]
        )
        return strict(f"json_field({one.text}, '{path}')", "text", lambda v: plainly.json_field(v, path), one)

    def parse_date(self, _: str, __: int) -> Drawn:
        one, pattern = (
            self.leaf("text"),
            self.random.choice(["dd/mm/yyyy", "mon dd, yyyy", "yyyymmdd", "dd.mm.yy"]),
        )
        return strict(
            f"parse_date({one.text}, '{pattern}')", "date", lambda v: plainly.parse_date(v, pattern), one
        )

    def parse_timestamp(self, _: str, __: int) -> Drawn:
        one, zone = (
            self.leaf("text"),
            self.random.choice(["UTC", "Europe/Berlin", "America/Denver", "Australia/Lord_Howe"]),
        )
        pattern = self.random.choice(
            [None, None, "dd.mm.yyyy hh:mi", "mm/dd/yyyy hh:mi am", "epoch", "epoch_ms"]
        )
        if pattern:
            text = f"parse_timestamp({one.text}, '{zone}', '{pattern}')"
            return strict(text, "timestamp", lambda v: plainly.parse_timestamp(v, zone, pattern), one)
        if zone == "UTC":
            return strict(f"parse_timestamp({one.text})", "timestamp", plainly.instant, one)
        return strict(
            f"parse_timestamp({one.text}, '{zone}')", "timestamp", lambda v: plainly.instant(v, zone), one
        )

    def parse_decimal(self, _: str, __: int) -> Drawn:
        one, sign, scale = self.leaf("text"), self.random.choice(".,"), self.random.choice([4, 4, 8, 0])
        return strict(
            f"parse_decimal({one.text}, '{sign}', {scale})",
            "decimal",
            lambda v: plainly.parse_decimal(v, sign, scale),
            one,
        )

    def split(self, _: str, depth: int) -> Drawn:
        one, separator, n = (
            self.any("text", depth),
            self.random.choice(["-", " ", "ab"]),
            self.random.randrange(1, 4),
        )
        return strict(
            f"split({one.text}, '{separator}', {n})",
            "text",
            lambda v: dict(enumerate(v.split(separator), 1)).get(n) or None,
            one,
        )

    def present(self, _: str, __: int) -> Drawn:
        return Drawn("present(order)", "boolean", lambda r: r["order"])

    def missing(self, _: str, __: int) -> Drawn:
        return Drawn("missing(order)", "boolean", lambda r: not r["order"])

    def allowed(self, _: str, __: int) -> Drawn:
        one, other = self.leaf("text"), self.leaf("text")
        return Drawn(
            f"allowed(moves, {one.text}, {other.text})",
            "boolean",
            lambda r: plainly.any_of(
                plainly.both(_same(one.means(r), x), _same(other.means(r), y)) for x, y in PAIRS["moves"]
            ),
        )

    # -- aggregates: their rows are all rows

    def aggregate(self) -> Drawn:
        name = self.random.choice(sorted(AGGREGATES))
        type_ = self.random.choice(
            {"sum": ["integer", "decimal"], "bool_or": ["boolean"], "bool_and": ["boolean"]}.get(
                name, ["integer", "decimal", "text", "date", "timestamp"]
            )
        )
        one = self.any(type_, 1)
        form = self.random.choice(["{}", "*", "DISTINCT {}"]) if name == "count" else "{}"

        def means(rows: Any) -> Any:
            kind = _kind(one)
            return plainly.aggregate(name, form, [one.means(row) for row in rows], kind.digits, kind.scale)

        return Drawn(f"{name}({form.format(one.text)})", "integer" if name == "count" else type_, means)


def _plain(kind: str | Kind) -> str:
    name = kind if isinstance(kind, str) else kind.name
    return "decimal" if name in ("quantity", "money") else name


def _same(value: Any, other: Any) -> Any:
    return None if value is None else value == other


def _kind(drawn: Drawn) -> Kind:
    return parse(drawn.text, SCOPE).kind


_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda x, y: x == y, "<>": lambda x, y: x != y, "<": lambda x, y: x < y, "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y, ">=": lambda x, y: x >= y,
}  # fmt: skip
CASTS = {target: list(sources) for target, sources in MADE_OF.items()} | {
    "text": ["integer", "decimal", "text", "boolean", "date", "timestamp"]
}
_EVERY = ["case", "coalesce", "nullif", "least", "greatest", "cast"]
WAYS = {
    "integer": [*_EVERY, "add", "neg", "abs", "length", "days_since", "days_between"],
    "decimal": [*_EVERY, "add", "neg", "abs", "round", "parse_decimal"],
    "text": [
        *_EVERY,
        "upper",
        "lower",
        "trim",
        "replace",
        "substring",
        "concat",
        "match_part",
        "normalise",
        "json_field",
        "split",
    ],
    "boolean": [
        *_EVERY,
        "compare",
        "logic",
        "negated",
        "is_",
        "in_",
        "between",
        "matches",
        "present",
        "missing",
        "allowed",
    ],
    "date": [*_EVERY, "parse_date"],
    "timestamp": [*_EVERY, "parse_timestamp", "now", "days_ago", "business_days_ago", "closed_through"],
}
TEXTS = [
    "", " ", "a", "ab", "aB-c", "it's", "é", "ß", "ſ", "00-12a", "\u00a0x\t", "Ab ab", "x\ny", "\U0001f600",
    "0", "7", "-12", "3.7", "12.0", "1.2345", "1.23456", "+.5", "1e3", "1_000", "0x1F", "99999999999999999", " 42 ", "1,234.50",
    "(12.00)", "12.5-", "1.234,5", "0,500", "1 234", "NaN", "true", "No", "y", "infinity", "epoch",
    "2026-03-29", "2026-3-9", "2026-02-30", "2026-03-29 02:30", "2026-10-25T02:30:00", "2026-03-08T10:00:00-05:00",
    "2026-03-08T10:00:00.123456Z", "2026/03/08", "29/02/2028", "31/02/2026", "Feb 03, 2026", "20260203", "2026023", "03.02.68",
    "29.03.2026 02:30", "25.10.2026 02:30", "05.04.2026 01:45", "11/06/2026 02:30 PM", "1794121050", "1794121050080", "/Date(1794121050080)/",
    "open", "done",
]  # fmt: skip
JSON = [
    '{"a": {"b": "x"}}',
    '[{"a": "x", "b": 2}, {"a": [1, true]}]',
    '{"a": null}',
    '{"a": 1.5}',
    "{",
    "",
    "[]",
]


def a_row(random: Random) -> dict[str, Any]:
    """NULL and extremes often, else something ordinary."""

    def one(kind: str | Kind) -> Any:
        name = _plain(kind)
        if random.random() < 0.15:
            return None
        if name == "text":
            return random.choice(TEXTS)
        if name == "boolean":
            return random.random() < 0.5
        if name == "integer":
            return random.choice([0, 1, -1, 10**18 - 1, 1 - 10**18, random.randrange(-9999, 9999)])
        if name == "decimal":
            kind = kind if isinstance(kind, Kind) else decimal_of(4)
            most = 10 ** (kind.digits + kind.scale) - 1
            return Decimal(random.choice([0, 1, -1, most, -most, random.randrange(-(10**8), 10**8)])).scaleb(
                -kind.scale
            )
        day = random.choice(
            [date(1900, 1, 1), date(2199, 12, 31), date(2026, 3, 29), date(2026, 10, 25), date(2028, 2, 29)]
        )
        if name == "date":
            return day
        return datetime(
            day.year,
            day.month,
            day.day,
            random.randrange(24),
            random.choice([0, 59]),
            random.randrange(60),
            random.choice([0, 5000, 1]),
            tzinfo=UTC,
        )

    own = {"u": random.choice([None, *JSON]), "order": random.random() < 0.5}
    return {name: one(kind) for name, kind in COLUMNS.items()} | own


_CON = duck.session()
_TYPES = {name: kind.sql if isinstance(kind, Kind) else SQL[kind] for name, kind in COLUMNS.items()} | {
    "order": "BOOLEAN"
}
_CON.execute(f"CREATE TABLE r (n INTEGER, {', '.join(f'{quote(n)} {t}' for n, t in _TYPES.items())})")
PARAMETERS = {
    "now": NOW,
    "days_ago_0": NOW,
    "days_ago_3": NOW - timedelta(3),
    "days_ago_30": NOW - timedelta(30),
    "business_days_ago_2": NOW - timedelta(4),
    "closed_through_accrual": None,
}
SELDOM = {"fit"}
"""Written only where digits are many."""
REST = {"aggregate", "any", "leaf", "number", "value"}


def _name(qualifier: str | None, name: str) -> str:
    return quote("order") if name == PRESENT else quote(name)


def _selected(expr: Expr) -> str:
    """A timestamp as microseconds since 1970, so that nothing of a driver comes in between."""
    sql = render(expr, _name)
    return f"epoch_us({sql})" if expr.type == "timestamp" else sql


def _rounds(node: Node) -> bool:
    """Whether a step gives up decimals so that its digits fit."""
    if node.op == "mul":
        return any(arg.kind.scale > cast.scale for arg, cast in zip(node.args, node.value, strict=True))
    return node.op in ("add", "sub", "fit") and any(arg.kind.scale > node.kind.scale for arg in node.args)


def _check(drawn: Drawn, expr: Expr, found: Any, wanted: Any) -> None:
    if isinstance(wanted, datetime):
        wanted = (wanted - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    if any(map(_rounds, expr.tree.walk())):  # it runs; decimals beyond 38 digits were cut
        return
    assert found == wanted, f"{drawn.text}\nDuckDB: {found!r}\nPython: {wanted!r}"
    assert isinstance(found, bool) == isinstance(wanted, bool), drawn.text


def _accepted(drawn: Sequence[Drawn]) -> list[tuple[Drawn, Expr]]:
    found = []
    for one in drawn:
        try:
            found.append((one, parse(one.text, SCOPE)))
        except ExpressionError as error:
            assert re.search("38 digits|too deeply|' is not a |has no zone", error.message), (
                one.text,
                str(error),
            )
    return found


def _values(accepted: Sequence[tuple[Drawn, Expr]]) -> list[tuple[Any, ...]]:
    used = {name for _, expr in accepted for name in expr.parameters}
    tail = "" if any(expr.aggregates for _, expr in accepted) else " ORDER BY n"
    sql = f"SELECT {', '.join(_selected(expr) for _, expr in accepted)} FROM r{tail}"
    sql = re.sub(r"(\$\w+)", r"CAST(\1 AS TIMESTAMPTZ)", sql)
    return _CON.execute(sql, {name: PARAMETERS[name] for name in used}).fetchall()


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.integers(0, 2**32))
def test_accepted_expression_agrees_with_plain_python(seed: int) -> None:
    random = Random(seed)
    rows = [a_row(random) for _ in range(6)] + [dict.fromkeys([*COLUMNS, "order"]) | {"order": False}]
    _CON.execute("DELETE FROM r")
    _CON.executemany(
        f"INSERT INTO r VALUES ({', '.join(['?'] * (len(_TYPES) + 1))})",
        [[n, *(row[c] for c in _TYPES)] for n, row in enumerate(rows)],
    )
    draw = Draw(random)
    with localcontext(EXACT):
        plain = _accepted([draw.value(random.randrange(1, 5)) for _ in range(30)])
        assert len(plain) > 15
        for row, values in zip(rows, _values(plain), strict=True):
            for (drawn, expr), found in zip(plain, values, strict=True):
                _check(drawn, expr, found, drawn.means(row))
        grouped = _accepted([draw.aggregate() for _ in range(8)])
        for (drawn, expr), found in zip(grouped, _values(grouped)[0], strict=True):
            _check(drawn, expr, found, drawn.means(rows))  # type: ignore[arg-type]


def test_the_whole_language_is_drawn() -> None:
    """A new function needs its drawer; a new operation must come up among what is drawn."""
    for name in [*FUNCTIONS.keys() - AGGREGATES, *SIDES]:
        assert hasattr(Draw, name), f"{name}() is not drawn"
        assert any(name in ways for ways in WAYS.values()), f"{name}() is not drawn"
    drawers = {name for name in vars(Draw) if not name.startswith("__")} - REST
    assert drawers - {"sub", "mul"} == {way for ways in WAYS.values() for way in ways}
    operators = {*COMPARE.values(), *LOGIC.values(), *SUMS.values(), *OPERATIONS, *FUNCTIONS} - SELDOM
    draw, seen = Draw(Random(7)), {"now", "days_ago", "business_days_ago", "closed_through"}
    for _ in range(3_000):
        one = draw.value(3) if draw.random.random() < 0.7 else draw.aggregate()
        seen |= {node.op for _, expr in _accepted([one]) for node in expr.tree.walk()}
        if operators <= seen:
            break
    assert operators <= seen, operators - seen


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
    if expr.aggregates and expr.bare_columns:
        return
    _values([(Drawn(text, expr.type, lambda _: None), expr)])
