"""Bulk actions as people see them: what one would do before anybody confirms it, and what became of each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, case, func, literal, select
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id
from exceptions_app.domain.lifecycle import Action, Status
from exceptions_app.domain.money import from_e4, to_e4
from exceptions_app.models import BulkAction, BulkItem, ExceptionCase, Task
from exceptions_app.services.bulk_actions import MOST
from exceptions_app.services.forgetting import BULK_ITEMS_KEPT, ENDED

from . import filter_sql
from .filters import QueueFilter

HISTORY, PAGE = 50, 100
Case = ExceptionCase
ITEM = {
    "waiting": ("Waiting", ""),
    "done": ("Done", "green"),
    "refused": ("Not done", "amber"),
    "skipped": ("Left alone", ""),
    "undone": ("Undone", "accent"),
    "kept": ("Not undone", "amber"),
}
"""Status of an item -> what it is called, and its tone."""
STATUS = {
    "running": ("Under way", "accent"),
    "done": ("Done", "green"),
    "cancelled": ("Cancelled", ""),
    "undoing": ("Being undone", "accent"),
    "undone": ("Undone", ""),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Of `count` chosen, `doable` would be done, worth `amount` in reporting currency; `refused` says why not others.

    `reasons` are what all their categories allow, code -> label. `stamp` tells whether the set is still the same;
    `ids` is the sum of theirs.
    """

    count: int
    doable: int
    amount: Decimal
    refused: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, str], ...]
    too_many: bool
    ids: int

    @property
    def stamp(self) -> str:
        return f"{self.count}-{self.doable}-{self.amount}-{self.ids}"


