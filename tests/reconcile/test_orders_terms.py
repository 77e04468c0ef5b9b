"""Whose terms hold for an order line, and what they change in the match of order, receipt and invoice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog

from .books import Books, days_ago
from .order_books import terms, told

THREE_WAY = "p2p.three_way"


@pytest.mark.parametrize(
    ("line", "given", "missing"),
    [
        (None, {}, True),
        (None, {"supplier": 2}, False),
        (None, {"supplier": 3}, True),
        (None, {"supplier": 2, "site": 3}, True),
        (None, {"supplier": 3, "site": 2}, False),
        (None, {"site": 3, "here": 2}, False),
        (None, {"supplier": 2, "site": 2, "here": 3}, True),
        (3, {"supplier": 2, "site": 2, "here": 2}, True),
        (2, {"supplier": 3, "site": 3, "here": 4}, False),
    ],
)
def test_the_line_wins_over_the_facility_and_that_over_the_supplier(
    books: Books, line: int | None, given: dict[str, int], missing: bool
) -> None:
    books.order(match=line)
    books.invoice()
    for of, match in given.items():
        terms(books, of, match=match)
    assert books.categories() == ({"missing_receipt"} if missing else set())


@pytest.mark.parametrize(
    ("column", "value"),
    [("ers", True), ("bill_only", True), ("drop_ship", True), ("basis", "amount")],
)
def test_terms_excuse_a_receipt_that_the_line_does_not_speak_of(
    books: Books, column: str, value: Any
) -> None:
    books.order(unit_price=60)
    books.invoice()
    assert books.categories() == {"missing_receipt"}
    terms(books, "supplier", **{column: value})
    assert books.categories() == set()


def test_a_line_that_says_no_is_not_excused_by_terms(books: Books) -> None:
    books.order(ers=False)
    books.invoice()
    terms(books, "here", ers=True)
    assert books.categories() == {"missing_receipt"}


def test_consigned_by_terms_awaits_no_invoice(books: Books) -> None:
    books.order()
    books.receipt(received_at=days_ago(35))
    assert books.categories() == {"received_not_invoiced"}
    terms(books, "site", consigned=True)
    assert books.categories() == set()


def test_another_supplier_s_and_another_facility_s_terms_do_not_hold(books: Books) -> None:
    books.order()
    books.invoice()
    terms(books, "supplier", supplier="S2", match=2)
    terms(books, "here", supplier="S2", match=2)
    terms(books, "site", entity="H2", match=2)
    assert books.categories() == {"missing_receipt"}


def test_what_builds_on_terms_waits_until_they_were_read_once(books: Books) -> None:
    books.order()
    books.invoice()
    assert books.categories(read={"order.terms": None}) == set()
    assert books.categories(read={"order.here": None}) == set()


def _mapping(catalog: Catalog, feed: str, column: str) -> Catalog:
    """The same site, where one more column is mapped by a feed."""
    changed = catalog.feeds[feed].model_copy(update={"mapping": {**catalog.feeds[feed].mapping, column: "a"}})
    return replace(catalog, feeds={**catalog.feeds, feed: changed})


@pytest.mark.parametrize(
    ("mapped_by", "order", "missing"),
    [
        ("erp_orders", {"delivery_confirmed": True}, False),
        ("erp_orders", {"delivery_confirmed": False}, True),
        ("erp_orders", {"delivery_confirmed": None}, True),
        ("suite_orders", {"delivery_confirmed": None}, False),
        (None, {"delivery_confirmed": None}, False),
    ],
    ids=[
        "confirmed",
        "said not to have come",
        "not confirmed",
        "only another system keeps it",
        "nobody keeps it",
    ],
)
def test_a_drop_shipment_has_come_when_the_requester_confirmed_it(
    p2p: Catalog, mapped_by: str | None, order: dict[str, Any], missing: bool
) -> None:
    books = Books(p2p if mapped_by is None else _mapping(p2p, mapped_by, "delivery_confirmed"))
    books.order(drop_ship=True, **order)
    books.invoice()
    assert books.categories() == ({"missing_receipt"} if missing else set())


def test_terms_say_that_an_order_is_a_drop_shipment_which_nobody_confirmed(p2p: Catalog) -> None:
    books = Books(_mapping(p2p, "erp_orders", "delivery_confirmed"))
    terms(books, "supplier", drop_ship=True)
    books.order()
    books.invoice(entered_at=days_ago(1.9))
    assert books.categories() == set()
    books.invoice(invoice_number="I2", entered_at=days_ago(2.1), quantity=0)
    assert books.categories() == {"missing_receipt"}


def test_what_the_requester_is_asked_changes_nothing_on_other_lines(p2p: Catalog) -> None:
    """Mapping the column later is no news for a line that was never a drop shipment."""
    hashes = set()
    for catalog in (p2p, _mapping(p2p, "erp_orders", "delivery_confirmed")):
        books = Books(catalog)
        books.order()
        books.receipt()
        books.invoice(unit_price=70)
        hashes.add(books.only().evidence_hash)
    assert len(hashes) == 1


def test_what_is_in_transit_is_not_received(agreed: Books) -> None:
    agreed.order(order_number="PO2")
    agreed.receipt(order_number="PO2", receipt_number="R2", movement="in_transit")
    agreed.invoice(order_number="PO2", invoice_number="I2")
    (found,) = agreed.run().discrepancies
    assert (found.category, found.reference) == ("missing_receipt", "PO2/1")


def test_freight_alone_is_neither_goods_nor_without_order(agreed: Books) -> None:
    agreed.invoice(invoice_number="F1", invoice_type="freight", quantity=1, unit="EA", unit_price=80)
    agreed.invoice(
        invoice_number="F2", invoice_type="freight", order_number="PO77", quantity=1, unit_price=80
    )
    assert agreed.categories() == set()


@pytest.mark.parametrize(
    ("case", "entered", "raised"),
    [
        ("C1", days_ago(2.9), False),
        ("C1", days_ago(3), True),
        (None, days_ago(0.5), True),
        ("", days_ago(0.5), True),
    ],
)
def test_what_was_used_in_a_case_is_ordered_within_three_days(
    books: Books, case: str | None, entered: Any, raised: bool
) -> None:
    books.invoice(case_number=case, entered_at=entered)
    assert books.categories() == ({"no_valid_order"} if raised else set())


BY_AMOUNT = {"basis": "amount", "unit": "USD", "quantity": 1000, "unit_price": 1, "item": None}


@pytest.mark.parametrize(
    ("billed", "more", "raised"),
    [
        (1050, {}, False),
        (Decimal("1050.01"), {}, True),
        (900, {}, False),
        (2000, {"blanket": True}, False),
        (1050, {"price_per": 100, "unit_price": 100}, False),
        (1051, {"price_per": 100, "unit_price": 100}, True),
    ],
)
def test_a_service_by_amount_is_billed_within_the_order(
    books: Books, billed: Any, more: dict[str, Any], raised: bool
) -> None:
    books.order(**{**BY_AMOUNT, **more})
    books.invoice(quantity=1, unit="USD", unit_price=billed, item=None)
    assert books.categories() == ({"over_ordered"} if raised else set())


def test_a_service_beyond_the_order_says_both_amounts(books: Books) -> None:
    books.order(**BY_AMOUNT)
    books.invoice(quantity=1, unit="USD", unit_price=1200, item=None)
    assert told(books, THREE_WAY) == [("over_ordered", Decimal(200), "1,200 USD on PO1, 1,000 USD ordered.")]


@pytest.mark.parametrize(
    ("invoice", "receipt", "said"),
    [
        ({"unit": "PK", "quantity": 3}, {}, "I1 bills 3 PK, ordered per CS; no conversion."),
        ({"unit_price": 5}, {}, "I1 bills 10 CS, ordered per CS; the price is that of another pack."),
        (None, {"unit": "PK", "quantity": 3}, "R1 receives 3 PK, ordered per CS; no conversion."),
    ],
)
def test_a_unit_that_does_not_fit_is_said_with_document_and_quantity(
    books: Books, invoice: dict[str, Any] | None, receipt: dict[str, Any], said: str
) -> None:
    books.order()
    books.receipt(**receipt)
    if invoice is not None:
        books.invoice(**invoice)
    assert [text for category, _, text in told(books, THREE_WAY) if category == "unit_mismatch"] == [said]


def test_another_currency_is_said_with_the_amount_in_it(agreed: Books) -> None:
    agreed.order(order_number="PO2")
    agreed.receipt(order_number="PO2", receipt_number="R2")
    agreed.invoice(order_number="PO2", invoice_number="I2", currency="EUR")
    assert told(agreed, THREE_WAY) == [
        ("currency_mismatch", Decimal(600), "I2 bills 600 EUR on PO2, which is in USD.")
    ]


def test_one_invoice_of_two_in_another_currency_is_found_and_adds_up_nothing(books: Books) -> None:
    books.order()
    books.receipt()
    books.invoice(quantity=5)
    books.invoice(invoice_number="I2", quantity=5, currency="CAD")
    found = books.only()
    assert (found.category, found.amount, found.currency) == ("currency_mismatch", None, "CAD")
