"""The outbox, first half: which writes may be sent to a system now.

Only the first one on its way of each order key; nothing of a batch that is paused or cancelled; nothing for an
exception that has ended meanwhile. What a killed process had claimed comes first: its attempt's outcome is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Integer, and_, bindparam, exists, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.retry import Outcome, Sent, Step, next_step
from exceptions_app.models import Attempt, Delivery, ExceptionCase, RetryBatch

from . import bulk
from .context import ActionContext
from .delivery_steps import Steps
from .outbox_jobs import KIND, AtWork, attempts_of
from .outbox_rules import Rules, rules_for
from .retry_batches import finish, skip_cancelled
from .retry_values import loads

Kind = Literal["send", "read_back", "job"]
Fate = Literal["send", "read_back", "job", "end"]

WAITING_SQL = text("delivery.status = 'waiting'")
"""Written out, not bound: a partial index serves only a query that repeats its condition."""

NO_LONGER_OPEN = "The exception was no longer open when it was to be sent."
UNANSWERED = "The process that sent it stopped before an answer came."
_QUIET = {"synchronize_session": False}
_ATTEMPT = ("id", "delivery_id", "case_id", "number", "kind", "started_at", "correlation_id")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A write to be sent (or read back, or asked about: its `job`) now, once. `fields` are texts: see
    `retry_values.typed`. `number`: of the try, in the order of the tries; a job has that of its send.
    """

    delivery_id: int
    attempt_id: int
    case_id: int
    operation: str
    system: str
    kind: Kind
    number: int
    idempotency_key: str
    correlation_id: str
    fields: Mapping[str, str | None]
    owner: str
    job: AtWork | None = None


def claim(
    session: Session, ctx: ActionContext, system: str, owner: str, *, limit: int, lease: timedelta
) -> list[Claimed]:
    """Take up to `limit` writes for `owner` until `ctx.now + lease`. The caller commits, then sends."""
    _take_lapsed(session, ctx, system)
    skip_cancelled(session, ctx)
    rows = session.execute(_DUE, {"system": system, "now": ctx.now, "most": limit}).all()
    fates = {row.id: _fate(ctx, row) for row in rows}
    ended = [row for row in rows if fates[row.id] == "end"]
    if ended:
        _end(session, ctx, ended)
    taken = [row for row in rows if fates[row.id] != "end"]
    if not taken:
        return []
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        cases = select(ExceptionCase.id).where(ExceptionCase.id.in_([row.case_id for row in taken]))
        session.execute(cases.order_by(ExceptionCase.id).with_for_update())
    kinds = {row.id: kind for row in taken if (kind := fates[row.id]) != "end"}
    return _claimed(session, ctx, taken, kinds, owner, ctx.now + lease)


def due_systems(session: Session, now: datetime) -> list[str]:
    """The systems for which something could be claimed now, or skipped because its batch was cancelled; lapsed leases
    included.
    """
    d = Delivery
    waiting = select(d.system).where(WAITING_SQL, d.not_before <= now, _MAY_GO)
    lapsed = select(d.system).where(d.status == Sent.SENDING.value, d.lease_until <= now)
    return sorted({*session.scalars(waiting.distinct()), *session.scalars(lapsed.distinct())})


def next_due(session: Session, system: str) -> datetime | None:
    """When the next write to a system may be sent, perhaps in the past; None: none waits that may go."""
    ever = datetime.max.replace(tzinfo=UTC)
    found: datetime | None = session.scalar(_NEXT_DUE, {"system": system, "now": ever, "most": 1})
    return found


def next_lapse(session: Session, system: str) -> datetime | None:
    """When the first lease on a write to a system lapses, perhaps in the past; None: none is being sent."""
    d = Delivery
    lapses = select(d.lease_until).where(d.system == system, d.status == Sent.SENDING.value)
    return session.scalar(lapses.order_by(d.lease_until).limit(1))


def hand_back(session: Session, ctx: ActionContext, claimed: Sequence[Claimed]) -> None:
    """Give back what was claimed and certainly never sent (the process is to end, the system rests): the attempts
    disappear, as if nothing had been claimed.
    """
    if not claimed:
        return
    ids = {each.delivery_id: each for each in claimed}
    steps = Steps(session, ctx)
    cases = steps.cases([each.case_id for each in claimed])
    for delivery in steps.deliveries(list(ids)):
        each = ids[delivery.id]
        if delivery.status != Sent.SENDING or delivery.lease_owner != each.owner:
            continue
        steps.move(cases[each.case_id], delivery, Sent.WAITING)
        delivery.tries -= each.kind == "send"
        delivery.reads -= each.kind == "read_back"
        attempt = session.get(Attempt, each.attempt_id)
        if attempt is not None and attempt.outcome is None:
            session.delete(attempt)
    steps.store()


