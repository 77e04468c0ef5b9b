"""From the request to the order, and from the case to the bill: requisitions, and items billed after their use."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog

from .books import Books, days_ago
from .order_books import Plant, requisition, terms, told, usage

REQUISITION, USAGE = "p2p.requisition", "p2p.usage"
NAMED = {"requisition": "RQ1", "requisition_line": "1"}


# -- requisitions


def test_an_approved_requisition_without_an_order_says_how_long(books: Books) -> None:
    requisition(books)
    assert told(books, REQUISITION) == [
        ("not_ordered", Decimal(600), "RQ1/1 was approved 5 days ago for $600.00; no order names it.")
    ]


@pytest.mark.parametrize(
    ("values", "order", "raised"),
    [
        ({}, None, True),
        ({}, NAMED, False),
        ({}, {**NAMED, "requisition_line": "2"}, True),
        ({}, {**NAMED, "requisition": "RQ2"}, True),
        ({}, {**NAMED, "status": "cancelled"}, True),
        ({}, {**NAMED, "requisition_line": None}, False),
        ({}, {**NAMED, "requisition_line": "", "status": "cancelled"}, True),
        ({}, {**NAMED, "blanket": True}, False),
        ({}, {**NAMED, "release_of": "PO0"}, False),
        ({"status": "ordered"}, None, True),
        ({"status": "draft"}, None, False),
        ({"status": "cancelled"}, None, False),
    ],
)
def test_an_order_names_its_requisition(
    books: Books, values: dict[str, Any], order: dict[str, Any] | None, raised: bool
) -> None:
    requisition(books, **values)
    if order is not None:
        books.order(**order)
    assert books.categories(REQUISITION) == ({"not_ordered"} if raised else set())


def test_an_order_only_in_the_procurement_suite_is_none_in_the_erp(books: Books) -> None:
    requisition(books)
    books.order("SUITE", **NAMED)
    assert books.categories(REQUISITION) == {"not_ordered"}


@pytest.mark.parametrize("side", ["order", "requisition.whole"])
def test_an_order_is_given_the_feed_s_lag_to_arrive(books: Books, side: str) -> None:
    requisition(books)
    lag = timedelta(hours=1)
    assert books.categories(REQUISITION, read={side: days_ago(5) + lag}) == {"not_ordered"}
    assert books.categories(REQUISITION, read={side: days_ago(5) + lag / 2}) == set()
    assert books.categories(REQUISITION, read={side: None}) == set()


def test_where_nobody_says_when_it_was_approved_the_source_s_change_counts(books: Books) -> None:
    requisition(books, approved_at=None)
    assert books.only(REQUISITION).since == days_ago(9)


def test_two_orders_for_one_requisition_line_are_named(books: Books) -> None:
    requisition(books)
    books.order(**NAMED)
    books.order(order_number="PO9", ordered_at=days_ago(2), **NAMED)
    found = books.only(REQUISITION)
    assert found.since == days_ago(2)
    assert told(books, REQUISITION) == [
        ("ordered_twice", Decimal(600), "RQ1/1 was ordered 2 times: PO1 and PO9, $600.00 each.")
    ]


@pytest.mark.parametrize(
    "second",
    [
        {"order_number": "PO9", "status": "cancelled"},
        {"order_number": "PO9", "blanket": True},
        {"order_number": "PO9", "release_of": "PO0"},
        {"order_number": "PO9", "requisition_line": "2"},
        {"order_number": "PO9", "requisition": None},
        {"line_number": "2"},
    ],
    ids=["cancelled", "blanket", "release", "another line", "no requisition", "two lines of one order"],
)
def test_what_looks_like_a_second_order_and_is_none(books: Books, second: dict[str, Any]) -> None:
    requisition(books)
    books.order(**NAMED)
    books.order(**{**NAMED, **second})
    assert books.categories(REQUISITION) == set()


def test_releases_of_a_blanket_order_are_called_off_again_and_again(books: Books) -> None:
    requisition(books)
    for number in ("PO1", "PO2", "PO3"):
        books.order(order_number=number, release_of="PO0", **NAMED)
    assert books.categories(REQUISITION) == set()


# -- usage

IMPLANT = {"item": "implant", "quantity": 1, "unit": "EA", "unit_price": 4000}


def _implant(books: Books, order: dict[str, Any] | None = None, **invoice: Any) -> None:
    books.order(**{**IMPLANT, **({"bill_only": True} if order is None else order)})
    books.invoice(**{**IMPLANT, "case_number": "C1", "lot": "L1", **invoice})


def test_an_implant_that_nobody_recorded_says_which_and_in_which_case(books: Books) -> None:
    _implant(books, serial="SN7")
    assert told(books, USAGE) == [
        (
            "usage_missing",
            Decimal(4000),
            "I1 bills 1 EA of implant for case C1, serial number SN7; no usage of it is recorded.",
        )
    ]


@pytest.mark.parametrize(
    ("invoice", "used", "raised"),
    [
        ({}, {}, False),
        ({}, None, True),
        ({"lot": "L2"}, {}, True),
        ({"case_number": "C2"}, {}, True),
        ({"item": "screw"}, {}, True),
        ({"case_number": None}, {}, True),
        ({"lot": None}, {}, True),
        ({"lot": "", "case_number": ""}, {"lot": "", "case_number": ""}, True),
        ({"serial": "SN1"}, {"serial": "SN1"}, False),
        ({"serial": "SN1"}, {"serial": "SN2"}, True),
        ({"serial": "SN1"}, {"serial": None}, True),
        ({"serial": "SN1", "lot": None}, {"serial": "SN1", "lot": "L9"}, False),
        ({}, {"quantity": 0}, True),
        ({}, {"entity": "H2"}, True),
    ],
)
def test_usage_is_of_the_same_item_lot_or_serial_and_case(
    books: Books, invoice: dict[str, Any], used: dict[str, Any] | None, raised: bool
) -> None:
    _implant(books, **invoice)
    if used is not None:
        usage(books, **used)
    assert books.categories(USAGE) == ({"usage_missing"} if raised else set())


SILENT: list[tuple[str, Plant]] = [
    ("billed two days ago", lambda b: _implant(b, entered_at=days_ago(2.9))),
    ("an ordinary order", lambda b: _implant(b, order={})),
    ("void", lambda b: _implant(b, status="void")),
    ("credited", lambda b: (
        _implant(b), b.invoice(**{**IMPLANT, "quantity": -1}, invoice_number="X1", invoice_type="credit",
                               case_number="C1", lot="L1"))),
    ("freight alone", lambda b: _implant(b, invoice_type="freight")),
    ("ordered and not billed", lambda b: b.order(bill_only=True, **IMPLANT)),
]  # fmt: skip


@pytest.mark.parametrize("plant", [p for _, p in SILENT], ids=[name for name, _ in SILENT])
def test_what_needs_no_usage_is_silent(books: Books, plant: Plant) -> None:
    plant(books)
    assert books.categories(USAGE) == set()


@pytest.mark.parametrize("entered", [3, 4])
def test_usage_is_awaited_for_three_days(books: Books, entered: float) -> None:
    _implant(books, entered_at=days_ago(entered))
    assert books.categories(USAGE) == {"usage_missing"}


@pytest.mark.parametrize(
    ("order", "given", "raised"),
    [
        ({"consigned": True}, {}, True),
        ({}, {"consigned": True}, True),
        ({}, {"bill_only": True}, True),
        ({"bill_only": False, "consigned": False}, {"bill_only": True}, False),
        ({}, {}, False),
    ],
)
def test_bill_only_and_consigned_follow_terms(
    books: Books, order: dict[str, Any], given: dict[str, Any], raised: bool
) -> None:
    _implant(books, order=order)
    terms(books, "supplier", **given)
    assert books.categories(USAGE) == ({"usage_missing"} if raised else set())


def test_of_several_billed_only_those_without_usage_count(books: Books) -> None:
    _implant(books)
    books.invoice(**{**IMPLANT, "unit_price": 90}, invoice_number="I2", case_number="C1", lot="L2")
    usage(books)
    assert told(books, USAGE) == [
        (
            "usage_missing",
            Decimal(90),
            "I2 bills 1 EA of implant for case C1, lot L2; no usage of it is recorded.",
        )
    ]


@pytest.mark.parametrize("side", ["invoice.by_lot", "invoice.by_serial"])
def test_an_unread_feed_of_usage_raises_nothing(books: Books, side: str) -> None:
    _implant(books)
    lag = timedelta(hours=1)
    assert books.categories(USAGE, read={side: days_ago(8) + lag}) == {"usage_missing"}
    assert books.categories(USAGE, read={side: days_ago(8) + lag / 2}) == set()
    assert books.categories(USAGE, read={side: None}) == set()


def test_no_record_has_room_for_a_patient(p2p: Catalog) -> None:
    for code in ("item_usage", "invoice_line", "purchase_order_line"):
        columns = p2p.record_types[code].columns
        assert not [name for name, column in columns.items() if column.sensitivity == "patient"]
        assert not {"patient", "mrn", "medical_record", "birth_date", "patient_name"} & set(columns)


# -- how many were used

QUANTITY = "p2p.usage_quantity"
SCREWS = {"item": "screw", "quantity": 5, "unit": "EA", "unit_price": 90}


def _screws(books: Books, order: dict[str, Any] | None = None, **invoice: Any) -> None:
    """Five screws of lot L1, billed and ordered after case C1."""
    books.order(**{**SCREWS, **({"bill_only": True} if order is None else order)})
    books.invoice(**{**SCREWS, "case_number": "C1", "lot": "L1", **invoice})
    for unit, factor in (("EA", 1), ("BX", 10)):
        books.add("item_unit", "ERP", entity=None, item="screw", unit=unit, factor=factor)


def _used(books: Books, quantity: float, **values: Any) -> None:
    usage(books, **{"item": "screw", "quantity": quantity, **values})


def test_more_billed_than_used_says_both_quantities_and_what_is_too_much(books: Books) -> None:
    _screws(books)
    _used(books, 3)
    assert told(books, QUANTITY) == [
        (
            "billed_over_usage",
            Decimal(180),
            "I1 bills for case C1, lot L1: 5 EA of screw billed in all, 3 EA used.",
        )
    ]
    assert books.categories(USAGE) == set()


OVER_USED: list[tuple[str, bool, Plant]] = [
    ("fewer used", True, lambda b: (_screws(b), _used(b, 4))),
    ("all used", False, lambda b: (_screws(b), _used(b, 5))),
    ("more used than billed", False, lambda b: (_screws(b), _used(b, 6))),
    ("used in two entries", False, lambda b: (_screws(b), _used(b, 2), _used(b, 3, usage_line="2"))),
    ("usage taken back", True, lambda b: (_screws(b), _used(b, 5), _used(b, -1, usage_line="2"))),
    ("usage taken back altogether", True, lambda b: (_screws(b), _used(b, 5), _used(b, -5, usage_line="2"))),
    ("no usage: that is another exception", False, _screws),
    ("used in another case", False, lambda b: (_screws(b), _used(b, 3, case_number="C2"))),
    ("an ordinary order", False, lambda b: (_screws(b, order={}), _used(b, 3))),
    ("consigned by the supplier's terms", True, lambda b: (
        _screws(b, order={}), terms(b, "supplier", consigned=True), _used(b, 3))),
    ("billed two days ago", False, lambda b: (_screws(b, entered_at=days_ago(2.9)), _used(b, 3))),
    ("void", False, lambda b: (_screws(b, status="void"), _used(b, 3))),
    ("billed and used in two lots", False, lambda b: (
        _screws(b, quantity=3), b.invoice(**{**SCREWS, "quantity": 2}, invoice_number="I2", case_number="C1", lot="L2"),
        _used(b, 3), _used(b, 2, usage_line="2", lot="L2"))),
    ("as many, in the wrong lots", True, lambda b: (
        _screws(b, quantity=3), b.invoice(**{**SCREWS, "quantity": 2}, invoice_number="I2", case_number="C1", lot="L2"),
        _used(b, 2), _used(b, 3, usage_line="2", lot="L2"))),
    ("a credit for the rest", False, lambda b: (
        _screws(b), _used(b, 3), b.invoice(
            **{**SCREWS, "quantity": -2}, invoice_number="X1", invoice_type="credit", case_number="C1", lot="L1"))),
    ("a credit for the rest that names no case", False, lambda b: (
        _screws(b), _used(b, 3), b.invoice(**{**SCREWS, "quantity": -2}, invoice_number="X1", invoice_type="credit"))),
    ("a credit for part of the rest", True, lambda b: (
        _screws(b), _used(b, 3), b.invoice(**{**SCREWS, "quantity": -1}, invoice_number="X1", invoice_type="credit"))),
    ("a box of ten, used one by one", False, lambda b: (_screws(b, quantity=1, unit="BX"), _used(b, 10))),
    ("a box of ten, eight of them used", True, lambda b: (_screws(b, quantity=1, unit="BX"), _used(b, 8))),
    ("used in a unit that nobody can compare", False, lambda b: (_screws(b), _used(b, 1, unit="PK"))),
    ("usage without a unit", True, lambda b: (_screws(b), _used(b, 3, unit=None))),
    ("a serial number twice", True, lambda b: (
        _screws(b, quantity=2, serial="SN1"), _used(b, 1, serial="SN1"))),
    ("a serial number of a lot", False, lambda b: (
        _screws(b, quantity=1, serial="SN1"), _used(b, 1, serial="SN1"), _used(b, 1, usage_line="2", serial="SN2"))),
    ("the lot of two serial numbers", False, lambda b: (
        _screws(b, quantity=2), _used(b, 1, serial="SN1"), _used(b, 1, usage_line="2", serial="SN2"))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("raised", "plant"), [case[1:] for case in OVER_USED], ids=[case[0] for case in OVER_USED]
)
def test_no_more_is_billed_than_was_used(books: Books, raised: bool, plant: Plant) -> None:
    plant(books)
    assert books.categories(QUANTITY) == ({"billed_over_usage"} if raised else set())


def test_a_box_is_compared_in_base_units_at_the_price_of_a_box(books: Books) -> None:
    _screws(books, quantity=1, unit="BX", unit_price=900)
    _used(books, 8)
    found = books.only(QUANTITY)
    assert found.amount == Decimal(180)
    assert "10 base units of screw billed in all, 8 base units used" in told(books, QUANTITY)[0][2]


def test_what_two_orders_bill_is_too_much_on_the_one_that_billed_last(books: Books) -> None:
    _screws(books, entered_at=days_ago(9))
    _used(books, 5)
    books.order(**{**SCREWS, "quantity": 2}, order_number="PO2", bill_only=True)
    again = {**SCREWS, "quantity": 2, "case_number": "C1", "lot": "L1", "order_number": "PO2"}
    books.invoice(**again, invoice_number="I2", entered_at=days_ago(4))
    found = books.only(QUANTITY)
    assert (found.reference, found.amount) == ("PO2/1", Decimal(180))


def test_too_much_used_and_too_much_ordered_are_one_exception_of_the_order_line(books: Books) -> None:
    _screws(books, order={"bill_only": True, "quantity": 3, "match": 2})
    _used(books, 3)
    (found,) = books.primary()
    assert (found.category, found.also) == ("billed_over_usage", ("over_ordered",))


@pytest.mark.parametrize("side", ["invoice.by_lot", "invoice.by_serial"])
def test_usage_that_was_not_read_since_is_not_counted(books: Books, side: str) -> None:
    _screws(books)
    _used(books, 3)
    lag = timedelta(hours=1)
    assert books.categories(QUANTITY, read={side: days_ago(8) + lag}) == {"billed_over_usage"}
    assert books.categories(QUANTITY, read={side: days_ago(8) + lag / 2}) == set()
