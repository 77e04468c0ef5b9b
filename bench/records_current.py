"""Storing 1 % of changes into the record store, and reading the current state of one record type before and after.

Order lines of 20 entities, folded; every hundredth is corrected. Reading is one look at the store and an aggregation of
eight columns over all entities, which costs little beside the merge of base and changes: whoever reads more of a row
notices less of it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import incremental
from bench.measure import Subject, figure, interleave
from bench.three_way import site_catalog
from bench.three_way_data import generate

TYPE = "purchase_order_line"
STORED, READ = 1.0, 1.3
"""Seconds for ten million lines; times of a read before."""
QUERY = (
    "SELECT count(*), sum(quantity), max(supplier), max(unit_price), max(epoch_us(ordered_at)), max(item),"
    f" max(line_number), max(order_number) FROM rec_{TYPE}"
)


def _land(one: incremental.Compared, rows: Any) -> int:
    one.newest += 1
    return one.store.land(TYPE, f"bench_{TYPE}", one.newest, 0, rows)


def prepare_land(place: Path, target: Path, scratch: Path, calls: int) -> Callable[[], int]:
    """One order line in a hundred is stored; another one at each call."""
    one = incremental.Compared(place, incremental.copied(target, scratch))
    batches = iter([one.made(batch)[TYPE] for batch in range(calls)])
    return lambda: _land(one, next(batches))


def prepare_before(place: Path, target: Path) -> Callable[[], int]:
    """The current state of the folded records."""
    return _reading(incremental.Compared(place, target))


def prepare_after(place: Path, target: Path, scratch: Path) -> Callable[[], int]:
    """The same, where 1 % of the records are changes that were not folded yet."""
    one = incremental.Compared(place, incremental.copied(target, scratch))
    _land(one, one.made(0)[TYPE])
    return _reading(one)


def _reading(one: incremental.Compared) -> Callable[[], int]:
    """One look at the store, and how many records are current."""
    from exceptions_app.duck import closing_session

    def read() -> int:
        with closing_session(one.settings.duck_memory, one.settings.duck_threads) as con:
            one.store.open_views(con, [TYPE], None)
            return int(con.execute(QUERY).fetchall()[0][0])

    return read


def measure(folder: Path, lines: int) -> None:
    """Print the figures of one size."""
    place = generate(folder, lines)
    target = incremental.build(place, folder / f"incremental_{lines}", site_catalog())
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        measured = interleave(
            {
                "land": Subject(prepare_land, (place, target, Path(scratch), 4)),
                "before": Subject(prepare_before, (place, target)),
                "after": Subject(prepare_after, (place, target, Path(scratch))),
            }
        )
    land, before, after = (measured[name] for name in ("land", "before", "after"))
    if before.result != after.result:
        raise SystemExit(f"{after.result} records are current where {before.result} were")
    large, ratio = lines >= 10_000_000, after.seconds / before.seconds
    figure(
        "records_store_1_percent", lines, land.seconds, "s", goal=f"<= {STORED}" if large else None,
        met=land.seconds <= STORED if large else None, peak=land.peak_mb,
    )  # fmt: skip
    figure(
        "records_read_after_1_percent", lines, after.seconds, "s", against="the same read before", ratio=ratio,
        goal=f"<= {READ}" if large else None, met=ratio <= READ if large else None, peak=after.peak_mb,
    )  # fmt: skip


def main() -> None:
    """Print the figures for 1,000,000 order lines, with BENCH_LARGE=1 also for 10,000,000."""
    folder = Path(os.environ.get("BENCH_DATA", str(Path(tempfile.gettempdir()) / "tieout-bench")))
    for lines in (1_000_000, *((10_000_000,) if os.environ.get("BENCH_LARGE") else ())):
        measure(folder, lines)


if __name__ == "__main__":
    main()
