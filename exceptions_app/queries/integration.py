"""Feeds, runs and rejects, for those who answer for them.

Feeds and their runs are whole systems, so they are everybody's who may see integration. A rejected row is kept
without its entity, so only who sees all of them reads it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, sees_network
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import FeedState, Reject, SyncRun, User

PAGE = 50
POLL = "poll"
_MARK_LENGTH = 60


@dataclass(frozen=True, slots=True)
class FeedLine:
    """A feed: what it brings, how it stands. `state`: ok, failing, late, new, paused or off. `last_run`: of those that
    read on, not of those that read again.
    """

    code: str
    title: str
    system: str
    record_type: str
    mode: str
    every: timedelta
    owner: str
    criticality: str
    state: str
    last_run: RunLine | None
    read_through: datetime | None
    failures: int
    failing_since: datetime | None
    error: str
    rejected: int
    paused_at: datetime | None = None
    paused_by: str = ""
    paused_why: str = ""


@dataclass(frozen=True, slots=True)
class RunLine:
    id: int
    feed: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    rows_read: int
    rows_stored: int
    rows_rejected: int
    rows_deleted: int
    error: str
    correlation_id: str
    rows_mapped: int
    bytes_read: int | None
    kind: str
    asked_for: str
    watermark: str
    """Where it stood afterwards, in short."""

    @property
    def changed(self) -> int:
        """Records that were written: new, changed or gone."""
        return self.rows_stored + self.rows_deleted

    @property
    def took(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at else None


@dataclass(frozen=True, slots=True)
class RejectLine:
    """A row that was not taken: where it stood, why, and the row itself, already masked.

    `key` is what is known of its key, in words; while the row is not settled, nothing is judged on it.
    """

    id: int
    run_id: int
    feed: str
    position: str
    source_id: str
    column: str
    reason: str
    raw_masked: str
    created_at: datetime
    key: str
    ended_at: datetime | None


def feeds(session: Session, catalog: Catalog, *, now: datetime) -> list[FeedLine]:
    """Every feed of the configuration, those that fail first."""
    states = {state.feed: state for state in session.scalars(select(FeedState))}
    newest = select(func.max(SyncRun.id)).where(SyncRun.kind == POLL).group_by(SyncRun.feed)
    last = {run.feed: run for run in session.scalars(select(SyncRun).where(SyncRun.id.in_(newest)))}
    lines = []
    for feed in catalog.feeds.values():
        state, run = states.get(feed.code), last.get(feed.code)
        late = (
            state is not None
            and state.read_through is not None
            and now - state.read_through > max(feed.every * 3, feed.contract.latency)
        )
        standing = "ok"
        if not feed.enabled:
            standing = "off"
        elif state is not None and state.paused_at is not None:
            standing = "paused"
        elif state is not None and state.failing_since is not None:
            standing = "failing"
        elif state is None or state.read_through is None:
            standing = "new"
        elif late:
            standing = "late"
        lines.append(
            FeedLine(
                code=feed.code,
                title=feed.title or feed.code,
                system=catalog.systems[feed.system].name,
                record_type=catalog.record_types[feed.record_type].title,
                mode=feed.mode.replace("_", " "),
                every=feed.every,
                owner=feed.contract.owner_technical or feed.contract.owner_business,
                criticality=feed.contract.criticality,
                state=standing,
                last_run=_run(run) if run else None,
                read_through=state.read_through if state else None,
                failures=state.consecutive_failures if state else 0,
                failing_since=state.failing_since if state else None,
                error=(state.last_error or "") if state else "",
                rejected=run.rows_rejected if run else 0,
                paused_at=state.paused_at if state else None,
                paused_by=_who(session, state.paused_by) if state and state.paused_by else "",
                paused_why=(state.paused_why or "") if state else "",
            )
        )
    order = {"failing": 0, "late": 1, "paused": 2, "new": 3, "ok": 4, "off": 5}
    return sorted(lines, key=lambda line: (order[line.state], line.system, line.title))


def runs(session: Session, *, feed: str | None = None, before: int | None = None) -> list[RunLine]:
    """Runs, newest first, `PAGE` at a time; `before` is the id of the last one seen."""
    statement = select(SyncRun).order_by(SyncRun.id.desc()).limit(PAGE)
    if feed:
        statement = statement.where(SyncRun.feed == feed)
    if before:
        statement = statement.where(SyncRun.id < before)
    return [_run(run) for run in session.scalars(statement)]


def rejects(
    session: Session,
    viewer: Viewer,
    catalog: Catalog,
    *,
    feed: str | None = None,
    run: int | None = None,
    before: int | None = None,
) -> list[RejectLine]:
    """Rejected rows, newest first, `PAGE` at a time; none for who does not see every entity."""
    if not sees_network(viewer, catalog):
        return []
    statement = select(Reject).order_by(Reject.id.desc()).limit(PAGE)
    if feed:
        statement = statement.where(Reject.feed == feed)
    if run:
        statement = statement.where(Reject.run_id == run)
    if before:
        statement = statement.where(Reject.id < before)
    return [
        RejectLine(
            r.id,
            r.run_id,
            r.feed,
            r.position,
            r.source_id or "",
            r.column_name or "",
            r.reason,
            r.raw_masked,
            r.created_at,
            _key_in_words(catalog, r),
            r.ended_at,
        )
        for r in session.scalars(statement)
    ]


def _key_in_words(catalog: Catalog, reject: Reject) -> str:
    """`entity H01, Order PO-1`, by the labels of the record type; empty where nothing is known."""
    feed = catalog.feeds.get(reject.feed)
    columns = catalog.record_types[feed.record_type].columns if feed else {}
    known = json.loads(reject.known or "{}")
    labels = {name: (columns[name].label if name in columns else "") or name for name in known}
    return ", ".join(f"{labels[name]} {value}" for name, value in known.items() if value)


def _who(session: Session, actor: str) -> str:
    """A person's name; an operator at the command line stays what it is called."""
    kind, _, number = actor.partition(":")
    user = session.get(User, int(number)) if kind == "user" and number.isdecimal() else None
    return user.name if user is not None else "an operator"


def _run(run: SyncRun) -> RunLine:
    return RunLine(
        run.id,
        run.feed,
        run.status,
        run.started_at,
        run.finished_at,
        run.rows_read,
        run.rows_stored,
        run.rows_rejected,
        run.rows_deleted,
        run.error or "",
        run.correlation_id,
        run.rows_mapped,
        run.bytes_read,
        run.kind,
        run.asked_for or "",
        mark_in_words(run.watermark_after),
    )


def mark_in_words(watermark: str | None) -> str:
    """A watermark for people: its mark, or of files the newest delivery; empty where there is none."""
    try:
        held = json.loads(watermark or "{}")
    except ValueError:
        return (watermark or "")[:_MARK_LENGTH]
    if not isinstance(held, dict):
        return str(held)[:_MARK_LENGTH]
    if "digests" in held:
        said = f"{len(held['digests'])} files" if len(held["digests"]) != 1 else "1 file"
        return f"{said}, the newest of {held['through']}" if held.get("through") else said
    known = (held.get(name) for name in ("since", "inbox", "etag", "modified"))
    return next((str(value)[:_MARK_LENGTH] for value in known if value is not None), "")
