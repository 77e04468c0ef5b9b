"""The queue: one page of exceptions by keyset, its size, and every row of a filter for an export.

A page costs the same at any depth: rows are found by comparing with the last row seen, never by counting.
Amounts that nobody could state sort last, in a second run over the index.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, Row, Select, UnaryExpression, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.sql.visitors import replacement_traverse

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.instant import from_iso, iso, utc_now
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models import User

from .filters import QueueFilter
from .rows import COLUMNS, CaseRow, RowMaker

__all__ = ["CaseRow", "QueueFilter", "QueuePage", "iterate", "page"]

PAGE_SIZE = 50
COUNT_LIMIT = 1_000
_EXPORT_CHUNK = 2_000
_SORT_COLUMNS: dict[str, InstrumentedAttribute[Any]] = {
    "due": Case.due_at,
    "amount": Case.reporting_amount_e4,
    "opened": Case.opened_at,
}


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Rows, the cursor of the next page, and how many fit the filter (`capped`: more than that)."""

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
    after = _read_cursor(wanted, cursor)
    rows = _fetch(session, viewer, catalog, wanted, now, after, size + 1)
    whole = after is None and len(rows) <= size  # all there is: nothing left to count
    count, capped = (len(rows), False) if whole else count_up_to(session, viewer, catalog, wanted, now)
    more = rows[size - 1] if len(rows) > size else None
    maker = RowMaker(viewer, catalog, now)
    return QueuePage(
        [maker(row) for row in rows[:size]], _cursor(wanted, more) if more else None, count, capped
    )


def iterate(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime | None = None
) -> Iterator[CaseRow]:
    """Every exception of a filter in its order, fetched in chunks by keyset: for exports."""
    now = now or utc_now()
    maker, after = RowMaker(viewer, catalog, now), None
    while True:
        rows = _fetch(session, viewer, catalog, wanted, now, after, _EXPORT_CHUNK)
        yield from map(maker, rows)
        if len(rows) < _EXPORT_CHUNK:
            return
        after = _position(wanted, rows[-1])


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
    """How many fit, counted no further than `limit`: (count, whether there are more)."""
    conditions = [*visible(viewer), *wanted.conditions(catalog, viewer.user_id, now)]
    found = session.scalar(
        select(func.count()).select_from(select(Case.id).where(*conditions).limit(limit + 1).subquery())
    )
    return min(found or 0, limit), (found or 0) > limit


Position = tuple[Any, int]
"""The last row seen: its sort value (None once past the stated ones) and its id."""


def _select(conditions: list[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    return select(*COLUMNS).select_from(Case).outerjoin(User, User.id == Case.owner_id).where(*conditions)


def _fetch(
    session: Session,
    viewer: Viewer,
    catalog: Catalog,
    wanted: QueueFilter,
    now: datetime,
    after: Position | None,
    limit: int,
) -> list[Row[Any]]:
    column, descending = _SORT_COLUMNS[wanted.sort.lstrip("-")], wanted.sort.startswith("-")
    base = _select(_conditions(session, viewer, catalog, wanted, now))
    rows: list[Row[Any]] = []
    if after is None or after[0] is not None:
        by = _by(session, wanted, column)
        stated = base.where(by.is_not(None)).limit(limit)
        if after is not None:
            stated = stated.where(_beyond(column, after, descending))
        order = (by.desc(), Case.id.desc()) if descending else (by, Case.id)
        rows = list(session.execute(stated.order_by(*order)))
    if len(rows) < limit and column.expression.nullable:
        by_id = _by(session, wanted, Case.id)
        unstated = base.where(column.is_(None)).order_by(by_id).limit(limit - len(rows))
        if after is not None and after[0] is None:
            unstated = unstated.where(Case.id > after[1])
        rows += session.execute(unstated)
    return rows


def _conditions(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime
) -> list[ColumnElement[bool]]:
    conditions = [*visible(viewer), *wanted.conditions(catalog, viewer.user_id, now)]
    queues = len(wanted.queue) or len(viewer.queues or ())
    if queues > 1 and not wanted.owner and session.get_bind().dialect.name == "sqlite":
        return [_not_by_queue(condition) for condition in conditions]
    return conditions


def _by(session: Session, wanted: QueueFilter, column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """What a page is ordered by. Few exceptions are in a state of a retry: SQLite is to find them by it and sort them,
    rather than to walk all others in the page's order. The index by state has one state in the order of due times.
    """
    states = wanted.retry_states
    ordered = not states or (len(states) == 1 and column is Case.due_at)
    if ordered or session.get_bind().dialect.name != "sqlite":
        return column.expression
    return UnaryExpression(column.expression, operator=custom_op("+"))


def _not_by_queue(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Of several queues SQLite would collect all rows, queue by queue, and sort them. A unary plus keeps it
    off that index, on the one that has the page's order already."""

    def plus(element: Any, **_: Any) -> Any:
        is_queue = isinstance(element, ColumnClause) and element.name == Case.queue.key
        return UnaryExpression(element, operator=custom_op("+")) if is_queue else None

    return replacement_traverse(condition, {}, plus)


def _beyond(column: InstrumentedAttribute[Any], after: Position, descending: bool) -> ColumnElement[bool]:
    value, number = after
    if descending:
        return and_(column <= value, or_(column < value, Case.id < number))
    return and_(column >= value, or_(column > value, Case.id > number))


def _position(wanted: QueueFilter, row: Row[Any]) -> Position:
    return getattr(row, _SORT_COLUMNS[wanted.sort.lstrip("-")].key), row.id


def _cursor(wanted: QueueFilter, row: Row[Any]) -> str:
    value, number = _position(wanted, row)
    text = json.dumps([wanted.sort, iso(value) if isinstance(value, datetime) else value, number])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(wanted: QueueFilter, cursor: str | None) -> Position | None:
    try:
        raw = base64.urlsafe_b64decode((cursor or "") + "=" * (-len(cursor or "") % 4))
        sort, value, number = json.loads(raw)
        if sort != wanted.sort or type(number) is not int:
            return None
        if value is None or wanted.sort.endswith("amount"):
            return (value, number) if value is None or type(value) is int else None
        return from_iso(value), number
    except (ValueError, TypeError, AttributeError, binascii.Error):
        return None
