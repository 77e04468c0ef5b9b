"""Vendor balances: sums per supplier, which documents count, and which of them make the difference."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from exceptions_app.catalog.schema import BalanceCheck
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.reconcile.engine import compile_check
from exceptions_app.reconcile.errors import CheckError

from .books import NOW, days_ago
from .invoice_books import InvoiceBooks, sentence

CHECK = "p2p.vendor_balance"


def listed(found: Discrepancy) -> list[dict[str, Any]]:
    documents = json.loads(found.evidence)["let"]["documents"]
    assert isinstance(documents, list)
    return documents


def both(books: InvoiceBooks, number: str, erp: Any = 600, ap: Any = 600, **said: Any) -> None:
    books.header("ERP", invoice_number=number, amount=erp, **said)
    books.header("AP", invoice_number=number, amount=ap, **said)


def test_what_agrees_is_silent_and_counted(ledger: InvoiceBooks) -> None:
    both(ledger, "I1")
    both(ledger, "I2", 70, 70)
    result = ledger.run(CHECK)
    assert (result.discrepancies, result.compared, result.matched) == ([], 1, 1)


def test_the_difference_and_the_documents_that_make_it(ledger: InvoiceBooks) -> None:
    both(ledger, "I1")
    both(ledger, "I2", 100, 130, status="posted", invoice_date=date(2026, 11, 3))
    told = {"entered_at": days_ago(30), "source_time": days_ago(30)}
    ledger.header("AP", invoice_number="I3", amount=500, **told)
    ledger.header("ERP", invoice_number="I4", amount=20)
    found = ledger.only(CHECK)
    assert sentence(ledger, CHECK) == (
        "Acme: $720.00 open in the ERP, $1,230.00 in AP automation; 3 documents make the difference of $510.00."
    )
    assert (found.amount, found.currency, found.since) == (Decimal(510), "USD", days_ago(30))
    assert [(one["key"]["invoice_number"], sorted(one["sides"])) for one in listed(found)] == [
        ("I3", ["ap_automation"]),
        ("I2", ["ap_automation", "erp"]),
        ("I4", ["erp"]),
    ]
    assert listed(found)[1]["sides"]["erp"] == {
        "amount": "100",
        "invoice_date": "2026-11-03",
        "open_amount": "100",
        "status": "posted",
    }


@pytest.mark.parametrize(
    ("erp", "ap", "raised"),
    [(600, 601, False), (600, Decimal("601.01"), True), (Decimal("601.01"), 600, True), (601, 600, False)],
)
def test_the_limit_is_one(ledger: InvoiceBooks, erp: Any, ap: Any, raised: bool) -> None:
    both(ledger, "I1", erp, ap)
    assert bool(ledger.categories(CHECK)) == raised


ONE_SIDED: list[tuple[str, str, dict[str, Any], bool]] = [
    ("approved", "AP", {"status": "approved"}, True),
    ("entered", "AP", {"status": "entered"}, False),
    ("held", "AP", {"status": "held"}, False),
    ("paid", "AP", {"status": "paid"}, False),
    ("void", "AP", {"status": "void"}, False),
    ("void, in the ERP", "ERP", {"status": "void"}, False),
    ("posted in the ERP", "ERP", {"status": "posted"}, True),
    ("a credit", "AP", {"amount": -200}, True),
    ("settled in part", "AP", {"open_amount": 200}, True),
    ("settled", "AP", {"open_amount": 0}, False),
]


@pytest.mark.parametrize(
    ("system", "said", "raised"), [row[1:] for row in ONE_SIDED], ids=[r[0] for r in ONE_SIDED]
)
def test_a_document_that_one_system_knows(
    ledger: InvoiceBooks, system: str, said: dict[str, Any], raised: bool
) -> None:
    both(ledger, "I1")
    ledger.header(system, invoice_number="I2", **said)
    assert bool(ledger.categories(CHECK)) == raised


def test_what_a_status_already_explains_is_not_said_twice(ledger: InvoiceBooks) -> None:
    ledger.header("ERP", status="paid")
    ledger.header("AP")
    assert [one.category for one in ledger.primary()] == ["paid_still_open"]


def test_documents_younger_than_the_lag_do_not_count(ledger: InvoiceBooks) -> None:
    both(ledger, "I1")
    ledger.header("AP", invoice_number="I2", entered_at=days_ago(3.5 / 24))
    assert ledger.categories(CHECK) == set()
    ledger.header("AP", invoice_number="I3", amount=90, entered_at=days_ago(4.5 / 24))
    assert ledger.only(CHECK).amount == Decimal(90)


def test_what_was_approved_just_now_is_not_awaited_in_the_erp_yet(ledger: InvoiceBooks) -> None:
    both(ledger, "I1")
    ledger.header("AP", invoice_number="I2", source_time=days_ago(1 / 24))
    assert ledger.categories(CHECK) == set()
    ledger.header("AP", invoice_number="I3", amount=90, source_time=days_ago(5 / 24))
    assert ledger.only(CHECK).amount == Decimal(90)
    both(ledger, "I4", 100, 130, source_time=days_ago(1 / 24))
    assert ledger.only(CHECK).amount == Decimal(120)


@pytest.mark.parametrize("read", [{"erp": None}, {"ap_automation": None}, {"erp": days_ago(21)}])
def test_nothing_is_said_before_both_systems_were_read(ledger: InvoiceBooks, read: dict[str, Any]) -> None:
    ledger.header("AP", entered_at=days_ago(20))
    assert ledger.categories(CHECK) == {"vendor_balance"}
    assert ledger.categories(CHECK, read=read) == set()


def test_currencies_are_balances_of_their_own(ledger: InvoiceBooks) -> None:
    both(ledger, "I1", 600, 700)
    ledger.header("ERP", invoice_number="I2", currency="CAD", amount=100)
    found = ledger.run(CHECK).discrepancies
    assert sorted((str(one.currency), one.amount) for one in found) == [
        ("CAD", Decimal(100)),
        ("USD", Decimal(100)),
    ]


def test_differences_that_cancel_out_are_no_balance(ledger: InvoiceBooks) -> None:
    both(ledger, "I1", 600, 700)
    both(ledger, "I2", 700, 600)
    assert ledger.categories(CHECK) == set()


def test_only_the_largest_are_listed_and_all_are_counted(ledger: InvoiceBooks) -> None:
    for number in range(1, 31):
        ledger.header("AP", invoice_number=f"I{number:02}", amount=number * 10)
    found = ledger.only(CHECK)
    assert json.loads(found.facts)["documents"] == 30
    assert [one["key"]["invoice_number"] for one in listed(found)] == [f"I{n:02}" for n in range(30, 10, -1)]


def test_documents_keep_whatever_their_numbers_say(ledger: InvoiceBooks) -> None:
    strange = 'I "1"\\ \x1e\x1f=a ß'
    ledger.header("AP", invoice_number=strange)
    assert listed(ledger.only(CHECK))[0]["key"]["invoice_number"] == 'I "1"\\   =a ß'


def test_identity_is_the_supplier_as_written_and_outlives_a_mapping(ledger: InvoiceBooks) -> None:
    ledger.header("AP", supplier="V9")
    before = ledger.only(CHECK)
    assert json.loads(before.business_key) == {"currency": "USD", "supplier": "V9"}
    ledger.con.execute("INSERT INTO xw_supplier VALUES ('AP', 'V9', 'S9')")
    after = ledger.only(CHECK)
    assert after.fingerprint == before.fingerprint
    ledger.con.execute("DELETE FROM xw_supplier WHERE canonical = 'S9'")


def test_evidence_changes_with_the_sums_and_not_with_a_row_read_again(ledger: InvoiceBooks) -> None:
    both(ledger, "I1", 600, 700)
    before = ledger.only(CHECK)
    ledger.con.execute("UPDATE all_invoice SET source_time = source_time + INTERVAL 1 DAY")
    assert ledger.only(CHECK).evidence_hash == before.evidence_hash
    both(ledger, "I2", 50, 60)
    assert ledger.only(CHECK).evidence_hash != before.evidence_hash


def test_a_balance_is_looked_up_again_by_its_supplier(ledger: InvoiceBooks) -> None:
    both(ledger, "I1")
    (probed,) = ledger.probe([{"supplier": "S1", "currency": "USD"}], CHECK).values()
    assert (probed.present, probed.fetched_at) == (True, NOW)
    (gone,) = ledger.probe([{"supplier": "S7", "currency": "USD"}], CHECK).values()
    assert not gone.present


def test_absurd_amounts_stop_nothing(ledger: InvoiceBooks) -> None:
    for number in range(30):
        ledger.header("AP", invoice_number=f"I{number}", amount=Decimal("99999999999999.9999"))
    assert ledger.categories(CHECK) == {"vendor_balance"}


def test_a_balance_needs_both_sides(ledger: InvoiceBooks) -> None:
    check = ledger.catalog.checks[CHECK]
    altered = json.loads(check.model_dump_json())
    altered["sides"]["erp"]["kind"] = "grants"
    with pytest.raises(CheckError, match="no feed brings a side"):
        compile_check(BalanceCheck.model_validate(altered), ledger.catalog)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sides": {}}, "a balance has two sides"),
        ({"optional": True}, "none is optional"),
    ],
)
def test_a_balance_that_cannot_be(ledger: InvoiceBooks, change: dict[str, Any], said: str) -> None:
    altered = json.loads(ledger.catalog.checks[CHECK].model_dump_json())
    if "sides" in change:
        del altered["sides"]["erp"]
    else:
        altered["sides"]["erp"]["optional"] = True
    with pytest.raises(ValueError, match=said):
        BalanceCheck.model_validate(altered)
