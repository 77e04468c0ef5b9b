"""Lots that may not be used, what stock is worth, and the journals of adjustments."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog

from .books import days_ago
from .inventory_books import InventoryBooks, inventory_site

LOT, VALUE, JOURNAL = "inv.usable_lot", "inv.valuation", "inv.adjustment"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return inventory_site(tmp_path_factory.mktemp("inventory"))


@pytest.fixture
def books(catalog: Catalog) -> InventoryBooks:
    return InventoryBooks(catalog)


def test_a_recalled_lot_on_the_shelf_is_critical_around_the_clock(books: InventoryBooks) -> None:
    books.put("on_hand", "WMS", quantity=4)
    books.put("recall", "RECALLS")
    assert books.told(LOT) == ["glove lot L1: 4 EA usable at A1, recalled by R-77 on 22 Nov 2026."]
    category = books.catalog.categories["recalled_lot"]
    assert (category.severity, str(category.target)) == ("critical", "1 hour")
    assert books.catalog.calendar_for("H1", category.queue).always_open


RECALLED: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("gtin with other zeros", {"gtin": "312345678906"}, {}, True),
    ("lot written differently", {"lot": " l1"}, {}, True),
    ("every lot of the gtin", {"lot": "L9"}, {"match_lot": "*"}, True),
    ("by item and lot", {"gtin": None}, {"match_gtin": "-", "item": "glove"}, True),
    (
        "by item, every lot",
        {"gtin": None, "lot": "-"},
        {"match_gtin": "-", "item": "glove", "match_lot": "*"},
        True,
    ),
    (
        "the warehouse's own number",
        {"item": "W-glove", "gtin": None},
        {"match_gtin": "-", "item": "glove"},
        True,
    ),
    ("consigned stock too", {"ownership": "consigned"}, {}, True),
    ("in quarantine", {"stock_status": "quarantine"}, {}, False),
    ("still on its way", {"stock_status": "in_transit"}, {}, False),
    ("none left", {"quantity": 0}, {}, False),
    ("another lot", {"lot": "L2"}, {}, False),
    ("another gtin, same lot", {"gtin": "00399999999990"}, {}, False),
    ("the recall has ended", {}, {"status": "ended"}, False),
]


@pytest.mark.parametrize(
    ("stock", "recall", "raised"), [row[1:] for row in RECALLED], ids=[r[0] for r in RECALLED]
)
def test_recalled(books: InventoryBooks, stock: dict[str, Any], recall: dict[str, Any], raised: bool) -> None:
    books.put("on_hand", "WMS", **stock)
    books.put("recall", "RECALLS", **recall)
    assert books.raised(LOT) == (["recalled_lot"] if raised else [])


@pytest.mark.parametrize(
    ("expiry", "now", "raised"),
    [
        ("2026-11-23", datetime(2026, 11, 24, 9, 59, tzinfo=UTC), False),  # still that day in Hawaii
        ("2026-11-23", datetime(2026, 11, 24, 10, 0, tzinfo=UTC), True),
        ("2026-11-24", datetime(2026, 11, 24, 15, 0, tzinfo=UTC), False),
        ("2026-11-00", datetime(2026, 11, 30, 23, 59, tzinfo=UTC), False),
        ("2026-11-00", datetime(2026, 12, 1, 10, 0, tzinfo=UTC), True),
        ("2026-12-00", datetime(2026, 12, 31, 12, 0, tzinfo=UTC), False),
        ("2027-02-00", datetime(2027, 2, 28, 12, 0, tzinfo=UTC), False),
        ("2027-02-00", datetime(2027, 3, 1, 10, 0, tzinfo=UTC), True),
        ("2028-02-00", datetime(2028, 2, 29, 12, 0, tzinfo=UTC), False),
        ("2028-02-00", datetime(2028, 3, 1, 10, 0, tzinfo=UTC), True),
        (None, datetime(2026, 11, 24, 15, 0, tzinfo=UTC), False),
        ("soon", datetime(2026, 11, 24, 15, 0, tzinfo=UTC), False),
    ],
)
def test_expired(books: InventoryBooks, expiry: str | None, now: datetime, raised: bool) -> None:
    books.put("on_hand", "WMS", expiry=expiry)
    assert books.raised(LOT, now=now) == (["expired_lot"] if raised else [])


def test_expired_says_the_last_day_of_the_month(books: InventoryBooks) -> None:
    books.put("on_hand", "WMS", expiry="2026-02-00")
    assert books.told(LOT) == ["glove lot L1: 100 EA usable at A1, expired on 28 Feb 2026."]


@pytest.mark.parametrize(
    "said", [{"stock_status": "quarantine"}, {"stock_status": "damaged"}, {"quantity": 0}]
)
def test_expired_stock_that_nobody_can_use(books: InventoryBooks, said: dict[str, Any]) -> None:
    books.put("on_hand", "WMS", expiry="2026-01-31", **said)
    assert books.raised(LOT) == []


@pytest.mark.parametrize(
    ("balance", "raised"),
    [
        (200, False),
        (Decimal("199.01"), False),
        (Decimal("199.00"), True),
        (Decimal("201.01"), True),
        (201, False),
    ],
)
def test_half_a_percent_of_the_ledger(books: InventoryBooks, balance: Any, raised: bool) -> None:
    books.put("on_hand", "WMS")
    books.put("gl_balance", "ERP", balance=balance)
    assert books.raised(VALUE) == (["valuation_differs"] if raised else [])


def test_valuation_names_the_account_and_lists_locations(books: InventoryBooks) -> None:
    books.put("on_hand", "WMS", quantity=150)
    books.put("on_hand", "WMS", quantity=50, location="B2")
    books.put("gl_balance", "ERP")
    books.put("gl_balance", "ERP", location="B2", balance=100)
    assert books.told(VALUE) == [
        "Account 1400: stock is worth $400.00, the ledger carries $300.00. 1 locations differ."
    ]
    assert books.found(VALUE).amount == Decimal(100)


@pytest.mark.parametrize(
    ("stock", "ledger"),
    [
        ({"stock_status": "quarantine"}, {}),  # owned wherever it stands
        ({"location": "W-A1"}, {}),
        ({"quantity": 100}, {"subledger": "payroll"}),
        ({}, {"period": "2026-10", "current": False, "balance": 7}),
    ],
    ids=["in quarantine", "known as", "another subledger", "a former period"],
)
def test_valuation_is_silent(books: InventoryBooks, stock: dict[str, Any], ledger: dict[str, Any]) -> None:
    books.put("on_hand", "WMS", **stock)
    books.put("gl_balance", "ERP")
    if ledger:
        books.put("gl_balance", "ERP", **{"location": "Z9", **ledger})
    assert books.raised(VALUE) == []


def test_consigned_stock_is_worth_nothing_to_the_ledger(books: InventoryBooks) -> None:
    books.put("on_hand", "WMS")
    books.put("on_hand", "WMS", ownership="consigned", lot="L2")
    books.put("gl_balance", "ERP")
    assert books.raised(VALUE) == []


def test_locations_that_cancel_out_are_no_difference(books: InventoryBooks) -> None:
    books.put("on_hand", "WMS", quantity=150)
    books.put("on_hand", "WMS", quantity=50, location="B2")
    books.put("gl_balance", "ERP")
    books.put("gl_balance", "ERP", location="B2", balance=200)
    assert books.raised(VALUE) == []


def journal(books: InventoryBooks, amount: Any, **said: Any) -> None:
    """Both halves of a journal."""
    books.put("journal_line", "ERP", amount=amount, **said)
    books.put("journal_line", "ERP", line="2", account="5100", amount=-Decimal(amount), **said)


def test_an_adjustment_with_its_journal_is_silent(books: InventoryBooks) -> None:
    books.put("stock_adjustment", "WMS")
    journal(books, -10)
    assert books.raised(JOURNAL) == []


@pytest.mark.parametrize(
    ("adjusted", "raised"),
    [({}, True), ({"status": "pending"}, False), ({"status": "cancelled"}, False), ({"amount": 0}, False)],
)
def test_an_adjustment_without_journal(books: InventoryBooks, adjusted: dict[str, Any], raised: bool) -> None:
    books.put("stock_adjustment", "WMS", **adjusted)
    said = ["ADJ1 of glove at A1, -$10.00: no journal books it."]
    assert books.told(JOURNAL) == (said if raised else [])


def test_a_rejected_journal_is_none(books: InventoryBooks) -> None:
    books.put("stock_adjustment", "WMS")
    journal(books, -10, status="rejected")
    assert books.raised(JOURNAL) == ["adjustment_not_journaled"]


def test_an_adjustment_waits_for_its_journal_until_the_erp_was_read(books: InventoryBooks) -> None:
    books.put("stock_adjustment", "WMS")
    assert books.raised(JOURNAL, read={"journal": days_ago(3)}) == []
    assert books.raised(JOURNAL, read={"journal": days_ago(2.9)}) == ["adjustment_not_journaled"]


@pytest.mark.parametrize(
    ("amount", "raised"), [(11, False), (Decimal("11.01"), True), (9, False), (8, True), (-11, False)]
)
def test_a_journal_over_another_amount(books: InventoryBooks, amount: Any, raised: bool) -> None:
    books.put("stock_adjustment", "WMS")
    journal(books, amount)
    said = ["ADJ1 of glove at A1, -$10.00: journal J1 books another amount."]
    assert books.told(JOURNAL) == (said if raised else [])
