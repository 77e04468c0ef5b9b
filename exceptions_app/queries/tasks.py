"""Background work as people see it: their exports, and the progress of one task."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can
from exceptions_app.models import Task, User

HISTORY = 50
_STATUS = {
    "queued": "Waiting for a free worker",
    "running": "Running",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
}


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task. `percent` is None while nobody knows how much there is."""

    id: int
    kind: str
    scope: str
    status: str
    said: str
    percent: int | None
    done: int
    total: int | None
    note: str
    error: str
    cancelling: bool
    result: dict[str, Any]
    payload: dict[str, Any]
    asked_by: str
    asked_by_id: int | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.status in {"done", "failed", "cancelled"}


def exports(session: Session, viewer: Viewer) -> list[TaskView]:
    """The viewer's own exports, newest first. A workbook holds what its asker sees, so it is nobody
    else's.
    """
    statement = _select().where(Task.kind == "export", Task.requested_by_id == viewer.user_id)
    return [
        _view(task, name) for task, name in session.execute(statement.order_by(Task.id.desc()).limit(HISTORY))
    ]


def task(session: Session, viewer: Viewer, task_id: int) -> TaskView | None:
    """One task that the viewer asked for; those who see integration see what the schedule asked for, too."""
    found = session.execute(_select().where(Task.id == task_id)).first()
    if found is None:
        return None
    asker = found[0].requested_by_id
    scheduled = asker is None and found[0].kind != "export" and can(viewer, Permission.SEE_INTEGRATION)
    return _view(found[0], found[1]) if asker == viewer.user_id or scheduled else None


def newest(session: Session, scope: str) -> TaskView | None:
    """The newest task of a scope, whoever asked for it; who may see what it found is the caller's to know."""
    found = session.execute(_select().where(Task.scope == scope).order_by(Task.id.desc()).limit(1)).first()
    return None if found is None else _view(found[0], found[1])


def view(session: Session, found: Task) -> TaskView:
    """A task that the caller may show, as people see it."""
    asked_by = select(User.name).where(User.id == found.requested_by_id)
    return _view(found, session.scalar(asked_by) if found.requested_by_id else None)


def _select() -> Any:
    return select(Task, User.name).outerjoin(User, User.id == Task.requested_by_id)


def _view(found: Task, asked_by: str | None) -> TaskView:
    total = found.progress_total
    return TaskView(
        id=found.id,
        kind=found.kind,
        scope=found.scope,
        status=found.status,
        said=_STATUS.get(found.status, found.status),
        percent=None if not total else min(100, found.progress_done * 100 // total),
        done=found.progress_done,
        total=total,
        note=found.progress_note or "",
        error=found.error or "",
        cancelling=found.cancel_requested and found.status in {"queued", "running"},
        result=_object(found.result),
        payload=_object(found.payload),
        asked_by=asked_by or "the schedule",
        asked_by_id=found.requested_by_id,
        created_at=found.created_at,
        finished_at=found.finished_at,
    )


def _object(text: str | None) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}
