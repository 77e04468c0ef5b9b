"""A record that a feed of changes brings under another entity has left the former one."""

from __future__ import annotations

from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from exceptions_app.connectors.base import RawRow
from exceptions_app.records.mapping import FeedMapper
from exceptions_app.records.store import RecordStore

from .conftest import FETCHED, MAPPING, Current, make_catalog

FEED = "erp.moving"
NOBODY: frozenset[int] = frozenset()


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    """With a feed of changes that names the source's own identifier."""
    feed = {
        "code": FEED, "system": "erp", "record_type": "order_line", "mode": "changes",
        "mapping": {**MAPPING, "source_id": "id"},
    }  # fmt: skip
    return RecordStore(str(tmp_path / "records"), make_catalog(feed))


def read(
    store: RecordStore,
    con: DuckDBPyConnection,
    run: int,
    *rows: tuple[str, str, str, str],
    feed: str = FEED,
    unfinished: frozenset[int] = NOBODY,
) -> int:
    """One run of changes (site, number, quantity, identifier); how many records moved."""
    mapper = FeedMapper(con, store.catalog, feed, run, FETCHED)
    for part, (site, po, qty, own) in enumerate(rows):
        raw = RawRow(f"row {part}", {"site": site, "po": po, "ln": "1", "qty": qty, "id": own})
        store.land("order_line", feed, run, part, mapper.map([raw]).table)
    return store.land_moved(con, feed, run, len(rows), FETCHED, unfinished)


@pytest.mark.parametrize("folded", [False, True])
def test_record_that_was_recoded_is_seen_once(
    store: RecordStore, con: DuckDBPyConnection, current: Current, folded: bool
) -> None:
    assert read(store, con, 1, ("NORTH", "PO1", "5", "a"), ("NORTH", "PO2", "6", "b")) == 0
    if folded:
        store.fold("order_line")
    assert read(store, con, 2, ("SOUTH", "PO1", "5", "a")) == 1
    assert current() == {("SOUTH", "PO1"): 5, ("NORTH", "PO2"): 6}
    assert current("NORTH") == {("NORTH", "PO2"): 6}
    assert read(store, con, 3, ("SOUTH", "PO1", "7", "a")) == 0, "it is gone already"
    store.fold("order_line")
    assert current() == {("SOUTH", "PO1"): 7, ("NORTH", "PO2"): 6}


def test_record_that_came_back_is_seen_where_it_is(
    store: RecordStore, con: DuckDBPyConnection, current: Current
) -> None:
    read(store, con, 1, ("NORTH", "PO1", "5", "a"))
    read(store, con, 2, ("SOUTH", "PO1", "5", "a"))
    assert read(store, con, 3, ("NORTH", "PO1", "6", "a")) == 1
    assert current() == {("NORTH", "PO1"): 6}


def test_of_two_entities_in_one_run_the_last_one_counts(
    store: RecordStore, con: DuckDBPyConnection, current: Current
) -> None:
    assert read(store, con, 1, ("NORTH", "PO1", "5", "a"), ("SOUTH", "PO1", "6", "a")) == 1
    assert current() == {("SOUTH", "PO1"): 6}


def test_one_number_of_two_records_stays_two_records(
    store: RecordStore, con: DuckDBPyConnection, current: Current
) -> None:
    read(store, con, 1, ("NORTH", "PO1", "5", "NORTH-1"))
    assert read(store, con, 2, ("SOUTH", "PO1", "6", "SOUTH-1")) == 0
    assert current() == {("NORTH", "PO1"): 5, ("SOUTH", "PO1"): 6}


def test_without_the_sources_own_identifier_nothing_is_said_to_have_moved(
    store: RecordStore, con: DuckDBPyConnection, current: Current
) -> None:
    read(store, con, 1, ("NORTH", "PO1", "5", "a"), feed="erp.changes")
    assert read(store, con, 2, ("SOUTH", "PO1", "6", "a"), feed="erp.changes") == 0
    assert current() == {("NORTH", "PO1"): 5, ("SOUTH", "PO1"): 6}


def test_move_in_a_run_that_was_given_up_is_not_seen(
    store: RecordStore, con: DuckDBPyConnection, current: Current
) -> None:
    read(store, con, 1, ("NORTH", "PO1", "5", "a"))
    assert read(store, con, 2, ("SOUTH", "PO1", "5", "a")) == 1
    assert current(unfinished={2}) == {("NORTH", "PO1"): 5}
    assert read(store, con, 3, ("LAB", "PO1", "5", "a"), unfinished=frozenset({2})) == 1
    assert current(unfinished={2}) == {("LAB", "PO1"): 5}
