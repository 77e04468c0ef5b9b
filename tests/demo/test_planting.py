"""Faults are planted in one system, written down, kept apart from each other, and can be repaired."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from demo.mending import relapse, repair, worsen
from demo.network import Network
from demo.planting import BLOCKED_INVOICES, PLANTERS, plant
from demo.suppliers import UNMAPPED_ALIAS

from .conftest import NOW, Build

_LATER = NOW + timedelta(minutes=10)
_TABLES = (
    ("erp", "order_lines"),
    ("procurement", "order_lines"),
    ("ap", "invoice_lines"),
    ("wms", "receipts"),
)


def _content(network: Network) -> dict[str, list[dict[str, Any]]]:
    return {
        name: getattr(network, name).rows(f"SELECT * FROM {table} ORDER BY id") for name, table in _TABLES
    }


def test_every_category_and_its_look_alikes_are_planted(build: Build) -> None:
    network = build()
    faults = Counter(row["category"] for row in network.ledger.rows("fault"))
    assert set(faults) == (set(PLANTERS) - {"unmapped_alias", "unknown_facility"})
    look_alikes = network.ledger.rows("look_alike")
    assert len({row["how"] for row in look_alikes}) == 21
    assert {row["category"] for row in look_alikes} <= set(faults)


def test_an_unmapped_alias_blocks_47_invoices_at_full_scale(build: Build) -> None:
    network = build(scale=1.0)
    blocked = network.ap.rows(
        "SELECT DISTINCT number FROM invoice_lines WHERE vendor = ? AND deleted = 0", (UNMAPPED_ALIAS,)
    )
    assert len(blocked) == BLOCKED_INVOICES == 47
    counts = Counter(row["category"] for row in network.ledger.rows("fault"))
    assert all(
        8 <= count <= 12
        for category, count in counts.items()
        if category not in {"supplier_mismatch", "rejected_rows"}
    )


def test_no_two_rows_of_the_ledger_speak_of_the_same_order_line(build: Build) -> None:
    network = build()
    keys = [
        row["business_key"]
        for row in network.ledger.rows()
        if "line_number" in json.loads(row["business_key"])
    ]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("category", sorted(PLANTERS))
def test_a_fault_planted_while_running_alters_one_system_and_its_repair_newly_modifies_it(
    build: Build, category: str
) -> None:
    network = build(faults=False)
    before = _content(network)
    (number,) = plant(network, category, _LATER, random.Random(5))
    planted = _content(network)
    changed = [name for name, _ in _TABLES if planted[name] != before[name]]
    row = network.ledger.entry(number)
    assert row is not None
    assert changed == [{"ap_automation": "ap"}.get(row["system"], row["system"])]
    assert row["planted_at"] == "2026-11-18T15:40:00Z" <= row["expected_from"]

    repair(network, number, _LATER + timedelta(minutes=1))
    healed = network.ledger.entry(number)
    assert healed is not None and healed["healed_at"] == "2026-11-18T15:41:00Z"
    times = {"ap": "changed_at", "wms": "posted_at", "procurement": "updated_at", "erp": "modified_at"}
    assert any(
        line[times[name]] == "2026-11-18T15:41:00Z"
        for name, lines in _content(network).items()
        for line in lines
    )


def test_the_same_fault_is_not_repaired_twice(build: Build) -> None:
    network = build(faults=False)
    (number,) = plant(network, "price_variance", _LATER, random.Random(5))
    repair(network, number, _LATER)
    with pytest.raises(ValueError, match="already repaired"):
        repair(network, number, _LATER)
    with pytest.raises(ValueError, match="has no fault 99999"):
        repair(network, 99999, _LATER)


def test_an_unknown_category_is_refused_with_what_is_known(build: Build) -> None:
    with pytest.raises(ValueError, match="no category 'price_variances'; known are unmapped_alias"):
        plant(build(faults=False), "price_variances", NOW, random.Random(1))


def test_a_corrected_supplier_leaves_a_deleted_line_behind(build: Build) -> None:
    network = build(faults=False)
    (number,) = plant(network, "supplier_mismatch", _LATER, random.Random(5))
    row = network.ledger.entry(number)
    assert row is not None
    order = json.loads(row["business_key"])
    repair(network, number, _LATER)
    lines = network.ap.find(
        "invoice_lines", {"po": order["order_number"], "po_line": int(order["line_number"])}
    )
    assert [line["deleted"] for line in lines] == [1, 1, 0]
    assert lines[0]["vendor"] == lines[2]["vendor"] != lines[1]["vendor"]


@pytest.mark.parametrize("category", sorted(PLANTERS))
def test_a_fault_heals_and_comes_back_as_often_as_is_asked(build: Build, category: str) -> None:
    network = build(faults=False)
    (number,) = plant(network, category, _LATER, random.Random(5))
    planted = _standing(network)
    repair(network, number, _LATER + timedelta(minutes=1))
    healed = _standing(network)
    assert healed != planted
    for minute in (2, 4):
        relapse(network, number, _LATER + timedelta(minutes=minute))
        assert _standing(network) == planted
        repair(network, number, _LATER + timedelta(minutes=minute + 1))
        assert _standing(network) == healed
    assert [row["what"] for row in network.ledger.happened()] == [
        "planted",
        *["healed", "recurred"] * 2,
        "healed",
    ]


def _standing(network: Network) -> dict[str, list[dict[str, Any]]]:
    """What counts in the systems' rows: without times, and without what was taken back."""
    times = {"changed_at", "posted_at", "updated_at", "modified_at", "received_local", "sent", "id"}
    return {
        name: sorted(
            ({field: value for field, value in row.items() if field not in times} for row in rows
             if row.get("deleted") != 1 and row["quantity"] != 0),
            key=str,
        )
        for name, rows in _content(network).items()
    }  # fmt: skip


def test_a_fault_changes_once_and_stays_one(build: Build) -> None:
    network = build(faults=False)
    (number,) = plant(network, "price_variance", _LATER, random.Random(5))
    before = _standing(network)
    assert worsen(network, number, _LATER)
    assert _standing(network) != before
    assert not worsen(network, number, _LATER)


def test_a_fault_that_stands_cannot_come_back(build: Build) -> None:
    network = build(faults=False)
    (number,) = plant(network, "price_variance", _LATER, random.Random(5))
    with pytest.raises(ValueError, match="cannot come back"):
        relapse(network, number, _LATER)
