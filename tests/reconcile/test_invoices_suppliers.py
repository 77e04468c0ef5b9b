"""Who bills: on the master, active, on no exclusion list; and whether the bank account is theirs."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.domain.discrepancy import NETWORK_SCOPE

from .books import days_ago
from .invoice_books import TODAY, InvoiceBooks, sentence, site

STANDING, BANK = "p2p.supplier_standing", "p2p.bank_account"


def standing(books: InvoiceBooks) -> set[str]:
    return books.categories(STANDING, entity=None)


def test_an_active_supplier_on_the_master_is_silent(ledger: InvoiceBooks) -> None:
    ledger.supplier()
    ledger.invoice()
    result = ledger.run(STANDING, entity=None)
    assert (result.discrepancies, result.compared, result.matched) == ([], 1, 1)


def test_a_supplier_that_is_not_on_the_master_is_one_exception_over_all_facilities(
    ledger: InvoiceBooks,
) -> None:
    ledger.invoice(supplier="V9", supplier_name="Nobody Ltd", entered_at=days_ago(5))
    ledger.invoice(supplier="V9", supplier_name="Nobody Ltd", entity="H2", invoice_number="I2", quantity=1)
    found = ledger.only(STANDING, entity=None)
    assert (found.category, found.scope, found.entity) == ("supplier_not_on_master", NETWORK_SCOPE, "*")
    assert (found.amount, found.reference) == (Decimal(660), "V9")
    assert sentence(ledger, STANDING, entity=None) == (
        "Nobody Ltd is not on the supplier master: 2 open invoices, the first is I1."
    )


@pytest.mark.parametrize(
    ("invoice", "master"),
    [
        ({"status": "paid"}, None),
        ({"status": "void"}, None),
        ({"invoice_type": "refund"}, None),
        ({"invoice_type": "credit", "quantity": -10}, None),
        ({}, {"supplier_id": "V9", "remit_to_of": "S1"}),
        ({"supplier": "V1"}, {}),
    ],
    ids=["paid", "void", "refund", "credit", "a remit-to of a supplier", "known under an alias"],
)
def test_not_on_the_master_is_silent(
    ledger: InvoiceBooks, invoice: dict[str, Any], master: dict[str, Any] | None
) -> None:
    ledger.invoice(**{"supplier": "V9", **invoice})
    if master is not None:
        ledger.supplier(**master)
    assert standing(ledger) == set()


def test_an_unknown_supplier_on_an_order_is_a_mismatch_with_that_order_and_nothing_else(
    ledger: InvoiceBooks,
) -> None:
    ledger.order()
    ledger.order(entity="H2", order_number="PO2")
    ledger.invoice(supplier="V9")
    assert standing(ledger) == set()
    ledger.invoice(supplier="V9", invoice_number="I2", order_number="PO2")
    found = ledger.only(STANDING, entity=None)
    assert (found.category, found.amount, json.loads(found.facts)["invoice"]) == (
        "supplier_not_on_master",
        Decimal(600),
        "I2",
    )


def test_nobody_is_missing_before_the_master_was_read(ledger: InvoiceBooks) -> None:
    ledger.invoice(supplier="V9")
    assert ledger.categories(STANDING, entity=None, read={"supplier": None}) == set()
    assert ledger.categories(STANDING, entity=None, read={"supplier": days_ago(8)}) == set()
    assert ledger.categories(STANDING, entity=None, read={"supplier": days_ago(7.9)}) == {
        "supplier_not_on_master"
    }


@pytest.mark.parametrize(
    ("invoice", "status", "raised"),
    [
        ({}, "inactive", True),
        ({}, "active", False),
        ({"status": "paid"}, "inactive", False),
        ({"invoice_type": "refund"}, "inactive", False),
        ({"quantity": 0}, "inactive", False),
    ],
)
def test_inactive(ledger: InvoiceBooks, invoice: dict[str, Any], status: str, raised: bool) -> None:
    ledger.supplier(status=status)
    ledger.invoice(**invoice)
    assert standing(ledger) == ({"supplier_inactive"} if raised else set())


def test_inactive_says_how_many_invoices(ledger: InvoiceBooks) -> None:
    ledger.supplier(status="inactive")
    ledger.invoice()
    assert sentence(ledger, STANDING, entity=None) == (
        "Acme Inc is inactive on the supplier master: 1 open invoices, the first is I1."
    )


EXCLUDED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], bool]] = [
    ("same tax ID", {}, {"match_name": "OTHER"}, {}, True),
    ("same name, no tax ID on the list", {}, {"tax_id": None}, {}, True),
    ("same name, no tax ID on the master", {"tax_id": None}, {}, {}, True),
    ("same name, other tax ID", {}, {"tax_id": "222"}, {}, False),
    ("other name and tax ID", {}, {"tax_id": "222", "match_name": "OTHER"}, {}, False),
    ("reinstated", {}, {"reinstated_on": date(2026, 6, 1)}, {}, False),
    ("paid since", {}, {}, {"status": "paid"}, True),
    ("dated on the day", {}, {"excluded_on": date(2026, 11, 16)}, {}, True),
    ("dated the day before", {}, {"excluded_on": date(2026, 11, 17)}, {}, False),
    ("void", {}, {}, {"status": "void"}, False),
    ("inactive as well", {"status": "inactive"}, {}, {}, True),
]


@pytest.mark.parametrize(
    ("master", "entry", "invoice", "raised"), [row[1:] for row in EXCLUDED], ids=[r[0] for r in EXCLUDED]
)
def test_excluded(
    ledger: InvoiceBooks, master: dict[str, Any], entry: dict[str, Any], invoice: dict[str, Any], raised: bool
) -> None:
    ledger.supplier(**master)
    ledger.excluded(**entry)
    ledger.invoice(**invoice)
    found = [one for one in ledger.primary() if one.check == STANDING]
    assert [one.category for one in found] == (["supplier_excluded"] if raised else [])
    assert ledger.catalog.categories["supplier_excluded"].severity == "critical"


def test_excluded_says_the_list_and_how_it_was_matched(ledger: InvoiceBooks) -> None:
    ledger.supplier()
    ledger.excluded()
    ledger.invoice()
    assert sentence(ledger, STANDING, entity=None) == (
        "Acme Inc is on the exclusion list LEIE since 10 Jan 2026 (same tax ID). "
        "Invoices: 1, the last dated 16 Nov 2026."
    )


@pytest.mark.parametrize(
    ("remit_to_of", "raised"),
    [("S1", False), (None, True), ("", True), ("S2", True)],
    ids=["of the supplier", "of nobody", "empty", "of another"],
)
def test_a_remit_to_of_the_order_s_supplier_is_no_mismatch(
    tmp_path: Path, remit_to_of: str | None, raised: bool
) -> None:
    books = InvoiceBooks(site(tmp_path, more={"ERP": ["receipt_line"]}))
    books.order()
    books.receipt(system="ERP")
    books.invoice(supplier="R1")
    books.supplier()
    books.supplier(supplier_id="R1", remit_to_of=remit_to_of)
    assert ("supplier_mismatch" in {one.category for one in books.primary()}) is raised


@pytest.mark.parametrize("mail", ["orders@acme.example", None])
def test_a_letter_goes_to_the_address_in_the_supplier_master(tmp_path: Path, mail: str | None) -> None:
    books = InvoiceBooks(site(tmp_path, more={"ERP": ["receipt_line"]}))
    books.order()
    books.receipt(system="ERP")
    books.invoice(unit_price=70)
    books.supplier(email=mail)
    (found,) = (one for one in books.primary() if one.category == "price_variance")
    assert json.loads(found.facts).get("mail") == mail


def three_accounts(books: InvoiceBooks, **portal: Any) -> None:
    books.account()
    books.account("AP", supplier="V1")
    books.account("PORTAL", **portal)


@pytest.mark.parametrize(
    ("portal", "raised"),
    [
        ({}, False),
        ({"account": "000999888"}, True),
        ({"account": " 000-111 222"}, False),
        ({"routing": "999"}, True),
        ({"routing": None}, False),
        ({"account": "000999888", "status": "inactive"}, False),
        ({"account": "000999888", "site": "west"}, False),
        ({"account": "000999888", "supplier": "S2"}, False),
    ],
    ids=[
        "same",
        "differs",
        "written differently",
        "other bank",
        "bank not known",
        "inactive",
        "other site",
        "other",
    ],
)
def test_bank_account_differs(ledger: InvoiceBooks, portal: dict[str, Any], raised: bool) -> None:
    three_accounts(ledger, **portal)
    assert bool(ledger.categories(BANK, entity=None)) == raised


@pytest.mark.parametrize(
    ("erp", "ap", "portal", "said"),
    [
        ("2", "1", "1", "in the ERP is not the one in AP automation"),
        ("1", "1", "2", "in the ERP is not the one in the supplier portal"),
        (None, "1", "2", "in AP automation is not the one in the supplier portal"),
    ],
)
def test_the_pair_that_differs_is_named_and_no_account(
    ledger: InvoiceBooks, erp: str | None, ap: str, portal: str, said: str
) -> None:
    for system, account in (("ERP", erp), ("AP", ap), ("PORTAL", portal)):
        if account:
            ledger.account(system, supplier="V1" if system == "AP" else "S1", account=account * 9)
    found = ledger.only(BANK, entity=None)
    assert (found.category, found.entity) == ("bank_account_differs", NETWORK_SCOPE)
    assert said in sentence(ledger, BANK, entity=None)
    told = found.facts + found.reference + found.business_key + str(found.counterparty)
    assert "111111" not in told and "222222" not in told
    assert "222222222" in found.evidence


@pytest.mark.parametrize(
    ("approval", "raised"),
    [
        ({}, False),
        ({"status": "pending"}, True),
        ({"subject": "address"}, True),
        ({"account": "000111222"}, True),
        ({"supplier": "S2"}, True),
    ],
    ids=["approved", "pending", "another subject", "approves the old account", "another supplier"],
)
def test_an_approved_change_excuses_the_account_that_changed_last(
    ledger: InvoiceBooks, approval: dict[str, Any], raised: bool
) -> None:
    three_accounts(ledger, account="000999888", changed_at=days_ago(2))
    ledger.approval(**approval)
    assert bool(ledger.categories(BANK, entity=None)) == raised


def test_an_account_that_was_approved_long_ago_excuses_no_newer_one(ledger: InvoiceBooks) -> None:
    ledger.account(account="000999888")
    ledger.approval(approved_at=days_ago(500))
    ledger.account("PORTAL", account="000333444", changed_at=days_ago(1))
    assert ledger.categories(BANK, entity=None) == {"bank_account_differs"}


def test_a_difference_waits_until_every_system_was_read(ledger: InvoiceBooks) -> None:
    three_accounts(ledger, account="000999888", changed_at=days_ago(0.1))
    assert ledger.categories(BANK, entity=None) == {"bank_account_differs"}
    assert ledger.categories(BANK, entity=None, read={"ap_automation": days_ago(0.1)}) == set()


@pytest.mark.parametrize(
    ("changed", "paid", "raised"),
    [
        (8, 2, True),
        (0, 10, True),
        (9, 2, False),
        (-1, 0, False),
        (0, 0, True),
        (12, -2, True),
        (13, -2, False),
    ],
    ids=[
        "10 days",
        "10 days ahead",
        "11 days",
        "after the payment",
        "same day",
        "was paid",
        "was paid later",
    ],
)
def test_an_account_changed_before_a_payment(
    ledger: InvoiceBooks, changed: int, paid: int, raised: bool
) -> None:
    ledger.account(changed_at=days_ago(changed))
    ledger.payment(pay_on=TODAY + timedelta(days=paid))
    assert ledger.categories(BANK, entity=None) == ({"bank_account_changed"} if raised else set())


@pytest.mark.parametrize(
    ("payment", "approval", "raised"),
    [
        ({}, {"account": "000111222"}, False),
        ({}, {"account": "000111222", "status": "rejected"}, True),
        ({}, {"account": "000111222", "approved_at": days_ago(93)}, False),
        ({}, {"account": "000111222", "approved_at": days_ago(94)}, True),
        ({"status": "void"}, None, False),
        ({"site": "west"}, None, False),
        ({"site": "main"}, None, True),
        ({"supplier": "S2"}, None, False),
    ],
    ids=[
        "approved",
        "rejected",
        "approved for this",
        "approved for another",
        "void",
        "other site",
        "same site",
        "other supplier",
    ],
)
def test_changes_before_a_payment_that_are_excused(
    ledger: InvoiceBooks, payment: dict[str, Any], approval: dict[str, Any] | None, raised: bool
) -> None:
    ledger.account(changed_at=days_ago(3))
    ledger.payment(**payment)
    if approval:
        ledger.approval(**approval)
    assert bool(ledger.categories(BANK, entity=None)) == raised


def test_a_change_before_payments_of_several_facilities_is_one_exception(ledger: InvoiceBooks) -> None:
    ledger.account(changed_at=days_ago(3))
    ledger.payment()
    ledger.payment(entity="H2", payment_number="P2", amount=700, pay_on=TODAY)
    ledger.payment(payment_number="P3", amount=900, pay_on=TODAY + timedelta(days=30))
    found = ledger.only(BANK, entity=None)
    assert (found.amount, found.currency, found.since) == (Decimal(5700), "USD", days_ago(3))
    assert sentence(ledger, BANK, entity=None) == (
        "Acme, pay site main: bank account changed on 21 Nov 2026, $5,700.00 paid or to be paid on 24 Nov 2026; "
        "no approved change."
    )


def test_a_change_in_ap_automation_counts_too(ledger: InvoiceBooks) -> None:
    ledger.account()
    ledger.account("AP", supplier="V1", changed_at=days_ago(3))
    ledger.payment()
    assert ledger.categories(BANK, entity=None) == {"bank_account_changed"}


def test_an_account_that_differs_and_changed_is_one_exception(ledger: InvoiceBooks) -> None:
    three_accounts(ledger)
    ledger.account("PORTAL", supplier="S2")
    ledger.account(supplier="S2", account="7", changed_at=days_ago(2))
    ledger.payment(supplier="S2")
    (found,) = [one for one in ledger.primary() if one.check == BANK]
    assert (found.category, found.also) == ("bank_account_differs", ("bank_account_changed",))


@pytest.mark.parametrize("code", ["bank_account_differs", "bank_account_changed"])
def test_bank_matters_are_critical_and_due_within_four_business_hours(
    ledger: InvoiceBooks, code: str
) -> None:
    category = ledger.catalog.categories[code]
    assert (category.severity, str(category.target), category.owner) == (
        "critical",
        "4 business hours",
        "AP manager",
    )
