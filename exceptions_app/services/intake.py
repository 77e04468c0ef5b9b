"""Intake, first half: what a check run means for the exceptions of its scope. Reads only.

The rules are DESIGN.md §2, step 3. Nothing closes by accident: what is no longer found ends only in a
complete run, and with the reason that the records can prove. `intake_apply` writes what is planned here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.instant import from_iso
from exceptions_app.domain.lifecycle import NEVER_CLEARED, EndReason, Status
from exceptions_app.models import CheckRun, ExceptionCase

from . import additions
from .bulk import in_batches, is_one_of
from .context import ActionContext
from .engine import reading
from .intake_apply import apply
from .intake_facts import (
    CHUNK,
    REOPENING,
    Chunk,
    IntakeCounts,
    IntakePlan,
    Probe,
    ProbedKey,
    RunFacts,
    Step,
    StepKind,
)  # fmt: skip
from .unjudged import judged

__all__ = [
    "CHUNK",
    "Chunk",
    "IntakeCounts",
    "IntakePlan",
    "Probe",
    "ProbedKey",
    "RunFacts",
    "apply",
    "plan",
    "would_open",
]


@dataclass(frozen=True, slots=True)
class _Known:
    """As much of an exception as planning needs."""

    id: int
    version: int
    evidence_hash: bytes
    status: str = Status.OPEN
    resolved_at: datetime | None = None
    waiver_expires_at: datetime | None = None
    end_reason: str | None = None


def plan(
    session: Session, ctx: ActionContext, run: RunFacts, discrepancies: Iterable[Discrepancy], probe: Probe
) -> IntakePlan:
    """What is new, changed, back, confirmed or gone. `probe` is asked only about what is no longer found.

    Begins a reading transaction where none is open: end it before the first `apply`, which writes.
    """
    reading(session)
    found = {discrepancy.fingerprint: discrepancy for discrepancy in discrepancies}
    known = _live(session, run)
    unknown = [fingerprint for fingerprint in found if fingerprint not in known]
    ended = _by_fingerprint(session, unknown)
    planned = IntakePlan(run)
    seen = 0
    for fingerprint, discrepancy in found.items():
        case = known.get(fingerprint) or ended.get(fingerprint)
        if case is None:
            planned.new.append(discrepancy)
            continue
        kind = _present(ctx.now, run, case, discrepancy)
        if kind is None:
            seen += 1
        else:
            planned.steps.append(Step(kind, case.id, case.version, discrepancy))
    if run.complete:
        absent = {case.id: case for fingerprint, case in known.items() if fingerprint not in found}
        planned.steps.extend(_absent(session, ctx.now, run, absent, probe))
    return IntakePlan(run, planned.new, planned.steps, IntakeCounts(seen=seen))


def would_open(
    session: Session, ctx: ActionContext, run: RunFacts, discrepancies: Iterable[Discrepancy]
) -> list[Discrepancy]:
    """Of what was found, all that would be put into the queues: what is new, and what is back."""
    reading(session)
    found = {discrepancy.fingerprint: discrepancy for discrepancy in discrepancies}
    known = _live(session, run)
    ended = _by_fingerprint(session, [fingerprint for fingerprint in found if fingerprint not in known])
    opening = []
    for fingerprint, discrepancy in found.items():
        case = known.get(fingerprint) or ended.get(fingerprint)
        if case is None or _present(ctx.now, run, case, discrepancy) in REOPENING:
            opening.append(discrepancy)
    return opening


def _present(now: datetime, run: RunFacts, case: _Known, found: Discrepancy) -> StepKind | None:
    """What it means that this exception was found (again); None: nothing to write."""
    same = case.evidence_hash == found.evidence_hash
    match case.status:
        case Status.OPEN:
            return None if same else StepKind.CHANGED
        case Status.AWAITING_CONFIRMATION:
            return StepKind.NOT_CONFIRMED if run.read_after(case.resolved_at) else None
        case Status.WAIVED:
            expired = case.waiver_expires_at is not None and case.waiver_expires_at <= now
            return None if same and not expired else StepKind.UNWAIVED
        case _:
            return StepKind.RETURNED if case.end_reason in NEVER_CLEARED else StepKind.RECURRED


def _absent(
    session: Session, now: datetime, run: RunFacts, cases: Mapping[int, _Known], probe: Probe
) -> Iterable[Step]:
    """What a complete run says about exceptions that it no longer found."""
    if not cases:
        return
    waiting = {i: c for i, c in cases.items() if c.status == Status.AWAITING_CONFIRMATION}
    ready = [i for i, c in cases.items() if i not in waiting or run.read_after(c.resolved_at)]
    since = _read_before(session, run)
    for batch in in_batches(judged(session, run, ready), CHUNK):
        details = select(
            ExceptionCase.id,
            ExceptionCase.fingerprint,
            ExceptionCase.business_key,
            ExceptionCase.opened_at,
            ExceptionCase.parent_id,
        ).where(ExceptionCase.id.in_(batch))
        rows = session.execute(details.order_by(ExceptionCase.id)).all()
        asked = [row.business_key for row in rows if row.fingerprint not in run.superseded]
        probed = probe([json.loads(key) for key in asked]) if asked else {}
        mended = additions.mending(session, {r.parent_id for r in rows}, now) if run.check_changed else {}
        for row in rows:
            case = cases[row.id]
            if row.fingerprint in run.superseded:
                reason: EndReason | None = EndReason.SUPERSEDED
            else:
                reason = _why_gone(run, probed.get(row.business_key), since or row.opened_at)
            why = mended.get(row.parent_id) if reason is EndReason.RULE_CHANGED else None
            reason = EndReason.FIXED_ONCE if why else reason
            step = _gone(case, reason)
            if step is not None:
                yield Step(step, case.id, case.version, None, reason, why)


def _gone(case: _Known, reason: EndReason | None) -> StepKind | None:
    """A claim is confirmed by absence alone, unless a changed rule or another cause explains that absence."""
    hidden = reason in {EndReason.RULE_CHANGED, EndReason.FIXED_ONCE, EndReason.SUPERSEDED}
    if case.status == Status.AWAITING_CONFIRMATION and not hidden:
        return StepKind.CONFIRMED
    if reason is None or (reason is EndReason.SUPERSEDED and case.status == Status.WAIVED):
        return None
    return StepKind.CLOSED


def _why_gone(run: RunFacts, key: ProbedKey | None, read_before: datetime) -> EndReason | None:
    """*Agrees now* is said only of a key that was read again; None where the feeds cannot prove anything.

    Where the check has changed, reading again proves nothing (a snapshot reads everything again): only a
    change that the source itself dates later does.
    """
    if key is None or not key.present:
        return EndReason.LEFT_WINDOW if run.proves_absence else None
    read_at = key.changed_at if run.check_changed else key.fetched_at
    if read_at is not None and read_at > read_before:
        return EndReason.AGREES_NOW
    return EndReason.RULE_CHANGED if run.check_changed else EndReason.LEFT_WINDOW


def _read_before(session: Session, run: RunFacts) -> datetime | None:
    """What was fetched by then, the previous run had seen: its start, or more generously what it had
    read through.

    Where the check has changed, only what changed after the previous run even started counts as new.
    """
    previous = select(CheckRun.started_at, CheckRun.sides).where(
        CheckRun.check_code == run.check, CheckRun.scope == run.scope, CheckRun.status == "complete"
    )
    if run.check_run_id is not None:
        previous = previous.where(CheckRun.id < run.check_run_id)
    row = session.execute(previous.order_by(CheckRun.id.desc()).limit(1)).one_or_none()
    if row is None or run.check_changed:
        return row.started_at if row else None
    sides = json.loads(row.sides or "{}").values()
    read = [from_iso(side["read_through"]) for side in sides if side.get("read_through")]
    return min(read, default=row.started_at)


def _live(session: Session, run: RunFacts) -> dict[bytes, _Known]:
    """Everything in the scope that has not ended, by fingerprint; of an incremental run what it looked at."""
    case = ExceptionCase
    in_scope = (case.check_code == run.check, case.scope == run.scope)
    open_rows = select(case.fingerprint, case.id, case.version, case.evidence_hash)
    found = {
        fingerprint: _Known(case_id, version, evidence_hash)
        for fingerprint, case_id, version, evidence_hash in session.execute(
            open_rows.where(*in_scope, case.status == Status.OPEN)
        )
    }
    others = (Status.AWAITING_CONFIRMATION, Status.WAIVED)
    found |= _known(session, *in_scope, case.status.in_(others))
    if run.probed is None or not found:
        return found
    keys = select(case.fingerprint, case.business_key).where(*in_scope, case.status != Status.RESOLVED)
    probed = {fingerprint for fingerprint, key in session.execute(keys) if run.probed(key)}
    return {fingerprint: known for fingerprint, known in found.items() if fingerprint in probed}


def _by_fingerprint(session: Session, fingerprints: list[bytes]) -> dict[bytes, _Known]:
    found: dict[bytes, _Known] = {}
    for batch in in_batches(fingerprints):
        found |= _known(session, is_one_of(session, ExceptionCase.fingerprint, batch))
    return found


def _known(session: Session, *conditions: ColumnElement[bool]) -> dict[bytes, _Known]:
    case = ExceptionCase
    rows = select(
        case.fingerprint, case.id, case.version, case.evidence_hash, case.status, case.resolved_at,
        case.waiver_expires_at, case.end_reason,
    ).where(*conditions)  # fmt: skip
    return {row[0]: _Known(*row[1:]) for row in session.execute(rows)}
