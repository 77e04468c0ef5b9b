"""Computes the clocks of open exceptions anew under a configuration that has changed, in the background.

Looks without a lock, writes in short transactions. Killed at any point, it starts over: what is done already is equal
and is not written again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from exceptions_app.domain.instant import utc_now
from exceptions_app.models import ExceptionCase, Task
from exceptions_app.services import reclock, tasks

from .work import Work

_AGAIN = timedelta(minutes=1)
_MOST_LEFT = 60
"""Where nobody took it up after so many times, no process has that configuration any more."""


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `reclock` tasks.

    A process that still has the old configuration leaves the task to one that has the new one. What was asked for
    under a configuration that a later one has replaced is done by the later one's own task.
    """
    wanted, own = work.payload.get("clocks"), reclock.digest(work.runtime.catalog)
    if wanted is not None and wanted != own:
        return _left(work)
    with work.reading() as session:
        newest = session.scalar(select(func.max(ExceptionCase.id))) or 0
    done: Counter[str] = Counter(looked_at=0, written=0, moved=0)
    after = 0
    while (portion := _portion(work, after)) is not None:
        after = portion.last_id
        done["looked_at"] += portion.looked_at
        if portion.changed:
            done += _written(work, portion)
        work.progress(min(after, newest), newest, f"{done['moved']:,} deadlines moved")
    return {"clocks": own, **done}


def _left(work: Work) -> Mapping[str, Any]:
    left = work.payload.get("left", 0) + 1
    with work.transaction() as session:
        later = select(Task.id).where(Task.kind == reclock.KIND, Task.id > work.task_id).limit(1)
        if left > _MOST_LEFT or session.scalar(later) is not None:
            return {"replaced": True}
        tasks.request(
            session, reclock.KIND, reclock.KIND, work.payload | {"left": left}, None, utc_now(),
            not_before=utc_now() + _AGAIN,
        )  # fmt: skip
    return {"left_to_another": True}


def _portion(work: Work, after: int) -> reclock.Portion | None:
    with work.reading() as session:
        return reclock.look(session, work.runtime.catalog, utc_now(), after)


def _written(work: Work, portion: reclock.Portion) -> Counter[str]:
    """What somebody touched while it was worked out is worked out again, under the lock."""
    context = work.context()
    with work.transaction() as session:
        written, moved, touched = reclock.write(session, context, portion.changed)
        if touched:
            again = reclock.anew(session, context, touched)
            written, moved = written + again[0], moved + again[1]
    return Counter(written=written, moved=moved)
