"""The record store at 1,000,000 order lines of 20 entities: landing 1 % of changes, reading what is current.

Landing is measured against Delta Lake's own `MERGE` into a table of the same rows, partitioned by entity.
Reading (base and three batches of changes, merged, entity by entity) is measured against the same query over
plain Parquet files of exactly the current rows: the floor. Mapping and landing raw rows has no peer here.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Subject, figure, interleave
from bench.three_way_data import ENTITIES, NOW, generate

LINES, RAW_ROWS, PAGE = 1_000_000, 100_000, 10_000
TYPE, FEED = "purchase_order_line", "orders"
KEY = ("source_system", "entity", "order_number", "line_number")
QUERY = (
    "SELECT count(*), sum(CAST(quantity AS DECIMAL(19, 4)) * unit_price), count(DISTINCT order_number), "
    "max(ordered_at)::VARCHAR FROM {}"
)
COLUMNS = (
    "requisition", "supplier", "supplier_name", "item", "description", "quantity", "unit", "unit_price",
    "price_per", "currency", "status", "match", "basis", "ers", "consigned", "bill_only", "drop_ship",
    "blanket", "no_charge", "price_estimated",
)  # fmt: skip
SITE = f"""
site: {{packs: [procure_to_pay]}}
entities: [{", ".join(f"{{code: E{n}, name: E{n}}}" for n in range(ENTITIES))}]
systems: [{{code: ERP, name: ERP, kind: erp, connector: rows}}]
feeds:
  - code: {FEED}
    system: ERP
    record_type: {TYPE}
    mapping:
      {{entity: entity, source_time: ordered_at, order_number: order_number, line_number: line_number,
       ordered_at: ordered_at, promised_on: promised_on,
       {", ".join(f"{name}: {name}" for name in COLUMNS)}}}
"""


def catalog() -> Any:
    """The shipped records of procure-to-pay, with one feed that names every column of an order line."""
    from exceptions_app.catalog.load import load_catalog
    from exceptions_app.connectors.registry import connector_models

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "site.yaml").write_text(SITE)
        return load_catalog(Path(folder), connector_models())


def changes(place: Path, batch: int) -> str:
    """One line in a hundred, another quantity."""
    return (
        f"SELECT * REPLACE (CAST(quantity + {batch} AS DECIMAL(18, 4)) AS quantity) "
        f"FROM '{place}/{TYPE}/*.parquet' WHERE hash(order_number, line_number) % 100 = {batch % 100}"
    )


def build(place: Path, target: Path) -> None:
    """A folded store, a Delta table for MERGE, and files of the store's current rows after three batches."""
    from deltalake import write_deltalake

    from exceptions_app.duck import session
    from exceptions_app.records.store import RecordStore

    con, store = session("4GB"), RecordStore(str(target / "store"), catalog())
    rows = f"SELECT * FROM '{place}/{TYPE}/*.parquet'"
    store.land(TYPE, FEED, 1, 0, con.sql(rows))
    store.fold(TYPE)
    write_deltalake(str(target / "merge"), con.sql(f"{rows} ORDER BY entity"), partition_by=["entity"])
    shutil.copytree(target / "store", target / "changed")
    changed = RecordStore(str(target / "changed"), store.catalog)
    for run in (2, 3, 4):
        changed.land(TYPE, FEED, run, 0, con.sql(changes(place, run)))
    (target / "plain").mkdir()
    for entity in range(ENTITIES):
        changed.open_views(con, [TYPE], f"E{entity}")
        ordered = f"SELECT * FROM rec_{TYPE} ORDER BY {', '.join(KEY)}"
        con.execute(f"COPY ({ordered}) TO '{target}/plain/E{entity}.parquet' (COMPRESSION zstd)")


def prepare_land(place: Path, target: Path) -> Callable[[], int]:
    """Ours: the changed rows are appended in one commit."""
    from exceptions_app.duck import session
    from exceptions_app.records.store import RecordStore

    own = Path(tempfile.mkdtemp(dir=target)) / "store"
    shutil.copytree(target / "store", own)
    con, store, runs = session(), RecordStore(str(own), catalog()), count(2)

    def run() -> int:
        batch = next(runs)
        return store.land(TYPE, FEED, batch, 0, con.table(f"batch_{batch}"))

    return _with_batches(con, place, run)


def prepare_merge(place: Path, target: Path) -> Callable[[], int]:
    """Peer: Delta Lake's MERGE, upserting by the key."""
    from deltalake import DeltaTable

    from exceptions_app.duck import session

    own = Path(tempfile.mkdtemp(dir=target)) / "merge"
    shutil.copytree(target / "merge", own)
    con, runs = session(), count(2)
    same = " AND ".join(f"t.{name} = s.{name}" for name in KEY)

    def run() -> int:
        rows = con.table(f"batch_{next(runs)}")
        merge = DeltaTable(str(own)).merge(rows, same, source_alias="s", target_alias="t")
        done = merge.when_matched_update_all().when_not_matched_insert_all().execute()
        return int(done["num_target_rows_updated"])

    return _with_batches(con, place, run)


