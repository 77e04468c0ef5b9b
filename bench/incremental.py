"""A three-way match from the record store: everything, and after 1 % of the order lines changed, what changed.

(a) Everything, against the SQL typed by hand over the very files that the store holds, entity by entity. (b) What
changed, storing the changes included, against everything over the same records. (c) What it costs everything that
these changes are merged as they are read. Ours ends with identity, evidence and its hash in Python; the floor with
plain rows. The rules are those of `bench/three_way_site.yaml`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Subject, figure, interleave
from bench.three_way import AT, SIDES, floor_over, site_catalog
from bench.three_way_data import generate

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from exceptions_app.catalog.catalog import Catalog
    from exceptions_app.records.store import RecordStore
    from jobs.findings import Findings

CODE = "bench.three_way"
LOADED = len(SIDES) + 1
"""The newest run of the folded records."""


def build(place: Path, target: Path, catalog: Catalog) -> Path:
    """A folded store of the made-up records below `target`, once."""
    from exceptions_app.duck import session
    from exceptions_app.records.store import RecordStore

    if (target / "built").exists():
        return target
    shutil.rmtree(target, ignore_errors=True)
    con, store = session("4GB"), RecordStore(str(target / "store"), catalog)
    for run, side in enumerate(SIDES, start=1):
        store.land(side, f"bench_{side}", run, 0, con.sql(f"SELECT * FROM '{place}/{side}/*.parquet'"))
        store.fold(side)
    (target / "built").touch()
    return target


_CHANGED = {
    "purchase_order_line": "CAST(quantity + 1 AS DECIMAL(18, 4)) AS quantity",
    "receipt_line": "CAST(quantity + 1 AS DECIMAL(18, 4)) AS quantity",
    "invoice_line": "description || '.' AS description",
}
"""What is corrected: more was ordered and received than billed, so that as much is wrong as before."""


def changed_sql(place: Path, side: str, batch: int) -> str:
    """The rows of one order line in a hundred, corrected on every side."""
    return (
        f"SELECT * REPLACE ({_CHANGED[side]}) FROM '{place}/{side}/*.parquet'"
        f" WHERE hash(order_number, line_number) % 100 = {batch % 100}"
    )


class Compared:
    """A store and the runs that it holds, compared as a job does, without a database beside it."""

    def __init__(self, place: Path, target: Path) -> None:
        from exceptions_app.config import Settings
        from exceptions_app.records.store import RecordStore
        from exceptions_app.services.runs import FeedFacts
        from jobs.flows import standing

        self.catalog, self.settings, self.place = site_catalog(), Settings(), place
        self.check = self.catalog.checks[CODE]
        self.store: RecordStore = RecordStore(str(target / "store"), self.catalog)
        facts = {code: FeedFacts(code, LOADED, "complete", AT) for code in self.catalog.feeds}
        self.standings = {CODE: standing(self.catalog, self.check, facts)}
        self.newest = LOADED
        self.last: dict[Any, Any] = {}

    def made(self, batch: int) -> dict[str, Any]:
        """What 1 % of changes are on every side, as a source would hand them over."""
        from arro3.core import RecordBatchReader

        from exceptions_app.duck import closing_session

        with closing_session() as con:
            return {
                side: RecordBatchReader.from_arrow(con.sql(changed_sql(self.place, side, batch))).read_all()
                for side in SIDES
            }

    def land(self, changes: Mapping[str, Any]) -> None:
        """Store them, as three runs of feeds."""
        for side, rows in changes.items():
            self.newest += 1
            self.store.land(side, f"bench_{side}", self.newest, 0, rows)

    def compare(self, *, full: bool) -> Findings:
        """One comparison; what it leaves is what the next builds on."""
        from exceptions_app.duck import closing_session
        from exceptions_app.records.reading import UnfinishedRuns
        from exceptions_app.services import basis
        from jobs.comparing import Comparing
        from jobs.reconcile import compared
        from jobs.sweeping import Known, Sweeping

        seen = UnfinishedRuns(self.newest)
        with closing_session(self.settings.duck_memory, self.settings.duck_threads) as con:
            comparing = Comparing(con, self.store, self.catalog, [self.check], seen, AT)
            scopes = {CODE: comparing.scopes(self.check, comparing.entities(), ())}
            known = Known(AT, seen, self.last, {}, (), full)
            sweeping = Sweeping(comparing, scopes, self.standings, known, timedelta(days=1))
            findings = compared(sweeping)
            if not full and sweeping.why:
                raise SystemExit(f"not incremental: {sorted(set(sweeping.why.values()))}")
            if findings.errors:
                raise SystemExit(str(findings.errors))
            for scope in scopes[CODE]:
                said = sweeping.judged((CODE, scope), (), usable=True).basis
                self.last[CODE, scope] = basis.LastRun(
                    "complete", self.catalog.digest, basis.read(said or "")
                )
        return findings


def _found(findings: Findings) -> int:
    return sum(len(found.discrepancies) for found in findings.counts.values())


def copied(target: Path, scratch: Path) -> Path:
    """A store of its own, below `scratch`, for a process that lands into it."""
    copy = Path(tempfile.mkdtemp(dir=scratch))
    shutil.copytree(target / "store", copy / "store")
    return copy


def prepare_full(place: Path, target: Path) -> Callable[[], int]:
    """Everything from the folded store."""
    one = Compared(place, target)
    return lambda: _found(one.compare(full=True))


def prepare_floor(place: Path, target: Path) -> Callable[[], int]:
    """The SQL typed by hand over the same files."""
    from exceptions_app.records.layout import part_of
    from exceptions_app.records.table import find_table, list_table

    one = Compared(place, target)
    tables = {side: find_table(one.store.table_uri(side)) for side in SIDES}
    listings = {side: list_table(table) for side, table in tables.items() if table is not None}

    def show(con: DuckDBPyConnection, entity: str) -> None:
        for side, listing in listings.items():
            files = ", ".join(f"'{file}'" for file in listing.base_of(part_of(entity)))
            con.execute(
                f"CREATE OR REPLACE TEMP VIEW rec_{side} AS"
                f" SELECT * FROM read_parquet([{files}], hive_partitioning = false)"
            )

    return floor_over(place, show)


def prepare_changed(place: Path, target: Path, scratch: Path, calls: int) -> Callable[[], int]:
    """Storing 1 % of changes, and comparing what they touch; another 1 % at each call."""
    one = Compared(place, copied(target, scratch))
    batches = iter([one.made(batch) for batch in range(calls)])
    one.compare(full=True)

    def call() -> int:
        one.land(next(batches))
        return _found(one.compare(full=False))

    return call


def prepare_full_after(place: Path, target: Path, scratch: Path) -> Callable[[], int]:
    """Everything, where 1 % of the records are changes that were not folded yet."""
    one = Compared(place, copied(target, scratch))
    one.land(one.made(0))
    return lambda: _found(one.compare(full=True))


def subjects(place: Path, target: Path, scratch: Path, calls: int) -> Mapping[str, Subject]:
    """What is measured, by name."""
    return {
        "full": Subject(prepare_full, (place, target)),
        "floor": Subject(prepare_floor, (place, target)),
        "changed": Subject(prepare_changed, (place, target, scratch, 1 + calls)),
        "full_after": Subject(prepare_full_after, (place, target, scratch)),
    }


def measure(folder: Path, lines: int, *, turns: int = 3, calls: int = 2) -> None:
    """Print the figures of one size."""
    place = generate(folder, lines)
    target = build(place, folder / f"incremental_{lines}", site_catalog())
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        taken = subjects(place, target, Path(scratch), calls)
        measured = interleave(taken, turns=turns, calls=calls)
    full, floor, changed, after = (measured[name] for name in ("full", "floor", "changed", "full_after"))
    if full.result != floor.result:
        raise SystemExit(f"ours found {full.result} disagreements, the floor {floor.result}")
    slower, share = full.seconds / floor.seconds, changed.seconds / after.seconds
    most = 0.4 if lines <= 1_000_000 else 0.25
    figure(
        "three_way_from_store", lines, full.seconds, "s", against="the same SQL typed by hand over the same files",
        ratio=slower, goal="<= 1.15" if lines >= 1_000_000 else None,
        met=slower <= 1.15 if lines >= 1_000_000 else None, peak=full.peak_mb,
    )  # fmt: skip
    figure("three_way_from_store_floor", lines, floor.seconds, "s", peak=floor.peak_mb)
    figure(
        "incremental", lines, changed.seconds, "s", against="the full sweep of the same records, 1 % changed",
        ratio=share, goal=f"<= {most}" if lines >= 1_000_000 else None,
        met=share <= most if lines >= 1_000_000 else None, peak=changed.peak_mb,
    )  # fmt: skip
    reading = after.seconds / full.seconds
    figure(
        "incremental_full_sweep", lines, after.seconds, "s", against="the same before any change", ratio=reading,
        goal="<= 1.3" if lines >= 1_000_000 else None, met=reading <= 1.3 if lines >= 1_000_000 else None,
        peak=after.peak_mb,
    )  # fmt: skip


def main() -> None:
    """Print the figures for 100,000 and 1,000,000 order lines, with BENCH_LARGE=1 also for 10,000,000."""
    folder = Path(os.environ.get("BENCH_DATA", str(Path(tempfile.gettempdir()) / "tieout-bench")))
    for lines in (100_000, 1_000_000, *((10_000_000,) if os.environ.get("BENCH_LARGE") else ())):
        measure(folder, lines)


if __name__ == "__main__":
    main()
