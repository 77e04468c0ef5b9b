"""What a queue is restricted to, said so that either database finds it by the right index. Changes no result."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, UnaryExpression
from sqlalchemy.orm import Session
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.sql.visitors import replacement_traverse

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import ExceptionCase as Case

from .filters import QueueFilter
from .keyset import Order


def conditions(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, now: datetime
) -> list[ColumnElement[bool]]:
    """What the viewer may see and the filter asks for."""
    found = [*visible(viewer), *wanted.conditions(catalog, viewer.user_id, now)]
    queues = len(wanted.queue) or len(viewer.queues or ())
    if queues > 1 and not wanted.owner and _is_sqlite(session):
        return [_not_by_queue(condition) for condition in found]
    return found


def order(session: Session, wanted: QueueFilter) -> Order:
    """Few exceptions are in a state of a retry, or called by these references, or due to one cause: SQLite is to find
    them by that and sort them, rather than to walk all others in the page's order. The index by state has one state
    in the order of due times.
    """
    states, due = wanted.retry_states, wanted.sort.lstrip("-") == "due"
    few = bool(states) and not (len(states) == 1 and due)
    few = few or bool(wanted.refs) or wanted.cause is not None
    return Order(wanted.sort, off_index=few and _is_sqlite(session))


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _not_by_queue(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Of several queues SQLite would collect all rows, queue by queue, and sort them. A unary plus keeps it
    off that index, on the one that has the page's order already."""

    def plus(element: Any, **_: Any) -> Any:
        is_queue = isinstance(element, ColumnClause) and element.name == Case.queue.key
        return UnaryExpression(element, operator=custom_op("+")) if is_queue else None

    return replacement_traverse(condition, {}, plus)
