"""Batches of retries: how far each has come, in counts of what the viewer may see, and its items by keyset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, or_, select
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.retry import Sent
from exceptions_app.models import Delivery, ExceptionCase, RetryBatch, Task, User

from . import retry_words as words
from .deliveries import DeliveryLine, LineMaker, gates, of_viewer

PAGE = 20
ITEMS = 50
REASONS = 5


@dataclass(frozen=True, slots=True)
class Part:
    """So many of a batch stand like this. `kind` groups states for the bar: see `PARTS`."""

    kind: str
    label: str
    count: int
    states: tuple[str, ...]


PARTS: tuple[tuple[str, str, tuple[Sent, ...]], ...] = (
    ("ready", "Would be sent", (Sent.READY,)),
    ("approval", "Wait for approval", (Sent.AWAITING_APPROVAL,)),
    ("waiting", "Waiting", (Sent.WAITING,)),
    ("sending", "Sending", (Sent.SENDING,)),
    ("unsure", "Need a decision", (Sent.UNSURE,)),
    ("accepted", "Accepted", (Sent.ACCEPTED,)),
    ("confirmed", "Confirmed", (Sent.CONFIRMED,)),
    ("not_confirmed", "Not confirmed", (Sent.NOT_CONFIRMED,)),
    ("skipped", "Skipped", (Sent.SKIPPED,)),
    ("failed", "Failed", (Sent.FAILED, Sent.REPLAYED, Sent.DISCARDED)),
)
"""The bar of a batch, left to right. What gave up stays failed, whatever was done about it later."""
ALWAYS = {"waiting", "sending", "accepted", "confirmed", "not_confirmed", "skipped", "failed"}


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A batch. `total` None: not known yet. `prepared` counts exceptions that were looked at so far."""

    id: int
    title: str
    status: str
    said: str
    tone: str
    dry_run: bool
    reason: str
    asked_by: str
    asked_by_id: int
    created_at: datetime
    finished_at: datetime | None
    total: int | None
    prepared: int
    note: str
    problem: str
    parts: tuple[Part, ...]
    may_steer: bool

    @property
    def is_moving(self) -> bool:
        """Whether its figures change by themselves soon."""
        if self.status == "preparing":
            return not self.problem
        return bool(self.count("sending") or (self.count("waiting") and self.status != "paused"))

    @property
    def awaits_people(self) -> bool:
        """Whether only somebody's approval or decision keeps it from its end."""
        return not self.is_moving and bool(self.count("approval") or self.count("unsure"))

    @property
    def awaits_data(self) -> bool:
        """Whether the next runs can still change it."""
        return not self.is_moving and bool(self.count("accepted"))

    @property
    def pace(self) -> str:
        """How often the page asks again by itself; empty: not at all."""
        return "1s" if self.is_moving else "5s" if self.awaits_data or self.awaits_people else ""

    @property
    def shown(self) -> int:
        return sum(part.count for part in self.parts)

    def count(self, kind: str) -> int:
        return next((part.count for part in self.parts if part.kind == kind), 0)


