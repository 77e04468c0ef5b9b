"""What is wrong with stock and items, one row of one system each, and what only looks so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ..documents import stamp
from ..ledger_systems.listed import Planted
from .stock import ACCOUNT, FACILITIES, gtin, item, local_item, local_place, lot, place, quantity

OTHER_SNAPSHOT = timedelta(hours=31)


def _erp(number: int, values: dict[str, Any], how: str, category: str = "on_hand_variance") -> Planted:
    """The ERP's row of an item in the central store of HMC."""
    key = {"item": item(number), "location": place("HMC", "CENTRAL")}
    return Planted(category, "HMC", "erp_ledger", "stock", key, values, key, how)


def _lot(number: int, values: dict[str, Any], how: str, category: str, facility: str = "BMC") -> Planted:
    """The warehouse's row of an item in the central store of BMC."""
    row = {"item": local_item(number), "location": local_place(facility, "CENTRAL")}
    return Planted(
        category,
        facility,
        "wms_stock",
        "stock",
        row,
        values,
        {**row, "lot": lot(number, facility, "CENTRAL")},
        how,
    )


def _item(number: int, category: str, values: dict[str, Any], how: str) -> Planted:
    """The warehouse's master of an item."""
    key = {"item": item(number)}
    return Planted(category, "*", "wms_stock", "items", {"item": local_item(number)}, values, key, how)


def _recall(number: str, shelf: int, how: str) -> Planted:
    """A recall that is announced, of a lot in the central store of HMC."""
    lot_key = {
        "item": local_item(shelf),
        "location": local_place("HMC", "CENTRAL"),
        "lot": lot(shelf, "HMC", "CENTRAL"),
    }
    return Planted(
        "recalled_lot", "HMC", "recall_list", "recalls", {"recall": number}, {"gone": 0}, lot_key, how
    )


def _movement(number: int, system: str, values: dict[str, Any], how: str) -> Planted:
    key = {"movement": f"MV-{number}"}
    return Planted("stuck_movement", "HMC", system, "movements", key, values, key, how)


def faults(now: datetime) -> Iterator[Planted]:
    """Everything that must be found."""
    yield from _wrong_stock(now)
    yield _movement(0, "wms_stock", {"status": "in_transit"}, "never confirmed")
    yield _movement(1, "erp_ledger", {"gone": 1}, "never reached the ERP")
    yield from _wrong_books()
    yield _item(1, "item_missing", {"gone": 1}, "never reached the warehouse")
    yield _item(2, "item_inactive", {"status": "inactive"}, "ended in the warehouse")
    yield _item(3, "pack_size_mismatch", {"pack_size": 10}, "the supplier changed the pack")
    yield _item(4, "identifier_mismatch", {"gtin": gtin(40)}, "keyed wrongly")


def _wrong_stock(now: datetime) -> Iterator[Planted]:
    yield _erp(0, {"quantity": 80}, "the ERP missed a receipt of 20")
    yield _erp(5, {"quantity": quantity(5) + 60}, "an issue was posted in the warehouse only")
    row = {"item": item(3), "location": place("BMC", "OR")}
    key = {"system": "erp_ledger", **row, "lot": lot(3, "BMC", "OR")}
    par, how = {"quantity": -3, "tracking": "par"}, "issued before its receipt"
    yield Planted("negative_on_hand", "BMC", "erp_ledger", "stock", row, par, key, how)
    yield _recall("Z-1201", 9, "recalled, and on the shelf")
    yield _lot(7, {"expiry": f"{now.year - 1}-11-00"}, "expired a year ago", "expired_lot")


def _wrong_books() -> Iterator[Planted]:
    row, key = {"journal": "GL-ADJ-0", "line": "1"}, {"adjustment": "ADJ-0"}
    how = "the journal names no adjustment"
    yield Planted(
        "adjustment_not_journaled", "HMC", "erp_ledger", "journal_lines", row, {"document": ""}, key, how
    )
    row = {"account": ACCOUNT, "location": place("BMC", "CENTRAL")}
    key, how = {"account": ACCOUNT, "currency": "USD"}, "a journal was posted by hand"
    yield Planted("valuation_differs", "BMC", "erp_ledger", "balances", row, {"balance": 1_000_000}, key, how)


def look_alikes(now: datetime) -> Iterator[Planted]:
    """Everything that must not be found."""
    yield _erp(1, {"quantity": quantity(1) - 3}, "within the percentage of its class")
    yield _erp(2, {"quantity": 5, "counted_at": stamp(now - OTHER_SNAPSHOT)}, "another snapshot")
    yield _erp(6, {"quantity": 5, "tracking": "par"}, "a par location without books")
    yield _erp(8, {"quantity": 5, "kit": 1}, "counted as a kit here and in parts there")
    yield _lot(10, {"stock_status": "quarantine"}, "recalled, and in quarantine", "recalled_lot", "HMC")
    yield _recall("Z-1160", 10, "its recall")
    yield _erp(10, {"stock_status": "quarantine"}, "in quarantine in both")
    ends, how = {"expiry": f"{now.year + 1}-02-00"}, "day 00 is the end of the month"
    for facility in FACILITIES:
        row = {"item": local_item(10), "location": local_place(facility, "OR")}
        key = {**row, "lot": lot(10, facility, "OR")}
        yield Planted("expired_lot", facility, "wms_stock", "stock", row, ends, key, how)
    yield _item(5, "identifier_mismatch", {"vendor_item": " ng-005 "}, "differs in case and blanks")
    yield _item(6, "identifier_mismatch", {"gtin": gtin(6).lstrip("0")}, "without the leading zeros")
    yield _movement(3, "wms_stock", {"status": "cancelled"}, "cancelled")
