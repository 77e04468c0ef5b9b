"""Keys that vanish from a source become tombstones, only where their absence is proven."""

from __future__ import annotations

from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from exceptions_app.connectors.base import RawRow, RowProblem
from exceptions_app.records.errors import ShrunkenReadError
from exceptions_app.records.mapping import FeedMapper
from exceptions_app.records.store import RecordStore

from .conftest import FETCHED, Current, Lines


def raw(*rows: tuple[str, str, str]) -> list[RawRow]:
    return [
        RawRow(f"orders.csv:{i}", {"site": site, "po": po, "ln": "1", "qty": qty})
        for i, (site, po, qty) in enumerate(rows, 2)
    ]


def read(
    store: RecordStore,
    con: DuckDBPyConnection,
    feed: str,
    run: int,
    rows: list[RawRow],
    keys: list[RawRow] | None = None,
) -> FeedMapper:
    """One whole run: map, land, tell what vanished."""
    mapper = FeedMapper(con, store.catalog, feed, run, FETCHED)
    store.land("order_line", feed, run, 0, mapper.map(rows).table)
    if keys is not None:
        mapper.see_keys(keys)
    if mapper.proves_absence:
        store.land_vanished(con, feed, run, 1, mapper.seen_table, FETCHED, frozenset())
    return mapper


@pytest.mark.parametrize("folded", [False, True])
def test_what_a_snapshot_no_longer_holds_is_gone(
    store: RecordStore, con: DuckDBPyConnection, current: Current, folded: bool
) -> None:
    read(
        store, con, "erp.orders", 1, raw(("NORTH", "PO1", "5"), ("NORTH", "PO2", "6"), ("SOUTH", "PO1", "7"))
    )
    if folded:
        store.fold("order_line")
    read(store, con, "erp.orders", 2, raw(("NORTH", "PO1", "5")))
    assert current() == {("NORTH", "PO1"): 5}
    read(store, con, "erp.orders", 3, raw(("NORTH", "PO1", "5"), ("SOUTH", "PO1", "8")))
    assert current() == {("NORTH", "PO1"): 5, ("SOUTH", "PO1"): 8}


def test_a_list_of_all_keys_proves_absence_where_only_changes_are_read(
    store: RecordStore, con: DuckDBPyConnection, current: Current
) -> None:
    read(store, con, "erp.keyed", 1, raw(("NORTH", "PO1", "5"), ("NORTH", "PO2", "6")), [])
    keys = [RawRow("key 1", {"site": "NORTH", "po": "PO2", "ln": "1"})]
    read(store, con, "erp.keyed", 2, raw(("NORTH", "PO3", "1")), keys)
    assert current() == {("NORTH", "PO2"): 6, ("NORTH", "PO3"): 1}


def test_a_feed_deletes_only_what_it_brought_itself(
    store: RecordStore, con: DuckDBPyConnection, current: Current
) -> None:
    read(store, con, "erp.orders", 1, raw(("NORTH", "PO1", "5")))
    read(store, con, "erp.more", 2, raw(("NORTH", "PO2", "6")))
    assert len(current()) == 2


def test_records_of_a_feed_that_left_the_configuration_are_deleted_by_the_one_that_reads_on(
    store: RecordStore, con: DuckDBPyConnection, lines: Lines, current: Current
) -> None:
    store.land("order_line", "erp.retired", 1, 0, lines(("NORTH", "PO1", 5), ("NORTH", "PO2", 6)))
    read(store, con, "erp.orders", 2, raw(("NORTH", "PO2", "6")))
    assert current() == {("NORTH", "PO2"): 6}


def test_a_refused_row_whose_key_can_be_read_keeps_its_old_record(
    store: RecordStore, con: DuckDBPyConnection, current: Current
) -> None:
    read(store, con, "erp.orders", 1, raw(("NORTH", "PO1", "5"), ("NORTH", "PO2", "6")))
    mapper = read(store, con, "erp.orders", 2, raw(("NORTH", "PO1", "many")))
    assert mapper.proves_absence
    assert current() == {("NORTH", "PO1"): 5}


def test_a_refused_row_that_may_be_anybody_disproves_absence(
    store: RecordStore, con: DuckDBPyConnection
) -> None:
    assert not read(store, con, "erp.orders", 1, raw(("NORTH", "", "5"))).proves_absence
    mapper = FeedMapper(con, store.catalog, "erp.orders", 2, FETCHED)
    mapper.map([], [RowProblem("orders.csv:7", "2 fields where 4 are expected", "NORTH;PO1")])
    assert not mapper.proves_absence


def test_an_unfinished_run_of_another_feed_is_not_deleted_from(
    store: RecordStore, con: DuckDBPyConnection, lines: Lines
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 5)))
    mapper = FeedMapper(con, store.catalog, "erp.orders", 2, FETCHED)
    mapper.map(raw(("NORTH", "PO9", "1")))
    assert store.land_vanished(con, "erp.orders", 2, 1, mapper.seen_table, FETCHED, {1, 2}) == 0
    assert store.land_vanished(con, "erp.orders", 2, 1, mapper.seen_table, FETCHED, {2}) == 1


def test_an_empty_snapshot_where_many_records_are_known_is_taken_for_an_outage(
    store: RecordStore, con: DuckDBPyConnection, lines: Lines
) -> None:
    many: Any = lines(*(("NORTH", f"PO{i}", i) for i in range(60)))
    store.land("order_line", "erp.orders", 1, 0, many)
    with pytest.raises(ShrunkenReadError, match="found none where 60 are known"):
        read(store, con, "erp.orders", 2, [])
    assert store.count("order_line") == 60


@pytest.mark.parametrize(("left", "most_gone", "believed"), [(49, 50, False), (50, 50, True), (5, 95, True)])
def test_half_a_delivery_is_not_believed(
    store: RecordStore,
    con: DuckDBPyConnection,
    lines: Lines,
    left: int,
    most_gone: int,
    believed: bool,
) -> None:
    feed = store.catalog.feeds["erp.orders"]
    contract = feed.contract.model_copy(update={"most_gone": most_gone})
    store.catalog.feeds["erp.orders"] = feed.model_copy(update={"contract": contract})
    store.land("order_line", "erp.orders", 1, 0, lines(*(("NORTH", f"PO{i}", i) for i in range(100))))
    rows = raw(*(("NORTH", f"PO{i}", "1") for i in range(left)))
    if believed:
        read(store, con, "erp.orders", 2, rows)
    else:
        with pytest.raises(ShrunkenReadError, match=f"found {left} where 100 are known"):
            read(store, con, "erp.orders", 2, rows)
    assert store.count("order_line") == (left if believed else 100)


def test_many_new_keys_make_up_for_the_old_ones(
    store: RecordStore, con: DuckDBPyConnection, lines: Lines
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(*(("NORTH", f"PO{i}", i) for i in range(100))))
    read(store, con, "erp.orders", 2, raw(*(("NORTH", f"NEW{i}", "1") for i in range(60))))
    assert store.count("order_line") == 60
