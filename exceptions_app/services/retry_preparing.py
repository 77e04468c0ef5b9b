"""Turns what was asked for into the outbox: one delivery per exception, or the reason why nothing is sent for it.

The caller compares the newest records first and says of each exception whether it is still wrong. One call is one
transaction; doing a chunk again after a crash writes nothing twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, may_retry, viewer_for
from exceptions_app.catalog.catalog import canonical
from exceptions_app.catalog.schema import Operation
from exceptions_app.domain import wording
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.retry import Sent
from exceptions_app.models import Delivery, ExceptionCase, RetryBatch, User

from . import bulk, case_clock, retry_batches, retry_values
from .audit import AuditTag
from .context import ActionContext, Actor
from .delivery_steps import Steps
from .retry_approving import needs_approval
from .retry_asking import evidence_of, operation_for, selected
from .retry_history import NOTHING, Earlier, History, histories, why_hopeless
from .retry_values import SENSITIVE, Values
from .retry_worth import Diff, Says

__all__ = ["CHUNK", "Prepared", "complete", "prepare", "selected"]

CHUNK = 500
"""So many exceptions in one transaction."""

_COLUMNS = (
    "id", "batch_id", "case_id", "operation", "system", "idempotency_key", "order_key", "fields", "edited", "reason",
    "status", "note", "tries", "reads", "doubtful", "max_tries", "not_before", "requested_by_id", "created_at",
    "settled_at", "replays_id", "correlation_id", "config_snapshot_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prepared:
    """How many of a chunk will be sent, wait for a second person, would be sent (dry run), or will not be."""

    waiting: int = 0
    awaiting_approval: int = 0
    ready: int = 0
    skipped: int = 0

    def __add__(self, other: Prepared) -> Prepared:
        return Prepared(
            self.waiting + other.waiting, self.awaiting_approval + other.awaiting_approval,
            self.ready + other.ready, self.skipped + other.skipped,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to become of one exception: a write with a status, or the reason (`note`) why nothing is sent."""

    status: Sent
    operation: Operation | None = None
    values: Mapping[str, str | None] | None = None
    diff: Diff | None = None
    note: str | None = None
    replays: int | None = None


def prepare(
    session: Session, ctx: ActionContext, batch: RetryBatch, still_wrong: Mapping[int, Discrepancy | None], *,
    case_ids: Sequence[int] | None = None, read_at: datetime | None = None,
) -> Prepared:  # fmt: skip
    """Write one chunk. `still_wrong`: exception -> what the newest records say of it, None where they agree.

    `case_ids` (default: those of `still_wrong`) may name more: where nothing could be compared, the evidence on file
    holds. `read_at`: when the newest records were read.
    """
    asker = session.get_one(User, batch.requested_by_id)
    by_asker = replace(ctx, actor=Actor("user", asker.name, asker.id), correlation_id=batch.correlation_id)
    writing = Writing(session, by_asker, batch, viewer_for(asker, ctx.catalog))
    ids = list(still_wrong) if case_ids is None else list(case_ids)
    cases = writing.steps.cases(ids)
    known, evidence = histories(session, ids), evidence_of(session, list(cases.values()))
    edits: Mapping[str, Mapping[str, str]] = retry_values.loads(batch.selection).get("edits") or {}
    for case_id in ids:
        case, history = cases.get(case_id), known.get(case_id, NOTHING)
        mine = [each for each in history.deliveries if each.batch_id == batch.id]
        if case is None or any(each.status is not Sent.READY or batch.dry_run for each in mine):
            continue  # done before a crash
        found = still_wrong.get(case_id)
        if case_id in still_wrong and found is None:
            read = f" of {wording.instant(read_at)} UTC" if read_at is not None else ""
            planned = Planned(
                Sent.SKIPPED, operation_for(ctx.catalog, case), note=f"It agrees by the records{read}."
            )
        else:
            newest = retry_values.loads(found.evidence) if found else evidence.get(case_id, {})
            facts = retry_values.loads(found.facts if found else case.facts)
            planned = writing.plan(case, history, newest, facts, edits.get(str(case_id), {}))
        writing.add(case, planned, mine[0] if mine else None)
    return writing.store()