def _is_steered(*statuses: str) -> ColumnElement[bool]:
    """Whether the batch of a delivery has one of these statuses."""
    batches = select(RetryBatch.id).where(RetryBatch.status.in_(statuses), RetryBatch.finished_at.is_(None))
    return and_(Delivery.batch_id.is_not(None), Delivery.batch_id.in_(batches))


_MAY_GO = or_(Delivery.job.is_not(None), ~_is_steered("preparing", "ready", "paused"))
"""What is at work there is asked about, even where nothing more of its batch is sent."""


def _first_of_each_key() -> Any:
    """What may be claimed: `system`, `now` and `most` are bound."""
    d, earlier = Delivery, aliased(Delivery, name="earlier")
    live = text("earlier.status IN ('awaiting_approval', 'waiting', 'sending', 'unsure')")
    cancelled = and_(_is_steered("cancelled"), d.doubtful.is_(False))
    same = (earlier.system == d.system, earlier.order_key == d.order_key, earlier.id < d.id)
    due = (d.system == bindparam("system"), d.not_before <= bindparam("now"))
    return (
        select(
            d.id, d.case_id, d.operation, d.system, d.idempotency_key, d.fields, d.tries, d.reads, d.doubtful,
            d.max_tries, d.job, d.correlation_id, ExceptionCase.status.label("case_status"),
            _is_steered("cancelled").label("cancelled"),
        )
        .join(ExceptionCase, ExceptionCase.id == d.case_id)
        .where(WAITING_SQL, *due, _MAY_GO, ~cancelled, ~exists().where(*same, live))
        .order_by(d.not_before, d.id)
        .limit(bindparam("most", type_=Integer))
    )  # fmt: skip


_DUE = _first_of_each_key()
"""Asked all the time, and so put together once."""
_LAPSED = select(Delivery.id, Delivery.case_id).where(
    Delivery.status == Sent.SENDING.value, Delivery.system == bindparam("system"),
    Delivery.lease_until <= bindparam("now"),
)  # fmt: skip
_NEXT_DUE = _DUE.with_only_columns(Delivery.not_before)


def _fate(ctx: ActionContext, row: Any) -> Fate:
    """What may have arrived is read back, unless it may simply be sent again: not once somebody has cancelled it. Where
    neither is possible, or nothing is to be sent any more, the wait ends.
    """
    rules = rules_for(ctx.catalog, row.operation)
    if row.job is not None:
        return "job" if row.operation in ctx.catalog.operations else "end"
    may_send_again = rules.idempotent and row.tries < row.max_tries and not row.cancelled
    if row.doubtful and not may_send_again:
        return "read_back" if rules.can_read_back else "end"
    is_open, configured = row.case_status == Status.OPEN, row.operation in ctx.catalog.operations
    return "send" if is_open and configured else "end"


def _claimed(
    session: Session,
    ctx: ActionContext,
    rows: Sequence[Any],
    kinds: Mapping[int, Kind],
    owner: str,
    until: datetime,
) -> list[Claimed]:
    d, quiet = Delivery, {"synchronize_session": False}
    counters: tuple[tuple[Kind, dict[str, Any]], ...] = (
        ("send", {"tries": d.tries + 1}), ("read_back", {"reads": d.reads + 1}), ("job", {}),
    )  # fmt: skip
    mine = update(d).where(d.status == Sent.WAITING.value)
    lease = {"status": Sent.SENDING.value, "lease_owner": owner, "lease_until": until}
    won: set[int] = set()
    for kind, counter in counters:
        ids = [row.id for row in rows if kinds[row.id] == kind]
        if ids:
            took = mine.where(d.id.in_(ids)).values(**lease, **counter).returning(d.id)
            won |= set(session.scalars(took, execution_options=quiet))
    taken = [row for row in rows if row.id in won]
    if not taken:
        return []
    sent = [row.case_id for row in taken if kinds[row.id] != "job"]
    if sent:
        cases = update(ExceptionCase).where(ExceptionCase.id.in_(sent))
        session.execute(cases.values(retry_state=Sent.SENDING.value), execution_options=quiet)
    return _attempts(session, ctx, taken, kinds, owner)


