"""Receipts: whether they reached the ERP, were accepted, and were settled where they pay by themselves."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from .books import Books, days_ago
from .order_books import Plant, inspection, settlement_run, terms, told

IN_ERP, INSPECTED, ERS = "p2p.receipt_in_erp", "p2p.inspection", "p2p.evaluated_receipt"


# -- in the warehouse and not in the ERP


def test_a_receipt_that_the_erp_never_got_says_both_quantities(books: Books) -> None:
    books.order()
    books.receipt(posted=False)
    assert told(books, IN_ERP) == [
        ("receipt_not_in_erp", Decimal(600), "PO1: 10 CS received in the warehouse, 0 CS in the ERP.")
    ]


def test_a_part_that_the_erp_never_got_is_worth_its_price(books: Books) -> None:
    books.order(price_per=10, unit_price=600)
    books.receipt()
    books.receipt(receipt_number="R2", quantity=3, posted=False)
    assert told(books, IN_ERP) == [
        ("receipt_not_in_erp", Decimal(180), "PO1: 13 CS received in the warehouse, 10 CS in the ERP.")
    ]


IN_ERP_SILENT: list[tuple[str, Plant]] = [
    ("posted under the ERP's own number", lambda b: (
        b.receipt(posted=False), b.receipt(system="ERP", receipt_number="5000017"))),
    ("posted in two parts", lambda b: (
        b.receipt(posted=False), b.receipt(system="ERP", quantity=4),
        b.receipt(system="ERP", quantity=6, receipt_line="2"))),
    ("posted in base units", lambda b: (b.receipt(posted=False), b.receipt(system="ERP", quantity=120, unit="EA"))),
    ("in transit", lambda b: b.receipt(posted=False, movement="in_transit")),
    ("more in the ERP", lambda b: (b.receipt(), b.receipt(system="ERP", receipt_number="R2"))),
    ("received and taken back", lambda b: (
        b.receipt(posted=False), b.receipt(posted=False, receipt_number="R2", quantity=-10, movement="reversal"))),
    ("a return that both know", lambda b: (
        b.receipt(), b.receipt(receipt_number="R2", quantity=-1, movement="return"))),
]  # fmt: skip


@pytest.mark.parametrize("plant", [p for _, p in IN_ERP_SILENT], ids=[name for name, _ in IN_ERP_SILENT])
def test_what_the_erp_knows_in_its_own_way_is_silent(books: Books, plant: Plant) -> None:
    books.order()
    plant(books)
    assert books.categories(IN_ERP) == set()


def test_a_receipt_is_given_the_feed_s_lag_to_arrive(books: Books) -> None:
    books.receipt(posted=False, received_at=days_ago(1))
    lag = timedelta(hours=1)
    assert books.categories(IN_ERP, read={"erp_receipt": days_ago(1) + lag}) == {"receipt_not_in_erp"}
    assert books.categories(IN_ERP, read={"erp_receipt": days_ago(1) + lag / 2}) == set()
    assert books.categories(IN_ERP, read={"erp_receipt": None}) == set()


def test_a_later_receipt_does_not_excuse_an_earlier_one_that_never_came(books: Books) -> None:
    books.receipt(posted=False, received_at=days_ago(2))
    books.receipt(posted=False, receipt_number="R2", received_at=days_ago(0))
    assert books.categories(IN_ERP, read={"erp_receipt": days_ago(0.5)}) == {"receipt_not_in_erp"}


def test_what_counts_in_units_that_do_not_convert_is_not_compared(books: Books) -> None:
    books.receipt(posted=False)
    books.receipt(system="ERP", unit="PK", quantity=1)
    assert books.categories(IN_ERP) == set()


# -- four-way: accepted


def _four_way(
    books: Books, *, match: int | None = 4, days: int | None = None, received: float = 10, **invoice: Any
) -> None:
    books.order(match=match, inspection_days=days)
    books.receipt(received_at=days_ago(received))
    books.invoice(**invoice)


def test_what_inspection_rejected_and_was_billed_says_both_quantities(books: Books) -> None:
    _four_way(books)
    inspection(books, accepted=8, rejected=2)
    assert told(books, INSPECTED) == [
        ("not_accepted", Decimal(120), "10 CS billed on PO1, 8 CS accepted; received 10 days ago.")
    ]


def test_what_nobody_inspected_in_time_is_found(books: Books) -> None:
    _four_way(books)
    assert books.only(INSPECTED).amount == Decimal(600)


@pytest.mark.parametrize(
    ("line", "agreed", "received", "raised"),
    [
        (None, None, 5, False),
        (None, None, 6, True),
        (7, None, 7, False),
        (7, None, 8, True),
        (None, 2, 3, True),
        (9, 2, 8, False),
        (0, None, 0, False),
        (0, None, 1, True),
    ],
)
def test_inspection_has_its_lead_time(
    books: Books, line: int | None, agreed: int | None, received: float, raised: bool
) -> None:
    _four_way(books, days=line, received=received)
    if agreed is not None:
        terms(books, "supplier", inspection_days=agreed)
    assert books.categories(INSPECTED) == ({"not_accepted"} if raised else set())


ACCEPTED: list[tuple[str, dict[str, Any], Plant]] = [
    ("all accepted", {}, inspection),
    ("all accepted, in base units", {}, lambda b: inspection(b, accepted=120, unit="EA")),
    ("accepted in two parts", {}, lambda b: (inspection(b, accepted=4), inspection(b, inspection="Q2", accepted=6))),
    ("only what was accepted is billed", {"quantity": 8}, lambda b: inspection(b, accepted=8, rejected=2)),
    ("the rejected were credited", {}, lambda b: (
        inspection(b, accepted=8), b.invoice(invoice_number="C1", invoice_type="credit", quantity=-2))),
    ("the rejected went back and await their credit", {}, lambda b: (
        inspection(b, accepted=8),
        b.receipt(receipt_number="R2", quantity=-2, movement="return", received_at=days_ago(8)))),
    ("a void invoice", {"status": "void"}, lambda b: None),
    ("inspected in a unit that does not convert", {}, lambda b: inspection(b, unit="PK")),
]  # fmt: skip


@pytest.mark.parametrize(("invoice", "plant"), [c[1:] for c in ACCEPTED], ids=[c[0] for c in ACCEPTED])
def test_accepted_or_excused_is_silent(books: Books, invoice: dict[str, Any], plant: Plant) -> None:
    _four_way(books, **invoice)
    plant(books)
    assert books.categories(INSPECTED) == set()


@pytest.mark.parametrize("match", [2, 3, None])
def test_only_four_way_lines_are_inspected(books: Books, match: int | None) -> None:
    _four_way(books, match=match)
    assert books.categories(INSPECTED) == set()
    terms(books, "here", match=4)
    assert books.categories(INSPECTED) == ({"not_accepted"} if match is None else set())


def test_services_by_amount_are_not_inspected(books: Books) -> None:
    books.order(match=4, basis="amount")
    books.receipt()
    books.invoice()
    assert books.categories(INSPECTED) == set()


def test_an_unread_inspection_raises_nothing(books: Books) -> None:
    _four_way(books)
    assert books.categories(INSPECTED, read={"inspection": None}) == set()


def test_where_too_little_came_that_is_the_cause(books: Books) -> None:
    books.order(match=4)
    books.receipt(quantity=6)
    books.invoice()
    inspection(books, accepted=6)
    (found,) = books.primary()
    assert (found.category, found.also) == ("over_received", ("not_accepted",))


# -- evaluated receipt


def _evaluated(books: Books, received: float = 10, **order: Any) -> None:
    books.order(**{"ers": True, **order})
    books.receipt(received_at=days_ago(received))


def _settled(books: Books, **values: Any) -> None:
    books.invoice(**{"invoice_type": "settlement", "invoice_number": "ERS1", **values})


def test_an_invoice_for_an_evaluated_receipt_is_found_beside_its_settlement(books: Books) -> None:
    _evaluated(books)
    _settled(books)
    books.invoice()
    assert told(books, ERS) == [
        ("ers_invoiced", Decimal(600), "I1 bills $600.00 on PO1, which is settled by evaluated receipt.")
    ]


def test_the_invoice_is_what_is_wrong_and_what_it_causes_is_listed_on_it(books: Books) -> None:
    _evaluated(books)
    _settled(books, quantity=10, entered_at=days_ago(2), invoice_date=days_ago(2).date())
    books.invoice(entered_at=days_ago(6), invoice_date=days_ago(6).date())
    (found,) = books.primary()
    assert (found.category, found.also) == ("ers_invoiced", ("over_received",))


INVOICES_SILENT: list[tuple[str, Plant]] = [
    ("its settlement", _settled),
    ("freight alone", lambda b: (_settled(b), b.invoice(invoice_type="freight", quantity=1, unit_price=80))),
    ("taken back", lambda b: (
        _settled(b), b.invoice(), b.invoice(invoice_number="C1", invoice_type="credit", quantity=-10))),
    ("void", lambda b: (_settled(b), b.invoice(status="void"))),
]  # fmt: skip


@pytest.mark.parametrize("plant", [p for _, p in INVOICES_SILENT], ids=[name for name, _ in INVOICES_SILENT])
def test_what_does_not_bill_an_evaluated_receipt_is_silent(books: Books, plant: Plant) -> None:
    _evaluated(books)
    plant(books)
    assert books.categories(ERS) == set()


@pytest.mark.parametrize(
    ("line", "agreed", "raised"), [(None, True, True), (False, True, False), (None, None, False)]
)
def test_evaluated_receipt_follows_terms(
    books: Books, line: bool | None, agreed: bool | None, raised: bool
) -> None:
    books.order(ers=line)
    books.invoice()
    if agreed is not None:
        terms(books, "supplier", ers=agreed)
    assert books.categories(ERS) == ({"ers_invoiced"} if raised else set())


def test_a_receipt_that_the_run_left_out_says_what_and_how_long(books: Books) -> None:
    _evaluated(books)
    settlement_run(books, 5)
    assert told(books, ERS) == [
        (
            "ers_unsettled",
            Decimal(600),
            "PO1: $600.00 received 10 days ago, left out by the settlement run since.",
        )
    ]


@pytest.mark.parametrize(
    ("received", "run", "status", "raised"),
    [
        (5, 5, "completed", True),
        (5, 6, "completed", False),
        (5, 1, "completed", True),
        (5, 0.9, "completed", False),
        (5, 3, "failed", False),
        (60, None, "", False),
    ],
    ids=["just before", "since the run", "a day ago", "only today", "a failed run", "no run is known"],
)
def test_a_receipt_is_due_once_a_later_run_is_a_day_old(
    books: Books, received: float, run: float | None, status: str, raised: bool
) -> None:
    _evaluated(books, received)
    if run is not None:
        settlement_run(books, run, status=status)
    assert books.categories(ERS) == ({"ers_unsettled"} if raised else set())


def test_a_run_of_another_facility_settles_nothing_here(books: Books) -> None:
    _evaluated(books, 5)
    settlement_run(books, 2, entity="H2")
    assert books.categories(ERS) == set()


def test_what_was_settled_in_base_units_or_returned_is_not_due(books: Books) -> None:
    _evaluated(books)
    _settled(books, quantity=96, unit="EA", unit_price=5)
    settlement_run(books, 5)
    assert books.only(ERS).amount == Decimal(120)
    books.receipt(receipt_number="R2", quantity=-2, movement="return", received_at=days_ago(1))
    assert books.categories(ERS) == set()


def test_an_unread_payables_system_leaves_nothing_unsettled(books: Books) -> None:
    _evaluated(books)
    settlement_run(books, 5)
    assert books.categories(ERS, read={"invoice": None}) == set()
