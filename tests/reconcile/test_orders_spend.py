"""What was agreed and what is billed: blanket limits and validity, confirmed services, contract prices."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from .books import Books, days_ago
from .order_books import Plant, confirmation, contract, terms, told

BLANKET, SERVICE, CONTRACT = "p2p.blanket", "p2p.service", "p2p.contract_price"


# -- blanket: limit


def _blanket(books: Books, **order: Any) -> None:
    books.order(**{"blanket": True, "limit_amount": 1000, **order})


def test_what_is_over_the_limit_is_said_with_both_amounts(books: Books) -> None:
    _blanket(books)
    books.invoice()
    books.invoice(invoice_number="I2", quantity=8)
    assert told(books, BLANKET) == [
        (
            "blanket_over_limit",
            Decimal(80),
            "$1,080.00 billed on the blanket order PO1, limit $1,000.00: $80.00 over.",
        )
    ]


@pytest.mark.parametrize(
    ("order", "billed", "credited", "raised"),
    [
        ({}, "1000", 0, False),
        ({}, "1000.01", 0, True),
        ({}, "1200", 200, False),
        ({}, "1200", 199, True),
        ({"limit_amount": None}, "99999", 0, False),
        ({"limit_amount": 0}, "1", 0, True),
        ({"blanket": False}, "1200", 0, False),
        ({"blanket": None}, "1200", 0, False),
        ({"currency": "CAD"}, "1200", 0, False),
    ],
)
def test_the_limit_is_kept_net_of_credits(
    books: Books, order: dict[str, Any], billed: str, credited: int, raised: bool
) -> None:
    _blanket(books, **order)
    books.invoice(amount=Decimal(billed))
    if credited:
        books.invoice(invoice_number="C1", invoice_type="credit", quantity=-1, amount=-credited)
    assert books.categories(BLANKET) == ({"blanket_over_limit"} if raised else set())


# -- blanket: validity

YEAR = {"limit_amount": None, "valid_from": date(2026, 1, 1), "valid_to": date(2026, 10, 31)}


@pytest.mark.parametrize(
    ("order", "service", "said"),
    [
        ({}, date(2026, 11, 1), "for 1 Nov 2026, after it ended on 31 Oct 2026."),
        ({}, date(2026, 10, 31), None),
        ({}, date(2026, 1, 1), None),
        ({}, date(2025, 12, 31), "for 31 Dec 2025, before it began on 1 Jan 2026."),
        ({}, None, None),
        ({"valid_to": None}, date(2026, 11, 1), None),
        ({"valid_to": None}, date(2025, 11, 1), "for 1 Nov 2025, before it began on 1 Jan 2026."),
        ({"valid_from": None}, date(2025, 11, 1), None),
        ({"blanket": False}, date(2026, 11, 1), None),
    ],
)
def test_a_service_is_within_the_validity(
    books: Books, order: dict[str, Any], service: date | None, said: str | None
) -> None:
    _blanket(books, **{**YEAR, **order})
    books.invoice(service_date=service)
    found = told(books, BLANKET)
    assert found == (
        [("blanket_out_of_validity", Decimal(600), f"I1 bills $600.00 on PO1 {said}")] if said else []
    )


def test_only_what_is_outside_counts_and_a_credit_takes_it_back(books: Books) -> None:
    _blanket(books, **YEAR)
    books.invoice(service_date=date(2026, 10, 1))
    books.invoice(invoice_number="I2", service_date=date(2026, 11, 2), quantity=2)
    ((category, amount, sentence),) = told(books, BLANKET)
    assert (category, amount, sentence[:2]) == ("blanket_out_of_validity", Decimal(120), "I2")
    books.invoice(invoice_number="C2", invoice_type="credit", service_date=date(2026, 11, 2), quantity=-2)
    assert told(books, BLANKET) == []


# -- services by amount


def _service(books: Books, billed: Any = 600, **order: Any) -> None:
    books.order(
        **{"basis": "amount", "quantity": 1000, "unit": "USD", "unit_price": 1, "item": None,
           "needs_confirmation": True, **order}
    )  # fmt: skip
    books.invoice(quantity=1, unit="USD", unit_price=billed, item=None)


def test_a_service_beyond_what_was_confirmed_says_both_amounts(books: Books) -> None:
    _service(books, 720)
    confirmation(books)
    assert told(books, SERVICE) == [
        ("service_over_confirmed", Decimal(120), "$720.00 billed on PO1, $600.00 confirmed.")
    ]


def test_a_service_that_nobody_confirmed_is_worth_all_of_it(books: Books) -> None:
    _service(books)
    assert told(books, SERVICE) == [
        ("service_over_confirmed", Decimal(600), "$600.00 billed on PO1, $0.00 confirmed.")
    ]


@pytest.mark.parametrize(
    ("order", "billed", "confirmed", "raised"),
    [
        ({}, "600", [600], False),
        ({}, "600.01", [600], True),
        ({}, "600", [400, 200], False),
        ({}, "600", [700, -100], False),
        ({}, "600", [700, -101], True),
        ({}, "500", [600], False),
        ({"needs_confirmation": None}, "600", [], False),
        ({"needs_confirmation": False}, "600", [], False),
        ({"needs_confirmation": None}, "600", [500], True),
        ({"basis": "quantity"}, "600", [], False),
        ({"basis": None}, "600", [], False),
        ({"currency": "CAD"}, "600", [], False),
    ],
)
def test_services_are_billed_as_confirmed(
    books: Books, order: dict[str, Any], billed: str, confirmed: list[int], raised: bool
) -> None:
    _service(books, billed, **order)
    for number, amount in enumerate(confirmed):
        confirmation(books, confirmation=f"SC{number}", amount=amount)
    assert books.categories(SERVICE) == ({"service_over_confirmed"} if raised else set())


def test_terms_say_that_a_supplier_s_lines_are_by_amount(books: Books) -> None:
    _service(books, basis=None)
    terms(books, "supplier", basis="amount")
    assert books.categories(SERVICE) == {"service_over_confirmed"}


def test_a_confirmation_is_given_the_feed_s_lag_to_arrive(books: Books) -> None:
    _service(books)
    lag = timedelta(hours=1)
    assert books.categories(SERVICE, read={"confirmation": days_ago(8) + lag}) == {"service_over_confirmed"}
    assert books.categories(SERVICE, read={"confirmation": days_ago(8) + lag / 2}) == set()
    assert books.categories(SERVICE, read={"confirmation": None}) == set()


# -- contract prices


def test_an_order_at_another_price_than_the_contract_s_is_found_when_it_is_billed(books: Books) -> None:
    books.order(unit_price=66)
    books.receipt()
    contract(books)
    assert books.categories(CONTRACT) == set()
    books.invoice(unit_price=66)
    assert told(books, CONTRACT) == [
        (
            "contract_price_variance",
            Decimal(60),
            "Acme charged $660.00, contract GPO-7 says $600.00: $60.00 over, limit $12.00.",
        )
    ]
    assert books.categories() == set()


@pytest.mark.parametrize(
    ("price", "quantity", "raised"),
    [
        ("61.20", 10, False),
        ("61.21", 10, True),
        ("58.80", 10, False),
        ("58.79", 10, True),
        ("65", 1, False),
        ("65.01", 1, True),
        ("60.25", 1000, False),
        ("60.26", 1000, True),
    ],
    ids=["2 %", "over 2 %", "2 % under", "over 2 % under", "5", "over 5", "250", "over 250"],
)
def test_contract_prices_have_the_tolerance_of_prices(
    books: Books, price: str, quantity: int, raised: bool
) -> None:
    books.order(unit_price=price, quantity=quantity)
    contract(books)
    books.invoice(unit_price=price, quantity=quantity)
    assert books.categories(CONTRACT) == ({"contract_price_variance"} if raised else set())


ENDED = {"valid_to": days_ago(41).date()}
CONTRACTS_SILENT: list[tuple[str, dict[str, Any], Plant]] = [
    ("no contract", {}, lambda b: None),
    ("an estimated price", {"price_estimated": True}, contract),
    ("without charge", {"no_charge": True}, contract),
    ("by amount", {"basis": "amount"}, contract),
    ("ended before the order", {}, lambda b: contract(b, **ENDED)),
    ("began after the order", {}, lambda b: contract(b, valid_from=days_ago(39).date())),
    ("another supplier's", {}, lambda b: contract(b, supplier="S2")),
    ("another item's", {}, lambda b: contract(b, item="gown")),
    ("in another unit", {}, lambda b: contract(b, unit="EA", unit_price=5)),
    ("in another currency", {}, lambda b: contract(b, currency="CAD")),
    ("an offer holds on that day", {}, lambda b: (
        contract(b), contract(b, contract="OFFER", unit_price=66, valid_from=days_ago(50).date()))),
    ("per ten cases", {}, lambda b: contract(b, unit_price=660, price_per=10)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("order", "plant"), [c[1:] for c in CONTRACTS_SILENT], ids=[c[0] for c in CONTRACTS_SILENT]
)
def test_what_no_contract_speaks_of_is_silent(books: Books, order: dict[str, Any], plant: Plant) -> None:
    books.order(**{"unit_price": 66, **order})
    plant(books)
    books.invoice(unit_price=66)
    assert books.categories(CONTRACT) == set()


def test_an_offer_that_ended_leaves_the_year_s_price(books: Books) -> None:
    books.order(unit_price=66)
    contract(books)
    contract(
        books, contract="OFFER", unit_price=66, valid_from=days_ago(90).date(), valid_to=days_ago(41).date()
    )
    books.invoice(unit_price=66)
    assert books.only(CONTRACT).amount == Decimal(60)


def test_billed_in_another_unit_is_converted(books: Books) -> None:
    books.order()
    contract(books)
    books.invoice(unit="EA", quantity=120, unit_price="5.50")
    assert books.only(CONTRACT).amount == Decimal(60)


def test_the_order_s_own_price_is_asked_first(books: Books) -> None:
    books.order()
    books.receipt()
    contract(books)
    books.invoice(unit_price=70)
    (found,) = books.primary()
    assert (found.category, found.also) == ("price_variance", ("contract_price_variance",))
