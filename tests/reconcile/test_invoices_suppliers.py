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
    assert json.loads(found.facts).get("letter_to") == mail


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


# -- an account that was changed and changed back

OLD, NEW, THIRD = "000111222", "000999888", "000555444"
Change = tuple[float, str]
"""Days ago, and the account since then; the last is the account of today."""
BACK: list[tuple[str, list[Change], float, list[dict[str, Any]], bool]] = [
    ("changed back after the payment", [(400, OLD), (8, NEW), (3, OLD)], 5, [], True),
    ("ten days before the payment, changed back", [(400, OLD), (20, NEW), (3, OLD)], 10, [], True),
    ("eleven days before the payment, changed back", [(400, OLD), (20, NEW), (3, OLD)], 9, [], False),
    ("changed back on the day of the payment", [(400, OLD), (8, NEW), (5, OLD)], 5, [], True),
    ("paid before it was changed and changed back", [(400, OLD), (8, NEW), (3, OLD)], 9, [], False),
    ("paid ten days after it was changed back", [(400, OLD), (30, NEW), (15, OLD)], 4, [], False),
    ("changed on, and back much later", [(400, OLD), (100, NEW), (2, OLD)], 5, [], False),
    ("the new one was approved", [(400, OLD), (8, NEW), (3, OLD)], 5, [{"account": NEW}], False),
    ("approved after the payment", [(400, OLD), (8, NEW), (3, OLD)], 5,
     [{"account": NEW, "approved_at": days_ago(1)}], False),
    ("only the old one was approved", [(400, OLD), (8, NEW), (3, OLD)], 5, [{"account": OLD}], True),
    ("the new one was approved long before", [(400, OLD), (8, NEW), (3, OLD)], 5,
     [{"account": NEW, "approved_at": days_ago(99)}], True),
    ("two changes, the one that was paid to is approved", [(400, OLD), (8, THIRD), (6, NEW), (3, OLD)], 5,
     [{"account": NEW}], False),
    ("two changes, the other one is approved", [(400, OLD), (8, THIRD), (6, NEW), (3, OLD)], 5,
     [{"account": THIRD}], True),
    ("changed for good", [(400, OLD), (8, NEW)], 5, [], True),
    ("never changed", [(400, OLD)], 5, [], False),
]  # fmt: skip


@pytest.mark.parametrize("system", ["ERP", "AP"])
@pytest.mark.parametrize(
    ("changes", "paid", "approvals", "raised"), [case[1:] for case in BACK], ids=[case[0] for case in BACK]
)
def test_the_account_that_was_paid_to_is_the_one_of_that_day(
    ledger: InvoiceBooks,
    system: str,
    changes: list[Change],
    paid: float,
    approvals: list[dict[str, Any]],
    raised: bool,
) -> None:
    called = {"supplier": "V1" if system == "AP" else "S1"}
    for days, account in changes:
        ledger.was(system, account=account, changed_at=days_ago(days), **called)
    today, account = changes[-1]
    ledger.account(system, account=account, changed_at=days_ago(today), **called)
    if system == "AP":
        ledger.account(account=account)
    ledger.payment(pay_on=(TODAY - timedelta(days=paid)), status="paid")
    for approval in approvals:
        ledger.approval(**approval)
    assert ledger.categories(BANK, entity=None) == ({"bank_account_changed"} if raised else set())


def test_a_change_that_was_taken_back_is_told_with_its_day_and_what_was_paid(ledger: InvoiceBooks) -> None:
    for days, account in ((400, OLD), (8, NEW), (3, OLD)):
        ledger.was(account=account, changed_at=days_ago(days))
    ledger.account(changed_at=days_ago(3))
    ledger.payment(pay_on=TODAY - timedelta(days=5), amount=700)
    ledger.payment(payment_number="P2", pay_on=TODAY - timedelta(days=4), amount=50)
    ledger.payment(payment_number="P3", pay_on=TODAY - timedelta(days=30), amount=9)
    found = ledger.only(BANK, entity=None)
    assert (found.amount, found.since) == (Decimal(750), days_ago(8))
    assert sentence(ledger, BANK, entity=None) == (
        "Acme, pay site main: bank account changed on 16 Nov 2026, $750.00 paid or to be paid on 19 Nov 2026; "
        "no approved change."
    )
    assert NEW not in found.facts + str(found.business_key)


