"""Faults are planted in one system, written down, kept apart from each other, and can be repaired."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from demo.candidates import anything
from demo.hr.faults import PLANTERS as PEOPLE
from demo.ledger_systems.systems import planted
from demo.mending import relapse, repair, worsen
from demo.network import Network
from demo.planter import Planter
from demo.planting import BLOCKED_INVOICES, PLANTERS, plant
from demo.suppliers import UNMAPPED_ALIAS

from .conftest import NOW, Build

_LATER = NOW + timedelta(minutes=10)
_TIMES = frozenset(
    {"paid_at", "changed_at", "posted_at", "updated_at", "modified_at", "received_local", "sent", "id"}
)
_FOLLOWS = frozenset({"erp.receipts", "erp.invoices", "ap_automation.invoices"})
"""Tables that hear of what other tables say."""
_EVERYWHERE = frozenset(
    {"ordered_twice", "contract_price_variance", "bank_account_changed", "released_over_limit"}
)
"""Wrong in every system that has it."""


def _content(network: Network) -> dict[str, list[dict[str, Any]]]:
    """All that the systems hold, but for what they were sent and what they have dropped."""
    return {
        f"{system}.{table['name']}": store.rows(f"SELECT * FROM {table['name']} ORDER BY id")
        for system, store in network.stores.items()
        for table in store.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        if table["name"] not in {"book", "drops", "dock_scans"}
    }


def test_every_category_and_its_look_alikes_are_planted(build: Build) -> None:
    network = build()
    faults = Counter(row["category"] for row in network.ledger.rows("fault"))
    listed = {entry.category for kind, _, entry in planted(network.listed, NOW) if kind == "fault"}
    told = {"leaving_not_told", "leaving_told_wrongly"}
    assert set(faults) == (
        set(PLANTERS) - {"unmapped_alias", "unknown_facility", "released_over_limit"}
    ) | set(PEOPLE) | listed | told | {"feed_failed"}
    look_alikes = network.ledger.rows("look_alike")
    assert len({row["how"] for row in look_alikes}) >= 42
    assert {row["category"] for row in look_alikes} <= set(faults)


def test_an_unmapped_alias_blocks_47_invoices_at_full_scale(build: Build) -> None:
    network = build(scale=1.0)
    blocked = network.ap.rows(
        "SELECT DISTINCT number FROM invoice_lines WHERE vendor = ? AND deleted = 0", (UNMAPPED_ALIAS,)
    )
    assert len(blocked) == BLOCKED_INVOICES == 47
    counts = Counter(row["category"] for row in network.ledger.rows("fault"))
    assert all(2 <= counts[name] <= 12 for name in counts.keys() & PLANTERS if name != "supplier_mismatch")


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
    changed = {name for name in planted if planted[name] != before[name]}
    row = network.ledger.entry(number)
    assert row is not None
    systems = {name.partition(".")[0] for name in changed - _FOLLOWS or changed}
    assert row["system"] in systems and (len(systems) == 1 or category in _EVERYWHERE)
    assert row["planted_at"] == "2026-11-18T15:40:00Z" <= row["expected_from"]

    repair(network, number, _LATER + timedelta(minutes=1))
    healed = network.ledger.entry(number)
    assert healed is not None and healed["healed_at"] == "2026-11-18T15:41:00Z"
    assert any(
        line.get(name) == "2026-11-18T15:41:00Z"
        for lines in _content(network).values()
        for line in lines
        for name in ("changed_at", "posted_at", "updated_at", "modified_at")
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
    return {
        name: sorted(
            (
                {field: value for field, value in row.items() if field not in _TIMES}
                for row in rows
                if row.get("deleted") != 1 and row.get("gone") != 1 and row.get("quantity") != 0
            ),
            key=str,
        )
        for name, rows in _content(network).items()
    }


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


def test_an_altered_invoice_gets_no_total_that_another_of_its_supplier_has(build: Build) -> None:
    planter = Planter(build(), random.Random(1), NOW)
    found = next(planter.candidates.settled(3, 60, anything))
    twice = planter.invoice_row(found.order, NOW - timedelta(days=3))
    while twice["amount"] != found.amount + 2:
        twice = planter.invoice_row(found.order, NOW - timedelta(days=3))
    planter.add_invoice(twice)
    entry = planter.bill(found, "price_variance", "two cents more", {"amount": found.amount + 2})
    (row,) = planter.network.ap.find("invoice_lines", {"id": found.invoice["id"]})
    assert row["amount"] == found.amount + 3
    assert entry.undo[0].values == {"amount": found.amount}
