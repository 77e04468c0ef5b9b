"""What a retry of many would do, before anybody asks for it: how many, worth how much, to which systems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.money import from_e4
from exceptions_app.domain.retry import ON_ITS_WAY
from exceptions_app.models import ExceptionCase
from exceptions_app.services.retry_asking import operation_for

from . import filter_sql
from .deliveries import system_name
from .filters import QueueFilter

MOST = 50_000
"""More than this is not counted, and not sent in one go."""

Case = ExceptionCase


@dataclass(frozen=True, slots=True)
class Write:
    """So many would be sent to one system by one operation. `amount` is in reporting currency."""

    title: str
    system_name: str
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Selection:
    """`count` were chosen; `writes` can be sent, the others not: `not_open`, `on_its_way`, `nothing_to_send`."""

    count: int
    amount: Decimal
    writes: tuple[Write, ...]
    not_open: int
    on_its_way: int
    nothing_to_send: int
    too_many: bool

    @property
    def sendable(self) -> int:
        return sum(write.count for write in self.writes)


def selection(
    session: Session, viewer: Viewer, catalog: Catalog, *, case_ids: Sequence[int] | None, wanted: QueueFilter,
    now: datetime,
) -> Selection:  # fmt: skip
    """Of chosen exceptions, or of all that fit a filter, those that the viewer may see. One statement."""
    some: Select[*tuple[object, ...]] = select(
        Case.category, Case.entity, Case.status, Case.retry_state, Case.reporting_amount_e4
    ).where(*visible(viewer))
    if case_ids is not None:
        some = some.where(Case.id.in_(case_ids))
    else:
        some = some.where(*filter_sql.conditions(wanted, catalog, viewer.user_id, now))
    rows = some.limit(MOST + 1).subquery()
    c = rows.c
    grouped = select(
        c.category, c.entity, c.status, c.retry_state, func.count(), func.sum(func.abs(c.reporting_amount_e4))
    ).group_by(c.category, c.entity, c.status, c.retry_state)
    return _added(catalog, [tuple(row) for row in session.execute(grouped)])


def _added(catalog: Catalog, rows: list[tuple[str, str, str, str | None, int, int | None]]) -> Selection:
    writes: dict[str, Write] = {}
    count, total, not_open, on_its_way, nothing = 0, 0, 0, 0, 0
    for category, entity, status, state, so_many, amount_e4 in rows:
        count, total = count + so_many, total + int(amount_e4 or 0)
        operation = operation_for(catalog, Case(category=category, entity=entity))
        if status != Status.OPEN:
            not_open += so_many
        elif state in ON_ITS_WAY:
            on_its_way += so_many
        elif operation is None:
            nothing += so_many
        else:
            known = writes.get(operation.code)
            amount = from_e4(int(amount_e4 or 0))
            writes[operation.code] = Write(
                operation.title, system_name(catalog, operation.system), so_many + (known.count if known else 0),
                amount + (known.amount if known else 0),
            )  # fmt: skip
    ordered = tuple(sorted(writes.values(), key=lambda write: (-write.count, write.title)))
    return Selection(count, from_e4(total), ordered, not_open, on_its_way, nothing, count > MOST)
