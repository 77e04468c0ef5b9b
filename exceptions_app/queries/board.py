"""The SLA board: open exceptions by queue and SLA stage. Definition: exceptions of status open that the
viewer may see, counted by their queue and their stage at this instant; those awaiting confirmation have a
stopped clock and are not among them. Each count leads to the queue filtered to exactly those rows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.sla import Stage
from exceptions_app.models import ExceptionCase as Case

from .filters import QueueFilter, stage_sql

STAGES = (Stage.BREACHED, Stage.DUE_SOON, Stage.ON_TRACK, Stage.PAUSED)
"""Left to right, as chart and table show them."""


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
    stage = stage_sql(now)
    statement = (
        select(Case.queue, stage, func.count())
        .where(*visible(viewer), Case.status == Status.OPEN.value, Case.due_at.is_not(None))
        .group_by(Case.queue, stage)
    )
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for queue, at, count in session.execute(statement):
        counts[queue][at] += count
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
