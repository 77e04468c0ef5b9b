"""Executions of checks as rows: begun, finished with counts; and whether a check is still what it was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog, canonical
from exceptions_app.catalog.schema import Check, ClusterCheck
from exceptions_app.domain.instant import iso
from exceptions_app.domain.lifecycle import Status
from exceptions_app.models import CheckRun, ConfigSnapshot, ExceptionCase

from .configuration import content
from .context import ActionContext
from .intake_facts import IntakeCounts
from .runs import COMPLETE, FAILED, PARTIAL, RUNNING, FeedFacts
from .tasks import LeaseLostError

HELD = "held"
"""It would have opened far more than runs before it did: nothing was opened or closed, see `storms`."""


FULL, INCREMENTAL = "full", "incremental"


class OvertakenError(LeaseLostError):
    """A newer run of the check has begun meanwhile: commit nothing more of this one."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison counted in one scope: keys compared, keys that agreed, discrepancies found."""

    compared: int
    matched: int
    found: int


@dataclass(frozen=True, slots=True)
class Judged:
    """How a comparison went about one scope: `why` everything was compared, or how many lines were `probed`. `basis`
    is what the next run builds on; None: it cannot.
    """

    why: str | None = None
    probed: int = 0
    basis: str | None = None
    unjudged: int = 0
    """Keys of which a row was rejected, and on which something was therefore held back."""

    def values(self) -> dict[str, Any]:
        mode = INCREMENTAL if self.why is None else FULL
        why = None if self.why is None else self.why[:300]
        return {
            "mode": mode,
            "why": why,
            "probed": self.probed,
            "basis": self.basis,
            "unjudged": self.unjudged,
        }


def begin(
    session: Session, ctx: ActionContext, check: str, scopes: Iterable[str], feeds: Iterable[FeedFacts]
) -> dict[str, int]:
    """A run of the check in each scope: scope -> id. Runs that a killed process left running have failed."""
    left = update(CheckRun).where(CheckRun.check_code == check, CheckRun.status == RUNNING)
    why = "the process ended before the run did"
    session.execute(left.values(status=FAILED, finished_at=ctx.now, error=why))
    sides = canonical({fact.feed: _told(fact) for fact in feeds})
    added = [
        CheckRun(
            check_code=check,
            scope=scope,
            status=RUNNING,
            started_at=ctx.now,
            sides=sides,
            correlation_id=ctx.correlation_id,
            config_snapshot_id=ctx.snapshot_id,
        )
        for scope in scopes
    ]
    session.add_all(added)
    session.flush()
    return {run.scope: run.id for run in added}


def still_runs(session: Session, run_ids: Iterable[int]) -> None:
    """Lock these runs, so that no newer one begins before the caller's transaction ends.

    Raises `OvertakenError` where one has begun already: what the older one saw must change nothing after it.
    """
    wanted = sorted(run_ids)
    rows = select(CheckRun.id, CheckRun.status).where(CheckRun.id.in_(wanted)).order_by(CheckRun.id)
    over = [run_id for run_id, status in session.execute(rows.with_for_update()) if status != RUNNING]
    if over:
        raise OvertakenError(f"check run {over[0]} was overtaken by a newer one")


def _told(fact: FeedFacts) -> dict[str, Any]:
    read = fact.read_through
    return {"run_id": fact.run_id, "status": fact.status, "read_through": None if read is None else iso(read)}


def finish(
    session: Session, run_id: int, *, complete: bool, compared: Compared, counts: IntakeCounts, now: datetime,
    judged: Judged = Judged("asked for"),
) -> None:  # fmt: skip
    """The run is over; complete only when every side's last read was. Raises `OvertakenError`."""
    still_runs(session, [run_id])
    session.execute(
        update(CheckRun)
        .where(CheckRun.id == run_id)
        .values(
            **judged.values(),
            status=COMPLETE if complete else PARTIAL,
            finished_at=now,
            compared=compared.compared,
            matched=compared.matched,
            found=compared.found,
            opened=counts.opened,
            changed=counts.changed,
            seen=counts.seen,
            reopened=counts.reopened,
            closed=counts.closed,
            confirmed=counts.confirmed,
        )
    )


def finish_untouched(session: Session, judged: Mapping[int, Judged], now: datetime) -> None:
    """These runs had nothing to probe, and are over; complete. Raises `OvertakenError`."""
    still_runs(session, judged)
    rows = [
        {"id": run_id, "status": COMPLETE, "finished_at": now, **each.values()}
        for run_id, each in judged.items()
    ]
    if rows:
        session.execute(update(CheckRun), rows)


