"""An independent reading of the systems' rows finds exactly what the ledger says: no accident.

The conditions are written out again here, in plain Python over the systems' own databases, so that a
mistake in the network is not taken for one in the application's checks, nor the other way round.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from demo.documents import stamp
from demo.goods import unit_rows
from demo.network import Network
from demo.suppliers import SUPPLIERS

from .conftest import NOW, Build

Found = set[tuple[str, str]]
CLOSED = "2026-10-01T04:00:00Z"
"""The last close was that of 30 October, of all that came in the months before."""
_FACTOR = {(item, unit): factor for item, unit, factor in unit_rows()}
_KNOWN_AS = {alias: one.number for one in SUPPLIERS for alias in (one.payables, one.remit_to)}
_WORDS = {"EACH": "EA", "CASE": "CS", "BOX": "BX"}


class _Line:
    """All that the systems say about one order line."""

    def __init__(self, order: dict[str, Any] | None) -> None:
        self.order = order
        self.receipts: list[dict[str, Any]] = []
        self.invoices: list[dict[str, Any]] = []

    def base(self, row: dict[str, Any]) -> int:
        unit = _WORDS.get(row["unit"], row["unit"])
        item = (self.order or row)["item"]
        return int(row["quantity"]) * _FACTOR.get((item, unit), 1)

    @property
    def received(self) -> int:
        return sum(self.base(row) for row in self.receipts)

    @property
    def delivered(self) -> int:
        """What went back awaits a credit: it was delivered all the same."""
        return sum(self.base(row) for row in self.receipts if row["movement"] != "RETURN")

    @property
    def invoiced(self) -> int:
        return sum(self.base(row) for row in self.invoices)

    @property
    def unit_trouble(self) -> bool:
        return any(row["item"] and (row["item"], row["unit"]) not in _FACTOR for row in self.invoices)


def _lines(network: Network) -> dict[tuple[str, int], _Line]:
    found: dict[tuple[str, int], _Line] = {
        (row["po"], row["line"]): _Line(row) for row in network.erp.rows("SELECT * FROM order_lines")
    }
    for row in network.wms.rows("SELECT * FROM receipts WHERE mangled = ''"):
        found[row["po"], int(row["po_line"])].receipts.append(row)
    alive = "SELECT * FROM invoice_lines WHERE deleted = 0 AND status <> 'VOID' AND po <> '' AND kind <> 'FREIGHT'"
    for row in network.ap.rows(alive):
        found.setdefault((row["po"], row["po_line"]), _Line(None)).invoices.append(row)
    return found


def _categories(line: _Line) -> Iterator[str]:
    order = line.order
    if order is None:
        used = [row for row in line.invoices if "caseNumber" in json.loads(row["more"])]
        if not used or min(row["entered_at"] for row in used) < stamp(NOW - timedelta(days=3)):
            yield "no_valid_order"
        return
    if order["status"] == "Canceled" and sum(row["amount"] for row in line.invoices) > 0:
        yield "no_valid_order"
    flags, three_way = order["flags"].split(","), order["match_type"] == 3 and order["basis"] == "quantity"
    if any(_KNOWN_AS.get(row["vendor"], row["vendor"]) != order["vendor"] for row in line.invoices):
        yield "supplier_mismatch"
    ordered = order["quantity"] * _FACTOR.get((order["item"], order["unit"]), 1)
    billed = sum(row["amount"] for row in line.invoices) / 100
    factor = _FACTOR.get((order["item"], order["unit"]), 1)
    expected = line.invoiced * order["price"] / factor / order["price_per"] / 10_000
    confirmed = {"drop_ship"} if json.loads(order["terms"]).get("DeliveryConfirmed") else set[str]()
    exempt = ({"bill_only", "ers"} | confirmed) & set(flags)
    if line.unit_trouble or (factor > 1 and expected and abs(billed / expected / factor - 1) < 0.01):
        yield "unit_mismatch"
    elif "price_estimated" not in flags and _outside(billed - expected, expected):
        yield "price_variance"
    grace = stamp(NOW - timedelta(days=5))
    if three_way and not exempt and line.invoiced > 0 == line.delivered:
        if min(row["entered_at"] for row in line.invoices) < grace:
            yield "missing_receipt"
    elif three_way and not exempt and line.invoiced > line.delivered and _last_billed(line) < grace:
        yield "over_received"
    if line.received > ordered or (order["match_type"] == 2 and line.invoiced > ordered):
        yield "over_ordered"
    old = stamp(NOW - timedelta(days=30))
    received_old = [row for row in line.receipts if row["posted_at"] < old]
    if three_way and received_old and not {"ers", "consigned", "no_charge"} & set(flags):
        value = (line.received - line.invoiced) * order["price"] / factor / order["price_per"] / 10_000
        closed = [row for row in line.receipts if row["posted_at"] < CLOSED or row["movement"] == "RETURN"]
        accrued = any(row["posted_at"] < CLOSED for row in line.receipts)
        if value > 100 or (accrued and sum(map(line.base, closed)) > line.invoiced):
            yield "received_not_invoiced"


def _last_billed(line: _Line) -> str:
    return max((str(row["entered_at"]) for row in line.invoices), default=stamp(NOW))


def _outside(difference: float, base: float) -> bool:
    return abs(difference) > 5 and (abs(difference) > 0.02 * abs(base) or abs(difference) > 250)


def _credited(network: Network) -> dict[tuple[str, str], int]:
    """What the credits that name an invoice take back of it, in cents."""
    rows = network.ap.rows(
        "SELECT vendor, refers_to, -sum(amount) AS cents FROM invoice_lines"
        " WHERE deleted = 0 AND status <> 'VOID' AND kind = 'CREDIT' GROUP BY 1, 2"
    )
    return {(row["vendor"], row["refers_to"]): row["cents"] for row in rows}


def _duplicates(network: Network) -> Iterator[tuple[str, str]]:
    totals: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, "", ""])
    credited, scheduled = _credited(network), set[tuple[str, str]]()
    ordinary = "SELECT * FROM invoice_lines WHERE deleted = 0 AND status <> 'VOID' AND kind = 'STANDARD'"
    for row in network.ap.rows(ordinary):
        entry = totals[row["vendor"], row["number"]]
        entry[0], entry[1], entry[2] = entry[0] + row["amount"], row["dated"], row["entered_at"]
        if "schedule" in json.loads(row["more"]):
            scheduled.add((row["vendor"], row["number"]))
    by_number, by_amount = defaultdict(list), defaultdict(list)
    for (vendor, number), (amount, dated, entered) in totals.items():
        if credited.get((vendor, number), 0) >= amount:
            continue
        typed = "".join(c for c in number.upper() if c.isalnum()).lstrip("0")
        by_number[vendor, typed].append((entered, number))
        if (vendor, number) not in scheduled:
            by_amount[vendor, amount].append((entered, number, date.fromisoformat(dated)))
    for (vendor, _), members in by_number.items():
        if len(members) > 1:
            yield vendor, min(members)[1]
    for (vendor, _), several in by_amount.items():
        several.sort()
        if any(abs(a[2] - b[2]) <= timedelta(days=3) for a, b in pairwise(several)):
            yield vendor, several[0][1]


def _statuses(network: Network) -> Iterator[tuple[str, int]]:
    alike = {"Approved": "APPROVED", "Dispatched": "ORDERED", "Partially Received": "RECEIVING"}
    alike |= {"Received": "FULLY_RECEIVED", "Closed": "SOFT_CLOSED", "Canceled": "CANCELLED"}
    suite = {
        row["po"][3:] + str(row["line"]): row for row in network.procurement.rows("SELECT * FROM order_lines")
    }
    for row in network.erp.rows("SELECT * FROM order_lines"):
        other = suite[row["po"] + str(row["line"])]
        lately = max(row["modified_at"], other["updated_at"]) > stamp(NOW - timedelta(hours=4))
        if alike[row["status"]] != other["state"] and not lately:
            yield row["po"], row["line"]


_RANK = (
    "no_valid_order",
    "supplier_mismatch",
    "unit_mismatch",
    "missing_receipt",
    "over_received",
    "over_ordered",
    "price_variance",
    "order_status_mismatch",
    "received_not_invoiced",
)


def _found(network: Network) -> Found:
    found: dict[tuple[str, int], set[str]] = defaultdict(set)
    for key, line in _lines(network).items():
        found[key].update(_categories(line))
    for key in _statuses(network):
        found[key].add("order_status_mismatch")
    primary = {(min(names, key=_RANK.index), _line(*key)) for key, names in found.items() if names}
    for row in network.ap.rows(
        "SELECT * FROM invoice_lines WHERE po = '' AND po_required AND status <> 'VOID'"
        " AND kind NOT IN ('UTILITY', 'REFUND', 'RECURRING')"
    ):
        primary.add(("no_valid_order", _invoice(row["vendor"], row["number"])))
    duplicates = set(_duplicates(network))
    repeated = {
        _line(row["po"], row["po_line"])
        for vendor, number in duplicates
        for row in network.ap.find("invoice_lines", {"vendor": vendor, "number": number})
    }
    return {row for row in primary if row[1] not in repeated} | {
        ("duplicate_invoice", _invoice(*key)) for key in duplicates
    }


def _line(po: str, line: int) -> str:
    return json.dumps({"line_number": str(line), "order_number": po})


def _invoice(vendor: str, number: str) -> str:
    return json.dumps({"invoice_number": number, "supplier": vendor})


def _of_other_categories(network: Network) -> set[str]:
    """The order lines of faults that are judged elsewhere: what looks wrong there is their doing."""
    with closing(sqlite3.connect(network.home / "ledger.sqlite")) as ledger:
        rows = ledger.execute(
            "SELECT po, po_line, category FROM taken JOIN ledger ON ledger.id = taken.ledger WHERE kind = 'fault'"
        ).fetchall()
    return {_line(po, line) for po, line, category in rows if category not in {*_RANK, "duplicate_invoice"}}


@pytest.mark.parametrize(("seed", "scale"), [(1, 1.0), (2, 0.2), (3, 0.1)])
def test_what_disagrees_is_what_was_planted(build: Build, seed: int, scale: float) -> None:
    network = build(seed=seed, scale=scale)
    faults = [row for row in network.ledger.rows("fault") if row["category"] != "rejected_rows"]
    planted = {(row["category"], row["business_key"]) for row in faults}
    others = _of_other_categories(network)
    found = {row for row in _found(network) if row[1] not in others}
    planted = {row for row in planted if row[0] in {*_RANK, "duplicate_invoice"}}
    assert found - planted == set(), "found, and nobody planted it"
    assert planted - found == set(), "planted, and it cannot be seen"
    accruals = [row["how"] for row in faults if row["category"] == "received_not_invoiced"]
    assert any("closed" in how for how in accruals) and not all("closed" in how for how in accruals)


def test_a_faultless_network_agrees_with_itself(build: Build) -> None:
    assert _found(build(scale=0.3, faults=False)) == set()
