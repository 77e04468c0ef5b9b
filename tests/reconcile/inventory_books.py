"""The books of inventory: an ERP, a warehouse, a procurement suite and a list of recalls."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from exceptions_app.catalog.catalog import Catalog

from .books import days_ago
from .flow_books import FlowBooks, flow_site

COUNTED_AT = days_ago(0.25)
"""The snapshot that both systems took."""


def inventory_site(folder: Path) -> Catalog:
    stock = ["on_hand", "stock_movement", "item"]
    return flow_site(
        folder,
        "inventory",
        {
            "ERP": ("erp", [*stock, "item_unit", "gl_balance", "journal_line"]),
            "WMS": ("wms", [*stock, "stock_adjustment"]),
            "SUITE": ("procurement", ["item"]),
            "RECALLS": ("other", ["recall"]),
        },
        {
            "item": [{"system": "WMS", "local": "W-glove", "canonical": "glove"}],
            "location": [{"system": "WMS", "local": "W-A1", "canonical": "A1"}],
        },
    )


class InventoryBooks(FlowBooks):
    """Everything begins in agreement: 100 gloves at 2.00, an item, a movement and an adjustment."""

    usual: ClassVar = {
        "on_hand": {
            "item": "glove", "location": "A1", "lot": "L1", "stock_status": "usable", "ownership": "owned",
            "tracking": "perpetual", "quantity": 100, "unit": "EA", "unit_cost": 2, "currency": "USD", "abc": "C",
            "account": "1400", "gtin": "00312345678906", "source_time": COUNTED_AT,
        },
        "item": {
            "item": "glove", "description": "Glove M", "status": "active", "gtin": "312345678906",
            "udi": "D1", "vendor_item": "AB-12", "pack_size": 12, "pack_unit": "CS", "source_time": days_ago(9),
        },
        "stock_movement": {
            "movement": "M1", "kind": "transfer", "item": "glove", "location": "A1", "quantity": 10, "unit": "EA",
            "status": "posted", "moved_at": days_ago(5), "due_at": days_ago(4),
        },
        "stock_adjustment": {
            "adjustment": "ADJ1", "item": "glove", "location": "A1", "quantity": -5, "unit": "EA", "amount": -10,
            "currency": "USD", "status": "posted", "adjusted_at": days_ago(3),
        },
        "journal_line": {
            "journal": "J1", "line": "1", "document": "ADJ1", "account": "1400", "amount": -10, "currency": "USD",
            "status": "posted", "entered_at": days_ago(3),
        },
        "gl_balance": {
            "account": "1400", "location": "A1", "period": "2026-11", "subledger": "inventory", "balance": 200,
            "currency": "USD", "source_time": COUNTED_AT,
        },
        "recall": {
            "recall": "R-77", "match_gtin": "312345678906", "match_lot": "L1", "status": "open",
            "issued_at": days_ago(2),
        },
    }  # fmt: skip

    def stock(self, erp: Any = None, warehouse: Any = None, **said: Any) -> None:
        """One row in each system that has a quantity."""
        for system, quantity in (("ERP", erp), ("WMS", warehouse)):
            if quantity is not None:
                self.put("on_hand", system, quantity=quantity, **said)
