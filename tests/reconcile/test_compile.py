"""What a compiled statement is like, and which checks cannot be compiled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import MatchCheck, ServiceTime
from exceptions_app.reconcile.engine import compile_check
from exceptions_app.reconcile.errors import CheckError
from exceptions_app.reconcile.parameters import RunParameters, bind, grace_parameter
from exceptions_app.reconcile.values import exact, exact_text, json_of

from .books import NOW, Books, days_ago


def _altered(check: Any, **changes: Any) -> MatchCheck:
    return MatchCheck.model_validate({**check.model_dump(mode="json"), **changes})


P2P = (
    "three_way", "order_status", "duplicate_invoice", "evaluated_receipt", "inspection", "blanket", "service", "usage",
    "receipt_in_erp", "requisition", "contract_price", "order_total",
)  # fmt: skip


@pytest.mark.parametrize("code", [f"p2p.{code}" for code in P2P])
def test_statements_hold_nothing_that_engines_disagree_on(p2p: Catalog, code: str) -> None:
    statement = compile_check(p2p.checks[code], p2p).statement
    for refused in (" / ", " LIKE ", "||", "AVG(", "DATE_DIFF", "NOW()", "CURRENT_", "CAST(NULL AS DOUBLE"):
        assert refused not in statement.upper()


def test_a_check_is_compiled_once_per_configuration(p2p: Catalog) -> None:
    check = p2p.checks["p2p.three_way"]
    assert compile_check(check, p2p) is compile_check(check, p2p)


def test_a_side_without_a_feed_is_refused_unless_it_is_optional(p2p: Catalog, books: Books) -> None:
    check = p2p.checks["p2p.three_way"]
    sides = check.model_dump(mode="json")["sides"]  # type: ignore[union-attr]
    sides["suite_order"]["kind"] = "grants"
    books.invoice()
    result = books.run_altered(_altered(check, sides=sides))
    assert [one.category for one in result.discrepancies] == ["no_valid_order"]
    sides["suite_order"]["optional"] = False
    with pytest.raises(CheckError, match=r"no feed brings a side of the check: p2p\.three_way: suite_order"):
        compile_check(_altered(check, sides=sides), p2p)


def test_an_expression_that_the_catalogue_would_refuse_is_refused_with_its_place(p2p: Catalog) -> None:
    broken = _altered(p2p.checks["p2p.order_status"], let={"share": "order.quantity / 2"})
    with pytest.raises(CheckError, match=r"division.*p2p\.order_status: let\.share"):
        compile_check(broken, p2p)


def test_where_two_systems_hold_a_key_the_newest_row_speaks(p2p: Catalog, books: Books) -> None:
    check = p2p.checks["p2p.order_status"]
    sides = check.model_dump(mode="json")["sides"]  # type: ignore[union-attr]
    sides["order"] |= {"kind": None, "systems": ["ERP", "SUITE"]}
    books.order(status="ordered", source_time=days_ago(2))
    books.order("SUITE", status="received", source_time=days_ago(5))
    (found,) = books.run_altered(_altered(check, sides=sides)).discrepancies
    assert '"erp_status":"ordered"' in found.facts


def test_times_a_statement_can_ask_for(p2p: Catalog) -> None:
    check = p2p.checks["p2p.order_status"]
    parameters = RunParameters(
        NOW, lambda days: NOW - timedelta(days=7 * days), {"order": NOW, "suite_order": None}
    )
    lags = {"order": timedelta(hours=1)}
    names = [
        "now",
        "days_ago_2",
        "hours_ago_4",
        "business_days_ago_1",
        "settled_order",
        "settled_suite_order",
    ]
    assert bind(names, check, parameters, lags) == {
        "now": NOW,
        "days_ago_2": days_ago(2),
        "hours_ago_4": NOW - timedelta(hours=4),
        "business_days_ago_1": days_ago(7),
        "settled_order": NOW - timedelta(hours=1),
        "settled_suite_order": None,
    }
    with pytest.raises(CheckError, match="unknown time"):
        bind(["tomorrow"], check, parameters, lags)


def test_a_grace_is_not_counted_in_business_hours() -> None:
    assert grace_parameter(ServiceTime(2, "business days")) == "business_days_ago_2"
    with pytest.raises(CheckError, match="a grace counts business days"):
        grace_parameter(ServiceTime(2, "business hours"))


@pytest.mark.parametrize(
    ("text", "kind", "written"),
    [
        ("12.5000", "decimal", '"12.5"'),
        ("12.0000", "decimal", '"12"'),
        ("100", "decimal", '"100"'),
        ("100", "integer", "100"),
        ("true", "boolean", "true"),
        ('a "b"\n', "text", '"a \\"b\\"\\n"'),
        ("2026-11-22 16:30:00", "timestamp", '"2026-11-22T16:30:00Z"'),
        ("2026-11-22 16:30:00.25", "timestamp", '"2026-11-22T16:30:00.250000Z"'),
        (None, "decimal", "null"),
    ],
)
def test_values_are_written_the_same_whatever_the_engine_pads(
    text: str | None, kind: str, written: str
) -> None:
    assert json_of(text, kind) == written


def test_absurd_amounts_stay_within_what_can_be_kept() -> None:
    assert exact(Decimal("1e30")) == Decimal("900000000000000")
    assert exact_text(exact(Decimal("0.00005"))) == "0"


def test_instants_are_exact_to_the_microsecond(books: Books) -> None:
    at = datetime(2026, 11, 1, 1, 2, 3, 400005, tzinfo=UTC)
    books.invoice(entered_at=at)
    assert books.only().since == at
