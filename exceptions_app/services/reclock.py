"""Computes clocks anew after the configuration has changed: a holiday, a policy, a cut-off, a severity, a route.

From each exception's own log, so that no elapsed and no paused time is lost; the trail says so where a deadline,
the queue or the severity has changed. Looking and working out need no lock; only what differs is written, in short
transactions, and only where nobody has touched the row meanwhile. Doing it again changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog, canonical
from exceptions_app.domain import sla
from exceptions_app.domain.aging import earliest
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.sla import Told
from exceptions_app.models import CasePause, ExceptionCase, Task

from . import bulk, pauses, tasks
from .audit import AuditTag, Link, case_chain, payload_text, stamp
from .belonging import Belonging, Place, belonging, moved
from .case_clock import SHOWN
from .clock_state import NAMES, Clock, age_and_edge, work_out
from .context import ActionContext
from .targets import Target
from .trail import Trail

KIND = "reclock"
CHUNK = 1_000
"""Exceptions written in one transaction: it holds SQLite's only write lock for less than a tenth of a second."""

_case = ExceptionCase
_INPUTS = (
    _case.id, _case.cycle, _case.version, _case.audit_head, _case.status, _case.category, _case.entity,
    _case.queue, _case.severity, _case.reporting_amount_e4, _case.opened_at, _case.on_hold, _case.held_at,
    _case.hold_until, _case.responded_at, _case.owner_id, _case.facts, _case.business_key,
)  # fmt: skip
_COLUMNS = (*_INPUTS, *(getattr(_case, name) for name in NAMES))
_WRITTEN = (*NAMES, *Place._fields, "audit_head", "config_snapshot_id", "id")
_LIVE = (Status.OPEN.value, Status.AWAITING_CONFIRMATION.value)


@dataclass(frozen=True, slots=True)
class Reckoned:
    """One exception whose clock or place is not what its row says; `moved`: what of that the trail tells."""

    row: Row[Any]
    clock: Clock
    place: Place
    moved: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Portion:
    """A portion of the open exceptions, in the order of their ids, that was looked at."""

    last_id: int
    looked_at: int
    changed: list[Reckoned]


def look(
    session: Session, catalog: Catalog, now: datetime, after_id: int, limit: int = CHUNK
) -> Portion | None:
    """Work out the clocks of the next exceptions; None when there are no more. Writes nothing."""
    live = select(*_COLUMNS).where(_case.id > after_id, _case.status.in_(_LIVE))
    rows = session.execute(live.order_by(_case.id).limit(limit)).all()
    if not rows:
        return None
    return Portion(rows[-1].id, len(rows), _reckoned(session, catalog, now, rows))


def anew(session: Session, ctx: ActionContext, ids: Sequence[int]) -> tuple[int, int]:
    """Work out and store the clocks of these, whoever touched them, as far as they are still open.

    In one transaction, under their locks; how many rows were written, and how many deadlines moved.
    """
    live = select(*_COLUMNS).where(_case.id.in_(ids), _case.status.in_(_LIVE)).order_by(_case.id)
    rows = session.execute(live.with_for_update()).all()
    written, moved, _ = write(session, ctx, _reckoned(session, ctx.catalog, ctx.now, rows))
    return written, moved


def _reckoned(session: Session, catalog: Catalog, now: datetime, rows: Sequence[Row[Any]]) -> list[Reckoned]:
    log, known = pauses.of_many(session, [row.id for row in rows]), belonging(catalog)
    found = (_reckon(row, known, log.get((row.id, row.cycle), ()), now) for row in rows)
    return [each for each in found if each is not None]


def _reckon(row: Row[Any], known: Belonging, log: Sequence[CasePause], now: datetime) -> Reckoned | None:
    place = known.place(row)
    stays = place == (row.queue, row.severity)
    target = known.targets.of(row if stays else moved(row, place))
    clock = work_out(row, target, pauses.over(log), pauses.stops(log), now)
    clock = _without_old_news(row, clock, target, now)
    if stays and row[len(_INPUTS) :] == clock:
        return None
    changed = [name for name in SHOWN if getattr(row, name) != getattr(clock, name)]
    changed += [name for name in Place._fields if getattr(row, name) != getattr(place, name)]
    return Reckoned(row, clock, place, tuple(changed))


def _without_old_news(row: Row[Any], clock: Clock, target: Target, now: datetime) -> Clock:
    """What a row gets for the first time and has passed already is no news: nobody could have met it."""
    silent = Told.NOTHING
    if row.half_at is None and clock.half_at <= now:
        silent |= Told.HALF
    if row.response_target is None and clock.response_due_at is not None and clock.response_due_at <= now:
        silent |= Told.RESPONSE_MISSED
    return clock if not silent & ~clock.told else _silenced(row, clock, target, silent, now)


