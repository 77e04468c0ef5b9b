"""Duplicate invoices: across numbers, entities and aliases; and the repeats that are none."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from exceptions_app.catalog.schema import DuplicateCheck
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.reconcile.engine import compile_check
from exceptions_app.reconcile.errors import CheckError

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


def _credit(books: Books, of: str | None, **said: Any) -> None:
    books.invoice(
        **{
            "invoice_number": "CR-1", "invoice_type": "credit", "quantity": -10, "credits_invoice": of,
            "entered_at": days_ago(2), **said,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    "credits",
    [
        [{"of": "I-77"}],
        [{"of": "INV-0012"}],
        [{"of": "I-77", "quantity": -4}, {"of": "I-77", "invoice_number": "CR-2", "quantity": -6}],
        [{"of": "I-77", "quantity": -4}, {"of": "I-77", "invoice_line": "2", "quantity": -6}],
        [{"of": "I-77", "quantity": -12}],
        [{"of": "I-77", "supplier": "V1-REMIT"}],
        [{"of": None, "invoice_number": "I-77", "invoice_line": "9"}],
        [{"of": ""}],
        [{"of": None, "order_number": None, "line_number": None}],
    ],
    ids=[
        "the second",
        "the first",
        "by two credits",
        "by two lines",
        "by more",
        "under the other alias",
        "under its own number",
        "of its worth",
        "of its worth, without order",
    ],
)
def test_what_was_credited_in_full_is_no_duplicate(books: Books, credits: list[dict[str, Any]]) -> None:
    _pair(books)
    assert books.categories(CHECK, entity=None) == {"duplicate_invoice"}
    for credit in credits:
        _credit(books, **credit)
    assert books.categories(CHECK, entity=None) == set()


@pytest.mark.parametrize(
    "credit",
    [
        {"of": "I-77", "quantity": -9},
        {"of": "I-77", "status": "void"},
        {"of": "I-77", "entity": "H2"},
        {"of": "I-77", "supplier": "V2"},
        {"of": "I-78"},
        {"of": None, "quantity": -9},
        {"of": None, "currency": "CAD"},
        {"of": None, "supplier": "V2"},
        {"of": None, "entity": "H2"},
        {"of": None, "entered_at": days_ago(9)},
    ],
    ids=[
        "in part",
        "void",
        "another facility's",
        "another supplier's",
        "of another invoice",
        "of another worth",
        "in another currency",
        "of its worth, another supplier's",
        "of its worth, another facility's",
        "from before",
    ],
)
def test_other_credits_leave_it_a_duplicate(books: Books, credit: dict[str, Any]) -> None:
    _pair(books)
    _credit(books, **credit)
    assert books.only(CHECK, entity=None).amount == Decimal(600)


@pytest.mark.parametrize("of", ["A", None], ids=["named", "of its worth"])
def test_one_credit_takes_back_one_of_three(books: Books, of: str | None) -> None:
    for number in "ABC":
        books.invoice(invoice_number=number)
    _credit(books, of)
    found = books.only(CHECK, entity=None)
    assert (json.loads(found.facts)["members"], found.amount) == (2, Decimal(600))
    _credit(books, "B" if of else None, invoice_number="CR-2")
    assert books.categories(CHECK, entity=None) == set()


def test_one_number_under_two_aliases_is_credited_once(books: Books) -> None:
    for supplier in ("V1", "V1-REMIT"):
        books.invoice(invoice_number="A", supplier=supplier)
    books.invoice(invoice_number="a", entered_at=days_ago(3))
    _credit(books, "A")
    assert json.loads(books.only(CHECK, entity=None).facts)["members"] == 2


def test_a_credit_is_read_with_the_invoice_that_it_takes_back(books: Books) -> None:
    _pair(books)
    key = {"supplier": "V1", "invoice_number": "INV-0012"}
    books.con.execute("UPDATE all_invoice_line SET fetched_at = ?", [days_ago(4)])
    assert books.probe([key], CHECK).popitem()[1].fetched_at == days_ago(4)
    for number, of in (("CR-1", "I-77"), ("CR-2", None)):
        books.con.execute("DELETE FROM all_invoice_line WHERE invoice_type = 'credit'")
        _credit(books, of, invoice_number=number, fetched_at=days_ago(1))
        assert books.probe([key], CHECK).popitem()[1].fetched_at == days_ago(1), number


@pytest.mark.parametrize(
    ("schedules", "raised"),
    [
        (("RENT", "LAWN"), False),
        (("RENT", "RENT"), False),
        (("RENT", None), False),
        ((None, ""), True),
    ],
)
def test_equal_bills_of_a_known_schedule_are_left_to_it(
    books: Books, schedules: tuple[str | None, str | None], raised: bool
) -> None:
    for number, schedule in zip("AB", schedules, strict=True):
        books.invoice(invoice_number=number, schedule=schedule)
    assert bool(books.categories(CHECK, entity=None)) == raised


def test_one_number_twice_is_a_duplicate_whatever_its_schedule(books: Books) -> None:
    books.invoice(invoice_number="INV-0012", schedule="RENT")
    books.invoice(invoice_number="inv 0012", schedule="RENT", entered_at=days_ago(1))
    assert books.categories(CHECK, entity=None) == {"duplicate_invoice"}


@pytest.mark.parametrize(
    ("altered", "said"),
    [
        ({"amount": None}, "amount beside taken_back"),
        ({"taken_back": {"where": "TRUE", "names": {}}}, "at least 1 item"),
    ],
)
def test_what_takes_back_is_weighed_and_names_a_document(
    books: Books, altered: dict[str, Any], said: str
) -> None:
    written = books.catalog.checks[CHECK].model_dump(mode="json")
    with pytest.raises(ValidationError, match=said):
        DuplicateCheck.model_validate({**written, **altered})


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"where": "amount"}, r"boolean is needed here.*: taken_back\.where"),
        (
            {"names": {"invoice_number": "number"}},
            r"unknown column 'number'.*: taken_back\.names\.invoice_number",
        ),
        ({"same": ["quantity"]}, r"unknown column 'quantity'.*: taken_back\.same\.0"),
    ],
)
def test_expressions_of_what_takes_back_are_refused_with_their_place(
    books: Books, part: dict[str, Any], said: str
) -> None:
    written = books.catalog.checks[CHECK].model_dump(mode="json")
    broken = DuplicateCheck.model_validate({**written, "taken_back": {**written["taken_back"], **part}})
    with pytest.raises(CheckError, match=said):
        compile_check(broken, books.catalog)
