"""What readers see: the newest finished change per key, per entity, as of a time, in one snapshot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from duckdb import DuckDBPyConnection

from exceptions_app.domain.instant import utc_now
from exceptions_app.records.errors import AsOfError
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.records.store import RecordStore

from .conftest import Current, Lines


def test_rows_of_an_unfinished_run_do_not_exist_for_readers(
    store: RecordStore, lines: Lines, current: Current
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 5)))
    store.land("order_line", "erp.orders", 2, 0, lines(("NORTH", "PO1", 6), ("NORTH", "PO2", 1)))
    assert current(unfinished={2}) == {("NORTH", "PO1"): 5}
    assert current() == {("NORTH", "PO1"): 6, ("NORTH", "PO2"): 1}


def test_a_run_that_began_after_the_states_were_read_is_unfinished() -> None:
    unfinished = UnfinishedRuns(newest=7, running=frozenset({5}))
    assert [run for run in range(4, 10) if run in unfinished] == [5, 8, 9]


def test_the_newest_run_wins_and_in_it_the_last_position(
    store: RecordStore, lines: Lines, current: Current
) -> None:
    store.land("order_line", "erp.orders", 9, 0, lines(("NORTH", "PO1", 5), ("NORTH", "PO1", 6)))
    store.land("order_line", "erp.more", 8, 0, lines(("NORTH", "PO1", 7)))
    assert current() == {("NORTH", "PO1"): 6}
    store.land("order_line", "erp.orders", 9, 1, lines(("NORTH", "PO1", 8)))
    assert current() == {("NORTH", "PO1"): 8}


def test_a_tombstone_hides_a_record_until_it_comes_back(
    store: RecordStore, lines: Lines, current: Current
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 5)))
    store.land("order_line", "erp.orders", 2, 0, lines(("NORTH", "PO1", None)))
    assert current() == {}
    store.land("order_line", "erp.orders", 3, 0, lines(("NORTH", "PO1", 4)))
    assert current() == {("NORTH", "PO1"): 4}


@pytest.mark.parametrize("folded", [False, True])
def test_a_view_shows_one_entity_or_the_whole_network(
    store: RecordStore, lines: Lines, current: Current, folded: bool
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 5), ("SOUTH", "PO1", 6)))
    if folded:
        store.fold("order_line")
    assert current("NORTH") == {("NORTH", "PO1"): 5}
    assert current("SOUTH") == {("SOUTH", "PO1"): 6}
    assert current("LAB") == {}
    assert len(current(None)) == 2


@pytest.mark.parametrize("folded", [False, True])
def test_records_of_the_network_are_in_the_view_of_every_entity(
    store: RecordStore, con: DuckDBPyConnection, folded: bool
) -> None:
    store.land(
        "supplier", "erp.suppliers", 1, 0, con.sql("SELECT 'erp' AS source_system, 'S1' AS supplier_id")
    )
    if folded:
        store.fold("supplier")
    for entity in ("NORTH", None):
        store.open_views(con, ["supplier"], entity)
        assert con.execute("SELECT entity, supplier_id FROM rec_supplier").fetchall() == [(None, "S1")]


def test_a_type_that_never_landed_is_an_empty_view_with_its_types(
    store: RecordStore, con: DuckDBPyConnection
) -> None:
    found = store.open_views(con, ["order_line"], "NORTH")
    assert found.versions == {"order_line": None}
    kinds = {name: kind for name, kind, *_ in con.execute("DESCRIBE rec_order_line").fetchall()}
    assert kinds["quantity"] == "DECIMAL(18,4)"
    assert kinds["fetched_at"] == "TIMESTAMP WITH TIME ZONE"
    assert kinds["run_id"] == "BIGINT"
    assert not [name for name in kinds if name.startswith("_")]
    assert con.execute("SELECT count(*) FROM rec_order_line").fetchall() == [(0,)]


def test_the_view_has_the_same_columns_whether_empty_changed_or_folded(
    store: RecordStore, con: DuckDBPyConnection, lines: Lines
) -> None:
    def shape() -> list[tuple[str, str]]:
        store.open_views(con, ["order_line"], "NORTH")
        return [(name, kind) for name, kind, *_ in con.execute("DESCRIBE rec_order_line").fetchall()]

    empty = shape()
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 5)))
    changed = shape()
    store.fold("order_line")
    assert empty == changed == shape()


def test_views_keep_showing_the_version_that_was_opened(
    store: RecordStore, con: DuckDBPyConnection, lines: Lines, current: Current
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 5)))
    current()
    store.land("order_line", "erp.orders", 2, 0, lines(("NORTH", "PO1", 6)))
    store.fold("order_line")
    store.compact("order_line")
    store.vacuum("order_line")
    assert con.execute("SELECT quantity::INT FROM rec_order_line").fetchall() == [(5,)]


def test_a_comparison_over_many_entities_sees_one_state_whatever_happens_meanwhile(
    store: RecordStore, con: DuckDBPyConnection, lines: Lines
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 1), ("SOUTH", "PO1", 1)))
    seen = store.snapshot(con, ["order_line", "supplier"])
    assert seen.rows_by_entity(con) == {"order_line": {"NORTH": 1, "SOUTH": 1}}
    store.land("order_line", "erp.orders", 2, 0, lines(("NORTH", "PO1", 2), ("SOUTH", "PO1", None)))
    store.fold("order_line")
    for entity in ("NORTH", "SOUTH", None):
        seen.open_views(con, entity, ["order_line"])
        assert con.execute("SELECT DISTINCT quantity::INT FROM rec_order_line").fetchall() == [(1,)]


def test_a_past_state_is_shown_as_it_was_across_a_fold(
    store: RecordStore, lines: Lines, current: Current
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 5), ("SOUTH", "PO2", 1)))
    then = utc_now()
    store.land("order_line", "erp.orders", 2, 0, lines(("NORTH", "PO1", 6), ("SOUTH", "PO2", None)))
    store.fold("order_line")
    assert current(at=then) == {("NORTH", "PO1"): 5, ("SOUTH", "PO2"): 1}
    assert current(at=utc_now()) == {("NORTH", "PO1"): 6}


def test_a_naive_time_and_a_time_before_the_first_version_are_refused(
    store: RecordStore, lines: Lines, current: Current
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 5)))
    with pytest.raises(AsOfError, match="needs a zone"):
        current(at=datetime(2026, 11, 22))  # noqa: DTZ001 - that is the point
    with pytest.raises(AsOfError, match="nothing was kept before"):
        current(at=datetime.now(UTC) - timedelta(days=1))
