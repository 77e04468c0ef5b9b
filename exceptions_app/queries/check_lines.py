"""Checks with what their newest runs counted; of a check each sees the runs in their own entities."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, defer

from exceptions_app.access import Viewer, sees_network
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import CheckRun

from .words import entity_name

_OVER = ("complete", "partial", "held")


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A check with the counts of its newest run in each scope, added up; what was compared, matched and found by the
    newest full sweep. `incremental` scopes were last asked about `probed` lines only; `why` the others were swept.
    """

    code: str
    title: str
    flow: str
    enabled: bool
    scopes: int
    incomplete: int
    last_at: datetime | None
    compared: int
    matched: int
    found: int
    opened: int
    closed: int
    unjudged: int
    errors: tuple[str, ...]
    incremental: int = 0
    probed: int = 0
    why: tuple[str, ...] = ()


def checks(session: Session, viewer: Viewer, catalog: Catalog) -> list[CheckLine]:
    """Every check with what its runs counted in the viewer's entities."""
    newest = _newest_of_checks(session, viewer, catalog)
    swept = _newest_of_checks(session, viewer, catalog, CheckRun.mode == "full", CheckRun.status.in_(_OVER))
    lines = []
    for check in catalog.checks.values():
        last, full = newest.get(check.code, []), swept.get(check.code, [])
        part = [run for run in last if run.mode == "incremental"]
        lines.append(
            CheckLine(
                code=check.code,
                title=check.title,
                flow=check.flow,
                enabled=check.enabled,
                scopes=len(last),
                incomplete=sum(run.status != "complete" for run in last),
                last_at=max((run.started_at for run in last), default=None),
                compared=sum(run.compared for run in full),
                matched=sum(run.matched for run in full),
                found=sum(run.found for run in full),
                opened=sum(run.opened for run in last),
                closed=sum(run.closed for run in last),
                unjudged=sum(run.unjudged for run in last),
                errors=tuple(f"{entity_name(catalog, run.scope)}: {run.error}" for run in last if run.error),
                incremental=len(part),
                probed=sum(run.probed for run in part),
                why=tuple(sorted({run.why for run in last if run.mode == "full" and run.why})),
            )
        )
    return lines


def _newest_of_checks(
    session: Session, viewer: Viewer, catalog: Catalog, *conditions: ColumnElement[bool]
) -> dict[str, list[CheckRun]]:
    """Check -> its newest run in each scope that the viewer sees."""
    newest = select(func.max(CheckRun.id)).where(*conditions).group_by(CheckRun.check_code, CheckRun.scope)
    if viewer.entities is not None and not sees_network(viewer, catalog):
        newest = newest.where(CheckRun.scope.in_(sorted(viewer.entities)))
    found: dict[str, list[CheckRun]] = {}
    for run in session.scalars(
        select(CheckRun).where(CheckRun.id.in_(newest)).options(defer(CheckRun.basis))
    ):
        found.setdefault(run.check_code, []).append(run)
    return found