def _silenced(row: Row[Any], clock: Clock, target: Target, silent: Told, now: datetime) -> Clock:
    told = clock.told | silent
    if row.on_hold:
        return clock._replace(told=int(told))
    response = clock.response_due_at if row.responded_at is None else None
    telling = sla.Telling(clock.half_at, clock.due_soon_at, clock.due_at, response, told)
    next_at = sla.next_sla_at(telling, False, row.status)
    _, edge = age_and_edge(row, clock.sla_stage, clock.due_soon_at, clock.due_at, target.calendar, now)
    return clock._replace(told=int(told), next_sla_at=earliest(next_at, edge))


def write(session: Session, ctx: ActionContext, changed: Sequence[Reckoned]) -> tuple[int, int, list[int]]:
    """Store what differs: how many rows, how many moved deadlines, and the ids that somebody has touched since.

    Everything is made ready before the first statement, which is where the transaction takes its lock.
    """
    ready = _made_ready(session, ctx, changed)
    ids = [each.row.id for each in changed]
    heads = select(_case.id, _case.audit_head, _case.version).where(_case.id.in_(ids)).order_by(_case.id)
    there: dict[int, Any] = {row.id: row for row in session.execute(heads.with_for_update())}
    same = [each for each in ready if _untouched(each.seen.row, there.get(each.seen.row.id))]
    bulk.update(session, ExceptionCase, _WRITTEN, [each.stored for each in same])
    trail = Trail(ctx)
    for each in same:
        if each.link is not None:
            trail.add(each.seen.row.id, each.link)
    trail.store(session)
    touched = set(ids) - {each.seen.row.id for each in same}
    return len(same), sum(each.link is not None for each in same), sorted(touched)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A row as it will be stored, in the order of `_WRITTEN`, and its event where a deadline has moved."""

    seen: Reckoned
    link: Link | None
    stored: tuple[Any, ...]


def _made_ready(session: Session, ctx: ActionContext, changed: Sequence[Reckoned]) -> list[_Ready]:
    at, found = bulk.time_writer(session), []
    for each in changed:
        link = _link(ctx, each) if each.moved else None
        head = each.row.audit_head if link is None else link.hash
        stored = (at(value) if isinstance(value, datetime) else value for value in each.clock)
        found.append(_Ready(each, link, (*stored, *each.place, head, ctx.snapshot_id, each.row.id)))
    return found


def _untouched(seen: Row[Any], there: Any) -> bool:
    return there is not None and (there.audit_head, there.version) == (seen.audit_head, seen.version)


def _link(ctx: ActionContext, each: Reckoned) -> Link:
    before = {name: getattr(each.row, name) for name in each.moved}
    now_in = each.clock._asdict() | each.place._asdict()
    after = {name: now_in[name] for name in each.moved}
    payload = payload_text(before, after, "the configuration has changed")
    same = stamp(ctx, AuditTag.CASE_RECLOCKED, payload)
    return same.link(case_chain(each.row.id), each.row.audit_head)


# -- when


def digest(catalog: Catalog) -> str:
    """Hex SHA-256 of what of the configuration clocks and places depend on, and of what a row keeps of its clock."""
    parts = {
        "kept": (*NAMES, *Place._fields),
        "calendars": [each.model_dump(mode="json") for each in catalog.calendars.values()],
        "cutoffs": [each.model_dump(mode="json") for each in catalog.cutoffs],
        "policies": [each.model_dump(mode="json") for each in catalog.sla_policies],
        "entities": [[e.code, e.parent, e.calendar] for e in catalog.entities.values()],
        "queues": [[queue.code, queue.calendar] for queue in catalog.queues.values()],
        "routing": [each.model_dump(mode="json") for each in catalog.routing],
        "categories": [
            [each.code, str(each.target), str(each.first_response), each.severity, each.queue]
            for each in catalog.categories.values()
        ],
    }
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def ask_if_changed(session: Session, catalog: Catalog, now: datetime) -> Task | None:
    """Ask for the work where clocks were last computed under another configuration (or nobody knows which).

    None where they were not, or where there is no exception yet.
    """
    if session.scalar(select(ExceptionCase.id).limit(1)) is None:
        return None
    wanted = digest(catalog)
    last = (
        select(Task.result).where(Task.kind == KIND, Task.status == "done").order_by(Task.id.desc()).limit(1)
    )
    result = session.scalar(last)
    if result is not None and json.loads(result).get("clocks") == wanted:
        return None
    return tasks.request(session, KIND, KIND, {"clocks": wanted}, None, now)
