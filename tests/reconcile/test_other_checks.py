"""Order statuses between the ERP and the procurement suite; spend that needs an order and names none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .books import NOW, Books, days_ago

STATUS, SPEND = "p2p.order_status", "p2p.invoice_without_order"


@pytest.mark.parametrize(
    ("suite", "changed", "raised"),
    [
        ("ordered", days_ago(2), True),
        ("ordered", days_ago(0.1), False),
        ("received", days_ago(2), False),
        ("FULLY_RECEIVED", days_ago(2), False),
        ("NEVER_HEARD_OF", days_ago(2), True),
    ],
    ids=["differs for days", "differs for two hours", "same", "same after the crosswalk", "unknown status"],
)
def test_order_status(books: Books, suite: str, changed: Any, raised: bool) -> None:
    books.order(source_time=days_ago(3))
    books.order("SUITE", status=suite, source_time=changed)
    assert bool(books.categories(STATUS)) == raised


def test_order_status_waits_until_both_systems_were_read(books: Books) -> None:
    books.order()
    books.order("SUITE", status="ordered")
    assert books.categories(STATUS) == {"order_status_mismatch"}
    assert books.categories(STATUS, read={"suite_order": days_ago(10)}) == set()
    assert books.categories(STATUS, read={"order": None}) == set()


def test_order_status_is_not_asked_where_the_suite_does_not_know_the_order(books: Books) -> None:
    books.order()
    result = books.run(STATUS)
    assert (result.discrepancies, result.compared) == ([], 0)


def test_a_later_change_of_time_alone_does_not_change_the_evidence(books: Books) -> None:
    books.order()
    books.order("SUITE", status="ordered")
    before = books.only(STATUS)
    books.con.execute("UPDATE all_purchase_order_line SET source_time = source_time + INTERVAL 1 DAY")
    after = books.only(STATUS)
    assert after.evidence_hash == before.evidence_hash
    assert after.evidence != before.evidence
    assert json.loads(after.facts)["days"] == (NOW - days_ago(8)).days


@pytest.mark.parametrize(
    ("invoice", "raised"),
    [
        ({}, True),
        ({"order_number": ""}, True),
        ({"order_number": "PO1"}, False),
        ({"po_required": False}, False),
        ({"po_required": None}, False),
        ({"invoice_type": "utility"}, False),
        ({"invoice_type": "refund", "quantity": -1}, False),
        ({"invoice_type": "recurring"}, False),
        ({"status": "void"}, False),
        ({"invoice_type": "credit", "quantity": -10}, False),
    ],
)
def test_spend_without_order(books: Books, invoice: dict[str, Any], raised: bool) -> None:
    books.invoice(**{"order_number": None, "line_number": None, **invoice})
    assert bool(books.categories(SPEND)) == raised


def test_spend_without_order_is_one_exception_per_invoice_in_the_source_s_words(books: Books) -> None:
    for line in ("1", "2"):
        books.invoice(invoice_line=line, order_number=None, line_number=None)
    found = books.only(SPEND)
    assert json.loads(found.business_key) == {"invoice_number": "I1", "supplier": "V1"}
    assert found.amount == 1200
    assert found.lines == ("invoice|H1|S1|I1",)
