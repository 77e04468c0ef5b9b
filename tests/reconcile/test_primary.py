"""One primary exception per transaction line, the others listed on it."""

from __future__ import annotations

from .books import Books, days_ago


def test_the_most_specific_cause_wins_and_lists_the_others(books: Books) -> None:
    books.order()
    books.order("SUITE", status="ordered")
    books.receipt(quantity=6)
    books.invoice(supplier="V2", unit_price=70)
    (found,) = books.primary()
    assert found.category == "supplier_mismatch"
    assert found.also == ("over_received", "price_variance", "order_status_mismatch")


def test_what_a_duplicate_causes_on_its_order_line_is_listed_on_it(agreed: Books) -> None:
    agreed.invoice(invoice_number="i 1", entered_at=days_ago(2))
    (found,) = agreed.primary()
    assert (found.category, found.also) == ("duplicate_invoice", ("over_received",))


def test_two_duplicates_on_one_order_line_are_two_problems(agreed: Books) -> None:
    agreed.invoice(invoice_number="i 1", entered_at=days_ago(2))
    agreed.invoice(invoice_number="J1", quantity=3)
    agreed.invoice(invoice_number="J 1", quantity=4, entered_at=days_ago(1))
    assert [one.category for one in agreed.primary()] == ["duplicate_invoice"] * 2


def test_different_lines_stay_apart(books: Books) -> None:
    for line in ("1", "2"):
        books.order(line_number=line)
        books.receipt(line_number=line, receipt_number=f"R{line}")
        books.invoice(line_number=line, invoice_line=line, unit_price=70)
    found = books.primary()
    assert [one.reference for one in sorted(found, key=lambda one: one.reference)] == ["PO1/1", "PO1/2"]
    assert all(one.also == () for one in found)
