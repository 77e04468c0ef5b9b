"""Opens exceptions, many at once: each with its evidence and the first event of its chain."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.lifecycle import Status
from exceptions_app.models import CaseEvidence, ExceptionCase

from . import bulk, search_index
from .audit import GENESIS, AuditTag, Link, Stamp, case_chain, payload_text, stamp
from .context import ActionContext
from .intake_facts import RunFacts
from .placing import Placement, Placing, also_text, clean, line_of, short
from .trail import Trail

_CASE = (
    "id", "fingerprint", "check_code", "scope", "category", "entity",
    "reference", "counterparty", "sentence",
    "business_key", "line_key", "facts", "also",
    "evidence_hash", "amount_e4", "currency", "reporting_amount_e4", "rate_e8",
    "since_at", "audit_head", "delay_at", "delay_cost_e4", "delay_why",
    "queue", "severity", "status", "evidence_version", "recurring", "cycle", "first_seen_at", "opened_at",
    "on_hold", "paused_seconds", "sla_target", "sla_calendar", "sla_stage", "due_at",
    "due_soon_at", "next_sla_at", "half_at", "cutoff", "response_target", "response_due_at", "retry_count",
    "version", "config_snapshot_id",
)  # fmt: skip
_EVIDENCE = ("case_id", "version", "evidence", "taken_at", "check_run_id")


def open_new(session: Session, ctx: ActionContext, run: RunFacts, found: Sequence[Discrepancy]) -> int:
    """Open what nobody has opened meanwhile; how many were."""
    with collector_paused():
        return _open(session, ctx, run, found)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Thousands of small tuples, none in a cycle: looking for garbage among them took an eighth of it all."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _open(session: Session, ctx: ActionContext, run: RunFacts, found: Sequence[Discrepancy]) -> int:
    opening = _Opening(session, ctx, run)
    ids = bulk.reserve_ids(session, ExceptionCase, len(found))
    rows = [opening.row(case_id, each) for case_id, each in zip(ids, found, strict=True)]
    stored = bulk.insert_new(session, ExceptionCase, _CASE, rows, "fingerprint")
    trail, evidence = Trail(ctx), []
    taken_at = bulk.time_writer(session)(ctx.now)
    for case_id, each in zip(ids, found, strict=True):
        if case_id in stored:
            trail.add(case_id, opening.links[case_id])
            evidence.append((case_id, 1, clean(each.evidence), taken_at, run.check_run_id))
    bulk.insert(session, CaseEvidence, _EVIDENCE, evidence)
    trail.store(session)
    search_index.learn(session, ctx.catalog, stored, ctx.now)
    return len(stored)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What exceptions with the same placement share, as it is stored."""

    columns: tuple[Any, ...]
    stamp: Stamp
    placed: Placement
    """Kept alive: its id is its name here."""


class _Opening:
    """Makes the rows of new exceptions; `links` holds the first event of each."""

    def __init__(self, session: Session, ctx: ActionContext, run: RunFacts) -> None:
        self._ctx, self._run = ctx, run
        self._placing = Placing(ctx.catalog, ctx.now)
        self._time = bulk.time_writer(session)
        self._shared: dict[int, _Shared] = {}
        self.links: dict[int, Link] = {}

    def row(self, case_id: int, found: Discrepancy) -> tuple[Any, ...]:
        """In the order of `_CASE`."""
        placing, counterparty = self._placing, found.counterparty
        amounts = placing.amounts(found)
        placed = placing.place(found, amounts.reporting_e4)
        shared = self._shared.get(id(placed)) or self._share(placed)
        waiting = placing.delay(found, amounts.rate_e8, placed.sla_calendar)
        first = self.links[case_id] = shared.stamp.link(case_chain(case_id), GENESIS)
        return (
            case_id, found.fingerprint, found.check, found.scope, found.category, found.entity,
            short(found.reference), short(counterparty) if counterparty else None, placing.sentence(found),
            clean(found.business_key), line_of(found), clean(found.facts), also_text(found),
            found.evidence_hash, amounts.amount_e4, found.currency, amounts.reporting_e4, amounts.rate_e8,
            self._time(found.since), first.hash, self._time(waiting.delay_at), *waiting[1:], *shared.columns,
        )  # fmt: skip

    def _share(self, placed: Placement) -> _Shared:
        now = self._time(self._ctx.now)
        columns = (
            placed.queue, placed.severity, Status.OPEN.value, 1, False, 1, now, now, False, 0,
            placed.sla_target, placed.sla_calendar, placed.sla_stage, self._time(placed.due_at),
            self._time(placed.due_soon_at), self._time(placed.next_sla_at), self._time(placed.half_at),
            placed.cutoff, placed.response_target, self._time(placed.response_due_at), 0, 1,
            self._ctx.snapshot_id,
        )  # fmt: skip
        after = {
            "check_run": self._run.check_run_id,
            "due_at": placed.due_at,
            "queue": placed.queue,
            "severity": placed.severity,
            "status": Status.OPEN.value,
        }
        same = stamp(self._ctx, AuditTag.CASE_OPENED, payload_text(after=after))
        shared = self._shared[id(placed)] = _Shared(columns, same, placed)
        return shared
