"""Landing: all or nothing, once, and never by a run that was given up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from exceptions_app.connectors.base import RawRow
from exceptions_app.records.errors import StaleRunError, StoredTypeError
from exceptions_app.records.mapping import FeedMapper
from exceptions_app.records.store import RecordStore

from .conftest import FETCHED, MAPPING, ORDER_LINE, Current, Lines, make_catalog


def test_a_part_that_is_landed_again_lands_nothing(
    store: RecordStore, lines: Lines, current: Current
) -> None:
    assert store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 5))) == 1
    assert store.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO2", 6))) == 0
    assert store.land("order_line", "erp.orders", 1, 1, lines(("NORTH", "PO2", 7))) == 1
    assert current() == {("NORTH", "PO1"): 5, ("NORTH", "PO2"): 7}


def test_feeds_of_one_record_type_do_not_mind_each_other(
    store: RecordStore, lines: Lines, current: Current
) -> None:
    store.land("order_line", "erp.orders", 2, 0, lines(("NORTH", "PO1", 5)))
    assert store.land("order_line", "erp.more", 1, 0, lines(("NORTH", "PO2", 6))) == 1
    assert len(current()) == 2


def test_a_run_that_was_given_up_can_land_no_more(store: RecordStore, lines: Lines) -> None:
    store.land("order_line", "erp.orders", 2, 0, lines(("NORTH", "PO1", 5)))
    with pytest.raises(StaleRunError, match=r"erp\.orders: run 1 is over, run 2 has landed"):
        store.land("order_line", "erp.orders", 1, 3, lines(("NORTH", "PO1", 9)))


def test_of_many_writers_of_the_same_part_exactly_one_lands(
    store: RecordStore, lines: Lines, current: Current
) -> None:
    rows = lines(("NORTH", "PO1", 5), ("NORTH", "PO2", 6))
    with ThreadPoolExecutor(6) as pool:
        landed = list(pool.map(lambda _: store.land("order_line", "erp.orders", 1, 0, rows), range(6)))
    assert sorted(landed) == [0, 0, 0, 0, 0, 2]
    assert len(current()) == 2


def test_writers_of_different_feeds_all_land(store: RecordStore, lines: Lines) -> None:
    def land(n: int) -> int:
        return store.land("order_line", f"feed{n}", 1, 0, lines_of[n])

    lines_of = [lines(("NORTH", f"PO{n}", n)) for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(land, range(6))) == [1] * 6
    assert store.count("order_line") == 6


def test_a_new_column_of_the_configuration_is_null_in_older_records(
    tmp_path: Path, con: DuckDBPyConnection, lines: Lines
) -> None:
    narrow = {**ORDER_LINE, "columns": {k: v for k, v in ORDER_LINE["columns"].items() if k != "note"}}  # type: ignore[attr-defined]
    before = RecordStore(str(tmp_path), make_catalog(record_types=[narrow]))
    before.land("order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 5)))
    before.fold("order_line")
    after = RecordStore(str(tmp_path), make_catalog())
    after.open_views(con, ["order_line"], None)
    assert con.execute("SELECT number, note FROM rec_order_line").fetchall() == [("PO1", None)]
    noted = con.sql(
        "SELECT 'NORTH' AS entity, 'erp' AS source_system, 'PO2' AS number, '1' AS line, "
        "1 AS quantity, 'hello' AS note"
    )
    after.land("order_line", "erp.orders", 2, 0, noted)
    after.open_views(con, ["order_line"], "NORTH")
    rows = con.execute("SELECT number, note FROM rec_order_line ORDER BY 1").fetchall()
    assert rows == [("PO1", None), ("PO2", "hello")]
    after.fold("order_line")
    after.open_views(con, ["order_line"], "NORTH")
    assert con.execute("SELECT number, note FROM rec_order_line ORDER BY 1").fetchall() == rows


def test_a_column_that_changed_its_type_is_refused_by_name(tmp_path: Path, lines: Lines) -> None:
    RecordStore(str(tmp_path), make_catalog()).land(
        "order_line", "erp.orders", 1, 0, lines(("NORTH", "PO1", 5))
    )
    changed = {**ORDER_LINE, "columns": {**ORDER_LINE["columns"], "note": {"type": "integer"}}}  # type: ignore[dict-item]
    store = RecordStore(str(tmp_path), make_catalog(record_types=[changed]))
    with pytest.raises(StoredTypeError, match="column note: stored as VARCHAR, configured as BIGINT"):
        store.land("order_line", "erp.orders", 2, 0, lines(("NORTH", "PO2", 5)))


def test_a_column_keeps_the_decimals_that_it_declares(tmp_path: Path, con: DuckDBPyConnection) -> None:
    columns = {**ORDER_LINE["columns"], "price": {"type": "money", "scale": 6}}  # type: ignore[dict-item]
    feed = {
        "code": "f",
        "system": "erp",
        "record_type": "order_line",
        "mapping": {**MAPPING, "price": "price"},
    }
    catalog = make_catalog({**feed, "mode": "changes"}, record_types=[{**ORDER_LINE, "columns": columns}])
    given = {"site": "NORTH", "po": "PO1", "ln": "1", "qty": "2"}
    wanted = ["0.000001", "-999999999999.999999"]
    raw = [
        RawRow(f"r:{n}", {**given, "po": f"PO{n}", "price": price})
        for n, price in enumerate([*wanted, "0.0000001"])
    ]
    batch = FeedMapper(con, catalog, "f", 1, FETCHED).map(raw)
    assert [(reject.column, "more than 6 decimals" in reject.reason) for reject in batch.rejects] == [
        ("price", True)
    ]
    store = RecordStore(str(tmp_path), catalog)
    assert store.land("order_line", "f", 1, 0, batch.table) == 2
    for _ in range(2):
        store.open_views(con, ["order_line"], None)
        found = con.execute("SELECT price, typeof(price) FROM rec_order_line ORDER BY number").fetchall()
        assert found == [(Decimal(price), "DECIMAL(18,6)") for price in wanted]
        store.fold("order_line")
    with pytest.raises(
        StoredTypeError, match=r"price: stored as DECIMAL\(18,6\), configured as DECIMAL\(18,4\)"
    ):
        RecordStore(str(tmp_path), make_catalog()).land("order_line", "f", 2, 0, batch.table)


_WRITER = """
    import sys
    from exceptions_app.duck import session
    from exceptions_app.records.store import RecordStore
    from records.conftest import make_catalog
    store = RecordStore(sys.argv[1], make_catalog())
    con = session("256MB", 1)
    for run in range(1, 1000):
        store.land("order_line", "erp.orders", run, 0, con.sql(
            f"SELECT 'NORTH' AS entity, 'erp' AS source_system, 'PO' || {run} || '-' || i AS number, "
            "'1' AS line, 1 AS quantity FROM range(50) AS r(i)"))
        if run % 5 == 0:
            store.fold("order_line")
        print(run, flush=True)
