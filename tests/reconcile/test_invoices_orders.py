"""What is billed on an order as a whole: releases, invoices that name no line, and orders that were cancelled."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from .books import Books, days_ago
from .order_books import told

TOTAL, THREE_WAY = "p2p.order_total", "p2p.three_way"


def _blanket(books: Books, **order: Any) -> None:
    books.order(**{"blanket": True, "limit_amount": 1000, **order})


def _release(books: Books, number: str, amount: Any, **said: Any) -> None:
    """A call-off with its invoice."""
    order = {"order_number": number, "release_of": "PO1", "quantity": 20, **said.pop("order", {})}
    books.order(**order)
    line = {"invoice_number": f"I-{number}", "order_number": number, "amount": Decimal(amount), **said}
    books.invoice(**line)


def test_releases_are_summed_up_against_the_limit(books: Books) -> None:
    _blanket(books)
    books.invoice(amount=500)
    _release(books, "R1", 300)
    _release(books, "R2", 200)
    assert books.categories(TOTAL) == set()
    _release(books, "R3", 80)
    assert told(books, TOTAL) == [
        (
            "blanket_over_limit",
            Decimal(80),
            "$1,080.00 billed on the blanket order PO1, limit $1,000.00: $80.00 over.",
        )
    ]
    assert books.categories("p2p.blanket") == set()


RELEASED: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("over", {}, {}, True),
    ("of another order", {}, {"order": {"release_of": "PO9"}}, False),
    ("of none", {}, {"order": {"release_of": ""}}, False),
    ("void", {}, {"status": "void"}, False),
    ("freight", {}, {"invoice_type": "freight"}, False),
    ("names no line", {}, {"line_number": None}, True),
    ("in another currency", {}, {"currency": "CAD"}, False),
    ("no limit", {"limit_amount": None}, {}, False),
    ("a higher limit", {"limit_amount": 1100}, {}, False),
    ("no blanket", {"blanket": False}, {}, False),
]


@pytest.mark.parametrize(
    ("order", "release", "raised"), [row[1:] for row in RELEASED], ids=[row[0] for row in RELEASED]
)
def test_what_counts_as_released(
    books: Books, order: dict[str, Any], release: dict[str, Any], raised: bool
) -> None:
    _blanket(books, **order)
    _release(books, "R1", 1100, **release)
    assert books.categories(TOTAL) == ({"blanket_over_limit"} if raised else set())


def test_a_credit_of_a_release_is_taken_off(books: Books) -> None:
    _blanket(books)
    _release(books, "R1", 1100)
    credit = {"invoice_number": "C1", "invoice_type": "credit", "order_number": "R1", "quantity": -1}
    books.invoice(**credit, amount=-99)
    assert books.only(TOTAL).amount == Decimal(1)
    books.invoice(**{**credit, "invoice_number": "C2"}, amount=-1)
    assert books.categories(TOTAL) == set()


def test_what_names_no_line_of_a_release_counts_once(books: Books) -> None:
    _blanket(books)
    for line in "123":
        books.order(order_number="R1", line_number=line, release_of="PO1")
    books.invoice(order_number="R1", line_number="", amount=900)
    assert books.categories(TOTAL) == set()
    books.invoice(invoice_number="I2", order_number="R1", line_number="2", amount=101)
    assert books.only(TOTAL).amount == Decimal(1)


def test_all_lines_of_a_blanket_order_share_what_names_none(books: Books) -> None:
    _blanket(books)
    _blanket(books, line_number="2", limit_amount=500)
    books.invoice(amount=1000)
    books.invoice(invoice_number="I2", line_number=None, amount=500)
    assert books.categories(TOTAL) == set()
    books.invoice(invoice_number="I3", line_number="", amount=1)
    assert books.only(TOTAL).amount == Decimal(1)


def test_what_its_own_line_is_over_is_said_of_the_line_alone(books: Books) -> None:
    _blanket(books)
    books.invoice(amount=1200)
    _release(books, "R1", 300)
    assert (books.categories(TOTAL), books.categories("p2p.blanket")) == (set(), {"blanket_over_limit"})


ORDERED: list[tuple[str, dict[str, Any], list[dict[str, Any]], bool]] = [
    ("all on its line", {}, [{"amount": 700}], False),
    ("all without a line", {}, [{"amount": 630, "line_number": ""}], False),
    ("beyond what is tolerated", {}, [{"amount": "630.01", "line_number": ""}], True),
    ("both together", {}, [{}, {"amount": 31, "line_number": None}], True),
    ("net of credits", {}, [{}, {"amount": 600, "line_number": None}, {"amount": -600, "line_number": None}], False),
    ("void", {}, [{}, {"amount": 600, "line_number": "", "status": "void"}], False),
    ("freight", {}, [{}, {"amount": 600, "line_number": "", "invoice_type": "freight"}], False),
    ("tax", {}, [{}, {"amount": 600, "line_number": "", "invoice_type": "tax"}], False),
    ("another order", {}, [{}, {"amount": 600, "line_number": "", "order_number": "PO9"}], False),
    ("in another currency", {}, [{}, {"amount": 600, "line_number": "", "currency": "CAD"}], False),
    ("an estimate", {"price_estimated": True}, [{}, {"amount": 600, "line_number": ""}], False),
    ("priced per hundred", {"quantity": 1000, "price_per": 100}, [{}, {"amount": 30, "line_number": ""}], False),
    ("beyond, priced per hundred", {"quantity": 1000, "price_per": 100}, [{}, {"amount": 31, "line_number": ""}], True),
    ("priced per dozen", {"price_per": 12}, [{}, {"amount": 600, "line_number": ""}], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("order", "bills", "raised"), [row[1:] for row in ORDERED], ids=[row[0] for row in ORDERED]
)
def test_what_names_no_line_is_compared_with_the_whole_order(
    books: Books, order: dict[str, Any], bills: list[dict[str, Any]], raised: bool
) -> None:
    books.order(**order)
    for number, bill in enumerate(bills):
        amount = Decimal(bill.get("amount", 600))
        books.invoice(**{"invoice_number": f"I{number}", **bill, "amount": amount})
    assert books.categories(TOTAL) == ({"over_ordered"} if raised else set())


def test_the_whole_order_says_its_figures(books: Books) -> None:
    books.order()
    books.order(line_number="2", quantity=5)
    books.invoice()
    books.invoice(invoice_number="I2", line_number="", amount=600)
    assert told(books, TOTAL) == [("over_ordered", Decimal(300), "1,200 USD on PO1, 900 USD ordered.")]


CANCELLED: list[tuple[str, dict[str, Any], dict[str, Any] | None, dict[str, Any], bool]] = [
    ("received and billed", {}, {}, {}, True),
    ("billed by amount", {"basis": "amount", "quantity": 600, "unit_price": 1}, None, {}, True),
    ("two-way", {"match": 2}, None, {}, True),
    ("open", {"status": "ordered"}, {}, {}, False),
    ("closed", {"status": "closed"}, {}, {}, False),
    ("void", {}, {}, {"status": "void"}, False),
    ("for nothing", {}, {}, {"quantity": 0}, False),
    ("a utility's", {}, {}, {"invoice_type": "utility"}, False),
    ("freight", {}, {}, {"invoice_type": "freight"}, False),
]


@pytest.mark.parametrize(
    ("order", "receipt", "invoice", "raised"),
    [row[1:] for row in CANCELLED],
    ids=[row[0] for row in CANCELLED],
)
def test_an_invoice_of_an_order_that_was_cancelled(
    books: Books,
    order: dict[str, Any],
    receipt: dict[str, Any] | None,
    invoice: dict[str, Any],
    raised: bool,
) -> None:
    books.order(**{"status": "cancelled", **order})
    if receipt is not None:
        books.receipt(**receipt)
    books.invoice(**invoice)
    assert ("no_valid_order" in books.categories()) == raised


@pytest.mark.parametrize("kind", ["freight", "tax"])
def test_charges_as_lines_are_no_goods(agreed: Books, kind: str) -> None:
    for number, order in (("1", "PO1"), ("2", "PO77")):
        agreed.invoice(
            invoice_number=f"F{number}", invoice_type=kind, order_number=order, quantity=1, unit_price=9
        )
    assert agreed.categories() == set()


def test_what_was_credited_of_a_cancelled_order_is_settled(agreed: Books) -> None:
    agreed.con.execute("UPDATE all_purchase_order_line SET status = 'cancelled'")
    assert told(agreed, THREE_WAY) == [
        ("no_valid_order", Decimal(600), "I1 names PO1/1, which was cancelled.")
    ]
    agreed.invoice(invoice_number="C1", invoice_type="credit", quantity=-10, entered_at=days_ago(1))
    agreed.receipt(receipt_number="R2", quantity=-10, movement="return")
    assert agreed.categories() == set()


def test_an_order_that_only_procurement_cancelled_is_a_matter_of_its_status(agreed: Books) -> None:
    agreed.order("SUITE", status="cancelled")
    assert agreed.categories() == set()
    assert agreed.categories("p2p.order_status") == {"order_status_mismatch"}
