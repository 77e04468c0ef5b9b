"""Runs that are held, for those who decide about them.

A storm in an entity is theirs who see the entity; of the sample each sees the rows of their own entities and queues.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, sees_network, sees_place
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.models import Storm, User
from exceptions_app.services.storm_causes import in_words
from exceptions_app.services.storms import DISCARDED, GONE, HELD, OVER, RELEASED, TAKEN_IN

from .words import entity_name

PAGE = 50
_STATES = {
    HELD: "held, waiting for a decision", RELEASED: "released, the next run takes it in",
    DISCARDED: "discarded, still held",
}  # fmt: skip
_ENDS = {TAKEN_IN: "taken in", OVER: "over: within its limits again", GONE: "not compared any more"}


@dataclass(frozen=True, slots=True)
class StormLine:
    """One storm. `causes` are sentences; `sample` is what the viewer may see of it."""

    id: int
    check: str
    title: str
    place: str
    state: str
    state_words: str
    first_at: datetime
    last_at: datetime
    would_open: int
    found: int
    most: int
    largest: int
    causes: tuple[str, ...]
    sample: tuple[dict[str, Any], ...]
    decided_by: str
    decided_at: datetime | None
    why: str
    ended_at: datetime | None
    may_release: bool
    may_discard: bool


def page(session: Session, viewer: Viewer, catalog: Catalog, *, before: int | None) -> list[StormLine]:
    """Those that are live first, each part newest first; `before` is the id of the last one seen of those over."""
    rows = select(Storm).order_by(Storm.ended_at.is_not(None), Storm.id.desc())
    if before is not None:
        rows = rows.where(Storm.ended_at.is_not(None), Storm.id < before)
    if not sees_network(viewer, catalog):
        rows = rows.where(Storm.scope.in_(sorted(viewer.entities or ())))
    return [_line(session, viewer, catalog, row) for row in session.scalars(rows.limit(PAGE))]


def one(session: Session, viewer: Viewer, catalog: Catalog, number: int) -> StormLine | None:
    """One storm, or None where it is not theirs."""
    row = session.get(Storm, number)
    if row is None or not _sees(viewer, catalog, row):
        return None
    return _line(session, viewer, catalog, row)


def _sees(viewer: Viewer, catalog: Catalog, row: Storm) -> bool:
    return sees_network(viewer, catalog) or (viewer.entities is not None and row.scope in viewer.entities)


def _may_decide(viewer: Viewer, catalog: Catalog, row: Storm) -> bool:
    """Those of the queue that the storm is told in, and of the queues that it would fill."""
    if not can(viewer, Permission.DECIDE_STORMS) or row.ended_at is not None:
        return False
    told = catalog.categories["storm_held"].queue
    filled = {each["queue"] for each in json.loads(row.sample)}
    return viewer.queues is None or told in viewer.queues or bool(filled & viewer.queues)


def _line(session: Session, viewer: Viewer, catalog: Catalog, row: Storm) -> StormLine:
    check = catalog.checks.get(row.check_code)
    who = session.get(User, row.decided_by_id) if row.decided_by_id is not None else None
    may = _may_decide(viewer, catalog, row)
    words = _STATES if row.ended_at is None else _ENDS
    return StormLine(
        row.id, row.check_code, check.title if check else row.check_code,
        "the whole network" if row.scope == NETWORK_SCOPE else entity_name(catalog, row.scope), row.state,
        words[row.state if row.ended_at is None else row.ended_how or OVER], row.first_at, row.last_at,
        row.would_open, row.found, row.most, row.largest,
        tuple(in_words(catalog, cause) for cause in json.loads(row.causes)),
        tuple(each for each in json.loads(row.sample) if sees_place(viewer, each["entity"], each["queue"])),
        who.name if who else "", row.decided_at, row.why or "", row.ended_at,
        may and row.state in (HELD, DISCARDED), may and row.state == HELD,
    )  # fmt: skip
