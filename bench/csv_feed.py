"""1,000,000 rows of CSV on disk, as a feed of files: read, mapped, judged for repeats, and stored as records.

The file is the one that a warehouse would drop (nine columns, 87 MB), unpacked into memory, known by its
digest, and landed in the record store page by page, as a run does it. Goal: 150,000 rows a second.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.feed_run import runs_of
from bench.measure import Subject, figure, interleave

ROWS, GOAL = 1_000_000, 150_000
SITE = """
site: {{packs: [procure_to_pay]}}
entities: [{{code: E0, name: E0}}, {{code: E1, name: E1}}, {{code: E2, name: E2}}, {{code: E3, name: E3}}]
systems:
  - {{code: WMS, name: Warehouse, kind: wms, connector: files, connection: {{root: {root}, settle: 0s}}}}
feeds:
  - code: receipts
    system: WMS
    record_type: receipt_line
    read: {{pattern: "*.csv", columns: {{"PO No": order_number}}, required: [receipt_number], keep: true}}
    mapping:
      {{entity: entity, source_time: changed_at, receipt_number: receipt_number, receipt_line: line,
       order_number: order_number, line_number: order_line, quantity: quantity, unit: unit,
       movement: "'receipt'", received_at: received_at}}
"""


def write_file(root: Path) -> None:
    """Receipts of four sites."""
    with (root / "receipts.csv").open("w") as file:
        file.write("entity,receipt_number,line,PO No,order_line,quantity,unit,received_at,changed_at\n")
        for n in range(ROWS):
            file.write(
                f"E{n % 4},R{n // 5:08},{n % 5 + 1:05},45{n // 5:08},{n % 5 + 1:05},{n % 90 + 1}.50,EA,"
                f"2026-11-{n % 20 + 1:02}T08:00:00Z,2026-11-21T{n % 24:02}:00:00Z\n"
            )


def prepare(root: Path) -> Callable[[], int]:
    """One run of the feed into a store of its own."""
    return runs_of(SITE.format(root=root), "receipts")


def main() -> None:
    """Print the figure."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "drop"
        root.mkdir()
        write_file(root)
        ours = interleave({"ours": Subject(prepare, (root,))}, turns=1, calls=3)["ours"]
    if ours.result != ROWS:
        raise SystemExit(f"{ours.result} of {ROWS} rows were stored")
    speed = ROWS / ours.seconds
    figure(
        "csv_to_stored_records",
        ROWS,
        speed,
        "rows/s",
        goal=f">= {GOAL}",
        met=speed >= GOAL,
        peak=ours.peak_mb,
    )


if __name__ == "__main__":
    main()
