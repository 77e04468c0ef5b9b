"""Duplicate invoices: across numbers, entities and aliases; and the repeats that are none."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from exceptions_app.domain.discrepancy import NETWORK_SCOPE

from .books import Books, days_ago

CHECK = "p2p.duplicate_invoice"


def _pair(books: Books, **second: Any) -> None:
    books.invoice(invoice_number="INV-0012")
    books.invoice(**{"invoice_number": "I-77", "entered_at": days_ago(5), **second})


@pytest.mark.parametrize(
    "second",
    [
        {"invoice_number": "inv 0012", "invoice_date": date(2026, 9, 1), "quantity": 3},
        {"invoice_number": "INV/0012"},
        {"invoice_number": "INV-0012", "entity": "H2"},
        {"invoice_number": "INV-0012", "supplier": "V1-REMIT"},
        {"invoice_date": date(2026, 11, 19)},
        {"invoice_date": date(2026, 11, 13), "entity": "H2", "order_number": None},
    ],
    ids=["punctuation", "slash", "other entity", "other alias", "three days later", "three days earlier"],
)
def test_raises(books: Books, second: dict[str, Any]) -> None:
    _pair(books, **second)
    found = books.only(CHECK, entity=None)
    assert (found.category, found.scope, found.entity) == ("duplicate_invoice", NETWORK_SCOPE, "H1")
    assert json.loads(found.business_key) == {"invoice_number": "INV-0012", "supplier": "V1"}
    assert not found.critical


@pytest.mark.parametrize(
    "second",
    [
        {"invoice_date": date(2026, 11, 20)},
        {"quantity": 11},
        {"currency": "CAD"},
        {"supplier": "V2"},
        {"invoice_number": "INV-0012", "supplier": "V2"},
        {"status": "void"},
        {"invoice_type": "credit", "quantity": -10},
        {"invoice_type": "rebill", "credits_invoice": "INV-0012"},
        {"invoice_type": "recurring"},
        {"quantity": 0, "invoice_date": date(2026, 11, 16)},
    ],
    ids=[
        "four days later",
        "other amount",
        "other currency",
        "other supplier",
        "other supplier's number",
        "void",
        "credit",
        "rebill",
        "recurring",
        "nothing billed",
    ],
)
def test_stays_silent(books: Books, second: dict[str, Any]) -> None:
    _pair(books, **second)
    result = books.run(CHECK, entity=None)
    assert result.discrepancies == []
    assert result.matched == result.compared


def test_two_invoices_for_nothing_are_no_duplicates(books: Books) -> None:
    books.invoice(invoice_number="A", quantity=0)
    books.invoice(invoice_number="B", quantity=0)
    assert books.categories(CHECK, entity=None) == set()


@pytest.mark.parametrize(
    ("paid", "words", "critical"),
    [((), "neither is paid", False), ((2,), "one of them is paid", False), ((1, 2), "both are paid", True)],
)
def test_says_whether_one_or_both_are_paid(
    books: Books, paid: tuple[int, ...], words: str, critical: bool
) -> None:
    for number in (1, 2):
        status = "paid" if number in paid else "approved"
        books.invoice(invoice_number=f"INV{' ' * number}1", status=status, entered_at=days_ago(9 - number))
    found = books.only(CHECK, entity=None)
    facts = json.loads(found.facts)
    assert (facts["paid"], found.critical) == (words, critical)
    assert (facts["a"], facts["b"], facts["keys"]) == ("INV 1", "INV  1", "supplier and invoice number")


def test_what_hangs_together_is_one_cluster_and_at_stake_is_all_but_the_oldest(books: Books) -> None:
    for number, day in (("A", 10), ("B", 13), ("C", 16)):
        books.invoice(invoice_number=number, invoice_date=date(2026, 11, day), entered_at=days_ago(24 - day))
    result = books.run(CHECK, entity=None)
    (found,) = result.discrepancies
    assert (found.reference, found.amount) == ("A", Decimal(1200))
    assert (result.compared, result.matched) == (3, 0)
    assert sorted(json.loads(found.evidence)["sides"]) == ["a", "b", "c"]


def test_other_entities_are_named(books: Books) -> None:
    _pair(books, invoice_number="INV-0012", entity="H2")
    facts = json.loads(books.only(CHECK, entity=None).facts)
    assert (facts["a"], facts["b"]) == ("INV-0012 (H1)", "INV-0012 (H2)")


def test_a_duplicate_touches_the_order_lines_of_all_its_members(books: Books) -> None:
    _pair(books, line_number="2")
    books.invoice(
        invoice_number="I-77", invoice_line="2", line_number="3", quantity=0, entered_at=days_ago(5)
    )
    found = books.only(CHECK, entity=None)
    assert set(found.lines) == {f"order_line|H1|PO1|{line}" for line in "123"}


def test_a_document_of_several_lines_counts_once_with_its_total(books: Books) -> None:
    for line in ("1", "2"):
        books.invoice(invoice_number="A", invoice_line=line, quantity=5)
    books.invoice(invoice_number="B", quantity=10)
    assert books.only(CHECK, entity=None).amount == Decimal(600)


def test_identity_does_not_change_when_an_alias_is_mapped(books: Books) -> None:
    books.invoice(invoice_number="A", supplier="V9")
    books.invoice(invoice_number="a", supplier="V9", entered_at=days_ago(1))
    before = books.only(CHECK, entity=None)
    books.con.execute("UPDATE xw_supplier SET canonical = 'S9' WHERE local = 'V9'")
    books.con.execute("INSERT INTO xw_supplier SELECT 'AP', 'V9', 'S9'")
    assert books.only(CHECK, entity=None).fingerprint == before.fingerprint