def test_versions_of_another_site_or_supplier_are_not_its_own(ledger: InvoiceBooks) -> None:
    ledger.account()
    ledger.was(account=NEW, changed_at=days_ago(6), site="west")
    ledger.was(account=NEW, changed_at=days_ago(6), supplier="S2")
    ledger.payment(pay_on=TODAY - timedelta(days=5))
    assert ledger.categories(BANK, entity=None) == set()


def test_nothing_is_said_before_versions_were_read_once(ledger: InvoiceBooks) -> None:
    ledger.account(changed_at=days_ago(3))
    ledger.payment()
    assert ledger.categories(BANK, entity=None) == {"bank_account_changed"}
    for look_up in ("payment.held", "payment.approval"):
        assert ledger.categories(BANK, entity=None, read={look_up: None}) == set()


# -- hours that were paid and hours that were approved

TIME = "p2p.physician_time"
HOURS: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]], str | None]] = [
    ("as approved", [{}], [{}], None),
    ("an hour more", [{"hours": 11, "amount": 2200}], [{}], "200"),
    ("a minute more", [{"hours": "10.01"}], [{}], None),
    ("more than a minute", [{"hours": "10.02", "amount": 2004}], [{}], "4"),
    ("fewer than approved", [{"hours": 8}], [{}], None),
    ("approved in two records", [{}], [{"hours": 4}, {"record": "T2", "hours": 6}], None),
    ("one of two is not approved", [{}], [{"hours": 4}, {"record": "T2", "hours": 6, "status": "submitted"}], "1200"),
    ("paid in two lines", [{"hours": 6}, {"payment_line": "2", "hours": 6}], [{}], "666.6667"),
    ("paid and partly taken back", [{"hours": 12}, {"payment_line": "2", "hours": -2, "amount": -400}], [{}], None),
    ("one of two payments is void", [{}, {"payment": "F2", "status": "void"}], [{}], None),
    ("a retainer beside the hours", [{}, {"payment_line": "2", "hours": None, "amount": 900}], [{}], None),
    ("hours too many, a retainer beside", [{"hours": 11, "amount": 2200},
                                           {"payment_line": "2", "hours": None, "amount": 900}], [{}], "200"),
    ("a retainer alone", [{"hours": None}], [{"hours": 1}], None),
    ("time of another period", [{"hours": 11}], [{}, {"record": "T2", "period": "2026-09"}], "181.8182"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("payments", "times", "over"), [case[1:] for case in HOURS], ids=[case[0] for case in HOURS]
)
def test_hours_are_paid_as_approved(
    ledger: InvoiceBooks, payments: list[dict[str, Any]], times: list[dict[str, Any]], over: str | None
) -> None:
    for payment in payments:
        ledger.fee(**payment)
    for time in times:
        ledger.time(**time)
    found = [(one.category, one.amount) for one in ledger.run(TIME).discrepancies]
    assert found == ([("physician_over_time", Decimal(over))] if over else [])


def test_too_many_hours_are_said_with_those_approved_and_no_name(ledger: InvoiceBooks) -> None:
    ledger.fee(hours=11, amount=2200)
    ledger.time()
    said = sentence(ledger, TIME)
    assert said == ("Physician D7 was paid for 11 hours in 2026-10; 10 hours are approved: $200.00 over.")
    assert "Who" not in ledger.only(TIME).facts


def test_time_that_may_still_be_on_its_way_is_awaited(ledger: InvoiceBooks) -> None:
    ledger.fee(hours=11)
    ledger.time()
    assert ledger.categories(TIME, read={"time": days_ago(12)}) == set()
    assert ledger.categories(TIME, read={"time": days_ago(11)}) == {"physician_over_time"}
