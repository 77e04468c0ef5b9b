"""Reference data as of a day, and what it means that a look-up knows nothing."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import MatchCheck
from exceptions_app.reconcile.probing import probing_of
from jobs.flows import can_run

from .books import Books, days_ago

PRICE_OF_THE_DAY = {
    "code": "test.price", "title": "Price of the day", "flow": "procure_to_pay", "key": ["order_number"],
    "reference": "{order_number}",
    "sides": {
        "invoice": {
            "record": "invoice_line",
            "lookups": {
                "agreed": {
                    "record": "contract_price", "on": {"item": "item"}, "columns": ["unit_price"],
                    "as_of": "invoice_date", "valid_from": "valid_from", "valid_to": "valid_to", "pick": "max",
                },
            },
            "columns": {"price": "agreed.unit_price", "at": "entered_at"},
        },
    },
    "findings": [
        {
            "category": "price_variance", "present": ["invoice"], "since": "invoice.at",
            "facts": {
                "price": "invoice.price", "supplier": "''", "invoiced": "0", "ordered": "0",
                "direction": "''", "tolerance": "0",
            },
        },
    ],
}  # fmt: skip


def _price(books: Books, price: int, first: str, last: str | None = None, **more: Any) -> None:
    books.add(
        "contract_price", "SUITE", entity=None, contract=f"C{price}", supplier="S1", item="glove", unit="CS",
        unit_price=price, currency="USD", valid_from=date.fromisoformat(first),
        valid_to=last and date.fromisoformat(last), **more,
    )  # fmt: skip


def _said(books: Books, **altered: Any) -> str | None:
    check = MatchCheck.model_validate({**PRICE_OF_THE_DAY, **altered})
    (found,) = books.run_altered(check).discrepancies
    price: str | None = json.loads(found.facts)["price"]
    return price


@pytest.mark.parametrize(
    ("day", "price"),
    [
        ("2025-12-31", None),
        ("2026-01-01", "60"),
        ("2026-02-28", "60"),
        ("2026-03-01", "55"),
        ("2026-03-31", "55"),
        ("2026-04-01", "60"),
        ("2026-06-30", "60"),
        ("2026-07-01", None),
        ("2026-08-31", None),
        ("2026-09-01", "70"),
        ("2036-09-01", "70"),
    ],
)
def test_what_began_last_and_has_not_ended_holds_on_a_day(books: Books, day: str, price: str | None) -> None:
    _price(books, 60, "2026-01-01", "2026-06-30")
    _price(books, 55, "2026-03-01", "2026-03-31")
    _price(books, 70, "2026-09-01")
    books.invoice(invoice_date=date.fromisoformat(day))
    assert _said(books) == price


def test_of_what_began_on_the_same_day_one_is_picked(books: Books) -> None:
    _price(books, 60, "2026-01-01")
    _price(books, 65, "2026-01-01")
    books.invoice()
    assert _said(books) == "65"


def test_another_item_s_price_does_not_hold(books: Books) -> None:
    _price(books, 60, "2026-01-01")
    books.invoice(item="gown")
    assert _said(books) is None


def test_a_line_without_a_day_has_no_price_and_is_kept(books: Books) -> None:
    _price(books, 60, "2026-01-01")
    books.invoice(invoice_date=None)
    assert _said(books) is None


def _settled(record: str) -> MatchCheck:
    sides = json.loads(json.dumps(PRICE_OF_THE_DAY["sides"]))
    finding = {**PRICE_OF_THE_DAY["findings"][0], "settled": ["invoice.agreed"]}  # type: ignore[index]
    sides["invoice"]["lookups"]["agreed"]["record"] = record
    if record != "contract_price":
        sides["invoice"]["lookups"]["agreed"] = {
            "record": record,
            "on": {"supplier_id": "supplier"},
            "columns": ["name"],
        }
        sides["invoice"]["columns"]["price"] = "agreed.name"
    return MatchCheck.model_validate({**PRICE_OF_THE_DAY, "sides": sides, "findings": [finding]})


def test_a_look_up_that_must_be_settled_is_waited_for(books: Books) -> None:
    books.invoice(entered_at=days_ago(3))
    check = _settled("contract_price")
    assert books.run_altered(check).discrepancies
    lag = timedelta(hours=1)
    for read, raised in ((lag, True), (lag - timedelta(seconds=1), False)):
        found = books.run_altered(check, read={"invoice.agreed": days_ago(3) + read}).discrepancies
        assert bool(found) == raised, read
    assert not books.run_altered(check, read={"invoice.agreed": None}).discrepancies


def test_a_look_up_that_no_feed_brings_is_never_settled(books: Books) -> None:
    books.invoice()
    assert books.run_altered(_settled("supplier")).discrepancies == []


@pytest.mark.parametrize(
    ("record", "needed", "runs"),
    [("contract_price", True, True), ("supplier", False, True), ("supplier", True, False)],
)
def test_a_check_does_not_run_without_a_look_up_that_it_needs(
    p2p: Catalog, record: str, needed: bool, runs: bool
) -> None:
    check = _settled(record)
    side = check.sides["invoice"]
    agreed = side.lookups["agreed"].model_copy(update={"needed": needed})
    sides = {"invoice": side.model_copy(update={"lookups": {"agreed": agreed}})}
    assert can_run(p2p, check.model_copy(update={"sides": sides})) == runs


def _altered(lookups: dict[str, Any], price: str) -> MatchCheck:
    """The check of a price, with other look-ups; `price` is what is said."""
    sides = json.loads(json.dumps(PRICE_OF_THE_DAY["sides"]))
    sides["invoice"]["lookups"], sides["invoice"]["columns"]["price"] = lookups, price
    return MatchCheck.model_validate({**PRICE_OF_THE_DAY, "sides": sides})


def _price_of(books: Books, check: MatchCheck, **options: Any) -> str | None:
    (found,) = books.run_altered(check, **options).discrepancies
    said: str | None = json.loads(found.facts)["price"]
    return said


@pytest.mark.parametrize(
    ("quantities", "total"), [([], None), ([4], "4"), ([4, "2.5"], "6.5"), ([4, -4], "0"), ([4, None], "4")]
)
def test_a_look_up_may_add_up(books: Books, quantities: list[Any], total: str | None) -> None:
    books.invoice()
    for number, quantity in enumerate(quantities):
        books.receipt(receipt_number=f"R{number}", quantity=quantity)
    books.receipt(order_number="PO2")
    received = {"record": "receipt_line", "kind": "wms", "on": {"order_number": "order_number"}}
    check = _altered({"received": {**received, "columns": ["quantity"], "pick": "sum"}}, "received.quantity")
    assert _price_of(books, check) == total


def test_many_absurd_rows_that_a_look_up_adds_up_stop_nothing(books: Books) -> None:
    books.invoice()
    for number in range(12):
        books.receipt(receipt_number=f"R{number}", quantity="99999999999999")
    received = {"record": "receipt_line", "kind": "wms", "on": {"order_number": "order_number"}}
    check = _altered({"received": {**received, "columns": ["quantity"], "pick": "sum"}}, "received.quantity")
    assert _price_of(books, check) == "99999999999999.9999"


CHAIN = {
    "ordered": {
        "record": "purchase_order_line", "kind": "erp", "on": {"order_number": "order_number"}, "columns": ["item"],
    },
    "agreed": {"record": "contract_price", "on": {"item": "ordered.item"}, "columns": ["unit_price"]},
}  # fmt: skip


@pytest.mark.parametrize(("item", "price"), [("glove", "60"), ("gown", None), (None, None)])
def test_a_look_up_may_ask_for_what_one_before_it_found(
    books: Books, item: str | None, price: str | None
) -> None:
    books.invoice(item="something else")
    books.order(item=item)
    _price(books, 60, "2026-01-01")
    assert _price_of(books, _altered(CHAIN, "agreed.unit_price")) == price


def test_a_chain_asks_nothing_where_no_feed_brings_its_beginning(books: Books) -> None:
    books.invoice()
    _price(books, 60, "2026-01-01")
    unfed = {
        **CHAIN,
        "ordered": {"record": "supplier", "on": {"supplier_id": "supplier"}, "columns": ["name"]},
    }
    unfed["agreed"] = {**CHAIN["agreed"], "on": {"item": "ordered.name"}}
    assert _price_of(books, _altered(unfed, "agreed.unit_price")) is None


def test_a_verdict_on_a_chain_waits_for_each_look_up_of_it(books: Books) -> None:
    books.invoice()
    books.order()
    _price(books, 60, "2026-01-01")
    check = _altered(CHAIN, "agreed.unit_price")
    finding = check.findings[0].model_copy(update={"when": "invoice.price > 0"})
    judged = check.model_copy(update={"findings": [finding]})
    assert books.run_altered(judged).discrepancies
    for name in ("invoice.ordered", "invoice.agreed"):
        assert not books.run_altered(judged, read={name: None}).discrepancies


def test_a_check_with_a_chain_is_compared_in_full(p2p: Catalog) -> None:
    found = probing_of(_altered(CHAIN, "agreed.unit_price"), p2p)
    assert found == "full each time: a look-up asks for what another one found"


@pytest.mark.parametrize(
    ("hours", "price"), [((8, 10), "65"), ((10, 8), "60")], ids=["in their order", "the later one first"]
)
def test_what_began_at_a_time_holds_on_its_day(books: Books, hours: tuple[int, int], price: str) -> None:
    """Of several that began on one day the one that began last."""
    books.invoice(invoice_date=date(2026, 11, 16))
    for item, hour in zip(("glove", "gown"), hours, strict=True):
        day = datetime(2026, 11, 16, hour, tzinfo=UTC)
        books.add(
            "requisition_line", "SUITE", requisition="RQ1", requisition_line=item, item=item, quantity=1,
            unit="CS", status="approved", approved_at=day,
        )  # fmt: skip
    _price(books, 60, "2026-01-01")
    books.add(
        "contract_price", "SUITE", entity=None, contract="G", supplier="S1", item="gown", unit="CS", unit_price=65,
        currency="USD", valid_from=date(2026, 1, 1),
    )  # fmt: skip
    chain = {
        "asked": {
            "record": "requisition_line", "on": {"requisition": "'RQ1'"}, "as_of": "invoice_date",
            "valid_from": "approved_at", "sequence": "approved_at", "columns": ["item"],
        },
        "agreed": {"record": "contract_price", "on": {"item": "asked.item"}, "columns": ["unit_price"]},
    }  # fmt: skip
    assert _price_of(books, _altered(chain, "agreed.unit_price")) == price
    books.con.execute("UPDATE all_invoice_line SET invoice_date = DATE '2026-11-15'")
    assert _price_of(books, _altered(chain, "agreed.unit_price")) is None
