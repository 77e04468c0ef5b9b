"""The SLA board: open exceptions by queue and SLA stage. Definition: exceptions of status open that the
viewer may see, by their queue and their stage at this instant, read off the counters of `tally`; those awaiting
confirmation have a stopped clock and are not among them. Each count leads to the queue filtered to exactly those rows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.sla import Stage

from . import tally
from .filters import QueueFilter

STAGES = (Stage.BREACHED, Stage.DUE_SOON, Stage.ON_TRACK, Stage.PAUSED)
"""Left to right, as chart and table show them."""
_OPEN = QueueFilter(status="open")


@dataclass(frozen=True, slots=True)
class BoardCell:
    stage: Stage
    count: int
    wanted: QueueFilter


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One queue with its counts in the order of `STAGES`."""

    queue: str
    name: str
    cells: tuple[BoardCell, ...]
    total: int
    wanted: QueueFilter


@dataclass(frozen=True, slots=True)
class Board:
    rows: tuple[BoardRow, ...]
    totals: tuple[BoardCell, ...]
    total: int
    as_of: datetime


def board(session: Session, viewer: Viewer, catalog: Catalog, *, now: datetime) -> Board:
    """Every queue the viewer works in, most breached first. One statement."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for (queue, at), count in tally.counts(
        session, viewer, catalog, _OPEN, now, by=("queue", "stage")
    ).items():
        counts[queue][at] = count
    mine = [code for code in catalog.queues if viewer.queues is None or code in viewer.queues]
    rows = [_row(catalog, code, counts.get(code, {})) for code in dict.fromkeys([*mine, *counts])]
    rows.sort(key=lambda row: ([-cell.count for cell in row.cells], row.name))
    totals = tuple(
        BoardCell(at, sum(row.cells[i].count for row in rows), QueueFilter(status="open", stage=(at.value,)))
        for i, at in enumerate(STAGES)
    )
    return Board(tuple(rows), totals, sum(cell.count for cell in totals), now)


def _row(catalog: Catalog, code: str, counts: dict[str, int]) -> BoardRow:
    cells = tuple(
        BoardCell(at, counts.get(at.value, 0), QueueFilter(queue=(code,), status="open", stage=(at.value,)))
        for at in STAGES
    )
    queue = catalog.queues.get(code)
    wanted = QueueFilter(queue=(code,), status="open")
    return BoardRow(code, queue.name if queue else code, cells, sum(cell.count for cell in cells), wanted)
