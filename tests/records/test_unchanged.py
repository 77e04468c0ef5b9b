"""What a feed brings again as it is known is told apart; of a snapshot it does not land again, and what is current is
the same as if it had.
"""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from exceptions_app.connectors.base import RawRow
from exceptions_app.records.mapping import FeedMapper
from exceptions_app.records.store import RecordStore

from .conftest import FETCHED, MAPPING, Current, make_catalog

Row = tuple[str, str, str, int]
"""Site, number, quantity, minutes after midnight; a quantity of `-` deletes."""
NOBODY: frozenset[int] = frozenset()


def feed(mode: str, code: str = "erp.told", **mapping: str) -> dict[str, object]:
    return {
        "code": code, "system": "erp", "record_type": "order_line", "mode": mode, "deleted": "gone = 'yes'",
        "mapping": {**MAPPING, "quantity": {"value": "qty", "optional": True}, **mapping},
    }  # fmt: skip


TIMED = {"source_time": "parse_timestamp(at)"}


class Told:
    """A store, and one feed's runs into it. `dropping` leaves out what is known."""

    def __init__(
        self, store: RecordStore, con: DuckDBPyConnection, code: str, *, dropping: bool = True
    ) -> None:
        self.store, self.con, self.code, self.dropping = store, con, code, dropping
        self.runs = 0

    def run(self, *pages: list[Row], run: int | None = None) -> list[tuple[int, int, int]]:
        """Stored, deleted and unchanged rows, per page."""
        self.runs = run or self.runs + 1
        at = FETCHED + timedelta(minutes=self.runs)
        only = self.dropping and self.store.keep_known(self.con, self.code, self.runs, NOBODY)
        mapper = FeedMapper(self.con, self.store.catalog, self.code, self.runs, at, knowing=only)
        found = []
        for part, page in enumerate(pages):
            batch = mapper.map([_raw(row) for row in page])
            assert not batch.rejects
            self.store.land("order_line", self.code, self.runs, part, batch.table)
            found.append((batch.stored, batch.deleted, batch.unchanged))
        if self.store.catalog.feeds[self.code].mode == "changes":
            self.store.land_moved(self.con, self.code, self.runs, len(pages), at, NOBODY)
        return found


def _raw(row: Row) -> RawRow:
    site, po, qty, minutes = row
    at = f"2026-11-21T{minutes // 60:02d}:{minutes % 60:02d}:00Z"
    values = {"site": site, "po": po, "ln": "1", "at": at, "id": po, "gone": "yes" if qty == "-" else "no"}
    return RawRow(po, values if qty == "-" else {**values, "qty": qty})


def told(tmp_path: Path, con: DuckDBPyConnection, mode: str, **mapping: str) -> Told:
    catalog = make_catalog(feed(mode, **mapping), feed(mode, "erp.other", **mapping))
    return Told(RecordStore(str(tmp_path / "records"), catalog), con, "erp.told")


def test_a_snapshot_lands_only_what_changed(tmp_path: Path, con: DuckDBPyConnection) -> None:
    one = told(tmp_path, con, "snapshot")
    first: list[Row] = [("NORTH", "PO1", "5", 0), ("NORTH", "PO2", "6", 0), ("SOUTH", "PO1", "7", 0)]
    assert one.run(first) == [(3, 0, 0)]
    assert one.run(first[:1], first[1:]) == [(0, 0, 1), (0, 0, 2)]
    changed: list[Row] = [("NORTH", "PO1", "5", 0), ("NORTH", "PO2", "6.5", 0), ("SOUTH", "PO1", "-", 0)]
    assert one.run(changed) == [(1, 1, 1)]
    assert one.run([*changed, ("SOUTH", "PO9", "-", 0)]) == [(0, 0, 4)], "nothing is there to be deleted"
    one.store.fold("order_line")
    assert one.run(changed) == [(0, 0, 3)]
    assert one.run(first) == [(2, 0, 1)]


