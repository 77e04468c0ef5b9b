"""A feed over REST from a system that takes 50 ms for each page: read, mapped, and stored as records.

The floor is the sum of those delays: pages that lead from one to the next cannot be asked for at once. Goal: within
15 % of it, with everything that a run does to the rows.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.feed_run import runs_of
from bench.measure import Subject, figure, interleave
from bench.rest_source import start

PAGES, SIZE, DELAY, GOAL = 100, 500, 0.05, 1.15
SITE = """
site: {packs: [procure_to_pay]}
entities: [{code: E0, name: E0}, {code: E1, name: E1}, {code: E2, name: E2}, {code: E3, name: E3}]
systems:
  - {code: ERP, name: ERP, kind: erp, connector: rest, connection: {base_url: "env:BENCH_ERP"}}
feeds:
  - code: lines
    system: ERP
    record_type: purchase_order_line
    read:
      path: /lines
      records: value
      paging: {type: odata}
      watermark: {param: $filter, template: "modifiedAt ge {watermark}", field: modifiedAt}
    mapping:
      {entity: company, source_time: modifiedAt, order_number: orderNumber, line_number: line,
       supplier: "json_field(vendor, 'id')", quantity: quantity, unit: unit, unit_price: unitPrice,
       currency: currency, status: status, ordered_at: modifiedAt}
"""


def prepare(url: str, store_them: bool) -> Callable[[], int]:
    """One run of the feed: only read, or into a store of its own."""
    os.environ["BENCH_ERP"] = url
    return runs_of(SITE, "lines", store_them=store_them)


def main() -> None:
    """Print the figures."""
    process, url = start(DELAY, PAGES, SIZE)
    try:
        subjects = {name: Subject(prepare, (url, name == "stored")) for name in ("read", "stored")}
        measured = interleave(subjects, turns=3, calls=1)
    finally:
        process.kill()
    floor = PAGES * DELAY
    for name, ours in measured.items():
        if ours.result != PAGES * SIZE:
            raise SystemExit(f"{ours.result} of {PAGES * SIZE} rows were {name}")
        figure(
            f"rest_{name}", PAGES * SIZE, ours.seconds, "s", against="sum of the delays", ratio=ours.seconds / floor,
            goal=f"<= {GOAL}", met=ours.seconds <= GOAL * floor, peak=ours.peak_mb,
        )  # fmt: skip


if __name__ == "__main__":
    main()
