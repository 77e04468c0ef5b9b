"""The queue: one page of exceptions by keyset, its size, and every row of a filter for an export.

A page costs the same at any depth: rows are found by comparing with the last row seen, never by counting.
Amounts that nobody could state sort last, in a second run over the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, case, func, select
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
    counting = _Counting(session, viewer, catalog, wanted, now, plan)
    rows, count = _fetch(session, plan, after, size + 1, counting.told(later=after is not None))
    if after is None and len(rows) <= size:  # all there is: nothing left to count
        count = len(rows)
    elif count is None:
        count = counting.asked()
    more = rows[size - 1] if len(rows) > size else None
    maker = RowMaker(viewer, catalog, now)
    capped = not counting.exact and count > COUNT_LIMIT
    next_cursor = order.cursor(more) if more else None
    return QueuePage(
        [maker(row) for row in rows[:size]], next_cursor, min(count, COUNT_LIMIT) if capped else count, capped
    )


def iterate(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime | None = None
) -> Iterator[CaseRow]:
    """Every exception of a filter in its order, fetched in chunks by keyset: for exports."""
    now = now or utc_now()
    maker, after = RowMaker(viewer, catalog, now), None
    plan = steering.plan(session, viewer, catalog, wanted, now)
    while True:
        rows, _ = _fetch(session, plan, after, _EXPORT_CHUNK)
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
    counting = _Counting(session, viewer, catalog, wanted, now, plan, limit)
    found = counting.asked()
    return (found, False) if counting.exact else (min(found, limit), found > limit)


def _select(conditions: list[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    return _ROWS.where(*conditions)


@dataclass(frozen=True, slots=True)
class _Counting:
    """How many fit a filter: read off the counters where they know, else counted no further than `limit` and one."""

    session: Session
    viewer: Viewer
    catalog: Catalog
    wanted: QueueFilter
    now: datetime
    plan: Plan
    limit: int = COUNT_LIMIT

    @property
    def exact(self) -> bool:
        return self.plan.count is not None or tally.is_counted(self.wanted)

    def statement(self) -> Select[int]:
        if tally.is_counted(self.wanted):
            return tally.total(self.session, self.viewer, self.catalog, self.wanted, self.now)
        every = self._counted(self.plan.conditions)
        if not self.plan.some:
            return every
        some = self._counted(self.plan.some).scalar_subquery()
        return select(case((some > self.limit, self.limit + 1), else_=every.scalar_subquery()))

    def _counted(self, conditions: Iterable[ColumnElement[bool]]) -> Select[int]:
        fitting = select(Case.id).where(*conditions).limit(self.limit + 1).subquery()
        return select(func.count()).select_from(fitting)

    def told(self, *, later: bool) -> _Told:
        """What a page reads beside its rows: always what is known or cheap; on the first page, which may turn out to
        be all there is, what has to be counted only where few can fit.
        """
        if self.plan.count is not None:
            return _Told(self.plan.count)
        at_most = self.plan.at_most
        few = self.plan.order.off_index and (at_most is None or at_most > PAGE_SIZE)
        with_rows = later or self.exact or few
        return _Told(None, self.statement().scalar_subquery(), with_rows)

    def asked(self) -> int:
        if self.plan.count is not None:
            return self.plan.count
        return int(self.session.scalar(self.statement()) or 0)


@dataclass(frozen=True, slots=True)
class _Told:
    """How many fit, known or as a column of the rows: of all of them, or only of those whose value is not stated."""

    count: int | None = None
    column: ScalarSelect[int] | None = None
    with_rows: bool = False


def _fetch(
    session: Session, plan: Plan, after: Position | None, limit: int, told: _Told | None = None
) -> tuple[list[Row[Any]], int | None]:
    """At most `limit` rows, and how many fit where that was read beside them."""
    told = told or _Told()
    order, base = plan.order, _select(plan.conditions)
    counted = base if told.column is None else base.add_columns(told.column.label("fitting"))
    rows: list[Row[Any]] = []
    count = told.count
    if after is None or after[0] is not None:
        rows = list(session.execute(order.stated(counted if told.with_rows else base, after, limit)))
        if rows and counted is not base and told.with_rows:
            count = int(rows[0].fitting or 0)
    if len(rows) < limit and order.has_unstated:
        unstated = after if after is not None and after[0] is None else None
        first = base if count is not None else counted
        last = list(session.execute(order.unstated(first, unstated, limit - len(rows))))
        if last and first is not base:
            count = int(last[0].fitting or 0)
        rows += last
    return rows, count