def _attempts(
    session: Session, ctx: ActionContext, rows: Sequence[Any], kinds: Mapping[int, Kind], owner: str
) -> list[Claimed]:
    asked = attempts_of(session, [row.id for row in rows if kinds[row.id] == "job"])
    fresh = [row.id for row in rows if row.id not in asked]
    ids = {**asked, **dict(zip(fresh, bulk.reserve_ids(session, Attempt, len(fresh)), strict=True))}
    at = bulk.time_writer(session)(ctx.now)
    found, stored = [], []
    for row in rows:
        kind, attempt_id = kinds[row.id], ids[row.id]
        number = row.tries + row.reads + (kind != "job")
        if row.id not in asked:
            stored.append((attempt_id, row.id, row.case_id, number, kind, at, row.correlation_id))
        found.append(Claimed(
            row.id, attempt_id, row.case_id, row.operation, row.system, kind, number, row.idempotency_key,
            row.correlation_id, loads(row.fields), owner, AtWork.read(row.job) if kind == "job" else None,
        ))  # fmt: skip
    bulk.insert(session, Attempt, _ATTEMPT, stored)
    return found


def _end(session: Session, ctx: ActionContext, rows: Sequence[Any]) -> None:
    """Nothing is sent for what has ended, or by an operation that is no longer configured."""
    steps = Steps(session, ctx)
    cases = steps.cases([row.case_id for row in rows])
    batches = set()
    for delivery in steps.deliveries([row.id for row in rows]):
        if delivery.status != Sent.WAITING:
            continue
        case, configured = cases[delivery.case_id], delivery.operation in ctx.catalog.operations
        batches.add(delivery.batch_id)
        if case.status != Status.OPEN:
            steps.skip(case, delivery, NO_LONGER_OPEN)
        elif delivery.doubtful:
            steps.ask_a_person(case, delivery)
        elif not configured:
            steps.give_up(case, delivery, "What was to be sent is no longer configured.", "not_configured")
    steps.store()
    finish(session, ctx, [each for each in batches if each is not None])


def _take_lapsed(session: Session, ctx: ActionContext, system: str) -> None:
    """What a process that died had claimed: its attempt ends as unknown, and what follows is as for any such answer."""
    rows = session.execute(_LAPSED, {"system": system, "now": ctx.now}).all()
    if not rows:
        return
    steps = Steps(session, ctx)
    cases = steps.cases([row.case_id for row in rows])
    batches = set()
    for delivery in steps.deliveries([row.id for row in rows]):
        if delivery.status != Sent.SENDING or delivery.lease_until is None or delivery.lease_until > ctx.now:
            continue
        batches.add(delivery.batch_id)
        if delivery.job is not None:  # asked again as before: what it is at work on is written down
            delivery.not_before = ctx.now
            steps.move(cases[delivery.case_id], delivery, Sent.WAITING)
            continue
        delivery.doubtful = True
        delivery.first_error, delivery.last_error = delivery.first_error or UNANSWERED, UNANSWERED
        delivery.error_class = "no_answer"
        _go_on(steps, rules_for(ctx.catalog, delivery.operation), cases[delivery.case_id], delivery, ctx.now)
    unanswered = update(Attempt).where(
        Attempt.delivery_id.in_([row.id for row in rows]), Attempt.outcome.is_(None), Attempt.kind != KIND
    )
    ended = unanswered.values(outcome=Outcome.UNKNOWN.value, error=UNANSWERED, finished_at=ctx.now)
    session.execute(ended, execution_options=_QUIET)
    steps.store()
    finish(session, ctx, [each for each in batches if each is not None])


def _go_on(steps: Steps, rules: Rules, case: ExceptionCase, delivery: Delivery, now: datetime) -> None:
    step = next_step(
        Outcome.UNKNOWN, tries=delivery.tries, max_tries=delivery.max_tries, idempotent=rules.idempotent,
        can_read_back=rules.can_read_back, reads=delivery.reads,
    )  # fmt: skip
    if step is Step.ASK_A_PERSON:
        steps.ask_a_person(case, delivery)
    else:
        delivery.not_before = now
        steps.move(case, delivery, Sent.WAITING)
