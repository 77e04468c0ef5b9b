"""Adjustments and the journals that book several of them, or one in several writes, naming none."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.reconcile.allocation import allocate

from .books import NOW, days_ago
from .inventory_books import InventoryBooks, inventory_site

TOGETHER, ALONE = "inv.booked_together", "inv.adjustment"
NOT_BOOKED, UNCLEAR = "adjustments_not_booked", "adjustment_booking_unclear"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return inventory_site(Path(tmp_path_factory.mktemp("site")))


@pytest.fixture
def books(catalog: Catalog) -> InventoryBooks:
    return InventoryBooks(catalog)


def adjusted(books: InventoryBooks, *amounts: Any, at: datetime | None = None, **said: Any) -> None:
    start = books.con.execute("SELECT count(*) FROM all_stock_adjustment").fetchone()
    for number, amount in enumerate(amounts, start[0] if start else 0):
        values = {"adjustment": f"A{number}", "amount": amount, "booked": "together", "period": "2026-11"}
        books.put("stock_adjustment", "WMS", **{**values, "adjusted_at": at or days_ago(5), **said})


def journal(books: InventoryBooks, name: str, *amounts: Any, at: datetime | None = None, **said: Any) -> None:
    """A line of stock for each amount, and the other half."""
    for number, amount in enumerate(amounts, 1):
        line = {"journal": name, "line": str(number), "document": None, "entered_at": at or days_ago(4)}
        stock = {"subledger": "inventory", "location": "A1", "period": "2026-11", "amount": amount}
        books.put("journal_line", "ERP", **{**line, **stock, **said})
        books.put(
            "journal_line", "ERP", **{**line, "line": f"{number}b", "account": "5100", "amount": -amount}
        )


def test_one_journal_over_several_and_one_adjustment_in_several_writes_are_silent(
    books: InventoryBooks,
) -> None:
    adjusted(books, -10, -20, 7)
    journal(books, "G1", -30)
    journal(books, "G2", 3, 4)
    assert books.raised(TOGETHER) == [] and books.raised(ALONE) == []


def test_what_no_journal_books_is_left_over_and_said_with_both_totals(books: InventoryBooks) -> None:
    adjusted(books, -10, -20, -7)
    journal(books, "G1", -30)
    assert books.told(TOGETHER) == [
        "A1, 2026-11: adjustments of -$37.00, journals of -$30.00. Nothing was found for 1 of them."
    ]
    (one,) = books.run(TOGETHER).discrepancies
    assert one.category == NOT_BOOKED and json.loads(one.business_key)["period"] == "2026-11"
    assert [document["key"] for document in json.loads(one.evidence)["let"]["documents"]] == [
        {"document": "A2"}
    ]


def test_equal_adjustments_of_which_one_was_booked_are_unclear(books: InventoryBooks) -> None:
    adjusted(books, -10, -10, -25)
    journal(books, "G1", -10, -25)
    assert books.told(TOGETHER) == [
        "A1, 2026-11: adjustments of -$45.00, journals of -$35.00. 3 of them fit more than one way."
    ]
    assert books.raised(TOGETHER) == [UNCLEAR]


def test_equal_adjustments_that_were_all_booked_are_clear(books: InventoryBooks) -> None:
    adjusted(books, -10, -10, -25)
    journal(books, "G1", -10, -10)
    assert books.raised(TOGETHER) == [NOT_BOOKED]


@pytest.mark.parametrize(("off", "raised"), [(-1, []), (1, []), (-2, [NOT_BOOKED])])
def test_a_rounding_is_no_difference(books: InventoryBooks, off: int, raised: list[str]) -> None:
    adjusted(books, -100)
    journal(books, "G1", -100 + off)
    assert books.raised(TOGETHER) == raised


@pytest.mark.parametrize(
    "said",
    [{"status": "pending"}, {"status": "cancelled"}, {"booked": None}, {"booked": "alone"}, {"period": None}],
    ids=str,
)
def test_an_adjustment_that_is_not_booked_with_others_is_left_alone(
    books: InventoryBooks, said: dict[str, Any]
) -> None:
    adjusted(books, -10, **said)
    assert books.raised(TOGETHER) == []


def test_a_rejected_journal_books_nothing(books: InventoryBooks) -> None:
    adjusted(books, -10)
    journal(books, "G1", -10, status="rejected")
    assert books.raised(TOGETHER) == [NOT_BOOKED]


def test_locations_and_periods_are_apart(books: InventoryBooks) -> None:
    adjusted(books, -10)
    adjusted(books, -7, period="2026-10")
    adjusted(books, -8, location="B2")
    journal(books, "G1", -10)
    assert sorted(one.reference for one in books.run(TOGETHER).discrepancies) == ["A1 2026-10", "B2 2026-11"]


def test_what_is_of_today_is_waited_for_and_leaves_what_is_settled_in_order(books: InventoryBooks) -> None:
    # More than are searched for sums: only as a whole do they tie out.
    adjusted(books, *(-1 - 2 * number for number in range(30)))
    journal(books, "G1", -450, -450)
    adjusted(books, -13, at=NOW - timedelta(hours=2))
    assert books.raised(TOGETHER) == []


def test_a_journal_of_today_books_what_is_old(books: InventoryBooks) -> None:
    adjusted(books, *(-1 - 2 * number for number in range(30)))
    journal(books, "G1", -450, -450, at=NOW - timedelta(hours=2))
    adjusted(books, -13, at=NOW - timedelta(hours=2))
    assert books.raised(TOGETHER) == []


def test_what_is_young_never_hides_what_is_left_over() -> None:
    sides = [{"A": 10, "B": 20, "C": 7}, {"G": 30}]
    found = allocate(sides, 16, 6, {(0, "C")})
    assert found.done == {(0, "A"), (0, "B"), (1, "G")}
    assert (0, "B") not in allocate([{"A": 10, "B": 20, "C": 7}, {"G": 10}], 16, 6, {(0, "C")}).done
