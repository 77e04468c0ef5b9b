"""Looking keys up again: agrees now, or left the window."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from exceptions_app.reconcile.probe import Probed, canonical_key

from .books import NOW, Books, days_ago
from .invoice_books import InvoiceBooks

LINE = {"order_number": "PO1", "line_number": "1"}


def test_a_key_that_is_still_there_says_when_it_was_last_fetched(books: Books) -> None:
    books.order(fetched_at=days_ago(2))
    books.invoice(fetched_at=NOW)
    assert books.probe([LINE]) == {canonical_key(LINE): Probed(True, NOW, days_ago(9))}


def test_a_key_says_when_its_source_last_changed_it_but_never_for_having_been_fetched(books: Books) -> None:
    books.order(source_time=days_ago(5), fetched_at=NOW)
    books.invoice(source_time=NOW, fetched_at=NOW)  # its source says nothing: the time of fetching stands
    assert books.probe([LINE])[canonical_key(LINE)].changed_at == days_ago(5)


@pytest.mark.parametrize(("mode", "fetched"), [("snapshot", NOW), ("changes", days_ago(3))])
def test_what_a_snapshot_brought_unchanged_was_read_with_it(
    books: Books, mode: str, fetched: datetime
) -> None:
    feeds = {code: feed.model_copy(update={"mode": mode}) for code, feed in books.catalog.feeds.items()}
    books.catalog = replace(books.catalog, feeds=feeds)
    books.con.execute("UPDATE all_item_unit SET fetched_at = source_time")
    books.order(fetched_at=days_ago(3))
    books.invoice(fetched_at=days_ago(3))

    def read(at: datetime) -> datetime | None:
        return books.probe([LINE], read=dict.fromkeys(feeds, at))[canonical_key(LINE)].fetched_at

    assert (read(NOW), read(days_ago(5))) == (fetched, days_ago(3))


def test_a_voided_invoice_is_still_there(books: Books) -> None:
    books.invoice(status="void")
    assert books.probe([LINE])[canonical_key(LINE)].present


def test_a_key_that_no_side_has_left_the_window(books: Books) -> None:
    books.order(entity="H2")
    gone = {"order_number": "PO9", "line_number": "1"}
    assert books.probe([LINE, gone]) == {
        canonical_key(LINE): Probed(False, None),
        canonical_key(gone): Probed(False, None),
    }


def test_keys_are_the_source_s_own_not_the_canonical_ones(books: Books) -> None:
    books.invoice(order_number=None)
    own, canonical = ({"supplier": s, "invoice_number": "I1"} for s in ("V1", "S1"))
    found = books.probe([own, canonical], "p2p.invoice_without_order")
    assert (found[canonical_key(own)].present, found[canonical_key(canonical)].present) == (True, False)


def test_what_another_system_calls_otherwise_counts_as_read_with_it(ledger: InvoiceBooks) -> None:
    ledger.invoice(supplier="V1", fetched_at=days_ago(3), source_time=days_ago(9))
    ledger.supplier(fetched_at=NOW, source_time=days_ago(1))
    billed, called = {"supplier": "V1"}, {"supplier": "V9"}
    found = ledger.probe([billed, called], "p2p.supplier_standing")
    assert found[canonical_key(billed)] == Probed(True, NOW, days_ago(1))
    assert not found[canonical_key(called)].present


def test_duplicates_are_looked_up_in_the_whole_network(books: Books) -> None:
    books.invoice(entity="H2", status="void")
    own = {"supplier": "V1", "invoice_number": "I1"}
    assert books.probe([own], "p2p.duplicate_invoice")[canonical_key(own)].present


def test_nothing_asked_nothing_answered(books: Books) -> None:
    assert books.probe([]) == {}


def test_a_conversion_that_was_added_counts_as_read_and_changed(books: Books) -> None:
    books.order(fetched_at=days_ago(3))
    books.invoice(unit="PK", fetched_at=days_ago(3))
    before = books.probe([LINE])[canonical_key(LINE)]
    books.add("item_unit", "ERP", entity=None, item="mask", unit="PK", factor=6, source_time=days_ago(1))
    assert books.probe([LINE])[canonical_key(LINE)] == before
    books.add("item_unit", "ERP", entity=None, item="glove", unit="PK", factor=6, source_time=days_ago(2))
    assert before == Probed(True, NOW, days_ago(9))  # the order's own unit was read again
    assert books.probe([LINE])[canonical_key(LINE)] == Probed(True, NOW, days_ago(2))


def test_a_line_whose_units_were_not_read_again_was_not_read(books: Books) -> None:
    books.con.execute("UPDATE all_item_unit SET fetched_at = source_time")
    books.invoice(unit="PK", fetched_at=days_ago(3))
    assert books.probe([LINE])[canonical_key(LINE)].fetched_at == days_ago(3)
    books.add("item_unit", "ERP", entity=None, item="glove", unit="PK", factor=6)
    assert books.probe([LINE])[canonical_key(LINE)].fetched_at == NOW


@pytest.mark.parametrize(
    ("code", "key"),
    [
        *((f"p2p.{code}", {"order_number": "PO1", "line_number": "1"}) for code in (
            "three_way", "evaluated_receipt", "inspection", "blanket", "service", "usage", "receipt_in_erp",
            "contract_price",
        )),
        ("p2p.requisition", {"requisition": "RQ1", "requisition_line": "1"}),
        ("p2p.order_total", {"order_number": "PO1"}),
    ],
)  # fmt: skip
def test_keys_of_every_check_of_orders_can_be_looked_up(
    agreed: Books, code: str, key: dict[str, str]
) -> None:
    agreed.add(
        "requisition_line", "SUITE", requisition="RQ1", requisition_line="1", quantity=1, status="approved"
    )
    gone = dict.fromkeys(key, "gone")
    found = agreed.probe([key, gone], code)
    assert [found[canonical_key(one)].present for one in (key, gone)] == [True, False]
