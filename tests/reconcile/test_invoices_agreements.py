"""What is agreed beside orders: schedules and their periods, contracts with physicians and their time."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from .books import days_ago
from .invoice_books import InvoiceBooks, sentence

RECURRING, CONTRACT, TIME = "p2p.recurring", "p2p.physician_contract", "p2p.physician_time"


def second(**said: Any) -> dict[str, Any]:
    return {"invoice_number": "I2", "entered_at": days_ago(5), **said}


BILLED: list[tuple[str, list[dict[str, Any]], set[str]]] = [
    ("as agreed", [{}], set()),
    ("off by one", [{"unit_price": 1001}], set()),
    ("off by more", [{"unit_price": Decimal("1001.01")}], {"recurring_amount"}),
    ("under by more", [{"unit_price": Decimal("998.99")}], {"recurring_amount"}),
    ("of two lines", [{"unit_price": 600}, {"invoice_line": "2", "unit_price": 400}], set()),
    ("twice", [{}, second()], {"recurring_repeated"}),
    ("twice, one void", [{}, second(status="void")], set()),
    ("another period", [{}, second(period="2026-12")], set()),
    ("the month of the date", [{"period": ""}, second(period="", invoice_date=date(2026, 12, 1))], set()),
    ("another schedule", [{}, second(schedule="LAWN")], set()),
    (
        "credit and rebill",
        [{}, second(invoice_type="credit", quantity=-1), second(invoice_number="I3", unit_price=1000)],
        set(),
    ),
    (
        "credited in part",
        [{}, second(invoice_type="credit", quantity=-1, unit_price=100)],
        {"recurring_amount"},
    ),
    ("credited", [{}, second(invoice_type="credit", quantity=-1)], {"recurring_absent"}),
    ("void", [{"status": "void"}], {"recurring_absent"}),
    ("not of a schedule", [{"schedule": None}], {"recurring_absent"}),
    ("nothing", [], {"recurring_absent"}),
    ("another facility's", [{"entity": "H2"}], {"recurring_absent"}),
]


@pytest.mark.parametrize(("bills", "wanted"), [row[1:] for row in BILLED], ids=[row[0] for row in BILLED])
def test_recurring(ledger: InvoiceBooks, bills: list[dict[str, Any]], wanted: set[str]) -> None:
    ledger.plan()
    for bill in bills:
        ledger.rent(**bill)
    assert ledger.categories(RECURRING) == wanted


@pytest.mark.parametrize(
    ("plan", "raised"),
    [
        ({"status": None}, True),
        ({"status": "suspended"}, False),
        ({"status": "ended"}, False),
        ({"due_on": date(2026, 11, 21)}, True),
        ({"due_on": date(2026, 11, 22)}, False),
        ({"due_on": date(2026, 12, 10)}, False),
    ],
    ids=["no status", "suspended", "ended", "three days ago", "two days ago", "to come"],
)
def test_what_is_expected(ledger: InvoiceBooks, plan: dict[str, Any], raised: bool) -> None:
    ledger.plan(**plan)
    assert bool(ledger.categories(RECURRING)) == raised


def test_an_invoice_is_not_missed_before_invoices_were_read(ledger: InvoiceBooks) -> None:
    ledger.plan()
    assert ledger.categories(RECURRING, read={"invoice": None}) == set()


def test_an_invoice_without_a_plan_is_nobody_s_concern(ledger: InvoiceBooks) -> None:
    ledger.rent(schedule="UNKNOWN")
    assert ledger.categories(RECURRING) == set()


def test_the_period_is_part_of_the_identity(ledger: InvoiceBooks) -> None:
    ledger.plan()
    ledger.plan(period="2026-10", due_on=date(2026, 10, 10))
    found = ledger.run(RECURRING).discrepancies
    assert {json.loads(one.business_key)["period"] for one in found} == {"2026-10", "2026-11"}
    assert len({one.fingerprint for one in found}) == 2


def test_schedules_say_their_figures(ledger: InvoiceBooks) -> None:
    ledger.plan()
    assert sentence(ledger, RECURRING) == (
        "Acme: nothing billed on RENT for 2026-11; $1,000.00 expected by 10 Nov 2026."
    )
    ledger.rent(unit_price=1200)
    assert sentence(ledger, RECURRING) == (
        "Acme billed $1,200.00 on RENT for 2026-11; $1,000.00 is scheduled: $200.00 over."
    )
    ledger.rent(**second())
    assert sentence(ledger, RECURRING) == (
        "Acme billed RENT for 2026-11 2 times, $2,200.00 in all; $1,000.00 is scheduled."
    )
    assert ledger.only(RECURRING).amount == Decimal(1200)


PAID: list[tuple[str, dict[str, Any], dict[str, Any] | None, dict[str, Any] | None, list[str]]] = [
    ("by contract and time", {}, {}, {}, []),
    ("no contract", {}, None, {}, ["physician_no_contract"]),
    ("not signed", {}, {"status": "draft"}, {}, ["physician_no_contract"]),
    ("terminated", {}, {"status": "terminated"}, {}, ["physician_no_contract"]),
    ("ended the day before", {}, {"valid_to": date(2026, 10, 30)}, {}, ["physician_no_contract"]),
    ("ends that day", {}, {"valid_to": date(2026, 10, 31)}, {}, []),
    ("begins that day", {}, {"valid_from": date(2026, 10, 31)}, {}, []),
    ("begins the day after", {}, {"valid_from": date(2026, 11, 1)}, {}, ["physician_no_contract"]),
    ("without end", {}, {"valid_to": None}, {}, []),
    ("another physician's contract", {}, {"physician": "D8"}, {}, ["physician_no_contract"]),
    ("another facility's contract", {}, {"entity": "H2"}, {}, ["physician_no_contract"]),
    ("above the rate", {"amount": Decimal("2001.01")}, {}, {}, ["physician_over_contract"]),
    ("a rounding above the rate", {"amount": 2001}, {}, {}, []),
    ("below the rate", {"amount": 1500}, {}, {}, []),
    ("no rate agreed", {"amount": 3000}, {"rate": None}, {}, []),
    ("no hours given", {"amount": 3000, "hours": None}, {}, {}, []),
    ("at the cap", {"amount": 4000, "hours": 20}, {}, {"hours": 20}, []),
    ("above the cap", {"amount": 4200, "hours": 21}, {}, {}, ["physician_over_contract"]),
    ("no cap agreed", {"amount": 4200, "hours": 21}, {"period_cap": None}, {"hours": 21}, []),
    ("no time", {}, {}, None, ["physician_no_time"]),
    ("time not approved", {}, {}, {"status": "submitted"}, ["physician_no_time"]),
    ("time of another period", {}, {}, {"period": "2026-09"}, ["physician_no_time"]),
    ("time of another physician", {}, {}, {"physician": "D8"}, ["physician_no_time"]),
    ("void", {"status": "void"}, None, None, []),
    ("neither contract nor time", {}, None, None, ["physician_no_contract"]),
]


@pytest.mark.parametrize(
    ("fee", "contract", "time", "wanted"), [row[1:] for row in PAID], ids=[row[0] for row in PAID]
)
def test_physicians(
    ledger: InvoiceBooks,
    fee: dict[str, Any],
    contract: dict[str, Any] | None,
    time: dict[str, Any] | None,
    wanted: list[str],
) -> None:
    ledger.fee(**fee)
    if contract is not None:
        ledger.contract(**contract)
    if time is not None:
        ledger.time(**time)
    assert [one.category for one in ledger.primary()] == wanted


def test_a_renewal_holds_from_its_first_day(ledger: InvoiceBooks) -> None:
    ledger.contract(valid_to=date(2026, 9, 30))
    ledger.contract(contract="K2", valid_from=date(2026, 10, 1), rate=250)
    ledger.time()
    ledger.fee(amount=2500)
    assert ledger.primary() == []
    ledger.fee(payment_line="2", service_on=date(2026, 9, 30), amount=2500)
    assert ledger.categories(CONTRACT) == {"physician_over_contract"}


def test_payments_of_a_period_add_up_and_what_was_taken_back_is_taken_off(ledger: InvoiceBooks) -> None:
    ledger.contract(rate=None)
    ledger.time()
    for line, amount in (("1", 2500), ("2", 2500)):
        ledger.fee(payment_line=line, amount=amount)
    assert ledger.only(CONTRACT).amount == Decimal(1000)
    ledger.fee(payment="F2", amount=-1000)
    assert ledger.categories(CONTRACT) == set()


def test_physicians_say_their_figures_and_never_a_name(ledger: InvoiceBooks) -> None:
    ledger.fee(amount=2400)
    assert sentence(ledger, CONTRACT) == (
        "Physician D7 was paid $2,400.00 for 2026-10; no signed contract on 31 Oct 2026."
    )
    assert sentence(ledger, TIME) == "Physician D7 was paid $2,400.00 for 2026-10; no approved time record."
    ledger.contract()
    assert sentence(ledger, CONTRACT) == (
        "Physician D7 was paid $2,400.00 for 2026-10; the contract's rate comes to $2,000.00: $400.00 over."
    )
    for found in (ledger.only(CONTRACT), ledger.only(TIME)):
        told = (
            found.facts
            + found.reference
            + found.business_key
            + str(found.counterparty)
            + "".join(found.lines)
        )
        assert "Who" not in told
        assert "Dr Who" in found.evidence


def test_nobody_is_without_contract_or_time_before_those_were_read(ledger: InvoiceBooks) -> None:
    ledger.fee()
    assert ledger.categories(CONTRACT, read={"payment.contract": None}) == set()
    assert ledger.categories(TIME, read={"time": None}) == set()
