"""Stock in the ERP and in the warehouse: what is to be recounted, is below zero, or never arrived."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog

from .books import NOW, days_ago
from .inventory_books import InventoryBooks, inventory_site

ON_HAND = "inv.on_hand"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return inventory_site(tmp_path_factory.mktemp("inventory"))


@pytest.fixture
def books(catalog: Catalog) -> InventoryBooks:
    return InventoryBooks(catalog)


def test_equal_stock_is_silent(books: InventoryBooks) -> None:
    books.stock(100, 100)
    result = books.run(ON_HAND)
    assert (result.discrepancies, result.compared) == ([], 1)


def test_a_variance_says_both_figures_and_what_it_is_worth(books: InventoryBooks) -> None:
    books.put("on_hand", "ERP", quantity=100)
    books.put("on_hand", "WMS", quantity=80, item="W-glove", location="W-A1")
    found = books.found(ON_HAND)
    assert (found.category, found.amount, found.currency) == ("on_hand_variance", Decimal(40), "USD")
    assert books.told(ON_HAND) == ["glove at A1: ERP 100, warehouse 80 EA."]


@pytest.mark.parametrize(
    ("abc", "erp", "warehouse", "raised"),
    [
        ("A", 1000, 990, False),
        ("A", 1000, Decimal("989.9"), True),
        ("A", 1000, Decimal("1010.1"), True),
        ("B", 1000, 970, False),
        ("B", 1000, 969, True),
        ("C", 1000, 950, False),
        ("C", 1000, 949, True),
        (None, 1000, 950, False),
        (None, 1000, 949, True),
        ("a", 1000, 989, True),
    ],
)
def test_percent_by_class(
    books: InventoryBooks, abc: str | None, erp: int, warehouse: Any, raised: bool
) -> None:
    books.stock(erp, warehouse, abc=abc, unit_cost=10)
    assert books.raised(ON_HAND) == (["on_hand_variance"] if raised else [])


@pytest.mark.parametrize(
    ("warehouse", "cost", "raised"),
    [
        (9, 1000, False),  # one unit, whatever it costs
        (Decimal("8.9"), 1000, True),
        (5, 5, False),  # exactly 25.00
        (5, Decimal("5.01"), True),
        (0, Decimal("2.50"), False),
        (0, Decimal("2.51"), True),
    ],
)
def test_one_unit_and_twenty_five_are_never_a_variance(
    books: InventoryBooks, warehouse: Any, cost: Any, raised: bool
) -> None:
    books.stock(10, warehouse, unit_cost=cost)
    assert books.raised(ON_HAND) == (["on_hand_variance"] if raised else [])


LOOK_ALIKES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("another snapshot", {}, {"source_time": days_ago(0.3)}),
    ("consigned in one system", {"ownership": "consigned"}, {"ownership": "consigned"}),
    ("untracked par location", {"tracking": "par"}, {"tracking": "par"}),
    ("without books in one system", {"tracking": "par"}, {}),
    ("without books in the other", {}, {"tracking": "par"}),
    ("in quarantine", {"stock_status": "quarantine"}, {"stock_status": "quarantine"}),
    ("a kit", {"kit": True}, {}),
    ("a kit's component", {}, {"kit": True}),
    ("no unit converts", {"unit": "PAL"}, {}),
    ("no cost is known", {"unit_cost": None}, {"unit_cost": None}),
]


@pytest.mark.parametrize(
    ("erp", "warehouse"), [row[1:] for row in LOOK_ALIKES], ids=[r[0] for r in LOOK_ALIKES]
)
def test_what_looks_like_a_variance_and_is_none(
    books: InventoryBooks, erp: dict[str, Any], warehouse: dict[str, Any]
) -> None:
    books.put("on_hand", "ERP", **{"quantity": 100, **erp})
    books.put("on_hand", "WMS", **{"quantity": 10, **warehouse})
    assert books.raised(ON_HAND) == []


def test_what_is_in_transit_counts(books: InventoryBooks) -> None:
    books.stock(100)
    books.put("on_hand", "WMS", quantity=60)
    assert books.raised(ON_HAND) == ["on_hand_variance"]
    books.put("on_hand", "WMS", quantity=40, lot="-", stock_status="in_transit")
    assert books.raised(ON_HAND) == []


def test_lots_add_up_however_they_are_named(books: InventoryBooks) -> None:
    books.put("on_hand", "ERP", quantity=100, lot="-")
    books.stock(None, 70)
    books.stock(None, 30, lot="L2")
    assert books.raised(ON_HAND) == []


def test_cases_and_eaches_are_compared_in_base_units(books: InventoryBooks) -> None:
    books.put("on_hand", "ERP", quantity=10, unit="CS", unit_cost=24)
    books.put("on_hand", "WMS", quantity=120)
    assert books.raised(ON_HAND) == []
    books.con.execute("UPDATE all_on_hand SET quantity = 100 WHERE source_system = 'WMS'")
    found = books.found(ON_HAND)
    assert found.amount == Decimal(40)  # 20 eaches at 24.00 a case of 12
    assert books.told(ON_HAND) == ["glove at A1: ERP 120, warehouse 100 base units."]


def test_an_item_that_one_system_does_not_hold_there_counts_as_none_of_it(books: InventoryBooks) -> None:
    books.stock(100)
    assert books.raised(ON_HAND) == []  # the warehouse does not count this location
    books.put("on_hand", "WMS", item="mask", quantity=1)
    books.put("on_hand", "ERP", item="mask", quantity=1)
    assert books.told(ON_HAND) == ["glove at A1: ERP 100, warehouse 0 EA."]


def test_a_location_without_books_in_the_erp_holds_nothing_that_is_missing_there(
    books: InventoryBooks,
) -> None:
    books.stock(None, 100)
    books.put("on_hand", "ERP", item="mask", quantity=1, tracking="par")
    assert books.raised(ON_HAND) == []


def test_nothing_differs_before_both_systems_were_read_after_their_snapshot(books: InventoryBooks) -> None:
    books.stock(100, 10)
    read = days_ago(0.25)
    assert books.raised(ON_HAND, read={"warehouse": read}) == []
    assert books.raised(ON_HAND, read={"erp": None}) == []
    assert books.raised(ON_HAND, read={"warehouse": days_ago(0.25 - 1 / 24)}) == ["on_hand_variance"]


def test_the_next_snapshot_is_no_new_evidence(books: InventoryBooks) -> None:
    books.stock(100, 10)
    before = books.found(ON_HAND).evidence_hash
    books.con.execute("UPDATE all_on_hand SET source_time = source_time + INTERVAL 2 HOUR")
    assert books.found(ON_HAND).evidence_hash == before
    books.con.execute("UPDATE all_on_hand SET quantity = 11 WHERE source_system = 'WMS'")
    assert books.found(ON_HAND).evidence_hash != before


def test_an_item_number_that_nobody_mapped_is_told_apart(books: InventoryBooks) -> None:
    books.put("on_hand", "WMS", item="W-77", quantity=100)
    books.put("on_hand", "ERP", item="mask", quantity=1)
    books.put("on_hand", "WMS", item="mask", quantity=1)
    assert '"known":"no"' in books.found(ON_HAND).facts.replace(" ", "")


@pytest.mark.parametrize("system", ["ERP", "WMS"])
def test_stock_below_zero(books: InventoryBooks, system: str) -> None:
    books.put("on_hand", system, quantity=-3)
    assert books.told("inv.negative") == [f"glove at A1: -3 EA in {system}."]
    assert books.raised("inv.negative", read={"stock": days_ago(0.25)}) == []


@pytest.mark.parametrize("quantity", [0, 3])
def test_stock_that_is_not_below_zero(books: InventoryBooks, quantity: int) -> None:
    books.put("on_hand", "WMS", quantity=quantity)
    assert books.raised("inv.negative") == []


def test_a_reserved_part_of_a_lot_is_not_below_zero_by_itself(books: InventoryBooks) -> None:
    books.put("on_hand", "WMS", quantity=-3, stock_status="in_transit")
    books.put("on_hand", "WMS", quantity=3)
    assert books.raised("inv.negative") == []


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        ({"status": "in_transit"}, True),
        ({"status": "pending"}, True),
        ({"status": "failed"}, True),
        ({"status": "posted"}, False),
        ({"status": "cancelled"}, False),
        ({"status": "in_transit", "due_at": days_ago(2)}, True),
        ({"status": "in_transit", "due_at": days_ago(1.99)}, False),
        ({"status": "in_transit", "due_at": None, "moved_at": days_ago(1)}, False),
    ],
)
def test_a_movement_that_does_not_arrive(books: InventoryBooks, said: dict[str, Any], raised: bool) -> None:
    books.put("stock_movement", "WMS", **said)
    assert books.raised("inv.movement") == (["stuck_movement"] if raised else [])


def test_a_movement_is_told_by_its_status(books: InventoryBooks) -> None:
    books.put("stock_movement", "WMS", status="in_transit")
    assert books.told("inv.movement") == ["M1: 10 EA of glove to A1 is still in transit."]


@pytest.mark.parametrize(
    ("erp", "said"),
    [
        (None, "M1: 10 EA of glove to A1 was posted in the warehouse and is not in the ERP."),
        ("failed", "M1: 10 EA of glove to A1 was posted in the warehouse and is failed in the ERP."),
        ("posted", None),
        ("in_transit", None),
    ],
)
def test_a_movement_that_the_erp_does_not_post(
    books: InventoryBooks, erp: str | None, said: str | None
) -> None:
    books.put("stock_movement", "WMS")
    if erp:
        books.put("stock_movement", "ERP", status=erp)
    assert books.told("inv.movement_in_erp") == ([said] if said else [])


def test_a_movement_is_not_missing_before_the_erp_was_read_after_the_lag(books: InventoryBooks) -> None:
    books.put("stock_movement", "WMS", moved_at=NOW)
    assert books.raised("inv.movement_in_erp") == []