"""


def test_a_writer_killed_at_any_point_leaves_whole_parts_only(
    tmp_path: Path, store: RecordStore, lines: Lines
) -> None:
    for round_, after in enumerate((1, 4, 5, 7)):
        place = str(tmp_path / f"killed{round_}")
        writer = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(_WRITER), place],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        assert writer.stdout is not None
        told = 0
        while told < after:
            told = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        told = max([told, *map(int, writer.stdout.read().split())])
        writer.wait()
        writer.stdout.close()
        left = RecordStore(place, make_catalog())
        assert left.count("order_line") in (told * 50, told * 50 + 50)
        left.land("order_line", "erp.orders", 2000, 0, lines(("NORTH", "NEW", 1)))
        left.fold("order_line")
        assert left.count("order_line") in (told * 50 + 1, told * 50 + 51)


VERSIONS = {
    "code": "order_line_version",
    "title": "Order line as it was",
    "key": ["number", "line", "ordered_at"],
    "versions_of": "order_line",
    "columns": {
        "number": {"required": True},
        "line": {"required": True},
        "ordered_at": {"type": "timestamp", "required": True},
        "quantity": {"type": "quantity"},
    },
}
LOG = {
    "code": "erp.log",
    "system": "erp",
    "record_type": "order_line_version",
    "mode": "snapshot",
    "mapping": {"entity": "site", "number": "po", "line": "ln", "ordered_at": "at"},
}
Told = tuple[int | None, int | None]
"""A day in November, and the quantity since then; without a quantity, a tombstone."""


class Kept:
    """A store that keeps the versions of order lines, of which one is told of."""

    def __init__(self, folder: Path, con: DuckDBPyConnection) -> None:
        self.con = con
        self.store = RecordStore(
            str(folder / "records"), make_catalog(LOG, record_types=[ORDER_LINE, VERSIONS])
        )

    def land(self, run: int, *told: Told, feed: str = "erp.changes") -> int:
        rows = ", ".join(
            f"({'NULL' if day is None else f'DATE {day!r}'}, {quantity or 0}, {quantity is None})"
            for day, quantity in ((found and f"2026-11-{found:02}", of) for found, of in told)
        )
        relation = self.con.sql(
            "SELECT 'NORTH' AS entity, 'erp' AS source_system, 'PO1' AS source_id, 'PO1' AS number, '1' AS line,"
            " CAST(day AS TIMESTAMPTZ) AS ordered_at, now() AS source_time, now() AS fetched_at,"
            " quantity::DECIMAL(18, 4) AS quantity, gone AS _deleted"
            f" FROM (VALUES {rows}) AS v(day, quantity, gone)"
        )
        return self.store.land(self.store.catalog.feeds[feed].record_type, feed, run, 0, relation)

    def versions(self, unfinished: frozenset[int] = frozenset()) -> list[tuple[int, int]]:
        self.store.open_views(self.con, ["order_line_version"], None, unfinished)
        rows = self.con.execute(
            "SELECT day(ordered_at), quantity FROM rec_order_line_version ORDER BY 1"
        ).fetchall()
        return [(day, int(quantity)) for day, quantity in rows]


@pytest.fixture
def kept(tmp_path: Path, con: DuckDBPyConnection) -> Kept:
    return Kept(tmp_path, con)


def test_every_version_of_a_record_is_kept(kept: Kept) -> None:
    kept.land(1, (1, 5))
    kept.land(2, (8, 6))
    kept.land(3, (20, 5))
    assert kept.versions() == [(1, 5), (8, 6), (20, 5)]
    assert kept.store.count("order_line") == 1
    kept.store.fold("order_line")
    kept.store.fold("order_line_version")
    assert kept.versions() == [(1, 5), (8, 6), (20, 5)]


@pytest.mark.parametrize(
    ("told", "versions"),
    [
        ([(1, 5), (1, 5)], [(1, 5)]),
        ([(1, 5), (1, 7)], [(1, 7)]),
        ([(1, 5), (None, 9)], [(1, 5)]),
        ([(1, 5), (1, None)], [(1, 5)]),
        ([(None, 5)], []),
        ([(1, None)], []),
    ],
    ids=["read again", "corrected", "without its time", "deleted", "only without a time", "only deleted"],
)
def test_what_is_a_version_and_what_is_none(
    kept: Kept, told: list[Told], versions: list[tuple[int, int]]
) -> None:
    for run, one in enumerate(told, start=1):
        assert kept.land(run, one) == 1
    assert kept.versions() == versions


def test_versions_land_once_and_with_their_run(kept: Kept) -> None:
    kept.land(1, (1, 5))
    assert kept.land(1, (2, 6)) == 0
    kept.land(2, (8, 7))
    assert kept.versions(frozenset({2})) == [(1, 5)]
    kept.store.discard("order_line", [2])
    assert kept.versions() == [(1, 5)]


def test_what_a_log_of_changes_no_longer_names_is_gone_and_what_records_said_is_not(kept: Kept) -> None:
    kept.land(1, (1, 5))
    kept.land(2, (8, 6), (9, 7), feed="erp.log")
    assert kept.versions() == [(1, 5), (8, 6), (9, 7)]
    kept.con.execute(
        "CREATE TABLE seen AS SELECT 'NORTH' AS entity, 'PO1' AS number, '1' AS line,"
        " TIMESTAMPTZ '2026-11-08 00:00:00+00' AS ordered_at"
    )
    gone = kept.store.land_vanished(kept.con, "erp.log", 3, 0, "seen", FETCHED, frozenset())
    assert (gone, kept.versions()) == (1, [(1, 5), (8, 6)])