def _with_batches(con: Any, place: Path, run: Callable[[], int]) -> Callable[[], int]:
    for batch in range(2, 7):
        con.execute(f"CREATE TEMP TABLE batch_{batch} AS {changes(place, batch)}")
    return run


def prepare_read(target: Path) -> Callable[[], Any]:
    """Ours: one look at the store, its views opened and read entity by entity."""
    from exceptions_app.duck import session
    from exceptions_app.records.store import RecordStore

    con, store = session(), RecordStore(str(target / "changed"), catalog())

    def run() -> list[Any]:
        found, snapshot = [], store.snapshot(con, [TYPE])
        for entity in range(ENTITIES):
            snapshot.open_views(con, f"E{entity}")
            found += con.execute(QUERY.format(f"rec_{TYPE}")).fetchall()
        return found

    return run


def prepare_plain(target: Path) -> Callable[[], Any]:
    """Floor: the same rows in one plain Parquet file per entity."""
    from exceptions_app.duck import session

    con = session()

    def run() -> list[Any]:
        files = (f"'{target}/plain/E{entity}.parquet'" for entity in range(ENTITIES))
        return [row for file in files for row in con.execute(QUERY.format(file)).fetchall()]

    return run


def prepare_map(place: Path, target: Path) -> Callable[[], int]:
    """Raw rows as a connector hands them over, mapped and landed page by page."""
    from exceptions_app.connectors.base import RawRow
    from exceptions_app.duck import session
    from exceptions_app.records.mapping import FeedMapper
    from exceptions_app.records.store import RecordStore

    con, runs = session(), count(1)
    store = RecordStore(tempfile.mkdtemp(dir=target), catalog())
    fields = ["entity", "order_number", "line_number", "ordered_at", "promised_on", *COLUMNS]
    texts = ", ".join(f'"{name}"::VARCHAR' for name in fields)
    found = con.execute(f"SELECT {texts} FROM '{place}/{TYPE}/*.parquet' LIMIT {RAW_ROWS}").fetchall()
    rows = [RawRow(f"orders.csv:{n}", dict(zip(fields, row, strict=True))) for n, row in enumerate(found, 2)]

    def run() -> int:
        number = next(runs)
        mapper, landed = FeedMapper(con, store.catalog, FEED, number, datetime.fromisoformat(NOW)), 0
        for part, start in enumerate(range(0, len(rows), PAGE)):
            batch = mapper.map(rows[start : start + PAGE])
            landed += store.land(TYPE, FEED, number, part, batch.table)
        return landed

    return run


def land_figure(place: Path, target: Path) -> None:
    """1 % of changes into 1 M rows."""
    prepared = (("ours", prepare_land), ("peer", prepare_merge))
    measured = interleave({name: Subject(prepare, (place, target)) for name, prepare in prepared})
    ours, peer = measured["ours"], measured["peer"]
    if ours.result != peer.result:
        raise SystemExit(f"ours landed {ours.result} changes, MERGE updated {peer.result}")
    faster = peer.seconds / ours.seconds
    figure(
        "records_apply_1_percent", LINES, ours.seconds, "s", against="Delta Lake MERGE", ratio=faster,
        goal=">= 5 times faster", met=faster >= 5, peak=ours.peak_mb,
    )  # fmt: skip


def read_figure(target: Path) -> None:
    """The current state of all entities, with three batches of changes not yet folded."""
    measured = interleave(
        {"ours": Subject(prepare_read, (target,)), "floor": Subject(prepare_plain, (target,))}
    )
    ours, floor = measured["ours"], measured["floor"]
    if ours.result != floor.result:
        raise SystemExit("ours and the floor read different records")
    figure(
        "records_read_current", LINES, ours.seconds, "s", against="plain Parquet of the current rows",
        ratio=ours.seconds / floor.seconds, peak=ours.peak_mb,
    )  # fmt: skip


def map_figure(place: Path, target: Path) -> None:
    """Raw rows to records at rest."""
    ours = interleave({"ours": Subject(prepare_map, (place, target))}, turns=1)["ours"]
    if ours.result != RAW_ROWS:
        raise SystemExit(f"{ours.result} of {RAW_ROWS} rows landed")
    figure("records_map_and_land", RAW_ROWS, RAW_ROWS / ours.seconds, "rows/s", peak=ours.peak_mb)


def main() -> None:
    """Print the figures."""
    place = generate(Path(tempfile.gettempdir()) / "tieout-bench", LINES)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        build(place, target)
        land_figure(place, target)
        read_figure(target)
        map_figure(place, target)


if __name__ == "__main__":
    main()
