"""What is wrong with stock and items, one row of one system each, and what only looks so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ..documents import stamp
from ..ledger_systems.listed import Planted
from .stock import ACCOUNT, ANNOUNCED, FACILITIES, gtin, item, local_item, local_place, lot, place, quantity

OTHER_SNAPSHOT = timedelta(hours=31)


def _erp(number: int, values: dict[str, Any], how: str, worse: int | None = None) -> Planted:
    """The ERP's row of an item in the central store of HMC; `worse`: what may be counted later on."""
    key = {"item": item(number), "location": place("HMC", "CENTRAL")}
    later = {} if worse is None else {"quantity": worse}
    return Planted("on_hand_variance", "HMC", "erp_ledger", "stock", key, values, key, how, later)


def _lot(
    number: int,
    values: dict[str, Any],
    how: str,
    category: str,
    facility: str = "BMC",
    worse: dict[str, Any] | None = None,
) -> Planted:
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
        worse or {},
    )


def _item(
    number: int, category: str, values: dict[str, Any], how: str, worse: dict[str, Any] | None = None
) -> Planted:
    """The warehouse's master of an item."""
    row, key = {"item": local_item(number)}, {"item": item(number)}
    return Planted(category, "*", "wms_stock", "items", row, values, key, how, worse or {})


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


def _unknown_word(number: int, word: str) -> Planted:
    """A movement whose status the warehouse calls by a word that nobody was told of."""
    key = {"feed": "wms_movements", "column": "status", "word": word}
    row, how = {"movement": f"MV-{number}"}, "a status that nobody was told of"
    return Planted("unknown_word", "*", "wms_stock", "movements", row, {"status": word}, key, how)


def faults(now: datetime) -> Iterator[Planted]:
    """Everything that must be found."""
    yield from _wrong_stock(now)
    yield _movement(0, "wms_stock", {"status": "in_transit"}, "never confirmed")
    yield _movement(1, "erp_ledger", {"gone": 1}, "never reached the ERP")
    yield _unknown_word(7, "parked")
    yield from _wrong_books()
    yield _item(1, "item_missing", {"gone": 1}, "never reached the warehouse")
    yield _item(2, "item_inactive", {"status": "inactive"}, "ended in the warehouse")
    pack, less = {"pack_size": 10}, {"pack_size": 6}
    yield _item(3, "pack_size_mismatch", pack, "the supplier changed the pack", less)
    yield _item(4, "identifier_mismatch", {"gtin": gtin(40)}, "keyed wrongly", {"gtin": gtin(45)})


def _expired(number: int, now: datetime) -> Planted:
    expired, earlier = {"expiry": f"{now.year - 1}-11-00"}, {"expiry": f"{now.year - 1}-09-00"}
    return _lot(number, expired, "expired a year ago", "expired_lot", worse=earlier)


def _negative(number: int) -> Planted:
    row = {"item": item(number), "location": place("BMC", "OR")}
    key = {"system": "erp_ledger", **row, "lot": lot(number, "BMC", "OR")}
    par, how = {"quantity": -3, "tracking": "par"}, "issued before its receipt"
    return Planted("negative_on_hand", "BMC", "erp_ledger", "stock", row, par, key, how, {"quantity": -8})


def _unjournaled(number: int) -> Planted:
    row, key = {"journal": f"GL-ADJ-{number}", "line": "1"}, {"adjustment": f"ADJ-{number}"}
    how = "the journal names no adjustment"
    return Planted(
        "adjustment_not_journaled", "HMC", "erp_ledger", "journal_lines", row, {"document": ""}, key, how
    )


def _valued(facility: str, location: str) -> Planted:
    row = {"account": ACCOUNT, "location": place(facility, location)}
    key, how = {"account": ACCOUNT, "currency": "USD"}, "a journal was posted by hand"
    return Planted(
        "valuation_differs", facility, "erp_ledger", "balances", row, {"balance": 1_000_000}, key, how,
        {"balance": 900_000},
    )  # fmt: skip


def _wrong_stock(now: datetime) -> Iterator[Planted]:
    yield _erp(0, {"quantity": 80}, "the ERP missed a receipt of 20", 60)
    yield _erp(5, {"quantity": quantity(5) + 60}, "an issue was posted in the warehouse only", 230)
    yield _negative(3)
    yield _recall("Z-1201", 9, "recalled, and on the shelf")
    yield _expired(7, now)


def _wrong_books() -> Iterator[Planted]:
    yield _unjournaled(0)
    yield _valued("BMC", "CENTRAL")


def later(now: datetime) -> Iterator[Planted]:
    """What may go wrong once the network runs; `now` is when it was built."""
    for number in (14, 15):
        yield _erp(number, {"quantity": quantity(number) - 40}, "an issue was posted twice", 90)
    for number in (16, 17):
        yield _negative(number)
    yield from (_recall(recall, ANNOUNCED[recall], "recalled later") for recall in ("Z-1310", "Z-1311"))
    for number in (20, 21):
        yield _expired(number, now)
    for number in (22, 23):
        yield _item(number, "item_missing", {"gone": 1}, "taken out of the warehouse")
    for number in (24, 25):
        yield _item(number, "item_inactive", {"status": "inactive"}, "ended in the warehouse")
    for number in (26, 27):
        pack = "pack_size_mismatch"
        yield _item(number, pack, {"pack_size": 10}, "the supplier changed the pack", {"pack_size": 6})
    for number in (28, 29):
        wrong = {"gtin": gtin(number + 60)}
        yield _item(number, "identifier_mismatch", {"gtin": gtin(number + 40)}, "keyed wrongly", wrong)
    for number in (4, 5):
        yield _movement(number, "wms_stock", {"status": "in_transit"}, "never confirmed")
        yield _unjournaled(number)
    yield _valued("HMC", "OR")
    yield from (_unknown_word(number, word) for number, word in ((6, "staged"), (2, "bound")))


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
