"""Claims due tasks and runs them, one at a time: lease, heartbeat, correlation id, commits, failure.

Knows no kind of work: the handlers come in as a table.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from exceptions_app.domain.instant import utc_now
from exceptions_app.milestones import reached
from exceptions_app.models import Task
from exceptions_app.records.raw import clean
from exceptions_app.runtime import Runtime
from exceptions_app.services import tasks

from .logs import correlated
from .work import CancelledError, Handler, StoppingError, Work

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 20.0
IDLE_SECONDS = 1.0
RETRY_AFTER = timedelta(seconds=15)


def owner_name() -> str:
    """Names this runner in the task table: machine, process, and a part of its own."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


class Runner:
    """Runs the tasks of some kinds until it is told to stop."""

    def __init__(
        self,
        runtime: Runtime,
        engine: Engine,
        handlers: Mapping[str, Handler],
        kinds: Collection[str] | None = None,
        *,
        only: Collection[int] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        """`only` these tasks; `stop` says whether the process is to end."""
        self.runtime = runtime
        self.engine = engine
        self.handlers = handlers
        self.kinds = frozenset(handlers if kinds is None else kinds)
        self.owner = owner_name()
        self.lease = timedelta(seconds=runtime.settings.task_lease)
        self._only = only
        self._stop = threading.Event()
        self._stopping = stop or self._is_stopping

    def run_forever(self, stop: threading.Event) -> None:
        """Until `stop` is set; a database that is away for a while is waited for."""
        self._stop = stop
        while not stop.is_set():
            try:
                worked = self.run_one()
            except DBAPIError as error:
                log.warning("the database does not answer: %s", error.orig)
                worked = False
            if not worked:
                stop.wait(IDLE_SECONDS)

    def run_one(self) -> bool:
        """Claim and run one task; False when none is due."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            task = tasks.claim(
                session, self.owner, utc_now(), lease=self.lease, kinds=self.kinds, only=self._only
            )
            if task is not None:  # what people have added to the configuration holds from the next task on
                self.runtime = self.runtime.in_force(session, utc_now())
        if task is None:
            return False
        work = Work(self.runtime, self.engine, task, self.owner, self._stopping)
        with correlated(task.correlation_id), _heartbeat(work):
            self._run(task, work)
        return True

    def _is_stopping(self) -> bool:
        return self._stop.is_set()

    def drain(self) -> int:
        """Run what is due until nothing is; how many tasks."""
        count = 0
        while self.run_one():
            count += 1
        return count

    def _run(self, task: Task, work: Work) -> None:
        log.debug("task %d: %s", task.id, task.scope)
        try:
            result = self.handlers[task.kind](work)
        except tasks.LeaseLostError as error:
            log.warning("%s; what was not committed is left to whoever has it", error)
        except CancelledError:
            self._end(work, None, cancelled=True)
        except StoppingError:
            self._hand_back(work)
        except Exception as error:
            log.exception("task %d (%s) failed", task.id, task.scope)
            passing = isinstance(error, DBAPIError) and work.tries < tasks.MAX_TRIES
            self._fail(work, error, again=RETRY_AFTER if passing else None)
        else:
            self._end(work, result)

    def _end(self, work: Work, result: Mapping[str, Any] | None, *, cancelled: bool = False) -> None:
        try:
            with Session(self.engine) as session, session.begin():
                tasks.finish(session, work.task_id, self.owner, utc_now(), result=result, cancelled=cancelled)
            reached("task.finished")
        except tasks.LeaseLostError as error:
            log.warning("%s", error)

    def _hand_back(self, work: Work) -> None:
        try:
            with Session(self.engine) as session, session.begin():
                tasks.hand_back(session, work.task_id, self.owner, utc_now())
        except tasks.LeaseLostError as error:
            log.warning("%s", error)

    def _fail(self, work: Work, error: Exception, again: timedelta | None) -> None:
        """The task ends as failed, or is queued once more after `again`."""
        now = utc_now()
        said = clean(f"{type(error).__name__}: {error}"[:2000])
        retry_at = None if again is None else now + again
        try:
            with Session(self.engine) as session, session.begin():
                tasks.fail(session, work.task_id, self.owner, now, said, retry_at=retry_at)
        except tasks.LeaseLostError as lost:
            log.warning("%s", lost)


@contextmanager
def _heartbeat(work: Work) -> Iterator[None]:
    """Renew the lease while the handler works, however long one of its steps takes."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(min(HEARTBEAT_SECONDS, work.lease.total_seconds() / 4)):
            try:
                work.beat()
            except DBAPIError as error:
                log.warning("could not renew the lease of task %d: %s", work.task_id, error.orig)

    thread = threading.Thread(target=beat, name=f"heartbeat-{work.task_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