def test_a_row_that_another_feed_brought_is_not_known(tmp_path: Path, con: DuckDBPyConnection) -> None:
    one = told(tmp_path, con, "snapshot")
    row: list[Row] = [("NORTH", "PO1", "5", 0)]
    one.run(row)
    other = Told(one.store, con, "erp.other")
    assert other.run(row, run=2) == [(1, 0, 0)]
    assert one.run(row, run=3) == [(1, 0, 0)]


def test_of_versions_the_last_counts_however_often_they_are_told(
    tmp_path: Path, con: DuckDBPyConnection, current: Current
) -> None:
    one = told(tmp_path, con, "changes", **TIMED)
    first, second, gone = (("NORTH", "PO1", qty, at) for qty, at in (("5", 1), ("6", 2), ("-", 3)))
    assert one.run([first, second]) == [(2, 0, 0)]
    assert one.run([second]) == [(1, 0, 1)], "it lands, since nothing else says that it was read"
    assert one.run([first], [second]) == [(1, 0, 0), (1, 0, 0)], "between them it was otherwise"
    assert one.run([second, gone], [gone]) == [(1, 1, 1), (0, 0, 0)]
    assert one.run([gone]) == [(0, 1, 1)]


def test_a_feed_of_changes_without_times_lands_all(tmp_path: Path, con: DuckDBPyConnection) -> None:
    one = told(tmp_path, con, "changes")
    assert [one.run([("NORTH", "PO1", "5", 1)]) for _ in range(2)] == [[(1, 0, 0)]] * 2


def test_a_record_that_is_told_at_its_former_place_again_is_there(
    tmp_path: Path, con: DuckDBPyConnection
) -> None:
    one = told(tmp_path, con, "changes", source_id="id", **TIMED)
    north: Row = ("NORTH", "PO1", "5", 1)
    one.run([north])
    assert one.run([("SOUTH", "PO1", "5", 0)], [north]) == [(1, 0, 0), (1, 0, 0)]
    assert _current(one) == {("NORTH", "PO1", 5)}
    assert one.run([("SOUTH", "PO1", "5", 2)]) == [(1, 0, 0)]
    assert one.run([("SOUTH", "PO1", "5", 2)]) == [(1, 0, 1)]
    assert _current(one) == {("SOUTH", "PO1", 5)}


@pytest.mark.parametrize("mode", ["snapshot", "changes"])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_current_is_the_same_as_if_all_had_landed(
    tmp_path: Path, con: DuckDBPyConnection, mode: str, seed: int
) -> None:
    rng = random.Random(f"{mode} {seed}")
    mapping = {**TIMED, **({"source_id": "id"} if mode == "changes" else {})}
    kept = told(tmp_path / "kept", con, mode, **mapping)
    whole = told(tmp_path / "whole", con, mode, **mapping)
    whole.dropping, unchanged, last = False, 0, list[Row]()
    for number in range(8):
        keys = rng.sample([(site, po) for site in ("NORTH", "SOUTH") for po in ("PO1", "PO2", "PO3")], 4)
        page: list[Row] = [(*key, rng.choice("55-6"), number // 3) for key in keys]
        if mode == "changes":
            page = [(site, po, qty, number * 9 + i) for i, (site, po, qty, _) in enumerate(page)]
        pages = [page[:2], page[2:]] if mode == "snapshot" else [last, page]
        last = page[-2:]
        unchanged += sum(each[2] for each in kept.run(*pages))
        whole.run(*pages)
        assert _current(kept) == _current(whole)
        if rng.random() < 0.3:
            kept.store.fold("order_line")
    assert unchanged


def _current(one: Told) -> set[tuple[str, str, int]]:
    one.store.open_views(one.con, ["order_line"], None)
    found = one.con.execute("SELECT entity, number, quantity FROM rec_order_line").fetchall()
    return {(site, number, int(quantity)) for site, number, quantity in found}
