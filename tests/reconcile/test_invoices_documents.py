"""Tax and freight, statuses and holds, credits and their invoices."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from .books import days_ago
from .invoice_books import InvoiceBooks, sentence

CHARGES, STATUS, CREDIT = "p2p.invoice_charges", "p2p.invoice_status", "p2p.orphan_credit"

TAX: list[tuple[str, dict[str, Any], dict[str, Any] | None, bool]] = [
    ("exempt by the line", {"tax_amount": 40, "tax_code": "TX", "tax_exempt": True}, None, True),
    ("not exempt", {"tax_amount": 40, "tax_code": "TX", "tax_exempt": False}, None, False),
    ("nobody says exempt", {"tax_amount": 40, "tax_code": "TX"}, None, False),
    ("a cent a line", {"tax_amount": Decimal("0.01"), "tax_code": "TX", "tax_exempt": True}, None, False),
    ("more than a cent", {"tax_amount": Decimal("0.0101"), "tax_code": "TX", "tax_exempt": True}, None, True),
    ("a credit", {"tax_amount": -40, "tax_code": "TX", "tax_exempt": True, "quantity": -10}, None, False),
    ("void", {"tax_amount": 40, "tax_code": "TX", "tax_exempt": True, "status": "void"}, None, False),
    ("paid", {"tax_amount": 40, "tax_code": "TX", "tax_exempt": True, "status": "paid"}, None, True),
    ("exempt invoice, charge", {"tax_exempt": True}, {}, True),
    ("exempt invoice, freight", {"tax_exempt": True}, {"charge_type": "freight", "amount": 20}, False),
    ("taxable invoice, charge", {"tax_exempt": False}, {}, False),
    ("no code on the line", {"tax_amount": 40, "tax_code": ""}, None, True),
    ("no code on the charge", {}, {"tax_code": None}, True),
    ("no code, a cent", {}, {"tax_code": None, "amount": Decimal("0.01")}, False),
    ("no code, no tax", {"tax_amount": 0}, None, False),
    ("a charge of another kind", {"tax_exempt": True}, {"charge_type": "other", "tax_code": None}, False),
]


@pytest.mark.parametrize(
    ("invoice", "charge", "raised"), [row[1:] for row in TAX], ids=[row[0] for row in TAX]
)
def test_tax(
    ledger: InvoiceBooks, invoice: dict[str, Any], charge: dict[str, Any] | None, raised: bool
) -> None:
    ledger.invoice(**invoice)
    if charge is not None:
        ledger.charge(**charge)
    assert ledger.categories(CHARGES) == ({"tax_error"} if raised else set())


def test_rounding_is_a_cent_for_each_line(ledger: InvoiceBooks) -> None:
    for line in "123":
        ledger.invoice(invoice_line=line, tax_exempt=True)
    ledger.charge(amount=Decimal("0.03"))
    assert ledger.categories(CHARGES) == set()
    ledger.charge(charge="2", amount=Decimal("0.01"))
    assert ledger.categories(CHARGES) == {"tax_error"}


def test_a_charge_on_an_invoice_that_is_exempt_in_part_is_not_judged(ledger: InvoiceBooks) -> None:
    ledger.invoice(tax_exempt=True)
    ledger.invoice(invoice_line="2", tax_exempt=False)
    ledger.charge()
    assert ledger.categories(CHARGES) == set()


@pytest.mark.parametrize(
    ("order", "certificate", "line", "raised"),
    [
        ({"tax_exempt": True}, None, None, True),
        ({"tax_exempt": False}, {}, None, False),
        ({}, {}, None, True),
        ({}, {}, False, False),
        ({}, {"valid_from": date(2026, 11, 16)}, None, True),
        ({}, {"valid_from": date(2026, 11, 17)}, None, False),
        ({}, {"valid_to": date(2026, 11, 16)}, None, True),
        ({}, {"valid_to": date(2026, 11, 15)}, None, False),
        ({}, {"entity": "H2"}, None, False),
    ],
    ids=[
        "by the order", "the order wins", "by certificate", "the line wins", "begins that day", "begins later",
        "ends that day", "ended", "another facility's",
    ],
)  # fmt: skip
def test_what_makes_a_line_exempt(
    ledger: InvoiceBooks,
    order: dict[str, Any],
    certificate: dict[str, Any] | None,
    line: bool | None,
    raised: bool,
) -> None:
    ledger.order(**order)
    if certificate is not None:
        ledger.certificate(**certificate)
    ledger.invoice(tax_amount=40, tax_code="TX", tax_exempt=line, invoice_date=date(2026, 11, 16))
    assert bool(ledger.categories(CHARGES)) == raised


@pytest.mark.parametrize(
    ("goods", "freight", "terms", "raised"),
    [
        (100, 25, None, False),
        (100, "25.01", None, True),
        (1000, 100, None, False),
        (1000, "100.01", None, True),
        (100, 20, "added", False),
        (100, 20, "included", True),
        (100, 20, "PREPAID", True),
        (100, 20, "PREPAID_ADD", False),
        (100, "0.01", "included", False),
        (-100, -60, "included", False),
    ],
)
def test_freight(ledger: InvoiceBooks, goods: int, freight: Any, terms: str | None, raised: bool) -> None:
    ledger.order(freight_terms=terms)
    ledger.invoice(quantity=1, unit_price=goods)
    ledger.charge(charge_type="freight", amount=Decimal(freight), tax_code=None)
    assert ledger.categories(CHARGES) == ({"freight_error"} if raised else set())


def test_the_limit_of_freight_holds_in_every_currency(ledger: InvoiceBooks) -> None:
    ledger.invoice(quantity=1, unit_price=100, currency="CAD")
    ledger.charge(charge_type="freight", amount=30)  # 25 USD are 33.33 CAD
    assert ledger.categories(CHARGES) == set()
    ledger.charge(charge="2", charge_type="freight", amount=4)
    assert ledger.categories(CHARGES) == {"freight_error"}


LINES: list[tuple[str, list[dict[str, Any]], str | None, set[str]]] = [
    ("usual freight", [{"amount": 60}], None, set()),
    ("too much freight", [{"amount": "60.01"}], None, {"freight_error"}),
    ("too much in two lines", [{"amount": 40}, {"amount": 40}], None, {"freight_error"}),
    ("included, on the line", [{"amount": 20}], "included", {"freight_error"}),
    ("included, names no order", [{"amount": 20, "order_number": None}], "included", {"freight_error"}),
    ("included, names no line", [{"amount": 20, "line_number": None}], "included", {"freight_error"}),
    ("added, names no line", [{"amount": 20, "line_number": None}], "added", set()),
    ("included, a cent a line", [{"amount": "0.02"}], "included", set()),
    ("taken back", [{"amount": 90}, {"amount": -90}], "included", set()),
    ("void", [{"amount": 90, "status": "void"}], "included", set()),
    ("tax", [{"invoice_type": "tax", "amount": 40, "tax_code": "TX"}], None, set()),
    ("tax without a code", [{"invoice_type": "tax", "amount": 40}], None, {"tax_error"}),
    ("taken back, without a code", [{"invoice_type": "tax", "amount": -40}], None, set()),
]  # fmt: skip


def _line(ledger: InvoiceBooks, number: int, **said: Any) -> None:
    usual = {
        "invoice_type": "freight",
        "invoice_line": str(number),
        "quantity": 1,
        "unit": "EA",
        "item": None,
    }
    ledger.invoice(**{**usual, **said, "amount": Decimal(said["amount"])})


@pytest.mark.parametrize(
    ("lines", "terms", "wanted"), [row[1:] for row in LINES], ids=[row[0] for row in LINES]
)
def test_freight_and_tax_as_lines_of_their_own(
    ledger: InvoiceBooks, lines: list[dict[str, Any]], terms: str | None, wanted: set[str]
) -> None:
    ledger.order(freight_terms=terms)
    ledger.invoice()
    for number, line in enumerate(lines, start=2):
        _line(ledger, number, **line)
    assert ledger.categories(CHARGES) == wanted


def test_freight_on_a_line_and_beside_it_adds_up(ledger: InvoiceBooks) -> None:
    ledger.invoice()
    _line(ledger, 2, amount=40)
    assert ledger.categories(CHARGES) == set()
    ledger.charge(charge_type="freight", amount=40)
    assert ledger.only(CHARGES).amount == Decimal(80)


@pytest.mark.parametrize(
    ("exempt", "raised"),
    [((True,), True), ((False,), False), ((True, False), False)],
    ids=["the goods are exempt", "the goods are taxed", "exempt in part"],
)
def test_a_line_of_tax_is_on_the_goods_of_its_invoice(
    ledger: InvoiceBooks, exempt: tuple[bool, ...], raised: bool
) -> None:
    for number, each in enumerate(exempt):
        ledger.invoice(invoice_line=f"G{number}", tax_exempt=each)
    _line(ledger, 9, invoice_type="tax", amount=40, tax_code="TX", order_number=None)
    assert bool(ledger.categories(CHARGES)) == raised


def test_tax_that_comes_alone_says_itself_whether_it_is_due(ledger: InvoiceBooks) -> None:
    _line(ledger, 1, invoice_type="tax", amount=40, tax_code="TX")
    assert ledger.categories(CHARGES) == set()
    ledger.certificate()
    assert ledger.categories(CHARGES) == {"tax_error"}


@pytest.mark.parametrize(
    ("order", "freight", "goods", "raised"),
    [
        ({}, {"amount": 60}, {}, False),
        ({}, {"amount": "60.01"}, {}, True),
        ({}, {"amount": "60.01", "line_number": None}, {}, True),
        ({}, {"amount": 90}, None, False),
        ({}, {"amount": 90}, {"currency": "CAD"}, False),
        ({}, {"amount": 90}, {"supplier": "V2"}, False),
        ({}, {"amount": 90, "order_number": None, "line_number": None}, {}, False),
        ({"freight_terms": "included"}, {"amount": 20, "line_number": None}, {}, True),
        ({"freight_terms": "included"}, {"amount": 20, "line_number": None}, None, True),
    ],
    ids=[
        "usual", "too much", "names no line", "before its goods", "goods in another currency", "a carrier's",
        "no order", "included", "included, before its goods",
    ],
)  # fmt: skip
def test_freight_that_is_billed_by_itself(
    ledger: InvoiceBooks,
    order: dict[str, Any],
    freight: dict[str, Any],
    goods: dict[str, Any] | None,
    raised: bool,
) -> None:
    ledger.order(**order)
    if goods is not None:
        ledger.invoice(**goods)
    _line(ledger, 1, invoice_number="F1", **freight)
    found = ledger.run(CHARGES).discrepancies
    assert [(one.category, one.reference) for one in found] == ([("freight_error", "F1")] if raised else [])


def test_freight_by_itself_says_the_goods_of_its_order(ledger: InvoiceBooks) -> None:
    ledger.order()
    ledger.invoice()
    _line(ledger, 1, invoice_number="F1", amount=90)
    assert sentence(ledger, CHARGES) == (
        "F1 charges $90.00 of freight on goods of $600.00, more than is usual."
    )


def test_charges_say_their_figures(ledger: InvoiceBooks) -> None:
    ledger.invoice(tax_amount=40, tax_exempt=True, tax_code="TX")
    assert sentence(ledger, CHARGES) == "I1 charges $40.00 of tax on what is exempt."
    ledger.invoice(invoice_number="I2")
    ledger.charge(invoice_number="I2", charge_type="freight", amount=90)
    assert sentence(ledger, CHARGES, of="freight_error") == (
        "I2 charges $90.00 of freight on goods of $600.00, more than is usual."
    )


def test_tax_and_freight_on_one_invoice_are_one_exception(ledger: InvoiceBooks) -> None:
    ledger.supplier()
    ledger.order()
    ledger.invoice(tax_amount=40, tax_exempt=True)
    ledger.charge(charge_type="freight", amount=90)
    (found,) = [one for one in ledger.primary() if one.check == CHARGES]
    assert (found.category, found.also) == ("tax_error", ("freight_error",))


STATUSES: list[tuple[str, str, str, float, str | None]] = [
    ("paid and open", "paid", "approved", 2, "paid_still_open"),
    ("paid and held", "paid", "held", 2, "paid_still_open"),
    ("paid and posted", "paid", "posted", 2, "paid_still_open"),
    ("paid and open, three hours", "paid", "approved", 3 / 24, None),
    ("paid in both", "paid", "paid", 2, None),
    ("paid and void", "paid", "void", 2, "invoice_status_mismatch"),
    ("open and paid", "approved", "paid", 2, "invoice_status_mismatch"),
    ("entered and approved", "entered", "approved", 2, "invoice_status_mismatch"),
    ("entered and approved, three hours", "entered", "approved", 3 / 24, None),
    ("posted and approved", "posted", "approved", 2, None),
    ("approved and posted", "approved", "posted", 2, None),
    ("unheard of", "approved", "PARKED", 2, "invoice_status_mismatch"),
]


@pytest.mark.parametrize(
    ("erp", "ap", "days", "wanted"), [row[1:] for row in STATUSES], ids=[r[0] for r in STATUSES]
)
def test_statuses(ledger: InvoiceBooks, erp: str, ap: str, days: float, wanted: str | None) -> None:
    ledger.header("ERP", status=erp)
    ledger.header("AP", status=ap, source_time=days_ago(days))
    found = [one for one in ledger.primary() if one.check == STATUS]
    assert [one.category for one in found] == ([wanted] if wanted else [])


def test_a_status_waits_until_both_systems_were_read(ledger: InvoiceBooks) -> None:
    ledger.header("ERP", status="paid")
    ledger.header("AP")
    assert "paid_still_open" in ledger.categories(STATUS)
    assert ledger.categories(STATUS, read={"ap_automation": days_ago(9)}) == set()


def test_what_a_system_calls_the_supplier_is_kept_for_who_writes_to_it(ledger: InvoiceBooks) -> None:
    ledger.header("ERP", status="paid")
    ledger.header("AP")
    [found] = [one for one in ledger.primary() if one.category == "paid_still_open"]
    said = json.loads(found.evidence)
    assert (said["key"]["supplier"], said["sides"]["ap_automation"]["known_as"]) == ("S1", "V1")


def test_statuses_say_their_figures(ledger: InvoiceBooks) -> None:
    ledger.header("ERP", status="paid")
    ledger.header("AP")
    assert sentence(ledger, STATUS, of="paid_still_open") == (
        "I1 over $600.00 is paid in the ERP and after 9 days still approved in AP automation."
    )
    assert sentence(ledger, STATUS, of="invoice_status_mismatch") == (
        "I1 has been paid in the ERP and approved in AP automation for 9 days."
    )


@pytest.mark.parametrize(
    ("system", "said", "raised"),
    [
        ("AP", {"status": "held", "held_since": days_ago(10)}, True),
        ("AP", {"status": "held", "held_since": days_ago(9.9)}, False),
        ("AP", {"status": "approved", "held_since": days_ago(30)}, False),
        ("AP", {"status": "held", "source_time": days_ago(12)}, True),
        ("ERP", {"status": "held", "held_since": days_ago(12)}, True),
    ],
    ids=["ten days", "less", "released", "since it changed", "in the ERP"],
)
def test_on_hold(ledger: InvoiceBooks, system: str, said: dict[str, Any], raised: bool) -> None:
    ledger.header(system, **said)
    assert ledger.categories(STATUS) == ({"invoice_on_hold"} if raised else set())


def test_a_hold_says_its_reason(ledger: InvoiceBooks) -> None:
    ledger.header("AP", status="held", held_since=days_ago(12), hold_reason="price")
    assert sentence(ledger, STATUS) == "I1 over $600.00 has been on hold for 12 days: price."


CREDITS: list[tuple[str, dict[str, Any], dict[str, Any] | None, bool]] = [
    ("no such invoice", {"credits_invoice": "I9"}, None, True),
    ("names none", {}, None, True),
    ("its invoice", {"credits_invoice": "I1"}, {}, False),
    ("its invoice is paid", {"credits_invoice": "I1"}, {"status": "paid"}, False),
    ("its invoice is void", {"credits_invoice": "I1"}, {"status": "void"}, True),
    ("a credit", {"credits_invoice": "I1"}, {"invoice_type": "credit", "entered_at": days_ago(1)}, True),
    ("another supplier's", {"credits_invoice": "I1"}, {"supplier": "V2"}, True),
    ("the supplier under its canonical name", {"credits_invoice": "I1"}, {"supplier": "S1"}, False),
    ("of a rebill", {"credits_invoice": "I1"}, {"invoice_type": "rebill"}, False),
    ("names none, line was invoiced", {"order_number": "PO1", "line_number": "1"}, {}, False),
    ("names another", {"credits_invoice": "I9", "order_number": "PO1", "line_number": "1"}, {}, True),
    ("five days old", {"entered_at": days_ago(5)}, None, True),
    ("not five days old", {"entered_at": days_ago(4.9)}, None, False),
    ("void", {"status": "void"}, None, False),
    ("of nothing", {"quantity": 0}, None, False),
    ("no credit", {"invoice_type": "standard", "quantity": 1}, None, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("credit", "invoice", "raised"), [row[1:] for row in CREDITS], ids=[row[0] for row in CREDITS]
)
def test_orphan_credit(
    ledger: InvoiceBooks, credit: dict[str, Any], invoice: dict[str, Any] | None, raised: bool
) -> None:
    usual = {
        "invoice_number": "C1",
        "invoice_type": "credit",
        "quantity": -2,
        "order_number": None,
        "line_number": None,
    }
    ledger.invoice(**{**usual, **credit})
    if invoice is not None:
        ledger.invoice(**invoice)
    assert ledger.categories(CREDIT) == ({"orphan_credit"} if raised else set())


def test_credit_and_rebill_is_silent(ledger: InvoiceBooks) -> None:
    ledger.supplier()
    ledger.order()
    ledger.invoice()
    ledger.invoice(invoice_number="C1", invoice_type="credit", quantity=-10, credits_invoice="I1")
    ledger.invoice(invoice_number="I1R", invoice_type="rebill", credits_invoice="I1")
    assert ledger.primary() == []


def test_an_invoice_that_replaces_another_is_no_duplicate_whatever_its_type(ledger: InvoiceBooks) -> None:
    ledger.invoice()
    ledger.invoice(invoice_number="I1-R", credits_invoice="I1", entered_at=days_ago(5))
    assert ledger.categories("p2p.duplicate_invoice", entity=None) == set()


def test_an_orphan_waits_until_invoices_were_read(ledger: InvoiceBooks) -> None:
    ledger.invoice(invoice_number="C1", invoice_type="credit", quantity=-2, credits_invoice="I9")
    assert ledger.categories(CREDIT) == {"orphan_credit"}
    assert ledger.categories(CREDIT, read={"credit.original": None}) == set()


def test_an_orphan_says_what_it_names(ledger: InvoiceBooks) -> None:
    ledger.invoice(invoice_number="C1", invoice_type="credit", quantity=-2, credits_invoice="I9")
    assert sentence(ledger, CREDIT) == "C1 credits $120.00 of I9, which is not here."
    found = ledger.only(CREDIT)
    assert (found.amount, json.loads(found.business_key)) == (
        Decimal(120),
        {"invoice_number": "C1", "supplier": "V1"},
    )


OVER: list[tuple[str, list[dict[str, Any]], set[str]]] = [
    ("in full", [{"quantity": -10}], set()),
    ("three times", [{"quantity": -30}], {"C1"}),
    ("a rounding over", [{"amount": -601}], set()),
    ("more than a rounding", [{"amount": "-601.01"}], {"C1"}),
    ("twice in full", [{"quantity": -10}, {"quantity": -10}], {"C2"}),
    ("in two parts", [{"quantity": -4}, {"quantity": -6}], set()),
    ("twice, one void", [{"quantity": -10, "status": "void"}, {"quantity": -10}], set()),
    ("twice, in another currency", [{"quantity": -10}, {"quantity": -10, "currency": "CAD"}], set()),
    ("names several", [{"quantity": -30}, {"invoice_number": "C1", "credits_invoice": "I2"}], set()),
]


@pytest.mark.parametrize(("credits", "raised"), [row[1:] for row in OVER], ids=[row[0] for row in OVER])
def test_no_more_is_credited_than_was_billed(
    ledger: InvoiceBooks, credits: list[dict[str, Any]], raised: set[str]
) -> None:
    ledger.invoice()
    ledger.invoice(invoice_number="I2")
    for number, said in enumerate(credits, start=1):
        usual = {
            "invoice_number": f"C{number}", "invoice_line": str(number), "invoice_type": "credit",
            "credits_invoice": "I1", "quantity": -1, "entered_at": days_ago(5 - number),
        }  # fmt: skip
        exact = {"amount": Decimal(said["amount"])} if "amount" in said else {}
        ledger.invoice(**{**usual, **said, **exact})
    found = [one for one in ledger.run(CREDIT).discrepancies if one.category == "orphan_credit"]
    assert {one.reference for one in found} == raised


def test_tax_and_charges_may_be_credited_with_the_goods(ledger: InvoiceBooks) -> None:
    ledger.invoice(tax_amount=42)
    ledger.charge(charge_type="freight", amount=18)
    credit = {"invoice_number": "C1", "invoice_type": "credit", "credits_invoice": "I1", "quantity": -1}
    ledger.invoice(**credit, amount=-660)
    assert ledger.categories(CREDIT) == set()
    ledger.invoice(**{**credit, "invoice_number": "C2"}, amount=-50, entered_at=days_ago(1))
    assert ledger.only(CREDIT).amount == Decimal(50)
    assert sentence(ledger, CREDIT) == "C2 credits $50.00 of I1, which billed less than is credited."