@dataclass(frozen=True, slots=True)
class BulkView:
    """A bulk action with its counts per state of an item, in the order of `ITEM`."""

    id: int
    title: str
    action: str
    status: str
    said: str
    tone: str
    total: int
    amount: Decimal
    parts: tuple[tuple[str, str, int], ...]
    turned: int
    problem: str
    created_at: datetime
    finished_at: datetime | None
    undo_until: datetime | None
    can_undo: bool
    can_cancel: bool
    forgotten: bool
    """What became of each of its exceptions is no longer kept."""

    @property
    def is_moving(self) -> bool:
        return self.status in {"running", "undoing"} and not self.problem

    @property
    def percent(self) -> int:
        return min(100, self.turned * 100 // max(self.total, 1))

    def count(self, state: str) -> int:
        return next((number for code, _, number in self.parts if code == state), 0)


@dataclass(frozen=True, slots=True)
class ItemLine:
    """What became of one exception."""

    id: int
    reference: str
    business_reference: str
    sentence: str
    said: str
    tone: str
    note: str
    amount: Decimal | None


def plan(
    session: Session, viewer: Viewer, catalog: Catalog, action: Action, *, ids: Sequence[int] | None,
    wanted: QueueFilter, now: datetime,
) -> Plan:  # fmt: skip
    """What an action on chosen exceptions, or on all that fit a filter, would do. One statement."""
    limit = to_e4(catalog.site.materiality)
    heavy = func.abs(func.coalesce(Case.reporting_amount_e4, 0)) > limit if limit else literal(False)
    whose = case((Case.owner_id.is_(None), "none"), (Case.owner_id == viewer.user_id, "me"), else_="other")
    columns = (Case.category, Case.status, Case.on_hold, whose.label("whose"))
    some = select(
        Case.id, *columns, (heavy | (Case.severity == "critical")).label("heavy"), Case.reporting_amount_e4
    ).where(*visible(viewer))
    chosen = (
        filter_sql.conditions(wanted, catalog, viewer.user_id, now) if ids is None else [Case.id.in_(ids)]
    )
    some = some.where(*chosen)
    rows = some.limit(MOST + 1).subquery().c
    kinds = (rows.category, rows.status, rows.on_hold, rows.whose, rows.heavy)
    worth = func.sum(func.abs(rows.reporting_amount_e4))
    counted = select(
        *kinds, func.count().label("number"), worth.label("worth"), func.sum(rows.id).label("ids")
    )
    return _planned(viewer, catalog, action, session.execute(counted.group_by(*kinds)).all())


def _planned(viewer: Viewer, catalog: Catalog, action: Action, rows: Sequence[Row[Any]]) -> Plan:
    refused: dict[str, int] = {}
    count = doable = worth = 0
    categories: set[str] = set()
    for row in rows:
        count += row.number
        why = _why_not(viewer, catalog, action, row)
        if why:
            refused[why] = refused.get(why, 0) + row.number
            continue
        doable, worth = doable + row.number, worth + int(row.worth or 0)
        categories.add(row.category)
    ordered = tuple(sorted(refused.items(), key=lambda item: -item[1]))
    reasons, ids = _reasons(catalog, categories), sum(int(row.ids) for row in rows)
    return Plan(count, doable, from_e4(worth), ordered, reasons, count > MOST, ids)


def _why_not(viewer: Viewer, catalog: Catalog, action: Action, row: Row[Any]) -> str:
    """Why exceptions like these would be refused; nothing where they would not."""
    if action is not Action.COMMENT and row.status != Status.OPEN:
        return "not open any more"
    category = catalog.categories.get(row.category)
    never = category is not None and not category.waivable
    why = {
        Action.CLAIM: {"me": "yours already", "other": "somebody else has them"}.get(row.whose, ""),
        Action.RELEASE: _whose_to_hand_back(viewer, row.whose),
        Action.HOLD: "on hold already" if row.on_hold else "",
        Action.RESUME: "" if row.on_hold else "not on hold",
        Action.WAIVE: "of a category that is never waived" if never else _takes_a_manager(viewer, row),
    }
    return why.get(action, "")


def _whose_to_hand_back(viewer: Viewer, whose: str) -> str:
    others = "" if can(viewer, Permission.ASSIGN_OTHERS) else "somebody else has them"
    return {"none": "nobody has them", "other": others}.get(whose, "")


def _takes_a_manager(viewer: Viewer, row: Row[Any]) -> str:
    may = not row.heavy or can(viewer, Permission.WAIVE_MATERIAL)
    return "" if may else "critical or material: those take a manager to waive"


def _reasons(catalog: Catalog, categories: set[str]) -> tuple[tuple[str, str], ...]:
    """The reasons that every one of the categories knows."""
    each = [
        {r.code: r.label for r in (catalog.reasons(code) if code in catalog.categories else catalog.common_reasons)}
        for code in sorted(categories)
    ]  # fmt: skip
    first = each[0] if each else {}
    return tuple((code, label) for code, label in first.items() if all(code in other for other in each))


def history(session: Session, viewer: Viewer, now: datetime) -> list[BulkView]:
    """The viewer's own bulk actions, newest first."""
    mine = select(BulkAction).where(BulkAction.requested_by_id == viewer.user_id)
    found = session.scalars(mine.order_by(BulkAction.id.desc()).limit(HISTORY)).all()
    return [_view(session, made, {}, now) for made in found]


def bulk_action(session: Session, viewer: Viewer, bulk_id: int, now: datetime) -> BulkView | None:
    """One of the viewer's own."""
    made = session.get(BulkAction, bulk_id)
    if made is None or made.requested_by_id != viewer.user_id:
        return None
    counts = (
        select(BulkItem.status, func.count()).where(BulkItem.bulk_id == bulk_id).group_by(BulkItem.status)
    )
    found = [(row[0], int(row[1])) for row in session.execute(counts)]
    return _view(session, made, dict(found), now)


def items(session: Session, viewer: Viewer, number: int, *, kind: str = "", after: int = 0) -> list[ItemLine]:
    """What became of the exceptions that the viewer (still) sees: a page of them after an item's id; `kind` restricts
    to one state.
    """
    rows = select(
        BulkItem.id, BulkItem.status, BulkItem.note, Case.id.label("case_id"), Case.reference, Case.sentence,
        Case.reporting_amount_e4,
    ).join(Case, Case.id == BulkItem.case_id)  # fmt: skip
    rows = rows.where(BulkItem.bulk_id == number, BulkItem.id > after, *visible(viewer))
    if kind in ITEM:
        rows = rows.where(BulkItem.status == kind)
    return [_line(row) for row in session.execute(rows.order_by(BulkItem.id).limit(PAGE + 1))]


def _line(row: Any) -> ItemLine:
    said, tone = ITEM.get(row.status, (row.status, ""))
    amount = None if row.reporting_amount_e4 is None else from_e4(row.reporting_amount_e4)
    return ItemLine(
        row.id, public_id.encode(row.case_id), row.reference, row.sentence, said, tone, row.note or "", amount
    )


def _view(session: Session, made: BulkAction, counts: dict[str, int], now: datetime) -> BulkView:
    said, tone = STATUS.get(made.status, (made.status, ""))
    left = counts.get("done" if made.status == "undoing" else "waiting", 0)
    return BulkView(
        id=made.id, title=made.title, action=made.action, status=made.status, said=said, tone=tone, total=made.total,
        amount=from_e4(made.amount_e4), parts=tuple((code, ITEM[code][0], counts.get(code, 0)) for code in ITEM),
        turned=made.total - left, problem=_problem(session, made), created_at=made.created_at,
        finished_at=made.undone_at or made.finished_at, undo_until=made.undo_until,
        can_undo=made.status in {"done", "cancelled"} and made.undo_until is not None and now <= made.undo_until,
        can_cancel=made.status == "running", forgotten=_is_forgotten(made, now),
    )  # fmt: skip


def _is_forgotten(made: BulkAction, now: datetime) -> bool:
    ended = made.undone_at or made.finished_at
    return made.status in ENDED and ended is not None and ended < now - BULK_ITEMS_KEPT


def _problem(session: Session, made: BulkAction) -> str:
    """Why it does not go on, where its work was given up."""
    if made.status not in {"running", "undoing"} or made.task_id is None:
        return ""
    task = session.get(Task, made.task_id)
    stopped = task is not None and task.status in {"failed", "cancelled"}
    return (task.error or "It was stopped.") if task is not None and stopped else ""
