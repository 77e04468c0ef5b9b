"""Asking for what was read before to be read again: a range of dates, a run, or a file. The feed stands where it stood.

Knows no connector: whether a source can do it is found out by the task.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Feed
from exceptions_app.connectors.events.options import EventsRead
from exceptions_app.domain.instant import iso
from exceptions_app.domain.wording import duration
from exceptions_app.models import SyncRun, Task
from exceptions_app.records.replayed import why_not_kept

from . import feed_states, runs, tasks
from .audit import AuditTag, record_subject

KIND = "again"


class AgainRefusedError(Exception):
    """It makes no sense for this feed; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be read again: from when to before when, a file, or the id of a run."""

    since: datetime | None = None
    until: datetime | None = None
    file: str = ""
    run: int | None = None

    @property
    def kind(self) -> str:
        return runs.BACKFILL if self.since is not None else runs.REPLAY

    @property
    def words(self) -> str:
        if self.since is not None:
            until = "now" if self.until is None else f"{self.until:%Y-%m-%d %H:%M}"
            return f"from {self.since:%Y-%m-%d %H:%M} to {until} UTC"
        return f"file {self.file} and those after it" if self.file else f"run {self.run}"


def ask(
    session: Session, catalog: Catalog, feed: str, wish: Wish, *, by: str, person: int | None, now: datetime,
    correlation_id: str | None = None,
) -> Task:  # fmt: skip
    """The task that does it, with a line in the feed's trail. Raises `AgainRefusedError`."""
    _judge(session, catalog, feed, wish, now)
    payload: dict[str, Any] = {"feed": feed, "file": wish.file, "run": wish.run}
    payload |= {"since": wish.since and iso(wish.since), "until": wish.until and iso(wish.until)}
    task = tasks.request(
        session, KIND, f"poll:{feed}", payload, person, now, correlation_id=correlation_id, always=True
    )
    after = {"kind": wish.kind, "what": wish.words}
    record_subject(
        session, f"feed:{feed}", AuditTag.FEED_READ_AGAIN, actor=by, at=now,
        correlation_id=task.correlation_id, after=after,
    )  # fmt: skip
    return task


def _judge(session: Session, catalog: Catalog, feed: str, wish: Wish, now: datetime) -> None:
    declared = catalog.feeds[feed]
    if not declared.enabled:
        raise AgainRefusedError("The feed is switched off in the configuration.")
    if feed_states.is_paused(session, feed):
        raise AgainRefusedError("The feed is paused: resume it first.")
    if declared.mode == "snapshot":
        raise AgainRefusedError("Each read of a snapshot holds everything: read it now instead.")
    if catalog.systems[declared.system].connector == "events":
        _judge_events(catalog, declared, wish, now)
    if wish.since is not None and wish.since >= min(now, wish.until or now):
        raise AgainRefusedError("The range is empty: it has to begin before it ends, and before now.")
    if wish.run is not None:
        run = session.get(SyncRun, wish.run)
        if run is None or run.feed != feed or run.kind != runs.POLL or run.status == runs.RUNNING:
            raise AgainRefusedError(f"Run {wish.run} is no finished read of this feed.")


def _judge_events(catalog: Catalog, feed: Feed, wish: Wish, now: datetime) -> None:
    """Of events, what the mapping named is kept for a while."""
    kept = EventsRead.model_validate(feed.read).kept_for
    why = "its option 'keep' is 0s" if not kept else why_not_kept(catalog, feed)
    if why:
        raise AgainRefusedError(f"Nothing is kept of this feed's events ({why}): have them sent again.")
    if wish.file:
        raise AgainRefusedError("Events come in no files: name a run, or from when to when.")
    if wish.since is not None and wish.since < now - kept:
        first = f"{now - kept:%Y-%m-%d %H:%M} UTC"
        raise AgainRefusedError(f"Events are kept for {duration(kept)}: begin at {first} or later.")
