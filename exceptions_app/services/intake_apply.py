"""Intake, second half: writes one chunk of a plan. Flushes, never commits.

Every row is locked and looked at again before it is changed: where a person was faster, the step is left
for the next run. A new exception that another process has opened meanwhile is left to it: the fingerprint
is unique.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.lifecycle import Action, EndReason, Status, transition
from exceptions_app.models import CaseEvidence, ExceptionCase

from . import bulk, case_clock, search_index
from .audit import AuditTag
from .check_runs import still_runs
from .context import ActionContext
from .intake_facts import REOPENING, Chunk, IntakeCounts, RunFacts, Step, StepKind
from .opening import open_new
from .outbox_settling import Settling
from .ownership import can_still_work_on
from .placing import Placing, also_text, clean, line_of, short
from .trail import Trail

_EVIDENCE = ("case_id", "version", "evidence", "taken_at", "check_run_id")


def apply(session: Session, ctx: ActionContext, chunk: Chunk) -> IntakeCounts:
    """Write a chunk and count what was done. The caller commits before the next one. Raises `OvertakenError` where a
    newer run of the check has begun: nothing opens or closes on older data.
    """
    if chunk.run.check_run_id is not None:
        still_runs(session, [chunk.run.check_run_id])
    opened = open_new(session, ctx, chunk.run, chunk.new) if chunk.new else 0
    return IntakeCounts(opened=opened) + (
        _Changes(session, ctx, chunk.run).apply(chunk.steps) if chunk.steps else IntakeCounts()
    )


class _Changes:
    """The steps of one chunk that concern exceptions which exist already."""

    def __init__(self, session: Session, ctx: ActionContext, run: RunFacts) -> None:
        self._session, self._ctx, self._run = session, ctx, run
        self._placing = Placing(ctx.catalog, ctx.now)
        self._trail = Trail(ctx)
        self._settling = Settling(session, ctx, run, self._trail)
        self._evidence: list[tuple[int, int, str]] = []
        self._do: dict[StepKind, Callable[[ExceptionCase, Step], None]] = {
            StepKind.CHANGED: self._changed,
            StepKind.NOT_CONFIRMED: self._not_confirmed,
            StepKind.CONFIRMED: self._confirmed,
            StepKind.RECURRED: self._recurred,
            StepKind.RETURNED: self._returned,
            StepKind.UNWAIVED: self._unwaived,
            StepKind.CLOSED: self._closed,
        }

    def apply(self, steps: tuple[Step, ...]) -> IntakeCounts:
        done: Counter[StepKind] = Counter()
        superseded = 0
        cases = self._locked([step.case_id for step in steps])
        for step in steps:
            case = cases.get(step.case_id)
            if case is None or case.version != step.version:
                continue
            self._do[step.kind](case, step)
            self._settling.look(case, step)
            case.version += 1
            case.config_snapshot_id = self._ctx.snapshot_id
            done[step.kind] += 1
            superseded += step.reason is EndReason.SUPERSEDED
        self._store()
        return IntakeCounts(
            changed=done[StepKind.CHANGED], reopened=sum(done[kind] for kind in REOPENING),
            closed=done[StepKind.CLOSED], confirmed=done[StepKind.CONFIRMED], superseded=superseded,
            skipped=len(steps) - done.total(),
        )  # fmt: skip

    def _locked(self, ids: list[int]) -> dict[int, ExceptionCase]:
        """In the order of ids, so that two transactions never wait for each other in a circle."""
        rows = select(ExceptionCase).where(ExceptionCase.id.in_(ids)).order_by(ExceptionCase.id)
        locked = rows.with_for_update().execution_options(populate_existing=True)
        return {case.id: case for case in self._session.scalars(locked)}

    def _store(self) -> None:
        self._settling.store()
        self._session.flush()
        taken_at = bulk.time_writer(self._session)(self._ctx.now)
        rows = [(*each, taken_at, self._run.check_run_id) for each in self._evidence]
        bulk.insert(self._session, CaseEvidence, _EVIDENCE, rows)
        search_index.refresh(self._session, self._ctx.catalog, [case_id for case_id, *_ in self._evidence])
        self._trail.store(self._session)

    # -- what can happen

    def _changed(self, case: ExceptionCase, step: Step) -> None:
        before = _facts_of(case)
        self._take_evidence(case, step.found)
        self._route_again(case, step.found)
        after = _facts_of(case)
        self._trail.record(case, AuditTag.CASE_EVIDENCE_CHANGED, before=before, after=after)
        moved = case_clock.follow(
            case, self._ctx.catalog, self._ctx.now, rerouted=before["queue"] != after["queue"]
        )
        if moved:
            why = _why_reclocked(before, after)
            self._trail.record(case, AuditTag.CASE_RECLOCKED, before=moved.before, after=moved.after, why=why)

    def _route_again(self, case: ExceptionCase, found: Discrepancy | None) -> None:
        """What nobody has yet goes where it belongs now. Whoever has it keeps it, where it is."""
        if found is not None and case.owner_id is None and not case.on_hold:
            case.queue = self._placing.queue(found, case.reporting_amount_e4)

    def _not_confirmed(self, case: ExceptionCase, step: Step) -> None:
        """Nothing was fixed: the old clock goes on as if the claim had never been made."""
        before = _state_of(case)
        self._reopen(case, Action.DATA_NOT_CONFIRMED)
        self._take_evidence(case, step.found)
        case_clock.retarget(case, self._ctx.catalog, self._ctx.now)
        self._reopened(case, AuditTag.CASE_NOT_CONFIRMED, before, "still found after it was read again")

    def _recurred(self, case: ExceptionCase, step: Step) -> None:
        """It was gone and is back: a new cycle, under the routing and the service level that hold today."""
        before = _state_of(case) | _place_of(case)
        self._reopen(case, Action.DATA_RECURRED)
        case.recurring, case.cycle = True, case.cycle + 1
        self._take_evidence(case, step.found)
        if step.found is not None:
            case.queue = self._placing.queue(step.found, case.reporting_amount_e4)
            case.since_at = step.found.since
        if not can_still_work_on(self._session, self._ctx.catalog, case):
            case.owner_id = None
        case_clock.start(case, self._ctx.catalog, self._ctx.now)
        after = _state_of(case) | _place_of(case)
        self._trail.record(case, AuditTag.CASE_RECURRED, before=before, after=after)

    def _returned(self, case: ExceptionCase, step: Step) -> None:
        """The data never cleared it: the old clock goes on from where it stopped."""
        before, stopped_at = _state_of(case), case.resolved_at or self._ctx.now
        self._reopen(case, Action.DATA_RECURRED)
        self._take_evidence(case, step.found)
        case_clock.continue_stopped(case, self._ctx.catalog, stopped_at, self._ctx.now)
        self._reopened(case, AuditTag.CASE_RETURNED, before, None)

    def _unwaived(self, case: ExceptionCase, step: Step) -> None:
        before, stopped_at = _state_of(case), case.resolved_at or self._ctx.now
        expires = case.waiver_expires_at
        changed = step.found is not None and step.found.evidence_hash != case.evidence_hash
        why = "the evidence changed" if changed else "the waiver expired"
        self._reopen(case, Action.DATA_UNWAIVED)
        self._take_evidence(case, step.found)
        case_clock.continue_stopped(case, self._ctx.catalog, stopped_at, self._ctx.now)
        before["waiver_expires_at"] = expires
        self._reopened(case, AuditTag.CASE_UNWAIVED, before, why)

    def _confirmed(self, case: ExceptionCase, step: Step) -> None:
        """The person's reason stays: the data says that it was true."""
        del step
        before = _state_of(case)
        case.status = transition(Status(case.status), Action.DATA_CONFIRMED)
        case.confirmed_at = self._ctx.now
        case_clock.stop(case, self._ctx.catalog, self._ctx.now)
        self._trail.record(case, AuditTag.CASE_CONFIRMED, before=before, after=_state_of(case))

    def _closed(self, case: ExceptionCase, step: Step) -> None:
        before, claimed = _state_of(case), case.status == Status.AWAITING_CONFIRMATION
        if case.status == Status.WAIVED and case.resolved_at is not None:
            # should it return, its clock goes on from where the waiver stopped it
            case_clock.add_pause(case, case.resolved_at, self._ctx.now)
        action = Action.DATA_CONFIRMED if claimed else Action.DATA_CLEARED
        case.status = transition(Status(case.status), action)
        case.end_reason, case.ended_by, case.resolved_at = step.reason, str(self._ctx.actor), self._ctx.now
        case.confirmed_at = self._ctx.now if step.reason is EndReason.AGREES_NOW else None
        case.waiver_expires_at = None
        case_clock.stop(case, self._ctx.catalog, self._ctx.now)
        self._trail.record(case, AuditTag.CASE_CLOSED, before=before, after=_state_of(case), why=step.why)

    # -- what several of them do

    def _reopen(self, case: ExceptionCase, action: Action) -> None:
        case.status = transition(Status(case.status), action)
        case.end_reason = case.ended_by = None
        case.resolved_at = case.confirmed_at = case.waiver_expires_at = None

    def _reopened(self, case: ExceptionCase, tag: AuditTag, before: dict[str, Any], why: str | None) -> None:
        """The old clock may have run out meanwhile: the next sweep tells it."""
        self._trail.record(case, tag, before=before, after=_state_of(case), why=why)

    def _take_evidence(self, case: ExceptionCase, found: Discrepancy | None) -> None:
        """What the sides say now. Owner, notes, queue and clock stay; a new version keeps the old
        evidence.
        """
        if found is None or found.evidence_hash == case.evidence_hash:
            return
        amounts = self._placing.amounts(found)
        case.evidence_hash, case.evidence_version = found.evidence_hash, case.evidence_version + 1
        case.severity, case.sentence = self._placing.severity(found), self._placing.sentence(found)
        case.facts, case.also = clean(found.facts), also_text(found)
        case.reference, case.line_key = short(found.reference), line_of(found)
        case.counterparty = short(found.counterparty) if found.counterparty else None
        case.amount_e4, case.currency = amounts.amount_e4, found.currency
        case.reporting_amount_e4, case.rate_e8 = amounts.reporting_e4, amounts.rate_e8
        waiting = self._placing.delay(found, amounts.rate_e8, case.sla_calendar)
        case.delay_at, case.delay_cost_e4, case.delay_why = waiting
        self._evidence.append((case.id, case.evidence_version, clean(found.evidence)))


def _facts_of(case: ExceptionCase) -> dict[str, Any]:
    return {
        "amount_e4": case.amount_e4,
        "evidence_version": case.evidence_version,
        "queue": case.queue,
        "sentence": case.sentence,
        "severity": case.severity,
    }


def _why_reclocked(before: dict[str, Any], after: dict[str, Any]) -> str:
    if before["severity"] != after["severity"]:
        return f"its severity is {after['severity']} now"
    return "it is in another queue now" if before["queue"] != after["queue"] else "its amount has changed"


def _place_of(case: ExceptionCase) -> dict[str, Any]:
    return {"owner_id": case.owner_id, "queue": case.queue}


def _state_of(case: ExceptionCase) -> dict[str, Any]:
    return {
        "breached_at": case.breached_at,
        "cycle": case.cycle,
        "due_at": case.due_at,
        "end_reason": case.end_reason,
        "evidence_version": case.evidence_version,
        "sla_stage": str(case.sla_stage),
        "status": str(case.status),
    }
