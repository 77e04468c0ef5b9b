"""One task being run, as its handler sees it: its transactions, its progress, the wish to stop.

Every commit renews the lease in the same transaction, so that a process whose task was taken over commits
nothing more. Handlers sequence short transactions with the network between them, never inside.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from exceptions_app.domain.instant import utc_now
from exceptions_app.models import Task
from exceptions_app.runtime import Runtime
from exceptions_app.services import tasks
from exceptions_app.services.context import ActionContext, Actor
from exceptions_app.services.engine import reading


class CancelledError(Exception):
    """A person asked for the end of this task."""


class StoppingError(Exception):
    """This process is to end: the task goes back into the queue."""


class Work:
    """What a handler is given. `payload` is what was asked for; `requested_by` is a person's id or None."""

    def __init__(
        self,
        runtime: Runtime,
        engine: Engine,
        task: Task,
        owner: str,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.runtime = runtime
        self.engine = engine
        self.owner = owner
        self.task_id = task.id
        self.kind = task.kind
        self.scope = task.scope
        self.payload: dict[str, Any] = json.loads(task.payload)
        self.correlation_id = task.correlation_id
        self.requested_by = task.requested_by_id
        self.tries = task.tries
        self.lease = timedelta(seconds=runtime.settings.task_lease)
        self.stopping = stopping
        self._cancelled = False
        self._lost = False
        self._snapshot: int | None = None

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A short write: committed at the end, undone when it raises. Raises `LeaseLostError` instead of
        committing.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session
            self._renew(session)

    @contextmanager
    def keeping(self) -> Iterator[Session]:
        """A short write that counts even when this task was taken over meanwhile: it is guarded by leases of its
        own, and about something that has happened outside.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A look at the database that writes nothing and holds up nobody."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield reading(session)

    def context(self) -> ActionContext:
        """Who acts (this job), now, under the configuration in force."""
        return ActionContext(
            catalog=self.runtime.catalog,
            now=utc_now(),
            actor=Actor("job", self.kind),
            snapshot_id=self.snapshot_id,
            correlation_id=self.correlation_id,
        )

    @property
    def snapshot_id(self) -> int:
        if self._snapshot is None:
            with self.transaction() as session:
                self._snapshot = self.runtime.snapshot_id(session, f"job:{self.kind}", utc_now())
        return self._snapshot

    def progress(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """Tell how far it is. Raises `CancelledError` when a person asked to stop, `LeaseLostError` when it
        is too late.
        """
        self.tell(done, total, note)
        self.go_on()

    def tell(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """Tell how far it is, from where there is no stopping; `go_on` raises what was learned."""
        try:
            with Session(self.engine) as session, session.begin():
                self._renew(session, done=done, total=total, note=note)
        except tasks.LeaseLostError:
            self._lost = True

    def go_on(self) -> None:
        """Raises when this task should not: cancelled, taken over, or the process is ending."""
        if self._lost:
            raise tasks.LeaseLostError(f"task {self.task_id} is no longer held by {self.owner}")
        if self._cancelled:
            raise CancelledError
        if self.stopping():
            raise StoppingError

    def beat(self) -> None:
        """Renew the lease from the side; what it learns is acted on at the next commit or progress."""
        try:
            with Session(self.engine) as session, session.begin():
                self._renew(session)
        except tasks.LeaseLostError:
            self._lost = True

    def _renew(self, session: Session, **told: Any) -> None:
        if not tasks.heartbeat(session, self.task_id, self.owner, utc_now(), lease=self.lease, **told):
            self._cancelled = True


Handler = Callable[[Work], Mapping[str, Any] | None]
"""Does one task; what it returns is kept as the task's result."""
