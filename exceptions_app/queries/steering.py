"""What a queue is restricted to, said so that either database finds it by the right index. Changes no result.

PostgreSQL knows from its statistics what is rare. SQLite is told here: where few rows fit, it finds them by what makes
them few and sorts them; else it walks the order of the page and keeps off every other index. How many there are comes
from the counters, and for words from a look at the first of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, UnaryExpression
from sqlalchemy.orm import Session
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.sql.visitors import replacement_traverse

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models.search import mentioned, said

from . import filter_sql, tally
from .filter_sql import phrases_of
from .filters import LIVE, QueueFilter
from .frequency import mentions, share_of
from .keyset import Order

FEW = 2_000
"""So many rows are found and sorted within some milliseconds."""
_DENSE, _THICK, _MANY = 5, 300, 10_000
"""Where so many of a thousand have the words, walking the live ones is quicker than collecting all that have them.
Where a third do, so is counting them; else ten thousand that have them are looked at: mostly enough of them are live.
"""
_OFTEN = 20
"""The same as `_DENSE` for PostgreSQL, where a row that is walked costs more."""
_ANY_OTHER = frozenset({"queue", "entity", "status", "category", "aging", "owner_id"})


@dataclass(frozen=True, slots=True)
class Plan:
    """How a page of the queue is asked for: its conditions, and the order that they are walked in.

    `count`: how many fit, where that had to be known to choose; `at_most`: no more than that. `some`: the conditions
    of a part of them that is found sooner than all are walked: mostly that is more than anybody counts.
    """

    conditions: list[ColumnElement[bool]]
    order: Order
    count: int | None = None
    at_most: int | None = None
    some: tuple[ColumnElement[bool], ...] = ()


def conditions(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime
) -> list[ColumnElement[bool]]:
    """What the viewer may see and the filter asks for."""
    return plan(session, viewer, catalog, wanted, now).conditions


def order(wanted: QueueFilter) -> Order:
    """The order of a queue, for reading and writing its cursors."""
    return Order(wanted.sort)


def plan(session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime) -> Plan:
    """How the rows of a filter are found."""
    if session.get_bind().dialect.name != "sqlite":
        return _plan_of_postgres(session, viewer, catalog, wanted, now)
    found = _all(viewer, catalog, wanted, now)
    number = _counted(session, viewer, catalog, wanted, now)
    exact = number if tally.is_counted(wanted) else None
    if _ordered_within(viewer, wanted):
        return Plan(found, order(wanted), exact, number)
    some: tuple[ColumnElement[bool], ...] = ()
    if (number is not None and number <= FEW) or _few(wanted):
        return Plan(found, replace(order(wanted), off_index=True), exact, number)
    if asked := phrases_of(wanted.q):
        hits = mentions(session, asked, FEW)
        if hits.number is not None:
            return Plan(found, replace(order(wanted), off_index=True), None, hits.number)
        if hits.share >= _DENSE and wanted.status == LIVE and not filter_sql.names_ids(wanted.q):
            if hits.share < _THICK:
                some = tuple(_off_index(each, _ANY_OTHER) for each in _some(viewer, catalog, wanted, now))
            wanted = replace(wanted, q="")
            found = [*_all(viewer, catalog, wanted, now), said(asked)]
    shunned = _shunned(viewer, wanted)
    walked = [_off_index(each, shunned) for each in found] if shunned else found
    return Plan(walked, order(wanted), exact, some=some)


def _plan_of_postgres(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime
) -> Plan:
    """It knows how many have a word, and takes those of several for independent: where many of those due first have
    all, the page walks its order.
    """
    found, some = _all(viewer, catalog, wanted, now), _some(viewer, catalog, wanted, now)
    by_due = wanted.sort.lstrip("-") == "due" and wanted.status == LIVE
    if some and by_due and share_of(session, phrases_of(wanted.q)) >= _OFTEN:
        found = [*_all(viewer, catalog, replace(wanted, q=""), now), said(phrases_of(wanted.q))]
    return Plan(found, order(wanted), some=some)


def _all(viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime) -> list[ColumnElement[bool]]:
    return [*visible(viewer), *filter_sql.conditions(wanted, catalog, viewer.user_id, now)]


def _some(
    viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime
) -> tuple[ColumnElement[bool], ...]:
    """Conditions of those that are found when only so many are looked at that have the words; none without words."""
    asked = phrases_of(wanted.q)
    if not asked or filter_sql.names_ids(wanted.q):
        return ()
    return (*_all(viewer, catalog, replace(wanted, q=""), now), mentioned(asked, _MANY))


def _counted(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime
) -> int | None:
    """How many there are at most, as far as the counters know; None where that would choose nothing."""
    if not (wanted.category or wanted.aging):
        return None
    counted = QueueFilter(
        queue=wanted.queue, category=wanted.category, entity=wanted.entity, status=wanted.status,
        stage=wanted.stage, aging=wanted.aging,
    )  # fmt: skip
    return tally.count(session, viewer, catalog, counted, now) if tally.is_counted(counted) else None


def _ordered_within(viewer: Viewer, wanted: QueueFilter) -> bool:
    """Whether one category is all that is asked for, in an order that an index has within each."""
    alone = QueueFilter(category=wanted.category[:1], sort=wanted.sort) == wanted and bool(wanted.category)
    return alone and wanted.sort.lstrip("-") in ("due", "amount") and not visible(viewer)


def _few(wanted: QueueFilter) -> bool:
    """Whether few rows can fit. Few are in a state of a retry, called by given references, or due to one cause."""
    states, due = wanted.retry_states, wanted.sort.lstrip("-") == "due"
    one_by_due = len(states) == 1 and due
    return bool((states and not one_by_due) or wanted.refs or wanted.cause is not None or wanted.watched)


def _shunned(viewer: Viewer, wanted: QueueFilter) -> frozenset[str]:
    """The columns by whose index SQLite would collect too much, and sort it. One value of one of them is in the order
    of due times already.
    """
    if wanted.owner:
        return frozenset()
    queues = len(wanted.queue) or len(viewer.queues or ())
    chosen = {"queue": queues, "category": len(wanted.category), "aging": len(wanted.aging)}
    given = [name for name, number in chosen.items() if number]
    due = wanted.sort.lstrip("-") == "due"
    ordered = given[-1:] if due and given and chosen[given[-1]] == 1 and not wanted.q else []
    return frozenset({*given, *(["id"] if wanted.q else [])} - {*ordered})


def _off_index(condition: ColumnElement[bool], shunned: frozenset[str]) -> ColumnElement[bool]:
    """A unary plus keeps SQLite off the index of a column."""

    def plus(element: Any, **_: Any) -> Any:
        is_shunned = (
            isinstance(element, ColumnClause) and element.table is Case.__table__ and element.name in shunned
        )
        return UnaryExpression(element, operator=custom_op("+")) if is_shunned else None

    return replacement_traverse(condition, {}, plus)