@dataclass(frozen=True, slots=True)
class BatchPage:
    batches: tuple[BatchLine, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class Items:
    """One page, and why nothing was sent for the skipped ones: the most frequent reasons with their counts."""

    lines: tuple[DeliveryLine, ...]
    next_after: int | None
    skipped: tuple[tuple[str, int], ...] = ()


def batches(session: Session, viewer: Viewer, *, before: int | None = None) -> BatchPage:
    """The batches of the viewer, and those in which something is theirs to see, newest first. Two statements."""
    wanted = _select(viewer).order_by(RetryBatch.id.desc()).limit(PAGE + 1)
    if before is not None:
        wanted = wanted.where(RetryBatch.id < before)
    rows = session.execute(wanted).all()
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    counted = _counts(session, viewer, [row[0].id for row in rows])
    found = tuple(_line(row, viewer, counted[row[0].id]) for row in rows)
    return BatchPage(found, found[-1].id if more else None)


def batch(session: Session, viewer: Viewer, batch_id: int) -> BatchLine | None:
    """One batch, if it is the viewer's to see. Two statements."""
    row = session.execute(_select(viewer).where(RetryBatch.id == batch_id)).first()
    return None if row is None else _line(row, viewer, _counts(session, viewer, [batch_id])[batch_id])


def items(
    session: Session, viewer: Viewer, catalog: Catalog, batch_id: int, *, now: datetime, kind: str = "",
    after: int | None = None,
) -> Items:  # fmt: skip
    """The exceptions of a batch in the order in which they are sent; `kind` as in `PARTS`. Three statements."""
    states = next((states for each, _, states in PARTS if each == kind), None)
    wanted = of_viewer(viewer).where(Delivery.batch_id == batch_id).order_by(Delivery.id).limit(ITEMS + 1)
    if states is not None:
        wanted = wanted.where(Delivery.status.in_(states))
    if after is not None:
        wanted = wanted.where(Delivery.id > after)
    rows = session.execute(wanted).all()
    maker = LineMaker(viewer, catalog, now, gates(session))
    found = maker.many(rows[:ITEMS])
    more = found[-1].id if len(rows) > ITEMS else None
    return Items(tuple(found), more, _why_skipped(session, viewer, batch_id))


def _why_skipped(session: Session, viewer: Viewer, batch_id: int) -> tuple[tuple[str, int], ...]:
    reasons = (
        select(Delivery.note, func.count())
        .where(Delivery.batch_id == batch_id, Delivery.status == Sent.SKIPPED.value)
        .group_by(Delivery.note)
        .order_by(func.count().desc(), Delivery.note)
        .limit(REASONS)
    )
    if conditions := visible(viewer):
        reasons = reasons.join(ExceptionCase, ExceptionCase.id == Delivery.case_id).where(*conditions)
    return tuple((note or "No reason is known.", count) for note, count in session.execute(reasons))


def _select(viewer: Viewer) -> Any:
    wanted = (
        select(
            RetryBatch,
            User.name,
            Task.status.label("task"),
            Task.error,
            Task.progress_done,
            Task.progress_note,
        )
        .join(User, User.id == RetryBatch.requested_by_id)
        .outerjoin(Task, Task.id == RetryBatch.task_id)
    )
    return wanted.where(*_seen(viewer))


def _seen(viewer: Viewer) -> list[ColumnElement[bool]]:
    conditions = visible(viewer)
    if not conditions:
        return []
    theirs = (
        exists()
        .where(Delivery.batch_id == RetryBatch.id)
        .where(Delivery.case_id == ExceptionCase.id, *conditions)
        .correlate(RetryBatch)
    )
    return [or_(RetryBatch.requested_by_id == viewer.user_id, theirs)]


def _counts(session: Session, viewer: Viewer, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Batch -> state -> how many. Who sees everything is counted from the index alone."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    if not ids:
        return found
    wanted = select(Delivery.batch_id, Delivery.status, func.count())
    conditions = visible(viewer)
    if conditions:
        wanted = wanted.join(ExceptionCase, ExceptionCase.id == Delivery.case_id).where(*conditions)
    grouped = wanted.where(Delivery.batch_id.in_(ids)).group_by(Delivery.batch_id, Delivery.status)
    for batch_id, status, count in session.execute(grouped):
        found[batch_id or 0][status] = count
    return found


def _line(row: Row[Any], viewer: Viewer, counts: dict[str, int]) -> BatchLine:
    made: RetryBatch = row[0]
    stopped = made.status == "preparing" and row.task in ("failed", "cancelled")
    mine = made.requested_by_id == viewer.user_id
    ended = made.status in ("finished", "cancelled")
    said, tone = words.BATCH.get(made.status, made.status), words.BATCH_TONE.get(made.status, "")
    if made.status == "sending" and not (counts.get(Sent.WAITING) or counts.get(Sent.SENDING)) and counts:
        said, tone = "Waits for people", "violet"
    return BatchLine(
        id=made.id,
        title=made.title,
        status=made.status,
        said=said,
        tone=tone,
        dry_run=made.dry_run,
        reason=made.reason or "",
        asked_by=row.name,
        asked_by_id=made.requested_by_id,
        created_at=made.created_at,
        finished_at=made.finished_at,
        total=made.total,
        prepared=row.progress_done or 0,
        note=row.progress_note or "",
        problem=(row.error or "It was cancelled.") if stopped else "",
        parts=_parts(counts),
        may_steer=not ended
        and can(viewer, Permission.RETRY)
        and (mine or can(viewer, Permission.APPROVE_RETRY)),
    )


def _parts(counts: dict[str, int]) -> tuple[Part, ...]:
    parts = [
        Part(kind, label, sum(counts.get(state, 0) for state in states), tuple(states))
        for kind, label, states in PARTS
    ]
    return tuple(part for part in parts if part.count or part.kind in ALWAYS)
