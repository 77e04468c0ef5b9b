"""What went back to the supplier: awaited for thirty days as a credit, and no receipt that is missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from .books import Books, days_ago
from .order_books import told


def _returned(books: Books, days: float = 31, quantity: int = -2, **values: Any) -> None:
    books.receipt(
        **{
            "receipt_number": f"RT{days}",
            "quantity": quantity,
            "movement": "return",
            "received_at": days_ago(days),
            **values,
        }
    )


def _credit(books: Books, quantity: Any = -2, **values: Any) -> None:
    books.invoice(**{"invoice_number": "C1", "invoice_type": "credit", "quantity": quantity, **values})


def test_a_return_without_credit_says_what_and_how_long(agreed: Books) -> None:
    _returned(agreed)
    assert told(agreed, "p2p.three_way") == [
        ("uncredited_return", Decimal(120), "PO1: 2 CS returned to Acme 31 days ago, $120.00 not credited.")
    ]


@pytest.mark.parametrize(("days", "raised"), [(29.9, False), (30, True), (31, True)])
def test_a_credit_is_awaited_for_thirty_days(agreed: Books, days: float, raised: bool) -> None:
    _returned(agreed, days)
    assert agreed.categories() == ({"uncredited_return"} if raised else set())


def test_credited_by_quantity_is_silent(agreed: Books) -> None:
    _returned(agreed)
    _credit(agreed)
    assert agreed.categories() == set()


def test_credited_by_amount_alone_is_silent_and_a_part_of_it_is_not(agreed: Books) -> None:
    _returned(agreed)
    _credit(agreed, quantity=0, amount=-100)
    found = agreed.only()
    assert (found.category, found.amount) == ("uncredited_return", Decimal(20))
    _credit(agreed, quantity=0, amount=-20, invoice_number="C2")
    assert agreed.categories() == set()


def test_a_part_that_was_credited_is_not_asked_for_again(agreed: Books) -> None:
    _returned(agreed, quantity=-3)
    _credit(agreed, quantity=-1)
    assert agreed.only().amount == Decimal(120)


def test_credits_are_for_the_oldest_returns(agreed: Books) -> None:
    _returned(agreed, 40)
    _returned(agreed, 5)
    _credit(agreed)
    assert agreed.categories() == set()


def test_what_went_back_before_it_was_billed_needs_no_credit(books: Books) -> None:
    books.order()
    books.receipt()
    _returned(books)
    books.invoice(quantity=8)
    assert books.categories() == set()


def test_a_reversed_receipt_is_no_return(agreed: Books) -> None:
    _returned(agreed, movement="reversal")
    assert agreed.categories() == {"over_received"}


def test_more_billed_than_came_stays_over_received_whatever_went_back(books: Books) -> None:
    books.order()
    books.receipt(quantity=8)
    _returned(books, 5)
    books.invoice()
    found = books.only()
    assert (found.category, found.amount) == ("over_received", Decimal(120))


def test_all_sent_back_lately_is_no_missing_receipt(agreed: Books) -> None:
    _returned(agreed, 5, quantity=-10)
    assert agreed.categories() == set()


@pytest.mark.parametrize(("credited", "raised"), [(False, True), (True, False)])
def test_where_nobody_posts_receipts_credits_tell(books: Books, credited: bool, raised: bool) -> None:
    books.order(match=2)
    books.invoice()
    _returned(books)
    if credited:
        _credit(books)
    assert books.categories() == ({"uncredited_return"} if raised else set())


def test_returns_in_another_unit_are_converted(agreed: Books) -> None:
    _returned(agreed, unit="EA", quantity=-24)
    found = agreed.only()
    assert (found.category, found.amount) == ("uncredited_return", Decimal(120))


def test_goods_without_charge_need_no_credit(agreed: Books) -> None:
    agreed.order(order_number="PO2", unit_price=0, no_charge=True)
    agreed.receipt(order_number="PO2", receipt_number="R2")
    agreed.invoice(order_number="PO2", invoice_number="I2", unit_price=0)
    _returned(agreed, order_number="PO2")
    assert agreed.categories() == set()


def test_an_unread_payables_system_raises_no_return(agreed: Books) -> None:
    _returned(agreed)
    assert agreed.categories(read={"invoice": None}) == set()