def complete(session: Session, ctx: ActionContext, batch: RetryBatch) -> RetryBatch:
    """Everything is prepared: a dry run is ready, anything else is being sent (or has ended, if nothing is to be).

    A batch that was cancelled meanwhile stays so, and what was prepared of it is skipped.
    """
    counted = select(func.count()).select_from(Delivery).where(Delivery.batch_id == batch.id)
    after = "ready" if batch.dry_run else "sending"
    mine = update(RetryBatch).where(RetryBatch.id == batch.id, RetryBatch.status == "preparing")
    session.execute(mine.values(status=after), execution_options={"synchronize_session": False})
    total = update(RetryBatch).where(RetryBatch.id == batch.id).values(total=session.scalar(counted))
    session.execute(total, execution_options={"synchronize_session": False})
    session.refresh(batch)
    if batch.status == "cancelled":
        retry_batches.skip_cancelled(session, ctx, batch_ids=[batch.id])
    retry_batches.finish(session, ctx, [batch.id])
    session.refresh(batch)
    return batch


class Writing:
    """Plans and collects the deliveries of one transaction; `store` writes them."""

    def __init__(self, session: Session, ctx: ActionContext, batch: RetryBatch, viewer: Viewer) -> None:
        self._session, self._ctx, self._batch, self._viewer = session, ctx, batch, viewer
        self.steps, self.reason = Steps(session, ctx), batch.reason or ""
        self._planned: list[tuple[ExceptionCase, Planned]] = []
        self._shown: list[tuple[ExceptionCase, Planned, Earlier]] = []

    def plan(
        self, case: ExceptionCase, history: History, evidence: Mapping[str, Any], facts: Mapping[str, Any],
        given: Mapping[str, str],
    ) -> Planned:  # fmt: skip
        """A write for this exception, or why there is none."""
        if not may_retry(self._viewer, case):
            return Planned(Sent.SKIPPED, note="It is no longer in the queues and entities of who asked.")
        operation = operation_for(self._ctx.catalog, case)
        if operation is None:
            return Planned(Sent.SKIPPED, None, note=why_hopeless(case, None, Values({}), history))
        values = retry_values.values_for(operation, evidence, facts)
        edits = retry_values.edit(operation, values.values, given, self._viewer)
        if edits.problems:
            name, problem = next(iter(edits.problems.items()))
            said = f"{retry_values.label(operation, name)}: {problem}"
            return Planned(Sent.SKIPPED, operation, note=said)
        values = Values(edits.values, retry_values.missing(operation, edits.values))
        note = why_hopeless(case, operation, values, history, reason=self.reason)
        if note is not None:
            return Planned(Sent.SKIPPED, operation, values.values, note=note)
        says = partial(retry_values.said, evidence, facts)
        return self.sendable(case, operation, values.values, edits.diff, says, history.given_up())

    def sendable(
        self, case: ExceptionCase, operation: Operation, values: Mapping[str, str | None],
        diff: Diff, says: Says, given_up: Sequence[Earlier],
    ) -> Planned:  # fmt: skip
        """A write that goes out, now or once a second person agrees. `says`: the exception's evidence."""
        if self._batch.dry_run:
            status = Sent.READY
        elif needs_approval(operation, case, values, diff, says):
            status = Sent.AWAITING_APPROVAL
        else:
            status = Sent.WAITING
        return Planned(status, operation, values, diff, replays=given_up[0].id if given_up else None)

    def add(self, case: ExceptionCase, planned: Planned, shown: Earlier | None = None) -> None:
        """Collect it; `shown` is what a dry run wrote of it."""
        if shown is None:
            self._planned.append((case, planned))
        else:
            self._shown.append((case, planned, shown))

    def store(self) -> Prepared:
        """Write what was collected, and count it."""
        self._end_given_up()
        self._update_shown()
        self._insert()
        self.steps.store()
        done = [planned.status for _, planned in self._planned] + [
            planned.status for _, planned, _ in self._shown
        ]
        return Prepared(
            done.count(Sent.WAITING),
            done.count(Sent.AWAITING_APPROVAL),
            done.count(Sent.READY),
            done.count(Sent.SKIPPED),
        )

    def _end_given_up(self) -> None:
        """What gave up before is sent again by the new write. Dry runs end nothing."""
        live = (Sent.WAITING, Sent.AWAITING_APPROVAL)
        every = [*self._planned, *((case, planned) for case, planned, _ in self._shown)]
        again = {
            case.id: case for case, planned in every if planned.status in live and planned.replays is not None
        }
        if not again:
            return
        failed = select(Delivery.id).where(Delivery.case_id.in_(again), Delivery.status == Sent.FAILED)
        for delivery in self.steps.deliveries(self._session.scalars(failed).all()):
            self.steps.move(again[delivery.case_id], delivery, Sent.REPLAYED)
        self._session.flush()

    def _update_shown(self) -> None:
        rows = {each.id: (case, planned) for case, planned, each in self._shown}
        for delivery in self.steps.deliveries(list(rows)):
            case, planned = rows[delivery.id]
            delivery.fields, delivery.edited = _fields(planned), _edited(planned)
            delivery.created_at = delivery.not_before = self._ctx.now
            delivery.replays_id = planned.replays
            self.steps.move(case, delivery, planned.status, planned.note)
            self._tell(case, planned, delivery.id)
        self._session.flush()

    def _insert(self) -> None:
        if not self._planned:
            return
        ids = bulk.reserve_ids(self._session, Delivery, len(self._planned))
        at = bulk.time_writer(self._session)
        now, rows = at(self._ctx.now), []
        for delivery_id, (case, planned) in zip(ids, self._planned, strict=True):
            operation, settled = planned.operation, now if planned.status is Sent.SKIPPED else None
            values = planned.values or {}
            rows.append((
                delivery_id, self._batch.id, case.id, operation.code if operation else "",
                operation.system if operation else "", uuid.uuid4().hex,
                retry_values.order_key(operation, values) if operation else "", _fields(planned), _edited(planned),
                self._batch.reason, planned.status.value, planned.note, 0, 0, False,
                operation.backoff.max_tries if operation else 0, now, self._batch.requested_by_id, now, settled,
                planned.replays, self._batch.correlation_id, self._ctx.snapshot_id,
            ))  # fmt: skip
            if planned.status in (Sent.WAITING, Sent.AWAITING_APPROVAL):
                case.retry_state = planned.status.value
            if not self._batch.dry_run:
                self._tell(case, planned, delivery_id)
        self._session.flush()
        bulk.insert(self._session, Delivery, _COLUMNS, rows)

    def _tell(self, case: ExceptionCase, planned: Planned, delivery_id: int) -> None:
        skipped = planned.status is Sent.SKIPPED
        if not skipped:
            case_clock.responded(case, self._ctx.now)  # somebody has taken it up
        tag = AuditTag.CASE_RETRY_SKIPPED if skipped else AuditTag.CASE_RETRY_ASKED
        after: dict[str, Any] = {
            "delivery_id": delivery_id,
            "retry": planned.status.value,
            "batch_id": self._batch.id,
        }
        if planned.operation is not None:
            after |= {"operation": planned.operation.code, "system": planned.operation.system}
        if planned.diff:
            after["edited"] = _masked(planned.operation, planned.diff)
        why = planned.note if skipped else self._batch.reason
        self.steps.trail.record(case, tag, before={"retry": None}, after=after, why=why)


def _fields(planned: Planned) -> str:
    return canonical(dict(planned.values or {}))


def _masked(operation: Operation | None, diff: Mapping[str, tuple[str | None, str | None]]) -> dict[str, Any]:
    """The trail tells that pay or bank data was edited, not what it is."""
    fields = operation.fields if operation else {}
    return {
        name: "edited" if name in fields and fields[name].sensitivity in SENSITIVE else list(pair)
        for name, pair in diff.items()
    }


def _edited(planned: Planned) -> str | None:
    return canonical({name: list(pair) for name, pair in planned.diff.items()}) if planned.diff else None
