"""Folding, compacting and discarding change how records lie, never what a reader sees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from deltalake import DeltaTable

from exceptions_app.records import folding
from exceptions_app.records.store import RecordStore
from exceptions_app.records.table import list_table

from .conftest import Current, Lines


def parts(store: RecordStore) -> tuple[set[str], int]:
    listing = list_table(DeltaTable(store.table_uri("order_line")))
    return set(listing.base), len(listing.changes)


def test_folding_moves_finished_changes_into_the_base_of_their_entity(
    store: RecordStore, lines: Lines, current: Current
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 5), ("SOUTH", "PO2", 6)))
    store.land("order_line", "erp.orders", 2, 0, lines(("NORTH", "PO1", 7), ("SOUTH", "PO2", None)))
    before = current()
    found = store.fold("order_line")
    assert (found.runs, found.entities) == ((1, 2), 2)
    assert parts(store) == ({"base.NORTH"}, 0)
    assert current() == before == {("NORTH", "PO1"): 7}
    assert store.fold("order_line").runs == ()


def test_only_finished_runs_are_folded_and_what_began_after_an_unfinished_one_waits(
    store: RecordStore, lines: Lines, current: Current
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 1)))
    store.land("order_line", "erp.more", 2, 0, lines(("NORTH", "PO1", 2), ("NORTH", "PO2", 2)))
    store.land("order_line", "erp.changes", 3, 0, lines(("NORTH", "PO1", 3)))
    assert store.fold("order_line", {2}).runs == (1,)
    assert current(unfinished={2}) == {("NORTH", "PO1"): 3}
    assert current() == {("NORTH", "PO1"): 3, ("NORTH", "PO2"): 2}
    assert store.fold("order_line").runs == (2, 3)
    assert current() == {("NORTH", "PO1"): 3, ("NORTH", "PO2"): 2}


def test_rows_of_a_run_that_was_given_up_are_dropped(
    store: RecordStore, lines: Lines, current: Current
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 1)))
    store.land("order_line", "erp.orders", 2, 0, lines(("NORTH", "PO1", 9)))
    store.land("order_line", "erp.orders", 3, 0, lines(("NORTH", "PO2", 3)))
    store.discard("order_line", [2])
    store.discard("order_line", [2])
    assert current() == {("NORTH", "PO1"): 1, ("NORTH", "PO2"): 3}
    assert store.fold("order_line").runs == (1, 3)


def test_a_change_that_lands_while_a_fold_is_under_way_is_kept(
    store: RecordStore, lines: Lines, current: Current, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 1), ("SOUTH", "PO2", 1)))
    late = [lines(("NORTH", "PO1", 2)), lines(("LAB", "PO3", 2)), lines(("SOUTH", "PO2", 3))]
    original = folding.write_deltalake

    def write(*args: Any, **options: Any) -> None:
        if late:
            store.land("order_line", "erp.more", 5, 3 - len(late), late.pop(0))
        original(*args, **options)

    monkeypatch.setattr(folding, "write_deltalake", write)
    assert store.fold("order_line").runs == (1,)
    assert current() == {("NORTH", "PO1"): 2, ("LAB", "PO3"): 2, ("SOUTH", "PO2"): 1}
    monkeypatch.undo()
    store.fold("order_line")
    assert current() == {("NORTH", "PO1"): 2, ("LAB", "PO3"): 2, ("SOUTH", "PO2"): 1}


def test_a_fold_that_dies_between_base_and_changes_is_taken_up_by_the_next(
    store: RecordStore, lines: Lines, current: Current, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 1), ("SOUTH", "PO2", 1)))
    before = current()

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(folding, "delete_runs", die)
    with pytest.raises(KeyboardInterrupt):
        store.fold("order_line")
    monkeypatch.undo()
    assert parts(store) == ({"base.NORTH", "base.SOUTH"}, 1)
    assert current() == before
    store.land("order_line", "erp.orders", 2, 0, lines(("NORTH", "PO1", 2)))
    store.fold("order_line")
    assert parts(store)[1] == 0
    assert current() == {("NORTH", "PO1"): 2, ("SOUTH", "PO2"): 1}


def test_many_folders_landers_and_compactors_at_once_lose_nothing(
    store: RecordStore, lines: Lines, current: Current
) -> None:
    batches = [
        lines(*((e, f"PO{n}-{i}", n) for e in ("NORTH", "SOUTH") for i in range(20))) for n in range(12)
    ]
    store.land("order_line", "erp.orders", 1, 0, batches[0])

    def work(n: int) -> None:
        if n % 3 == 0:
            store.fold("order_line")
        elif n % 7 == 0:
            store.compact("order_line")
        store.land("order_line", f"feed{n}", 10 + n, 0, batches[n])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(1, 12)))
    store.fold("order_line")
    assert len(current()) == 12 * 40


def test_compacting_joins_small_files(store: RecordStore, lines: Lines, current: Current) -> None:
    for part in range(5):
        store.land("order_line", "erp.orders", 1, part, lines(("NORTH", f"PO{part}", part)))
    before = current()
    store.compact("order_line")
    assert parts(store)[1] == 1
    assert current() == before


def test_upkeep_leaves_few_changes_alone_joins_many_files_and_folds_many_rows(
    store: RecordStore, lines: Lines, current: Current, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "_FEW_FILES", 3)
    monkeypatch.setattr(folding, "_FEW_ROWS", 4)
    for part in range(3):
        store.land("order_line", "erp.orders", 1, part, lines(("NORTH", f"PO{part}", part)))
    store.tidy("order_line")
    assert parts(store) == (set(), 3)
    store.land("order_line", "erp.orders", 1, 3, lines(("NORTH", "PO3", 3)))
    store.tidy("order_line")
    assert parts(store) == (set(), 1)
    store.land("order_line", "erp.orders", 1, 4, lines(("NORTH", "PO4", 4)))
    assert store.tidy("order_line").runs == (1,)
    assert parts(store) == ({"base.NORTH"}, 0)
    assert len(current()) == 5


def test_nothing_is_done_where_nothing_has_landed(store: RecordStore) -> None:
    assert store.fold("order_line").runs == store.tidy("order_line").runs == ()
    store.compact("order_line")
    store.discard("order_line", [1])
    assert store.vacuum("order_line") == 0
    assert store.count("order_line") == 0
