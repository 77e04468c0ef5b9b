"""The warehouse: keeps receipts and drops what is new or corrected as CSV files with a trailer that counts
them.

A file is written as `.part` and renamed. Its times of receipt are Central, where the warehouse system stands.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from ..documents import Receipt, instant
from ..places import CENTRAL, FACILITY
from .ledgers import WMS as TABLES
from .ledgers import schema_of
from .store import Row, Store
from .writes import SCHEMA as BOOK

UNIT_WORDS = {"EA": "EACH", "CS": "CASE", "BX": "BOX"}
FILE_ROWS = 4000
QUIET = timedelta(seconds=15)
HEADER = (
    "receipt_no", "receipt_line", "site", "po_no", "po_line", "item_no", "qty", "uom", "movement",
    "received_local", "posted_utc",
)  # fmt: skip

SCHEMA = """
CREATE TABLE IF NOT EXISTS receipts (
  id INTEGER PRIMARY KEY, receipt TEXT, line INTEGER, site TEXT, po TEXT, po_line TEXT, item TEXT,
  quantity INTEGER, unit TEXT, movement TEXT, received_local TEXT, posted_at TEXT, mangled TEXT,
  sent INTEGER DEFAULT 0);
CREATE INDEX IF NOT EXISTS receipts_unsent ON receipts (sent) WHERE sent = 0;
CREATE INDEX IF NOT EXISTS receipts_po ON receipts (po, po_line);
CREATE TABLE IF NOT EXISTS dock_scans (
  id INTEGER PRIMARY KEY, po TEXT, po_line TEXT, receipt TEXT, line INTEGER, site TEXT, item TEXT,
  quantity INTEGER, unit TEXT, period_closed INTEGER);
CREATE TABLE IF NOT EXISTS drops (id INTEGER PRIMARY KEY, file TEXT, records INTEGER, dropped_at TEXT);
"""
SCHEMA += BOOK + schema_of(TABLES)


def local_time(at: str) -> str:
    """A UTC stamp as the warehouse writes it."""
    return instant(at).astimezone(CENTRAL).strftime("%Y-%m-%d %H:%M:%S")


def rows_of(receipts: Sequence[Receipt]) -> list[Row]:
    """Receipts as this system writes them."""
    return [
        {
            "receipt": row.number, "line": row.line, "site": FACILITY[row.facility].warehouse,
            "po": row.order, "po_line": f"{row.order_line:04d}", "item": row.item, "quantity": row.quantity,
            "unit": UNIT_WORDS.get(row.unit, row.unit), "movement": row.movement.upper(),
            "received_local": local_time(row.received_at), "posted_at": row.changed_at, "mangled": "",
            "sent": 0,
        }
        for row in receipts
    ]  # fmt: skip


def _fields(row: Row) -> list[str]:
    """The fields of one record; `mangled` says how the record is broken, if it is."""
    fields = [
        row["receipt"], str(row["line"]), row["site"], row["po"], row["po_line"], row["item"],
        str(row["quantity"]), row["unit"], row["movement"], row["received_local"], row["posted_at"],
    ]  # fmt: skip
    if row["mangled"] == "date":
        fields[9] = "2026-02-31 08:15:00"
    elif row["mangled"] == "quantity":
        fields[6] = "12 cases"
    elif row["mangled"] == "short":
        fields = fields[:7]
    return fields


def drop(store: Store, folder: Path, now: datetime) -> list[Path]:
    """Write what was not sent yet into files, at most `FILE_ROWS` records each; returns them.

    Where nothing was received for a while, a file that counts no record says so.
    """
    written: list[Path] = []
    while rows := store.rows("SELECT * FROM receipts WHERE sent = 0 ORDER BY id LIMIT ?", (FILE_ROWS,)):
        written.append(_send(store, folder, rows, now))
    last = store.rows("SELECT dropped_at FROM drops ORDER BY id DESC LIMIT 1")
    if not last or now - datetime.fromisoformat(last[0]["dropped_at"]) >= QUIET:
        written.append(_send(store, folder, [], now))
    return written


def _send(store: Store, folder: Path, rows: list[Row], now: datetime) -> Path:
    with store.transaction():
        number = store.rows("SELECT coalesce(max(id), 0) + 1 AS number FROM drops")[0]["number"]
        path = folder / f"receipts-{number:06d}.csv"
        store.add(
            "drops",
            [{"id": number, "file": path.name, "records": len(rows), "dropped_at": now.isoformat()}],
        )
        if rows:
            marks = ", ".join("?" * len(rows))
            store.run(f"UPDATE receipts SET sent = 1 WHERE id IN ({marks})", [row["id"] for row in rows])
        _write(path, rows)
    return path


def _write(path: Path, rows: list[Row]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(HEADER)
    writer.writerows(_fields(row) for row in rows)
    writer.writerow(("TRL", len(rows)))
    part = path.with_suffix(".part")
    part.write_text(buffer.getvalue(), encoding="utf-8", newline="")
    part.replace(path)
