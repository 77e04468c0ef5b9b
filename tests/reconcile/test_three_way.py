"""Order, receipt and invoice per line: what raises each category, and what looks alike and stays silent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from exceptions_app.catalog.schema import MatchCheck
from exceptions_app.domain import wording

from .books import NOW, Books, days_ago
from .order_books import terms


def test_what_agrees_is_compared_matched_and_silent(agreed: Books) -> None:
    result = agreed.run()
    assert (result.discrepancies, result.compared, result.matched) == ([], 1, 1)


def test_lines_that_say_exactly_the_same_are_each_counted_and_found_once(books: Books) -> None:
    books.order()
    books.order()
    books.invoice()
    result = books.run()
    assert (result.compared, result.matched) == (2, 0)
    assert [one.category for one in result.discrepancies] == ["missing_receipt"]


def test_an_order_that_nobody_received_or_billed_is_silent(books: Books) -> None:
    books.order()
    assert books.categories() == set()


def _books(
    books: Books,
    order: dict[str, Any] | None = None,
    receipt: dict[str, Any] | None = None,
    invoice: dict[str, Any] | None = None,
) -> None:
    """The agreed documents, each altered; None leaves a document out."""
    for add, values in ((books.order, order), (books.receipt, receipt), (books.invoice, invoice)):
        if values is not None:
            add(**values)


OLD = {"received_at": days_ago(35)}
BULK = {"quantity": 900}
BY_AMOUNT = {"unit": "USD", "item": ""}
HUNDRED = {"price_per": 100, "unit_price": 6000}
EACH = {"unit": "EA", "quantity": 120, "unit_price": 5}

RAISES: list[tuple[str, str, tuple[Any, Any, Any]]] = [
    ("no order in any system", "no_valid_order", (None, None, {})),
    ("an order without that line", "no_valid_order", ({"line_number": "2"}, None, {})),
    ("an order but no line named", "no_valid_order", ({}, {}, {"line_number": None})),
    ("another supplier", "supplier_mismatch", ({}, {}, {"supplier": "V2"})),
    ("an alias that nobody mapped", "supplier_mismatch", ({}, {}, {"supplier": "V1-NEW"})),
    ("a unit that does not convert", "unit_mismatch", ({}, {}, {"unit": "PK"})),
    ("an item without conversions", "unit_mismatch", ({}, {}, {"item": None, **EACH})),
    ("received in a unit that does not convert", "unit_mismatch", ({}, {"unit": "PK"}, None)),
    ("each at the price of a case", "unit_mismatch", ({}, {}, {"unit": "EA"})),
    ("a case at the price of each", "unit_mismatch", ({}, {}, {"unit_price": 5})),
    ("each price almost a case price", "unit_mismatch", ({}, {}, {"unit": "EA", "unit_price": "60.50"})),
    ("billed a week ago, nothing received", "missing_receipt", ({}, None, {})),
    ("more returned than received", "missing_receipt", ({}, {"quantity": -2}, {})),
    ("more returned than received, in another unit", "missing_receipt", ({}, {"quantity": -2}, EACH)),
    ("more returned than received, in no known unit", "missing_receipt", (
        {}, {"quantity": -2, "unit": "PK"}, {})),
    ("a blanket order, too dear", "price_variance", ({"blanket": True}, {}, {"unit_price": "61.80"})),
    ("received and all returned", "missing_receipt", ({}, {"quantity": 0}, {})),
    ("four-way is at least three-way", "missing_receipt", ({"match": 4}, None, {})),
    ("match not stated is three-way", "missing_receipt", ({"match": None}, None, {})),
    ("billed more than received", "over_received", ({}, {"quantity": 6}, {})),
    ("billed each, received fewer cases", "over_received", ({}, {"quantity": 9}, EACH)),
    ("two-way billed beyond the order", "over_ordered", ({"match": 2}, None, {"quantity": 12})),
    ("received beyond the order", "over_ordered", ({}, {"quantity": 12}, {})),
    ("3 % too dear", "price_variance", ({}, {}, {"unit_price": "61.80"})),
    ("3 % too cheap", "price_variance", ({}, {}, {"unit_price": "58.20"})),
    ("1 % but more than 250", "price_variance", (BULK, BULK, {**BULK, "unit_price": "60.60"})),
    ("each too dear", "price_variance", ({}, {}, {**EACH, "unit_price": "5.20"})),
    ("priced per hundred, too dear", "price_variance", (HUNDRED, {}, {"unit_price": "63"})),
    ("received 35 days ago, never billed", "received_not_invoiced", ({}, OLD, None)),
    ("received 35 days ago, partly billed", "received_not_invoiced", ({}, OLD, {"quantity": 5})),
]  # fmt: skip


@pytest.mark.parametrize(("category", "documents"), [r[1:] for r in RAISES], ids=[r[0] for r in RAISES])
def test_raises(books: Books, category: str, documents: tuple[Any, Any, Any]) -> None:
    _books(books, *documents)
    assert category in books.categories()


PARTS = [{"receipt_number": "R2", "quantity": 4}]
SILENT: list[tuple[str, tuple[Any, Any, Any], Callable[[Books], None] | None]] = [
    ("only the procurement suite knows the order", (None, None, {}), lambda b: b.order("SUITE")),
    ("a void invoice", (None, None, {"status": "void"}), None),
    ("a utility bill with an account number for an order", (None, None, {"invoice_type": "utility"}), None),
    ("a refund", (None, None, {"invoice_type": "refund"}), None),
    ("a recurring invoice", (None, None, {"invoice_type": "recurring"}), None),
    ("an invoice and its credit", (None, None, {}), lambda b: b.invoice(
        invoice_number="C1", invoice_type="credit", quantity=-10)),
    ("no invoice that names an order", (None, None, {"order_number": None}), None),
    ("remit-to of the same supplier", ({}, {}, {"supplier": "V1-REMIT"}), None),
    ("each at the price of each", ({}, {}, EACH), None),
    ("units written in another way", ({}, {"unit": "CASE"}, {"unit": "CASE"}), None),
    ("billed three hours ago, nothing received", ({}, None, {"entered_at": days_ago(0.1)}), None),
    ("two-way", ({"match": 2}, None, {}), None),
    ("a service by amount", ({"basis": "amount", **BY_AMOUNT}, None, BY_AMOUNT), None),
    ("evaluated receipt", ({"ers": True}, None, {}), None),
    ("bill only", ({"bill_only": True}, None, {}), None),
    ("drop ship", ({"drop_ship": True}, None, {}), None),
    ("partly delivered, partly billed", ({}, {"quantity": 6}, {"quantity": 6}), None),
    ("delivered in two parts", ({}, {"quantity": 6}, {}), lambda b: b.receipt(**PARTS[0])),
    ("the credit for what was short", ({}, {"quantity": 9}, {}), lambda b: b.invoice(
        invoice_number="C1", invoice_type="credit", quantity=-1)),
    ("over received and returned", ({}, {"quantity": 12}, {}), lambda b: b.receipt(
        receipt_number="R2", quantity=-2, movement="return")),
    ("4 % more received than ordered", ({"quantity": "9.7"}, {}, {}), None),
    ("a blanket order, little by little", ({"match": 2, "blanket": True, "quantity": 1}, None, {}), None),
    ("two cents of rounding", ({}, {}, {"amount": "600.02"}), None),
    ("1.4 % too dear", ({}, {}, {"unit_price": "60.84"}), None),
    ("10 % of little", ({"unit_price": "0.30"}, {}, {"unit_price": "0.33"}), None),
    ("an estimated price", ({"price_estimated": True}, {}, {"unit_price": "80"}), None),
    ("priced per hundred", (HUNDRED, {}, {"unit_price": "60"}), None),
    ("received 20 days ago, not billed", ({}, {"received_at": days_ago(20)}, None), None),
    ("old, and evaluated receipt", ({"ers": True}, OLD, None), None),
    ("old, and consigned", ({"consigned": True}, OLD, None), None),
    ("old, and without charge", ({"no_charge": True}, OLD, None), None),
    ("old, and two-way", ({"match": 2}, OLD, None), None),
    ("old, and returned since", ({}, OLD, None), lambda b: b.receipt(
        receipt_number="R2", quantity=-10, movement="return", received_at=days_ago(2))),
    ("old ones are billed, new ones not yet", ({}, {**OLD, "quantity": 5}, {"quantity": 5}),
     lambda b: b.receipt(receipt_number="R2", quantity=5, received_at=days_ago(2))),
    ("the same receipt also in the ERP", ({}, {}, {}), lambda b: b.receipt(system="ERP")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("documents", "more"), [case[1:] for case in SILENT], ids=[case[0] for case in SILENT]
)
def test_stays_silent(books: Books, documents: Any, more: Callable[[Books], None] | None) -> None:
    _books(books, *documents)
    if more:
        more(books)
    assert books.categories() == set()


@pytest.mark.parametrize(
    ("receipt", "invoice", "why"),
    [
        ({}, {"item": None, **EACH}, "the invoice names no item whose conversion could be used"),
        ({"item": "", "unit": "EA", "quantity": 120}, None, "the receipt names no item whose conversion could be used"),
        ({}, {"unit": "PK"}, "no conversion"),
        ({"unit": "PK"}, None, "no conversion"),
    ],
)  # fmt: skip
def test_what_names_no_item_is_not_said_to_lack_a_conversion(
    books: Books, receipt: dict[str, Any], invoice: dict[str, Any] | None, why: str
) -> None:
    """Only *no conversion* is a cause for the stewards: the item master has it where the document names no item."""
    _books(books, {}, receipt, invoice)
    assert json.loads(books.only().facts)["why"] == why


def test_a_pack_price_is_a_unit_mismatch_and_no_price_variance(books: Books) -> None:
    _books(books, {}, {}, {"unit_price": 5})
    assert books.categories() == {"unit_mismatch"}


@pytest.mark.parametrize(
    ("billed", "reversed_", "raised"),
    [
        (2, None, True),
        (1.9, None, False),
        (0.1, None, False),
        (8, 2, True),
        (8, 1.9, False),
    ],
    ids=["two days", "within two days", "hours ago", "taken back two days ago", "taken back yesterday"],
)
def test_the_rest_of_a_partial_delivery_is_awaited_as_long_as_the_whole_of_one(
    books: Books, billed: float, reversed_: float | None, raised: bool
) -> None:
    _books(books, {}, {"quantity": 6 if reversed_ is None else 10}, {"entered_at": days_ago(billed)})
    if reversed_ is not None:
        part = {"quantity": -4, "movement": "reversal", "received_at": days_ago(reversed_)}
        books.receipt(receipt_number="R2", **part)
    assert books.categories() == ({"over_received"} if raised else set())


@pytest.mark.parametrize("quantity", [0, 6])
def test_neither_a_part_nor_the_whole_is_missed_before_the_warehouse_was_read(
    books: Books, quantity: int
) -> None:
    _books(books, {}, {"quantity": quantity} if quantity else None, {})
    assert books.categories(read={"receipt": days_ago(8)}) == set()
    assert books.categories(read={"receipt": days_ago(7)}) != set()


def test_another_part_that_came_does_not_begin_the_wait_anew(books: Books) -> None:
    _books(books, {}, {"quantity": 6}, {})
    books.receipt(receipt_number="R2", quantity=2, received_at=days_ago(0.5))
    assert (books.only().since, books.only().amount) == (days_ago(8), Decimal(120))


def test_missing_is_raised_only_when_the_other_side_was_read_later_than_the_lag(books: Books) -> None:
    _books(books, None, None, {})
    late, early = days_ago(7.9), days_ago(8)
    assert books.categories(read={"order": late}) == {"no_valid_order"}
    assert books.categories(read={"order": early}) == set()
    assert books.categories(read={"suite_order": early}) == set()
    assert books.categories(read={"order": None}) == set()


def test_an_unread_warehouse_raises_no_missing_receipt(books: Books) -> None:
    _books(books, {}, None, {})
    assert books.categories(read={"receipt": None}) == set()


@pytest.mark.parametrize(
    ("documents", "raised"),
    [
        (({}, {}, {"unit": "PK"}), {"unit_mismatch"}),
        (({}, {"unit": "PK"}, None), {"unit_mismatch"}),
        (({}, {}, {"unit_price": 5}), {"unit_mismatch"}),
        (({}, {"quantity": 6}, {}), {"over_received"}),
    ],
)
def test_what_builds_on_conversions_waits_until_they_were_read_once(
    books: Books, documents: Any, raised: set[str]
) -> None:
    _books(books, *documents)
    unread = dict.fromkeys(("order.conversion", "receipt.conversion", "invoice.conversion"))
    assert books.categories(read=unread) == set()
    assert books.categories() == raised


def test_what_builds_on_no_look_up_does_not_wait_for_one(books: Books) -> None:
    _books(books, {}, {}, {"supplier": "V2"})
    assert books.categories(read={"order.conversion": None}) == {"supplier_mismatch"}


@pytest.mark.parametrize(
    ("line", "said"),
    [(None, "but no line of that order"), ("7", "unknown in the order systems of this facility")],
)
def test_an_invoice_without_an_order_line_says_what_is_unknown(
    books: Books, line: str | None, said: str
) -> None:
    _books(books, {}, {}, {"line_number": line})
    facts = {one.category: json.loads(one.facts) for one in books.run().discrepancies}
    assert facts["no_valid_order"]["systems"] == said


DAY_BEFORE_CLOSE, CLOSE_DAY = datetime(2026, 11, 29, 23, tzinfo=UTC), datetime(2026, 11, 30, 14, tzinfo=UTC)
"""November closes on its last Monday at 17:00 in New York."""
TEN_DAYS = {"received_at": CLOSE_DAY - timedelta(days=10)}


@pytest.mark.parametrize(
    ("documents", "raised"),
    [
        (({}, TEN_DAYS, None), True),
        (({}, {**TEN_DAYS, "quantity": 1}, None), True),
        (({"unit_price": "0.01"}, {**TEN_DAYS, "quantity": 1}, None), True),
        (({}, TEN_DAYS, {"quantity": 9}), True),
        (({}, {"received_at": CLOSE_DAY - timedelta(hours=1)}, None), True),
        (({}, {"received_at": datetime(2026, 11, 30, 22, 1, tzinfo=UTC)}, None), False),
        (({}, TEN_DAYS, {}), False),
        (({"ers": True}, TEN_DAYS, None), False),
        (({"consigned": True}, TEN_DAYS, None), False),
        (({"no_charge": True}, TEN_DAYS, None), False),
        (({"match": 2}, TEN_DAYS, None), False),
    ],
)
def test_at_the_close_all_that_came_and_was_not_billed_is_accrued(
    books: Books, documents: Any, raised: bool
) -> None:
    _books(books, *documents)
    assert books.categories(now=DAY_BEFORE_CLOSE) == set()
    expected = {"received_not_invoiced"} if raised else set[str]()
    assert books.categories(now=CLOSE_DAY) == expected
    # The close is over and the invoice has still not come.
    assert books.categories(now=CLOSE_DAY + timedelta(days=9)) == expected


@pytest.mark.parametrize(("quantity", "raised"), [(1, False), (2, True)])
def test_a_site_may_say_what_is_worth_accruing_at_the_close(
    books: Books, quantity: int, raised: bool
) -> None:
    check = books.catalog.checks["p2p.three_way"]
    assert isinstance(check, MatchCheck)
    least = check.tolerances["accrual_at_close"].model_copy(update={"absolute": Decimal(100)})
    changed = check.model_copy(update={"tolerances": {**check.tolerances, "accrual_at_close": least}})
    books.catalog = replace(books.catalog, checks={**books.catalog.checks, check.code: changed})
    _books(books, {}, {**TEN_DAYS, "quantity": quantity}, None)
    assert bool(books.categories(now=CLOSE_DAY)) == raised


@pytest.mark.parametrize(("amount", "left"), [("1000", None), ("400", "600")])
def test_of_a_line_that_is_ordered_by_amount_what_was_billed_is_its_amounts(
    books: Books, amount: str, left: str | None
) -> None:
    ordered = {"basis": "amount", "quantity": 1000, "unit_price": "1"}
    billed = {"quantity": 1, "unit_price": amount, "amount": amount}
    _books(books, ordered, {**OLD, "quantity": 1000}, billed)
    found = [one for one in books.run().discrepancies if one.category == "received_not_invoiced"]
    assert [one.amount for one in found] == [Decimal(each) for each in filter(None, [left])]


def test_what_came_after_the_close_waits_for_the_next_though_its_line_was_billed_before(books: Books) -> None:
    _books(books, {}, {**TEN_DAYS, "quantity": 5}, {"quantity": 5})
    books.receipt(receipt_number="R2", quantity=5, received_at=CLOSE_DAY + timedelta(days=1))
    assert books.categories(now=CLOSE_DAY + timedelta(days=5)) == set()


def test_an_accrual_at_the_close_says_how_much_and_since_when(books: Books) -> None:
    _books(books, {}, {**TEN_DAYS, "quantity": 2}, None)
    found = books.only(now=CLOSE_DAY)
    assert (found.amount, json.loads(found.facts)["days"]) == (Decimal(120), 10)


def test_a_close_is_no_news_for_what_is_wrong_in_another_way(books: Books) -> None:
    _books(books, {}, TEN_DAYS, {"unit_price": 70})
    before, after = (books.only(now=now).evidence_hash for now in (DAY_BEFORE_CLOSE, CLOSE_DAY))
    assert before == after


def test_where_nothing_is_closed_little_is_left_alone_at_any_age(books: Books) -> None:
    books.catalog = replace(books.catalog, cutoffs=())
    _books(books, {}, {**OLD, "quantity": 1}, None)
    assert books.categories() == set()
    books.receipt(receipt_number="R2", quantity=1, received_at=OLD["received_at"])
    assert books.categories() == {"received_not_invoiced"}


def test_an_unread_payables_system_raises_no_accrual(books: Books) -> None:
    _books(books, {}, OLD, None)
    assert books.categories(read={"invoice": None}) == set()


def test_a_price_variance_says_limit_difference_and_excess(books: Books) -> None:
    _books(books, {}, {}, {"unit_price": "66"})
    found = books.only()
    facts, evidence = json.loads(found.facts), json.loads(found.evidence)
    assert (found.reference, found.amount, found.currency) == ("PO1/1", Decimal("60.0000"), "USD")
    assert facts | {
        "supplier": "Acme", "invoiced": "660", "ordered": "600", "extended": "60",
        "tolerance": "12", "excess": "48",
    } == facts  # fmt: skip
    assert evidence["tolerance"]["limit"] == "12"
    assert evidence["sides"]["order"]["unit_price"] == "60"
    assert evidence["sides"]["invoice"]["last_at"] == "2026-11-16T15:00:00Z"
    assert evidence["sides"]["suite_order"] == {}
    assert json.loads(found.business_key) == {"line_number": "1", "order_number": "PO1"}


@pytest.mark.parametrize(
    ("price", "order", "said"),
    [
        ("66", {}, "$660.00, order says $600.00: $60.00 over, limit $12.00."),
        ("54", {}, "$540.00, order says $600.00: $60.00 under, limit $12.00."),
        ("54", HUNDRED, "$540.00, order says $600.00: $60.00 under, limit $12.00."),
    ],
)
def test_a_price_variance_says_over_or_under_and_the_tolerance_its_currency(
    books: Books, p2p: Any, price: str, order: dict[str, Any], said: str
) -> None:
    _books(books, order, {}, {"unit_price": price})
    found = books.only()
    sentence = p2p.categories["price_variance"].sentence
    assert wording.render(sentence, json.loads(found.facts), found.currency) == f"Acme charged {said}"
    rule = json.loads(found.evidence)["tolerance"]["sentence"]
    assert rule.endswith("allowed: $250.00 or 2 %, whichever is smaller; up to $5.00 ignored")


def test_figures_of_a_scaled_price_are_the_real_ones(books: Books) -> None:
    _books(books, HUNDRED, {}, {"unit_price": "66"})
    facts = json.loads(books.only().facts)
    assert (facts["ordered"], facts["extended"], facts["tolerance"]) == ("600", "60", "12")


def test_an_accrual_is_worth_what_was_received_and_not_billed(books: Books) -> None:
    _books(books, {}, OLD, {"quantity": 4})
    found = books.only()
    assert (found.amount, json.loads(found.facts)["days"]) == (Decimal("360.0000"), 35)
    assert found.since == days_ago(35)


def test_over_received_is_worth_the_order_price(books: Books) -> None:
    _books(books, {}, {"quantity": 9}, EACH)
    found = books.only()
    assert found.amount == Decimal("60.0000")
    facts = json.loads(found.facts)
    assert (facts["invoiced"], facts["received"], facts["unit"]) == ("120", "108", "base units")


def test_evidence_hash_ignores_row_order_and_a_second_reading(p2p: Any) -> None:
    hashes = set()
    for parts in ((4, 6), (6, 4)):
        books = Books(p2p)
        books.order(fetched_at=NOW if parts[0] == 4 else days_ago(1))
        books.receipt()
        for number, quantity in enumerate(parts):
            books.invoice(
                invoice_number=f"I{quantity}", invoice_line=str(number), quantity=quantity, unit_price=70
            )
        hashes.add(books.only().evidence_hash)
    assert len(hashes) == 1


def test_evidence_hash_changes_with_what_a_side_says(p2p: Any) -> None:
    hashes = set()
    for price in ("70", "71"):
        books = Books(p2p)
        _books(books, {}, {}, {"unit_price": price})
        hashes.add(books.only().evidence_hash)
    assert len(hashes) == 2


def test_what_is_only_told_is_kept_and_no_change_of_it_is_news(p2p: Any) -> None:
    hashes, kept = set(), []
    for requisition, status in ((None, "entered"), ("RQ7", "paid")):
        books = Books(p2p)
        _books(books, {"requisition": requisition}, {}, {"unit_price": "70", "status": status})
        found = books.only()
        hashes.add(found.evidence_hash)
        sides = json.loads(found.evidence)["sides"]
        kept.append((sides["order"]["requisition"], sides["invoice"]["paid"]))
    assert len(hashes) == 1
    assert kept == [(None, None), ("RQ7", "all paid")]


def test_identity_survives_changes_of_amount(p2p: Any) -> None:
    found = set()
    for price in ("70", "71"):
        books = Books(p2p)
        _books(books, {}, {}, {"unit_price": price})
        found.add(books.only().fingerprint)
    assert len(found) == 1


@pytest.mark.parametrize(
    "absurd",
    [
        {"quantity": "99999999999999.9999"},
        {"unit_price": "99999999999999.9999", "amount": "99999999999999.9999"},
        {"quantity": "99999999999999.9999", "unit": "EA", "amount": "99999999999999.9999"},
        {"quantity": "-99999999999999.9999", "unit": "EA", "amount": "-99999999999999.9999"},
    ],
)
def test_one_absurd_row_does_not_stop_the_check(agreed: Books, absurd: dict[str, Any]) -> None:  # fmt: skip
    huge = "99999999999999.9999"
    agreed.order(order_number="PO2", quantity=huge, unit_price=huge, price_per=huge)
    agreed.receipt(order_number="PO2", receipt_number="R9", quantity=huge, received_at=days_ago(35))
    agreed.order(order_number="PO4", quantity=huge, unit_price=huge)
    agreed.receipt(order_number="PO4", receipt_number="R4", quantity=huge, received_at=days_ago(35))
    agreed.receipt(order_number="PO4", receipt_number="R5", quantity=huge, received_at=days_ago(35))
    agreed.invoice(order_number="PO4", invoice_number="I4", quantity=huge, unit_price=huge, amount=huge)
    agreed.invoice(order_number="PO4", invoice_number="I5", quantity=huge, unit_price=huge, amount=huge)
    agreed.invoice(order_number="PO2", invoice_number="I9", **{"amount": 1, **absurd})
    agreed.order(order_number="PO3")
    agreed.receipt(order_number="PO3", receipt_number="R3")
    agreed.invoice(order_number="PO3", invoice_number="I3", unit_price=70)
    found = {one.reference: one for one in agreed.run().discrepancies}
    assert found["PO3/1"].category == "price_variance"
    assert "PO2/1" in found


def test_each_entity_sees_its_own_orders_only(agreed: Books) -> None:
    agreed.invoice(entity="H2", invoice_number="I2")
    assert agreed.categories(entity="H1") == set()
    found = agreed.only(entity="H2")
    assert (found.category, found.entity, found.scope) == ("no_valid_order", "H2", "H2")


def test_a_line_of_many_absurd_rows_is_found_and_stops_nothing(books: Books) -> None:
    books.order()
    for number in range(12):
        books.receipt(receipt_number=f"R{number}", quantity="99999999999999")
        books.invoice(invoice_number=f"I{number}", quantity="99999999999999", amount="99999999999999")
    assert "over_ordered" in books.categories()


@pytest.mark.parametrize(
    ("supplier", "here", "said"),
    [(None, None, None), (True, None, True), (True, False, False), (None, True, True)],
)
def test_a_finding_says_that_the_supplier_holds_deliveries_to_the_facility(
    books: Books, supplier: bool | None, here: bool | None, said: bool | None
) -> None:
    for of, held in (("supplier", supplier), ("here", here), ("site", True)):
        if held is not None:
            terms(books, of, credit_hold=held)
    books.order()
    books.receipt()
    books.invoice(unit_price=70)
    books.invoice(invoice_number="I2", supplier="S1", order_number="")
    both = [*books.run().discrepancies, *books.run("p2p.invoice_without_order").discrepancies]
    assert [json.loads(one.facts)["delay_credit_hold"] for one in both] == [said] * 2
