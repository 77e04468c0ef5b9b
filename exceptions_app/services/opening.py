"""Opens exceptions, many at once: each with its evidence and the first event of its chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.lifecycle import Status
from exceptions_app.models import CaseEvidence, ExceptionCase

from . import bulk
from .audit import GENESIS, AuditTag, Link, case_chain, link, payload_text
from .context import ActionContext
from .intake_facts import RunFacts
from .placing import Placement, Placing, clean, line_of, short
from .trail import Trail

_CASE = (
    "id", "fingerprint", "check_code", "scope", "category", "entity", "queue", "severity", "status",
    "reference", "counterparty", "sentence", "business_key", "line_key", "facts", "also",
    "evidence_hash", "evidence_version", "amount_e4", "currency", "reporting_amount_e4", "rate_e8",
    "recurring", "cycle", "since_at", "first_seen_at", "opened_at", "on_hold", "paused_seconds",
    "sla_target", "sla_calendar", "sla_stage", "due_at", "due_soon_at", "next_sla_at", "retry_count",
    "version", "audit_head", "config_snapshot_id",
)  # fmt: skip
_EVIDENCE = ("id", "case_id", "version", "evidence", "taken_at", "check_run_id")


def open_new(session: Session, ctx: ActionContext, run: RunFacts, found: Sequence[Discrepancy]) -> int:
    """Open what nobody has opened meanwhile; how many were."""
    opening = _Opening(ctx, run)
    ids = bulk.reserve_ids(session, ExceptionCase, len(found))
    rows = [opening.row(case_id, each) for case_id, each in zip(ids, found, strict=True)]
    stored = bulk.insert_new(session, ExceptionCase, _CASE, rows, "fingerprint")
    evidence_ids = bulk.reserve_ids(session, CaseEvidence, len(found))
    evidence = [
        (evidence_id, case_id, 1, clean(each.evidence), ctx.now, run.check_run_id)
        for evidence_id, case_id, each in zip(evidence_ids, ids, found, strict=True)
        if case_id in stored
    ]
    bulk.insert(session, CaseEvidence, _EVIDENCE, evidence)
    trail = Trail(ctx)
    for case_id in ids:
        if case_id in stored:
            trail.add(case_id, opening.links[case_id])
    trail.store(session)
    return len(stored)


class _Opening:
    """Makes the rows of new exceptions; `links` holds the first event of each."""

    def __init__(self, ctx: ActionContext, run: RunFacts) -> None:
        self._ctx, self._run = ctx, run
        self._placing = Placing(ctx.catalog, ctx.now)
        self._payloads: dict[Placement, str] = {}
        self.links: dict[int, Link] = {}

    def row(self, case_id: int, found: Discrepancy) -> tuple[Any, ...]:
        """In the order of `_CASE`."""
        ctx, amounts = self._ctx, self._placing.amounts(found)
        placed = self._placing.place(found, amounts.reporting_e4)
        first = link(ctx, case_chain(case_id), AuditTag.CASE_OPENED, self._payload(placed), GENESIS)
        self.links[case_id] = first
        return (
            case_id, found.fingerprint, found.check, found.scope, found.category, found.entity, placed.queue,
            placed.severity, Status.OPEN.value, short(found.reference),
            short(found.counterparty) if found.counterparty else None, self._placing.sentence(found),
            clean(found.business_key), line_of(found), clean(found.facts),
            "[" + ",".join([f'"{code}"' for code in found.also]) + "]", found.evidence_hash, 1,
            amounts.amount_e4, found.currency, amounts.reporting_e4, amounts.rate_e8, False, 1, found.since,
            ctx.now, ctx.now, False, 0, placed.sla_target, placed.sla_calendar, placed.sla_stage,
            placed.due_at, placed.due_soon_at, placed.next_sla_at, 0, 1, first.hash, ctx.snapshot_id,
        )  # fmt: skip

    def _payload(self, placed: Placement) -> str:
        if placed not in self._payloads:
            after = {
                "check_run": self._run.check_run_id,
                "due_at": placed.due_at,
                "queue": placed.queue,
                "severity": placed.severity,
                "status": Status.OPEN.value,
            }
            self._payloads[placed] = payload_text(after=after)
        return self._payloads[placed]
