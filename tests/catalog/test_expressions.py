# ruff: noqa: E501 - one row of a table is one line
"""What expressions may say, what they become, and how a wrong one is refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

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
from exceptions_app.catalog.scopes import RAW_ROW

COLUMNS = {
    "number": "text", "unit": "text", "match": "integer", "quantity": "quantity", "price": "money", "ers": "boolean",
    "invoiced_on": "date", "at": "timestamp", "order.quantity": "quantity", "invoice.quantity": "quantity",
}  # fmt: skip
SCOPE = Scope(
    COLUMNS,
    AGGREGATES | TIMES | SIDES,
    frozenset({"order", "invoice"}),
    {"statuses": [("open", "released"), ("closed", "finished")]},
)
RAW = Scope(None, MAPPING)
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


def names(qualifier: str | None, name: str) -> str:
    if name == PRESENT:
        return "TRUE" if qualifier == "order" else "FALSE"
    return quote(f"{qualifier}.{name}" if qualifier else name)


def value_of(expr: Expr, **row: Any) -> Any:
    """What DuckDB makes of it over one row; columns that are not given are NULL."""
    types = {
        "text": "VARCHAR",
        "integer": "BIGINT",
        "date": "DATE",
        "timestamp": "TIMESTAMPTZ",
        "boolean": "BOOLEAN",
    }
    given = {name.replace("__", "."): value for name, value in row.items()}
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        columns = ", ".join(
            f"CAST(${i} AS {types.get(t, 'DECIMAL(18,4)')}) AS {quote(n)}"
            for i, (n, t) in enumerate(COLUMNS.items(), 1)
        )
        con.execute(f"CREATE TABLE r AS SELECT {columns}", [given.get(name) for name in COLUMNS])
        times = dict.fromkeys(expr.parameters, NOW)
        found = con.execute(f"SELECT CAST({render(expr, names)} AS VARCHAR) FROM r", times).fetchone()
    return found[0] if found else None


TYPED = [
    ("quantity * price", "decimal"),
    ("match + 1", "integer"),
    ("match * 2.5", "decimal"),
    ("-quantity", "decimal"),
    ("quantity > 0 AND NOT ers", "boolean"),
    ("ers IS NOT TRUE", "boolean"),
    ("unit IS NULL OR unit IN ('EA', 'CS')", "boolean"),
    ("quantity NOT BETWEEN 1 AND 2.5", "boolean"),
    ("CASE WHEN ers THEN 1 ELSE quantity END", "decimal"),
    ("CASE unit WHEN 'EA' THEN 1 WHEN 'CS' THEN 12 END", "integer"),
    ("CAST(number AS date)", "date"),
    ("CAST('2026-01-31T08:00:00Z' AS timestamp)", "timestamp"),
    ("coalesce(unit, 'EA')", "text"),
    ("nullif(quantity, 0)", "decimal"),
    ("least(quantity, price, 1)", "decimal"),
    ("abs(order.quantity - invoice.quantity)", "decimal"),
    ("substring(concat(upper(trim(number)), lower(unit)), 1, 3)", "text"),
    ("length(replace(number, '-', ''))", "integer"),
    ("normalise(number)", "text"),
    ("sum(quantity)", "decimal"),
    ("min(at)", "timestamp"),
    ("count(*)", "integer"),
    ("count(DISTINCT number)", "integer"),
    ("bool_or(ers)", "boolean"),
    ("at <= days_ago(30) OR at < business_days_ago(2)", "boolean"),
    ("at <= closed_through('accrual')", "boolean"),
    ("days_since(invoiced_on)", "integer"),
    ("days_between(invoiced_on, now())", "integer"),
    ("now()", "timestamp"),
    ("present(order) AND missing(invoice)", "boolean"),
    ("allowed('statuses', number, unit)", "boolean"),
    ("NULL", "unknown"),
]


@pytest.mark.parametrize(("text", "type_"), TYPED)
def test_expression_has_its_type_and_runs(text: str, type_: str) -> None:
    expr = parse(text, SCOPE)
    assert expr.type == type_
    value_of(expr)


def test_parameters_aggregates_and_columns_are_told() -> None:
    expr = parse("max(at) < business_days_ago(2) AND order.quantity > 0 AND now() > days_ago(3)", SCOPE)
    assert expr.parameters == {"now", "days_ago_3", "business_days_ago_2"}
    assert expr.aggregates
    assert expr.columns == {(None, "at"), ("order", "quantity")}
    assert expr.bare_columns == {("order", "quantity")}
    assert not parse("quantity", SCOPE).aggregates


VALUES: list[tuple[str, dict[str, Any], str | None]] = [
    ("normalise(number)", {"number": "inv 00-12/a"}, "INV0012A"),
    ("normalise(number)", {"number": "000-120"}, "120"),
    ("normalise(number)", {"number": "--"}, None),
    ("concat(number, unit)", {"number": "a"}, "a"),
    ("allowed('statuses', number, unit)", {"number": "open", "unit": "released"}, "true"),
    ("allowed('statuses', number, unit)", {"number": "open", "unit": "finished"}, "false"),
    ("allowed('statuses', number, unit)", {"number": "open"}, None),
    ("present(order) AND missing(invoice)", {}, "true"),
    ("days_since(invoiced_on)", {"invoiced_on": date(2026, 11, 1)}, "23"),
    ("days_between(invoiced_on, now())", {"invoiced_on": date(2026, 11, 1)}, "23"),
    ("days_between(now(), invoiced_on)", {"invoiced_on": date(2026, 11, 1)}, "-23"),
    ("days_between(invoiced_on, now())", {"invoiced_on": None}, None),
    ("CAST(number AS date)", {"number": "31/31/2026"}, None),
    ("CAST(number AS decimal)", {"number": "1.5"}, "1.5000"),
    ("CAST(number AS decimal)", {"number": " 1.23450 "}, "1.2345"),
    ("CAST(number AS decimal)", {"number": "1.23456"}, None),
    ("CAST(number AS decimal)", {"number": "1_000"}, None),
    ("CAST(number AS decimal(18, 6))", {"number": "1.234567"}, "1.234567"),
    (
        "CAST(quantity * price AS decimal)",
        {"quantity": Decimal("-0.5"), "price": Decimal("0.0001")},
        "-0.0001",
    ),
    ("CAST(quantity AS integer)", {"quantity": Decimal("2.5")}, "3"),
    ("CAST(number AS integer)", {"number": "3.7"}, None),
    ("CAST(number AS integer)", {"number": "0x1F"}, None),
    ("CAST(number AS integer)", {"number": "12.0"}, "12"),
    ("CAST(number AS integer)", {"number": "1000000000000000000"}, None),
    ("CAST(number AS date)", {"number": "infinity"}, None),
    ("CAST(number AS timestamp)", {"number": "epoch"}, None),
    ("CAST(number AS timestamp)", {"number": "2026-01-31 08:00"}, "2026-01-31 08:00:00+00"),
    ("CAST(number AS boolean)", {"number": "Yes"}, "true"),
    ("CAST(number AS boolean)", {"number": "perhaps"}, None),
    ("round(quantity, 2)", {"quantity": Decimal("-1.005")}, "-1.01"),
    ("round(quantity, 0)", {"quantity": Decimal("0.5")}, "1"),
    ("round(match, 2)", {"match": 7}, "7"),
    ("round(number, 4)", {"number": "0.30000000000000004"}, "0.3000"),
    ("round(number, 2)", {"number": "12 boxes"}, None),
    ("quantity * price", {"quantity": Decimal("2.5"), "price": Decimal("0.0125")}, "0.03125000"),
    ("least(quantity, price)", {"quantity": 3}, "3.0000"),
    ("number = 'it''s'", {"number": "it's"}, "true"),
]


@pytest.mark.parametrize(("text", "row", "wanted"), VALUES)
def test_expression_means_what_the_guide_says(text: str, row: dict[str, Any], wanted: str | None) -> None:
    assert value_of(parse(text, SCOPE), **row) == wanted


LARGEST = Decimal("99999999999999.9999")


@pytest.mark.parametrize(
    "text",
    [
        "quantity * price", "quantity + price", "quantity - price", "quantity * price - quantity * quantity",
        "(quantity * price - quantity * -quantity) * 100 > 2 * (quantity * price)", "sum(quantity * price)",
        "sum(quantity) * sum(price)", "quantity * match", "match * match", "match + match", "abs(quantity * price) * 250",
        "coalesce(quantity * price, quantity)", "quantity * price > quantity",
    ],
)  # fmt: skip
def test_absurd_row_does_not_stop_a_check(text: str) -> None:
    """A plain DECIMAL(18, 4) product of these overflows in DuckDB."""
    expr = parse(text, SCOPE)
    for sign in (1, -1):
        assert value_of(expr, quantity=LARGEST, price=LARGEST * sign, match=10**18 - 1) is not None


REFUSED = [
    ("quantty", "unknown column 'quantty'", "quantity"),
    ("ordr.quantity", "unknown column 'ordr.quantity'", "order.quantity"),
    ("invoice.qty", "unknown column", "invoice.quantity"),
    ("a.b.c", "side.column is expected", ""),
    ("quantity / price", "division", ""),
    ("quantity % 2", "not allowed", ""),
    ("number LIKE 'x%'", "LIKE", ""),
    ("number || unit", "concat", ""),
    ("avg(quantity)", "avg", ""),
    ("number = NULL", "nothing equals NULL", "IS NULL or IS NOT NULL"),
    ("unit IN ('EA', NULL)", "none of them NULL", ""),
    ("unit IN (number)", "list of literals", ""),
    ("unit IN (SELECT 1)", "list of literals", ""),
    ("quantity BETWEEN NULL AND 2", "NULL", "IS NULL"),
    ("quantity IS unit", "IS goes with", ""),
    ("1e5", "exact number", ""),
    ("0.123456789", "exact number", ""),
    ("(SELECT 1)", "subqueries", ""),
    ("EXISTS (SELECT 1)", "not allowed", ""),
    ("sum(quantity) OVER ()", "window", ""),
    ("sum(quantity) FILTER (WHERE ers)", "not allowed", ""),
    ("sum(DISTINCT quantity)", "not allowed", ""),
    ("sum(sum(quantity))", "another aggregate", ""),
    ("sum(number)", "needs a number", ""),
    ("max(ers)", "boolean", "bool_or or bool_and"),
    ("count(number, unit)", "is not allowed", ""),
    ("upper(quantity)", "needs text", ""),
    ("substring(number, match, 2)", "written out", ""),
    ("number + 1", "a number is needed", ""),
    ("NOT quantity", "a condition is needed", ""),
    ("quantity AND ers", "a condition is needed", ""),
    ("quantity > number", "one type", "CAST(… AS decimal)"),
    ("at > invoiced_on", "one type", "CAST(… AS date)"),
    ("coalesce(quantity, unit)", "one type", "CAST(… AS decimal)"),
    ("quantity * price * match", "38 digits", ""),
    ("CAST(number AS json)", "CAST goes to", ""),
    ("CAST('31/12/2026' AS date)", "is not a date", ""),
    ("uper(number)", "not a function", "upper"),
    ("json_field(number, 'a')", "cannot be used here", ""),
    ("read_csv('/etc/passwd')", "not allowed", ""),
    ("missing(receipt)", "name of a side", ""),
    ("present('order')", "name of a side", ""),
    ("allowed('status', number, unit)", "no pairs 'status'", "statuses"),
    ("allowed('statuses', quantity, unit)", "compares text", ""),
    ("days_ago(match)", "whole number", ""),
    ("current_date", "now()", ""),
    ("interval 3 day", "days_ago", ""),
    ("quantity price", "side by side", ""),
    ("*", "only count(*)", ""),
    ("1; drop table x", "one expression", ""),
    ("1; 2", "one expression", ""),
    ("", "one expression", ""),
    ("quantity >", "", ""),
    ("drop table x", "not allowed", ""),
    ("copy r to 'x'", "", ""),
    ("(" * 1500 + "1" + ")" * 1500, "too deeply", ""),
    ("1 + " * 1500 + "1", "longer than", ""),
    (
        "quantity > 0 -- and more\nAND ers",
        "begins a comment",
        "a # comment of YAML, or - (-b) for minus minus",
    ),
    ("quantity --price", "begins a comment", "a # comment of YAML, or - (-b) for minus minus"),
    ("quantity /* x */ > 0", "begins a comment", "a # comment of YAML, or - (-b) for minus minus"),
    ("concat(unit, 'a' 'b')", "two texts side by side", "a comma between them"),
    ("quantity BETWEEN SYMMETRIC 2 AND 1", "SYMMETRIC", ""),
    ('"order.quantity" > 1', "is one name", "order.quantity"),
    ("CASE unit WHEN NULL THEN 1 END", "nothing equals NULL", "CASE WHEN … IS NULL THEN …"),
    ("CAST(quantity AS date)", "makes no date of decimal", "parse_date"),
    ("CAST(invoiced_on AS integer)", "makes no integer of date", "CASE WHEN x THEN 1 ELSE 0 END"),
    ("CAST(ers AS integer)", "makes no integer of boolean", "CASE WHEN x THEN 1 ELSE 0 END"),
    ("CAST(quantity AS boolean)", "makes no boolean of decimal", "a comparison such as x <> 0"),
    ("CAST(number AS decimal(40, 2))", "1 to 28 digits", "decimal(18, 6)"),
    ("CAST(number AS decimal(6))", "digits and decimals", "decimal(18, 6)"),
    ("CAST(number AS text(3))", "without a length", "CAST(… AS text)"),
    ("CAST('20260101' AS date)", "is not a date", ""),
    ("CAST('2026-02-30' AS date)", "is not a date", ""),
    ("CAST('infinity' AS timestamp)", "is not a timestamp", ""),
    ("at > CAST('2026-01-31T08:00' AS timestamp)", "has no zone", "'2026-01-31T08:00Z'"),
    ("at > timestamp '2026-01-31 08:00:00'", "has no zone", "'2026-01-31 08:00:00Z'"),
    ("CAST('1_000' AS integer)", "is not a integer", ""),
    ("TRY_CAST(number AS date)", "CAST gives NULL", ""),
    ("if(ers, 1, 2)", "CASE WHEN", ""),
    ("unit IS DISTINCT FROM number", "IS NULL", ""),
    ("substring(number, 0, 2)", "from 1 to", ""),
    ("substring(number, 99999999999)", "from 1 to", ""),
    ("round(quantity, 11)", "at most 10 decimals", "decimal(18, 6)"),
    ("round(ers, 2)", "needs a number or a text", ""),
    ("round(quantity, match)", "whole number", ""),
    ("matches(number, '(?=a)')", "no look around", ""),
    ("matches(number, 'a{2000}')", "RE2", ""),
    ("matches(number, '(a{1,99}){1,99}')", "RE2", ""),
    ("matches(number, '[[:alpha:]]')", "without others inside", ""),
    ("matches(number, 'a{,3}')", "expected {0,3}", ""),
    ("matches(number, '(?x) a')", "RE2", ""),
    ("matches(number, '\\Z')", "RE2", ""),
    ("matches(number, unit)", "written out", ""),
    ("NOT " * 40 + "ers", "too deeply", ""),
    ("- " * 40 + "1", "too deeply", ""),
    ("CASE WHEN ers THEN " * 30 + "1" + " END" * 30, "too deeply", ""),
    ("ers = " * 200 + "ers", "too deeply", "a column of its own for a part of it"),
    (
        "CAST(" * 15 + "number" + " AS text) AS integer)" * 7 + " AS text)",
        "too deeply",
        "a column of its own for a part of it",
    ),
    ("quantity >\n  'it''s' + 1", "a number is needed", ""),
    ("= 1", "something is missing near '1'", ""),
    ("ers XOR ers", "'XOR' is not expected here", ""),
    ("number = 'open", "a quote is never closed", ""),
    ("abs(quantity", "expected )", ""),
    (":x > 1", "parameters", ""),
    ('"größe" = 1', "unknown column 'größe'", ""),
    ("qυantity", "unknown column", "quantity"),
    ("(number, unit) = ('a', 'b')", "several values", ""),
    ("x -> x + 1", "not allowed", ""),
    ("[1, 2]", "not allowed", ""),
    ("number[1]", "not allowed", ""),
    ("random() < 1", "not allowed", ""),
    ("getvariable('x')", "not a function", ""),
    ("at AT TIME ZONE 'UTC' > now()", "AT TIME ZONE", ""),
    ("lag(number) OVER (ORDER BY at)", "window", ""),
    ("sum(quantity) FILTER (WHERE ers) > 1", "not allowed", ""),
    ("number SIMILAR TO 'a%'", "matches(text, 'pattern')", ""),
    ("number COLLATE nocase = 'a'", "not allowed", ""),
    ("Invoiced On", "", "invoiced_on"),
    ("invoiced-on", "near 'on'", "invoiced_on"),
]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("RCPT#", "'\"RCPT#\"'"),
        ("U/M", "'\"U/M\"'"),
        ("PO NBR", "'\"PO NBR\"'"),
        ("PO-LN", "'\"PO-LN\"'"),
        ("Item No.", "'\"Item No.\"'"),
        ("upper(trim(RCPT#))", "'upper(trim(\"RCPT#\"))'"),
        ("CASE WHEN U/M = 'x' THEN PO NBR ELSE 'PO NBR' END", '"U/M" and "PO NBR"'),
        ("json_field(a, 'x.$ms[$t=1].y')", '\'x."$ms"["$t"=1].y\''),
    ],
)
def test_name_that_lacks_its_quotes_is_told_with_them(text: str, hint: str) -> None:
    with pytest.raises(ExpressionError, match="stands in double quotes") as refused:
        parse(text, RAW_ROW)
    assert hint in (refused.value.suggestion or refused.value.message)


@pytest.mark.parametrize("text", ["a / b", "a OR b", "concat(a b", "a b(c)", "json_field(a, '$ms.')"])
def test_what_quotes_would_not_mend_is_refused_without_them(text: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        parse(text, RAW_ROW)
    assert "double quotes" not in refused.value.message


@pytest.mark.parametrize(("text", "said", "hint"), REFUSED, ids=[r[0][:40] or "empty" for r in REFUSED])
def test_expression_is_refused_with_its_reason(text: str, said: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        parse(text, SCOPE)
    assert said in refused.value.message
    assert refused.value.suggestion == hint
    assert refused.value.column > 0


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("quantity > 0 AND\n  prise > 1", 20), ("quantity > 0 AND\n  ers XOR ers", 24), ("number = 'open", 10),
        ("ers OR 'a' 'b' = unit", 12), ("ers -- x", 5), ("number = '--' AND price -- x", 25),
        ("ers AND\n(" + "(" * 30, 29),
    ],
)  # fmt: skip
def test_refusal_names_the_character(text: str, column: int) -> None:
    with pytest.raises(ExpressionError) as refused:
        parse(text, SCOPE)
    assert refused.value.column == column


def test_long_conditions_stay_flat() -> None:
    """A thousand statuses or pairs are halved again and again: none is too deep to be written."""
    expr = parse(" OR ".join(f"match={n}" for n in range(250)), SCOPE)
    assert expr.tree.depth < 15
    assert value_of(expr, match=249) == "true"
    pairs = [(f"a{n}", f"b{n}") for n in range(2_000)]
    allowed = parse("allowed('p', number, unit)", Scope(COLUMNS, SIDES, pairs={"p": pairs}))
    assert value_of(allowed, number="a1999", unit="b1999") == "true"


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("parse_date(doc, 'dd dd dd')", "not a date pattern", "'dd/mm/yyyy'"),
        ("parse_date(doc, 'mm mon yyyy')", "not a date pattern", "'dd/mm/yyyy'"),
        ("parse_timestamp(doc, 'right/UTC')", "not a time zone", "Etc/UTC"),
        ("parse_timestamp(doc, 'localtime')", "not a time zone", ""),
        ("parse_timestamp(doc, 'Europe/berlin')", "not a time zone", "Europe/Berlin"),
        ("parse_decimal(doc, '.', 11)", "at most 10 decimals", "decimal(18, 6)"),
        ("split(doc, '', 1)", "needs a separator", ""),
        ("doc.name", "is not a field", "json_field(doc, 'name')"),
    ],
)
def test_mapping_function_is_refused_with_its_reason(text: str, said: str, hint: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(said)) as refused:
        parse(text, RAW)
    assert refused.value.suggestion == hint


def test_check_functions_are_not_for_mappings_and_the_reverse() -> None:
    for text in ("now()", "sum(a)", "present(order)"):
        with pytest.raises(ExpressionError, match="cannot be used here"):
            parse(text, RAW)


_IDS = """{
 "ids": [{"t": "GTIN", "v": "1"}, {"t": "UDI", "v": "2", "main": true, "n": 7, "of": {"c": "x.y"}}],
 "one": {"t": "A", "v": 3}, "deep": [[], [{"v": 5}]], "none": null, "void": [],
 "a.b": [{"u": "http://hl7.org/x, it's", "v": 6}], "0": {"v": 7}}"""
RAW_VALUES = [
    ("json_field(doc, 'vendor.code')", '{"vendor": {"code": "V1"}}', "V1"),
    ("json_field(doc, 'vendor.code')", "not json", None),
    *(
        (f"json_field(doc, '{path}')", _IDS, wanted)
        for path, wanted in {
            "ids[0].v": "1",
            "ids[1].v": "2",
            "ids[2].v": None,
            "ids[t=UDI].v": "2",
            "ids[t=GTIN].v": "1",
            "ids[t=EAN].v": None,
            "ids[t=UDI]": '{"t":"UDI","v":"2","main":true,"n":7,"of":{"c":"x.y"}}',
            "ids[main=true].v": "2",
            "ids[n=7].v": "2",
            "ids[of.c=x.y].t": "UDI",
            'ids[of.c="x.y"].of.c': "x.y",
            "one[0].v": "3",
            "one[t=A].v": "3",
            "one[1].v": None,
            "deep[1][0].v": "5",
            "deep[1][v=5].v": "5",
            "none[0].v": None,
            "void[0].v": None,
            "ids[0].t.x": None,
            "\"a.b\"[u=http://hl7.org/x, it''s].v": "6",
            '"0".v': "7",
        }.items()
    ),
    ("json_field(doc, '[0].v')", '[{"v": 12.50}, {"v": 2}]', "12.5"),
    ("json_field(doc, '[t=B].v')", '[{"t": "A"}, {"t": "B", "v": "b"}]', "b"),
    ("json_field(doc, '[t=A].v')", '{"t": "A", "v": "alone"}', "alone"),
    ("json_field(doc, '[0]')", "not json", None),
    ("parse_date(doc, 'dd/mm/yyyy')", "28/02/2026", "2026-02-28"),
    ("parse_date(doc, 'dd/mm/yyyy')", "31/02/2026", None),
    ("parse_date(doc, 'mon dd, yyyy')", "Feb 03, 2026", "2026-02-03"),
    ("parse_date(doc, 'yyyymmdd')", "20260203", "2026-02-03"),
    ("parse_decimal(doc)", "1,234.50", "1234.5000"),
    ("parse_decimal(doc)", "(12.00)", "-12.0000"),
    ("parse_decimal(doc)", "12.5-", "-12.5000"),
    ("parse_decimal(doc)", "12 boxes", None),
    ("parse_decimal(doc, ',')", "1.234,50", "1234.5000"),
    ("parse_decimal(doc, ',')", "(12,00)", "-12.0000"),
    ("parse_decimal(doc, ',')", "12.5", None),
    ("parse_decimal(doc, '.')", "12.5", "12.5000"),
    ("parse_decimal(doc, ',', 6)", "1.234,567891", "1234.567891"),
    ("parse_decimal(doc, '.', 6)", "(0.000001)", "-0.000001"),
    ("parse_decimal(doc)", "1,234.56789", None),
    ("parse_decimal(doc)", "0.00001", None),
    ("parse_decimal(doc)", "1.50000000", "1.5000"),
    ("parse_decimal(doc)", "1E-7", None),
    ("parse_decimal(doc)", "0E-10", "0.0000"),
    ("parse_timestamp(doc, 'UTC')", "infinity", None),
    *(
        ("parse_decimal(doc)", raw, wanted)
        for raw, wanted in {
            "0": "0.0000",
            "1234.5": "1234.5000",
            "+5": "5.0000",
            "-5": "-5.0000",
            ".5": "0.5000",
            "5.": "5.0000",
            "1E+3": "1000.0000",
            "5e-1": "0.5000",
            " 7 ": "7.0000",
            "- 50.00": "-50.0000",
            "-1,234": "-1234.0000",
            "1,234,567.89": "1234567.8900",
            "1,234.50-": "-1234.5000",
            "(1,234.50)": "-1234.5000",
            "1 234.50": "1234.5000",
            "1\u00a0234\u202f567": "1234567.0000",
            "12.5 -": "-12.5000",
            "( .5 )": "-0.5000",
            "0,5": None,
            "0,500": None,
            "1.234,5": None,
            "1,23": None,
            "1,2345": None,
            "1234,567": None,
            "1,234,56": None,
            "1,234 567": None,
            ",5": None,
            "1,": None,
            "1.2.3": None,
            "12 34": None,
            "-5-": None,
            "(-5)": None,
            "(5": None,
            "5)": None,
            "--5": None,
            "()": None,
            "-": None,
            ".": None,
            "1_000": None,
            "$5": None,
            "NaN": None,
            "12345678901234567890": None,
            "1,234\n": "1234.0000",
        }.items()
    ),
    ("parse_timestamp(doc)", "2026-03-08T10:00:00-05:00", "2026-03-08 15:00:00+00"),
    ("parse_timestamp(doc, 'America/Chicago')", "2026-03-08T01:59:00", "2026-03-08 07:59:00+00"),
    ("parse_timestamp(doc, 'America/Chicago')", "2026-03-08T03:00:00", "2026-03-08 08:00:00+00"),
    ("parse_timestamp(doc, 'America/Chicago')", "2026-03-08T03:00:00Z", "2026-03-08 03:00:00+00"),
    ("parse_timestamp(doc, 'America/Chicago')", "2026-03-08", "2026-03-08 06:00:00+00"),
    (
        "parse_timestamp(doc, 'Europe/Berlin', 'dd.mm.yyyy hh:mi')",
        "06.11.2026 14:00",
        "2026-11-06 13:00:00+00",
    ),
    ("parse_timestamp(doc, 'Europe/Berlin', 'dd.mm.yyyy hh:mi')", "31.02.2026 14:00", None),
    ("parse_timestamp(doc, 'Europe/Berlin', 'dd.mm.yyyy hh:mi')", "2026-11-06T14:00:00", None),
    ("parse_timestamp(doc, 'UTC', 'dd-mon-yy hh:mi:ss')", "06-NOV-26 14:00:09", "2026-11-06 14:00:09+00"),
    (
        "parse_timestamp(doc, 'America/Denver', 'mm/dd/yyyy hh:mi am')",
        "11/06/2026 02:30 PM",
        "2026-11-06 21:30:00+00",
    ),
    (
        "parse_timestamp(doc, 'America/Denver', 'mm/dd/yyyy hh:mi am')",
        "11/06/2026 12:05 AM",
        "2026-11-06 07:05:00+00",
    ),
    ("parse_timestamp(doc, 'America/Denver', 'yyyymmddhhmiss')", "20261106143009", "2026-11-06 21:30:09+00"),
    ("parse_timestamp(doc, 'UTC', 'yyyymmdd hhmi')", "20261106 1430", "2026-11-06 14:30:00+00"),
    ("parse_timestamp(doc, 'UTC', 'yymmdd-hhmi')", "261106-0905", "2026-11-06 09:05:00+00"),
    ("parse_timestamp(doc, 'UTC', 'yyyymmddhhmiss')", "20261306143009", None),
    ("parse_timestamp(doc, 'UTC', 'yyyymmddhhmiss')", "2026110614300", None),
    ("parse_timestamp(doc, 'UTC', 'yyyymmddhhmiss')", "0", None),
    ("parse_date(doc, 'yyyymmdd')", "20261106", "2026-11-06"),
    ("parse_date(doc, 'yyyymmdd')", "2026116", None),
    ("parse_date(doc, 'ddmmyyyy')", "1112026", None),
    ("parse_date(doc, 'ddmmyyyy')", "061126", None),
    ("parse_date(doc, 'ddmmyy')", "061126", "2026-11-06"),
    ("parse_timestamp(doc, 'UTC', 'epoch_ms')", "/Date(1794121050080)/", "2026-11-08 06:57:30.08+00"),
    (
        "parse_timestamp(doc, 'America/Denver', 'epoch_ms')",
        "/Date(1794121050080-0700)/",
        "2026-11-08 06:57:30.08+00",
    ),
    ("parse_timestamp(doc, 'UTC', 'epoch_ms')", "/Date()/", None),
    ("parse_timestamp(doc, 'UTC', 'epoch_ms')", "1794121050080", "2026-11-08 06:57:30.08+00"),
    ("parse_timestamp(doc, 'UTC', 'epoch')", "1794121050.5", "2026-11-08 06:57:30.5+00"),
    ("parse_timestamp(doc, 'UTC', 'epoch')", "1794121050080", None),
    ("parse_timestamp(doc, 'UTC', 'epoch')", "yesterday", None),
    ("split(doc, '-', 2)", "A-B", "B"),
    ("split(doc, '-', 3)", "A-B", None),
]


@pytest.mark.parametrize(("text", "raw", "wanted"), RAW_VALUES)
def test_mapping_function_means_what_the_guide_says(text: str, raw: str, wanted: str | None) -> None:
    sql = render(parse(text, RAW), lambda _, name: quote(name))
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        row = con.execute(f"SELECT CAST({sql} AS VARCHAR) FROM (SELECT $1 AS doc)", [raw]).fetchone()
    assert row == (wanted,)


@pytest.mark.parametrize(
    "text",
    ["parse_date(d, 'dd/mm')", "parse_date(d, '%d/%m/%Y')", "parse_timestamp(d, 'CST6')", "split(d, '-', 0)",
     "parse_timestamp(d, 'dd.mm.yyyy hh:mi')", "parse_timestamp(d, 'UTC', 'dd.mm.yyyy')",
     "parse_timestamp(d, 'UTC', '%d.%m.%Y %H:%M')", "parse_timestamp(d, 'UTC', 'dd.mm.yyyy hh24:mi')",
     "parse_timestamp(d, 'UTC', 'yyyymmdd')", "parse_timestamp(d, 'UTC', 'yyyymmmmhhmi')",
     "parse_decimal(d, ';')", "json_field(a.b, 'c')", *(
         f"json_field(d, '{path}')"
         for path in ("", "a.", ".a", "a..b", "a.[0]", "a[]", "a[*]", "a[-1]", "a[0", "a[t]", "a[=x]", "a[t=]", "a[0]b",
                      "$.a", "a[t=x]y", "a[?(@.t)]", "a['t']", "0.v", "a.0.v")
     ), "split(d, e, 1)"],
)  # fmt: skip
def test_mapping_function_is_refused_with_wrong_arguments(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text, RAW)


@pytest.mark.parametrize(
    "zone", ["America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]
)
@pytest.mark.parametrize("pattern", ["", ", 'yyyy-mm-dd hh:mi'"])
def test_a_local_time_is_the_instant_that_python_means(zone: str, pattern: str) -> None:
    days = ("2026-03-08", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01", "2026-07-01")
    times = [f"{day} {hour:02}:{minute}" for day in days for hour in (0, 1, 2, 3) for minute in ("00", "45")]
    sql = render(parse(f"parse_timestamp(doc, '{zone}'{pattern})", RAW), lambda _, name: quote(name))
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        found = con.execute(f"SELECT EPOCH({sql}) FROM (SELECT UNNEST($1) AS doc)", [times]).fetchall()
    local = [datetime.fromisoformat(text) for text in times]
    assert [row[0] for row in found] == [at.replace(tzinfo=ZoneInfo(zone)).timestamp() for at in local]


@pytest.mark.parametrize(
    ("path", "way"), [("0.v", "'[0].v'"), ("a.b.1", "'a.b[1]'"), ("a.12.v.w", "'a[12].v.w'")]
)
def test_a_number_that_is_meant_as_an_item_is_told_how_it_is_written(path: str, way: str) -> None:
    with pytest.raises(ExpressionError, match="an item of a list is") as refused:
        parse(f"json_field(ids, '{path}')", RAW)
    assert way in refused.value.message


def test_field_names_of_a_source_may_be_anything_in_quotes() -> None:
    expr = parse('"Item No." = \'x\' AND "a""b" IS NULL', RAW)
    assert expr.columns == {(None, "Item No."), (None, 'a"b')}
    assert '"Item No."' in render(expr, lambda _, name: quote(name))


def test_identifiers_and_texts_cannot_leave_their_quotes() -> None:
    expr = parse("\"a\"\"; drop table x; --\" = 'b''; drop table x; --'", RAW)
    sql = render(expr, lambda _, name: quote(name))
    with duckdb.connect() as con:
        column = quote('a"; drop table x; --')
        row = con.execute(f"SELECT {sql} FROM (SELECT 'z' AS {column})").fetchone()
    assert row == (False,)
