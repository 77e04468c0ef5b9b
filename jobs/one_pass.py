"""One pass in the foreground: read every feed, compare every flow. Through the task table, like any other
run.

Whoever else runs jobs on the same install may take some of the tasks: they are waited for.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from exceptions_app.domain.instant import utc_now
from exceptions_app.models import Task
from exceptions_app.services import tasks

from .handlers import HANDLERS
from .install import Install
from .runner import Runner
from .scheduler import Job, jobs_of

_LOOK_EVERY = 0.5
_OVER = ("done", "failed", "cancelled")


def run(install: Install, kinds: Iterable[str] = ("poll", "reconcile", "sweep")) -> list[Task]:
    """Ask for the work of each kind, and see it through before the next; the finished tasks, in order."""
    found: list[Task] = []
    Runner(install.runtime, install.engine, HANDLERS, {"reclock"}).drain()
    for kind in kinds:
        jobs = [job for job in jobs_of(install.runtime.catalog) if job.kind == kind]
        found += see_through(install, kind, _ask(install, jobs))
    return found


def _ask(install: Install, jobs: list[Job]) -> list[int]:
    with install.transaction() as session:
        return [tasks.request(session, j.kind, j.scope, j.payload, None, utc_now()).id for j in jobs]


def see_through(install: Install, kind: str, ids: list[int]) -> list[Task]:
    """Run tasks of a kind here until those asked for are over, whoever ran them; give up after an hour."""
    runner = Runner(install.runtime, install.engine, HANDLERS, {kind})
    waiting = threading.Event()
    started = time.monotonic()
    while True:
        runner.drain()
        with install.transaction() as session:
            found = list(session.scalars(select(Task).where(Task.id.in_(ids)).order_by(Task.id)))
        if all(task.status in _OVER for task in found) or time.monotonic() - started > 3600:
            return found
        waiting.wait(_LOOK_EVERY)


def result_of(task: Task) -> dict[str, Any]:
    """What a finished task says of itself."""
    result: dict[str, Any] = json.loads(task.result or "{}")
    return result


def lines(found: list[Task]) -> list[tuple[str, ...]]:
    """The outcome as rows of a table: what, status, figures, and the error where there is one."""
    rows: list[tuple[str, ...]] = []
    for task in found:
        result = result_of(task)
        if task.status != "done":
            rows.append((task.scope, task.status, "", task.error or ""))
        elif task.kind in ("poll", "again") and "read" in result:
            figures = _figures(result, "read", "stored", "unchanged", "rejected", "deleted")
            rows.append((task.scope, result["status"], figures, result.get("error") or ""))
        elif "status" in result:
            rows.append((task.scope, str(result["status"]), "", str(result.get("error") or "")))
        elif task.kind == "reconcile":
            rows += [_check_line(check, told) for check, told in result.items()]
        else:
            rows.append((task.scope, task.status, _figures(result, *result), ""))
    return rows


def _check_line(check: str, told: dict[str, Any]) -> tuple[str, ...]:
    names = (
        "compared",
        "matched",
        "opened",
        "changed",
        "seen",
        "reopened",
        "closed",
        "confirmed",
        "superseded",
    )
    return (f"check:{check}", told["status"], _figures(told, *names), told.get("error") or "")


def _figures(told: dict[str, Any], *names: str) -> str:
    return "  ".join(
        f"{name} {told[name]:,}" for name in names if isinstance(told.get(name), int) and told[name]
    )
