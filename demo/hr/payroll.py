"""Payroll sends files: its whole workers, assignments, shares, calendar, register and summary, each as one CSV file.

A file is written anew when what it says has changed, and now and then although it has not, so that its silence is news.
"""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path

from ..systems.store import Store
from ..systems.tables import tell
from .tables import PAYROLL

_AGAIN = 600.0
"""Seconds after which a file is sent although nothing changed."""


def file_number(worker: str) -> str:
    """Payroll's own number of a worker: `W100007` is `0100007`."""
    return "0" + worker.removeprefix("W") if worker else ""


def drop(store: Store, folder: Path, now: datetime) -> list[Path]:
    """Write the files that are due; returns them."""
    written = []
    for name in PAYROLL:
        path, text = folder / f"{name}.csv", _text(store, name)
        age = now.timestamp() - path.stat().st_mtime if path.exists() else _AGAIN
        if age >= _AGAIN or path.read_text(encoding="utf-8") != text:
            part = path.with_suffix(".part")
            part.write_text(text, encoding="utf-8", newline="")
            part.replace(path)
            written.append(path)
    return written


def _text(store: Store, name: str) -> str:
    table, buffer = PAYROLL[name], io.StringIO(newline="")
    rows = store.rows(f"SELECT * FROM {table.name} WHERE gone = 0 ORDER BY id")
    writer = csv.writer(buffer)
    writer.writerow([*table.columns, "changed_at"])
    for row in rows:
        told = {column: tell(row[column], kind) for column, kind in table.columns.items()}
        for column in {"worker", "manager"} & set(told):
            told[column] = file_number(told[column] or "")
        values = [str(value).lower() if isinstance(value, bool) else value for value in told.values()]
        writer.writerow([*values, row["changed_at"]])
    writer.writerow(["TRL", len(rows)])
    return buffer.getvalue()
