"""How many exceptions there are, read off counters that the database keeps: exact, and the same at any number.

Definition: exceptions that the viewer may see, by what their row says of queue, entity, category, status and aging
bucket (business days open, as the sweep last saw it), and by their SLA stage at this instant: rows whose clock has
passed a deadline since the last sweep are moved to where they are now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Select,
    Subquery,
    func,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.sla import AGING
from exceptions_app.models import CaseTally, CaseTallyDelta
from exceptions_app.models import ExceptionCase as Case

from .filter_sql import entities_of, stage_sql
from .filters import ANY, LIVE, QueueFilter

DIMENSIONS = ("queue", "entity", "category", "status", "stage", "aging")
"""By what exceptions are counted."""

_NO_MATTER = frozenset({*DIMENSIONS, "sort"})
_LIVE = (Status.OPEN.value, Status.AWAITING_CONFIRMATION.value)


def is_counted(wanted: QueueFilter) -> bool:
    """Whether a filter asks for nothing but what is counted. How old something was is not, once it has ended."""
    untouched = QueueFilter()
    others = (field.name for field in fields(wanted) if field.name not in _NO_MATTER)
    ended = wanted.status not in (LIVE, *_LIVE)
    return all(getattr(wanted, name) == getattr(untouched, name) for name in others) and not (
        wanted.aging and ended
    )


def count(session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime) -> int:
    """How many fit a filter that `is_counted`. One statement."""
    return int(session.scalar(total(session, viewer, catalog, wanted, now)) or 0)


def total(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime
) -> Select[int]:
    """`count` as a statement, to be a part of another."""
    _only_counted(wanted)
    tally = _tally(session, now, bool(wanted.stage)).subquery("tally")
    return select(func.sum(tally.c.count)).where(*_fitting(tally, viewer, catalog, wanted))


def counts(
    session: Session,
    viewer: Viewer,
    catalog: Catalog,
    wanted: QueueFilter,
    now: datetime,
    *,
    by: Sequence[str],
) -> dict[tuple[Any, ...], int]:
    """How many fit a filter that `is_counted`, by some of `DIMENSIONS`; what there is none of is not there."""
    _only_counted(wanted)
    with_stage = bool(wanted.stage) or "stage" in by
    tally = _tally(session, now, with_stage).subquery("tally")
    group: list[ColumnElement[Any]] = [tally.c[name] for name in by]
    total = func.sum(tally.c.count)
    statement: Select[Any] = select(*group, total).where(*_fitting(tally, viewer, catalog, wanted))
    if group:
        statement = statement.group_by(*group).having(total != 0)
    return {tuple(row[:-1]): int(row[-1] or 0) for row in session.execute(statement)}


def _only_counted(wanted: QueueFilter) -> None:
    if not is_counted(wanted):
        raise ValueError(f"this filter asks for what is not counted: {wanted.to_args()}")


def _tally(session: Session, now: datetime, with_stage: bool) -> CompoundSelect[Any]:
    """Counters, what is not folded into them yet, and the rows that are in another stage than the sweep saw."""
    parts = [_counted(CaseTally)]
    if session.get_bind().dialect.name == "postgresql":
        parts.append(_counted(CaseTallyDelta))
    if with_stage:
        passed = _passed(now)
        parts += [_moved(passed, passed.c.was, "-1"), _moved(passed, passed.c.stage, "1")]
    return union_all(*parts)


def _counted(table: Any) -> Select[Any]:
    return select(*(getattr(table, name) for name in DIMENSIONS), table.count)


def _passed(now: datetime) -> CTE:
    """The sweep is due for these, and for no others can the stage have changed. Found by the sweep's own index and
    by nothing else: read twice and so kept, no other condition is taken into it.
    """
    columns = (Case.queue, Case.entity, Case.category, Case.status, Case.aging, Case.sla_stage.label("was"))
    return select(*columns, stage_sql(now).label("stage")).where(Case.next_sla_at <= now).cte("passed")


def _moved(passed: CTE, stage: ColumnElement[Any], by: str) -> Select[Any]:
    column = passed.c
    return select(
        column.queue, column.entity, column.category, column.status, stage.label("stage"), column.aging,
        literal_column(by).label("count"),
    )  # fmt: skip


def _fitting(
    tally: Subquery, viewer: Viewer, catalog: Catalog, wanted: QueueFilter
) -> list[ColumnElement[bool]]:
    column = tally.c
    statuses = {LIVE: _LIVE, ANY: ()}.get(wanted.status, (wanted.status,))
    entities = entities_of(wanted, catalog)
    buckets = [number for number, bucket in enumerate(AGING) if bucket.code in wanted.aging]
    asked: tuple[tuple[ColumnElement[Any], bool, Sequence[Any]], ...] = (
        (column.queue, viewer.queues is not None, sorted(viewer.queues or ())),
        (column.entity, viewer.entities is not None, sorted(viewer.entities or ())),
        (column.queue, bool(wanted.queue), wanted.queue),
        (column.category, bool(wanted.category), wanted.category),
        (column.entity, bool(wanted.entity), entities),
        (column.status, bool(statuses), statuses),
        (column.stage, bool(wanted.stage), wanted.stage),
        (column.aging, bool(wanted.aging), buckets),
    )
    return [which.in_(values) for which, restricted, values in asked if restricted] or [true()]