def hold(session: Session, run_id: int, compared: Compared, why: str, now: datetime, judged: Judged) -> None:
    """The run is over, and nothing of it was taken in. Raises `OvertakenError`."""
    still_runs(session, [run_id])
    session.execute(
        update(CheckRun)
        .where(CheckRun.id == run_id)
        .values(
            **judged.values(),
            status=HELD,
            finished_at=now,
            compared=compared.compared,
            matched=compared.matched,
            found=compared.found,
            error=why[:2000],
        )
    )


def fail(session: Session, run_ids: Iterable[int], error: str, now: datetime) -> None:
    """The comparison broke: these runs say nothing."""
    failed = update(CheckRun).where(CheckRun.id.in_(list(run_ids)), CheckRun.status == RUNNING)
    session.execute(failed.values(status=FAILED, finished_at=now, error=error[:2000]))


def scopes_with_cases(session: Session, checks: Iterable[str]) -> dict[str, set[str]]:
    """Check -> the scopes in which something has not ended: looked at even where no record is left."""
    live = (Status.OPEN, Status.AWAITING_CONFIRMATION, Status.WAIVED)
    rows = session.execute(
        select(ExceptionCase.check_code, ExceptionCase.scope)
        .where(ExceptionCase.check_code.in_(list(checks)), ExceptionCase.status.in_(live))
        .distinct()
    )
    found: dict[str, set[str]] = {}
    for check, scope in rows:
        found.setdefault(check, set()).add(scope)
    return found


def changed_since_last_run(
    session: Session, catalog: Catalog, checks: Iterable[Check]
) -> set[tuple[str, str]]:
    """Check and scope, where the check or its crosswalks are not what they were in the scope's last complete
    run. A partial run closes nothing: what changed before it is still to be told.
    """
    by_code = {check.code: check for check in checks}
    newest = (
        select(func.max(CheckRun.id))
        .where(CheckRun.check_code.in_(by_code), CheckRun.status == COMPLETE)
        .group_by(CheckRun.check_code, CheckRun.scope)
    )
    rows = session.execute(
        select(CheckRun.check_code, CheckRun.scope, ConfigSnapshot)
        .join(ConfigSnapshot, ConfigSnapshot.id == CheckRun.config_snapshot_id)
        .where(CheckRun.id.in_(newest))
    )
    places: dict[tuple[int, str], set[str]] = {}
    snapshots: dict[int, ConfigSnapshot] = {}
    for code, scope, snapshot in rows:
        if snapshot.digest.hex() != catalog.digest:
            snapshots[snapshot.id] = snapshot
            places.setdefault((snapshot.id, code), set()).add(scope)
    now = json.loads(catalog.to_json())
    before = {snapshot_id: json.loads(content(snapshot)) for snapshot_id, snapshot in snapshots.items()}
    return {
        (code, scope)
        for (snapshot_id, code), scopes in places.items()
        if rules_of(now, by_code[code]) != rules_of(before[snapshot_id], by_code[code])
        for scope in scopes
    }


def rules_of(configuration: Mapping[str, Any], check: Check) -> Any:
    """The part of a configuration that decides what this check finds."""
    rules = [
        {name: value for name, value in entry.items() if name != "storm"}  # holds a run, finds nothing
        for entry in configuration.get("checks", [])
        if entry["code"] == check.code
    ]
    sides = [] if isinstance(check, ClusterCheck) else list(check.sides.values())
    records = {check.record} if isinstance(check, ClusterCheck) else {side.record for side in sides}
    records |= {lookup.record for side in sides for lookup in side.lookups.values()}
    types = [entry for entry in configuration.get("record_types", []) if entry["code"] in records]
    used = {column.get("crosswalk") for entry in types for column in entry["columns"].values()} - {None}
    known = configuration.get("crosswalks", {})
    rows = [row for row in configuration.get("reference_rows", []) if row["record"] in records]
    return rules, {code: known.get(code) for code in sorted(used)}, rows


def thin(session: Session, before: datetime) -> int:
    """Remove old runs that changed nothing, but for the last of each day, status and mode; how many."""
    last_of_day = select(func.max(CheckRun.id)).group_by(
        CheckRun.check_code, CheckRun.scope, CheckRun.status, CheckRun.mode, func.date(CheckRun.started_at)
    )
    quiet = [
        column == 0
        for column in (
            CheckRun.opened,
            CheckRun.changed,
            CheckRun.reopened,
            CheckRun.closed,
            CheckRun.confirmed,
        )
    ]
    old = delete(CheckRun).where(
        CheckRun.started_at < before, CheckRun.status != RUNNING, *quiet, CheckRun.id.not_in(last_of_day)
    )
    return cast("CursorResult[Any]", session.execute(old)).rowcount
