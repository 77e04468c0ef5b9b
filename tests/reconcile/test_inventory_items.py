"""Item masters of three systems: missing, ended in one of them only, other packs, other identifiers."""

from __future__ import annotations

from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog

from .books import days_ago
from .inventory_books import InventoryBooks, inventory_site

ITEM = "inv.item_master"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return inventory_site(tmp_path_factory.mktemp("inventory"))


@pytest.fixture
def books(catalog: Catalog) -> InventoryBooks:
    return InventoryBooks(catalog)


def masters(books: InventoryBooks, **by_system: dict[str, Any] | None) -> None:
    """The glove in each system, with what is said of it there; None: not there. Each holds another item, too."""
    for system in ("ERP", "WMS", "SUITE"):
        books.put("item", system, item="mask")
        said = by_system.get(system, {})
        if said is not None:
            books.put("item", system, **said)


def test_an_item_that_is_the_same_everywhere_is_silent(books: InventoryBooks) -> None:
    masters(books, WMS={"item": "W-glove"})
    assert books.raised(ITEM) == []


@pytest.mark.parametrize(
    ("by_system", "told"),
    [
        ({"WMS": None}, "glove Glove M is in the ERP and missing in the warehouse."),
        ({"SUITE": None}, "glove Glove M is in the ERP and missing in the procurement suite."),
        ({"ERP": None, "SUITE": None}, "glove Glove M is in the warehouse and missing in the ERP."),
        ({"ERP": None, "WMS": None}, "glove Glove M is in the procurement suite and missing in the ERP."),
        ({"WMS": None, "ERP": {"stocked": False}}, None),
        ({"SUITE": None, "ERP": {"purchased": False}}, None),
        ({"WMS": None, "SUITE": None, "ERP": {"status": "inactive"}}, None),
        ({"ERP": None, "SUITE": None, "WMS": {"status": "inactive"}}, None),
    ],
)
def test_missing(books: InventoryBooks, by_system: dict[str, Any], told: str | None) -> None:
    masters(books, **by_system)
    assert books.told(ITEM) == ([told] if told else [])


def test_a_system_that_holds_no_items_misses_none(books: InventoryBooks) -> None:
    books.put("item", "ERP")
    books.put("item", "WMS")
    assert books.raised(ITEM) == []


def test_nothing_is_missing_before_the_other_system_was_read(books: InventoryBooks) -> None:
    masters(books, WMS=None)
    assert books.raised(ITEM, read={"warehouse": days_ago(9)}) == []


@pytest.mark.parametrize(
    ("category", "by_system", "told"),
    [
        (
            "item_inactive",
            {"WMS": {"status": "inactive"}},
            "glove Glove M is active in the ERP and inactive in the warehouse.",
        ),
        (
            "item_inactive",
            {"ERP": {"status": "inactive"}, "WMS": {"status": "inactive"}},
            "glove Glove M is inactive in the ERP and active in the procurement suite.",
        ),
        (
            "pack_size_mismatch",
            {"WMS": {"pack_size": 10}},
            "glove: a CS is 12 in the ERP and 10 in the warehouse.",
        ),
        (
            "pack_size_mismatch",
            {"SUITE": {"pack_size": 24}},
            "glove: a CS is 12 in the ERP and 24 in the procurement suite.",
        ),
        (
            "identifier_mismatch",
            {"WMS": {"gtin": "00312345678913"}},
            "glove: GTIN 312345678906 in the ERP, 00312345678913 in the warehouse.",
        ),
        (
            "identifier_mismatch",
            {"WMS": {"udi": "D2"}},
            "glove: device identifier D1 in the ERP, D2 in the warehouse.",
        ),
        (
            "identifier_mismatch",
            {"SUITE": {"vendor_item": "AB-13"}},
            "glove: vendor item AB-12 in the ERP, AB-13 in the procurement suite.",
        ),
        (
            "identifier_mismatch",
            {"SUITE": {"vendor_item": "AB12"}},
            "glove: vendor item AB-12 in the ERP, AB12 in the procurement suite.",
        ),
    ],
)
def test_what_differs(books: InventoryBooks, category: str, by_system: dict[str, Any], told: str) -> None:
    masters(books, **by_system)
    assert (books.raised(ITEM), books.told(ITEM)) == ([category], [told])


@pytest.mark.parametrize(
    "other",
    [
        {"description": "GLOVE  m"},
        {"gtin": "00312345678906"},
        {"udi": " d1 "},
        {"vendor_item": "ab- 12"},
        {"gtin": None, "udi": None, "vendor_item": ""},
        {"pack_size": 24, "pack_unit": "BX"},
        {"pack_unit": "CASE"},
        {"pack_size": None},
    ],
    ids=[
        "description", "zeros of a gtin", "case and blanks of an identifier", "case and blanks of a vendor item",
        "not known there", "another pack", "another word for the pack", "no pack known",
    ],
)  # fmt: skip
def test_what_differs_in_writing_only(books: InventoryBooks, other: dict[str, Any]) -> None:
    masters(books, WMS=other)
    assert books.raised(ITEM) == []
