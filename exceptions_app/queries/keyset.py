"""Where a row stands in the order of a queue, and what comes before and after it.

A sort has the rows with a stated value in its direction, then those without one by id. A place is found by comparing
with a row, never by counting, so that it costs the same at any depth. Must not know what restricts the queue.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, UnaryExpression, and_, or_
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.operators import custom_op

from exceptions_app.domain.instant import from_iso, iso
from exceptions_app.models import ExceptionCase as Case

_COLUMNS: Mapping[str, InstrumentedAttribute[Any]] = {
    "due": Case.due_at,
    "amount": Case.reporting_amount_e4,
    "opened": Case.opened_at,
    "cost": Case.delay_cost_e4,
}

Position = tuple[Any, int]
"""A row: its sort value (None once past the stated ones) and its id."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order of the queue. `off_index`: SQLite is to sort what it finds, not to walk the index of the order."""

    sort: str
    backwards: bool = False
    off_index: bool = False

    @property
    def column(self) -> InstrumentedAttribute[Any]:
        return _COLUMNS[self.sort.lstrip("-")]

    @property
    def has_unstated(self) -> bool:
        return bool(self.column.expression.nullable)

    @property
    def _down(self) -> bool:
        return self.sort.startswith("-") != self.backwards

    def stated(self, rows: Select[Any], after: Position | None, limit: int) -> Select[Any]:
        """The next rows whose value is stated."""
        by, number = self._by(self.column), Case.id
        if after is not None:
            rows = rows.where(_beyond(self.column, after, self._down))
        order = (by.desc(), number.desc()) if self._down else (by, number)
        return rows.where(by.is_not(None)).order_by(*order).limit(limit)

    def unstated(self, rows: Select[Any], after: Position | None, limit: int) -> Select[Any]:
        """The next rows whose value is not; by id, whatever the direction of the sort."""
        number = self._by(Case.id)
        if after is not None:
            rows = rows.where(Case.id < after[1] if self.backwards else Case.id > after[1])
        order = number.desc() if self.backwards else number
        return rows.where(self.column.is_(None)).order_by(order).limit(limit)

    def position(self, row: Row[Any]) -> Position:
        return getattr(row, self.column.key), row.id

    def _by(self, column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
        """A unary plus keeps SQLite off the index that has this order."""
        return (
            UnaryExpression(column.expression, operator=custom_op("+"))
            if self.off_index
            else column.expression
        )

    # -- as the address of a page

    def cursor(self, row: Row[Any]) -> str:
        value, number = self.position(row)
        text = json.dumps([self.sort, iso(value) if isinstance(value, datetime) else value, number])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def read_cursor(self, cursor: str | None) -> Position | None:
        """None for the first page, which is also what an unreadable cursor means."""
        try:
            raw = base64.urlsafe_b64decode((cursor or "") + "=" * (-len(cursor or "") % 4))
            sort, value, number = json.loads(raw)
            if sort != self.sort or not _is_stored(number):
                return None
            if value is None or self.column in (Case.reporting_amount_e4, Case.delay_cost_e4):
                return (value, number) if value is None or _is_stored(value) else None
            return from_iso(value), number
        except (ValueError, TypeError, AttributeError, binascii.Error):
            return None


def _is_stored(value: object) -> bool:
    """Whether a whole number can stand in a column."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _beyond(column: InstrumentedAttribute[Any], after: Position, down: bool) -> ColumnElement[bool]:
    value, number = after
    if down:
        return and_(column <= value, or_(column < value, Case.id < number))
    return and_(column >= value, or_(column > value, Case.id > number))
