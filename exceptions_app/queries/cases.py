"""The queue: one page of exceptions by keyset, its size, and every row of a filter for an export.

A page costs the same at any depth: rows are found by comparing with the last row seen, never by counting.
Amounts that nobody could state sort last, in a second run over the index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models import User

from . import steering, tally
from .filters import QueueFilter
from .keyset import Position
from .neighbours import Neighbours, neighbours
from .rows import COLUMNS, CaseRow, RowMaker
from .steering import Plan

__all__ = ["CaseRow", "Neighbours", "QueueFilter", "QueuePage", "iterate", "neighbours", "page"]

PAGE_SIZE = 50
COUNT_LIMIT = 1_000
_EXPORT_CHUNK = 2_000
_ROWS = select(*COLUMNS).select_from(Case).outerjoin(User, User.id == Case.owner_id)


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Rows, the cursor of the next page, and how many fit the filter (`capped`: more than that).

    What is filtered only by what `tally` counts is never capped.
    """

    rows: list[CaseRow]
    next_cursor: str | None
    count: int
    capped: bool


def page(
    session: Session,
    viewer: Viewer,
    catalog: Catalog,
    wanted: QueueFilter,
    *,
    now: datetime,
    cursor: str | None = None,
    size: int = PAGE_SIZE,
) -> QueuePage:
    """One page of what the viewer may see, after `cursor` (an unreadable one means the first page)."""
    plan = steering.plan(session, viewer, catalog, wanted, now)
    order, after = plan.order, plan.order.read_cursor(cursor)
    rows = _fetch(session, plan, after, size + 1)
    whole = after is None and len(rows) <= size  # all there is: nothing left to count
    count, capped = len(rows), False
    if not whole:
        count, capped = _count(session, viewer, catalog, wanted, now, plan, COUNT_LIMIT)
    more = rows[size - 1] if len(rows) > size else None
    maker = RowMaker(viewer, catalog, now)
    return QueuePage([maker(row) for row in rows[:size]], order.cursor(more) if more else None, count, capped)


def iterate(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime | None = None
) -> Iterator[CaseRow]:
    """Every exception of a filter in its order, fetched in chunks by keyset: for exports."""
    now = now or utc_now()
    maker, after = RowMaker(viewer, catalog, now), None
    plan = steering.plan(session, viewer, catalog, wanted, now)
    while True:
        rows = _fetch(session, plan, after, _EXPORT_CHUNK)
        yield from map(maker, rows)
        if len(rows) < _EXPORT_CHUNK:
            return
        after = plan.order.position(rows[-1])


def rows_where(
    session: Session,
    viewer: Viewer,
    catalog: Catalog,
    now: datetime,
    conditions: list[ColumnElement[bool]],
    limit: int,
) -> list[CaseRow]:
    """The first exceptions by due time that the viewer may see and that fit some conditions."""
    statement = _select([*visible(viewer), *conditions]).order_by(Case.due_at, Case.id).limit(limit)
    return list(map(RowMaker(viewer, catalog, now), session.execute(statement)))


def count_up_to(
    session: Session,
    viewer: Viewer,
    catalog: Catalog,
    wanted: QueueFilter,
    now: datetime,
    limit: int = COUNT_LIMIT,
) -> tuple[int, bool]:
    """How many fit, and whether there are more: read off the counters, else counted no further than `limit`."""
    plan = steering.plan(session, viewer, catalog, wanted, now)
    return _count(session, viewer, catalog, wanted, now, plan, limit)


def _count(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime, plan: Plan, limit: int
) -> tuple[int, bool]:  # fmt: skip
    if plan.count is not None:
        return plan.count, False
    if tally.is_counted(wanted):
        return tally.count(session, viewer, catalog, wanted, now), False
    fitting = select(Case.id).where(*plan.conditions).limit(limit + 1).subquery()
    found = session.scalar(select(func.count()).select_from(fitting)) or 0
    return min(found, limit), found > limit


def _select(conditions: list[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    return _ROWS.where(*conditions)


def _fetch(session: Session, plan: Plan, after: Position | None, limit: int) -> list[Row[Any]]:
    order, base = plan.order, _select(plan.conditions)
    rows: list[Row[Any]] = []
    if after is None or after[0] is not None:
        rows = list(session.execute(order.stated(base, after, limit)))
    if len(rows) < limit and order.has_unstated:
        unstated = after if after is not None and after[0] is None else None
        rows += session.execute(order.unstated(base, unstated, limit - len(rows)))
    return rows
