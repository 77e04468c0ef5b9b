"""What a filter of the queue means in the database. Must not know who is looking: scoping is `access.visible`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal, literal_column, or_, select, text

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.search_terms import Phrase, phrases, spellings
from exceptions_app.domain.sla import AGING, Stage
from exceptions_app.models import CaseWatch, Notice
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models.facts import stated
from exceptions_app.models.search import mentioned, referred
from exceptions_app.models.views import listed

from .filters import ALONE, ANY, LIVE, ME, NEVER, NOBODY, RETRY, QueueFilter

LIVE_SQL = text("exception_case.status IN ('open', 'awaiting_confirmation')")
"""Written out, not bound: a partial index serves only a query that repeats its condition."""


def stage_sql(now: datetime) -> ColumnElement[str]:
    """The SLA stage at `now`, exactly as `domain.sla.stage` says it: the stored one may be a sweep
    behind.
    """
    moment = literal(now, Case.due_at.type)
    stage: ColumnElement[str] = case(
        (or_(Case.status != Status.OPEN.value, Case.due_at.is_(None)), literal_column("'stopped'")),
        (Case.on_hold.is_(True), literal_column("'paused'")),
        (Case.due_at <= moment, literal_column("'breached'")),
        (Case.due_soon_at <= moment, literal_column("'due_soon'")),
        else_=literal_column("'on_track'"),
    )
    return stage


def conditions(
    wanted: QueueFilter, catalog: Catalog, viewer_id: int, now: datetime
) -> list[ColumnElement[bool]]:
    """What a filter means, as SQL over `exception_case`."""
    found = _listed(wanted, catalog)
    if wanted.status == LIVE:
        found.insert(0, LIVE_SQL)
    elif wanted.status != ANY:
        found.insert(0, Case.status == wanted.status)
    if wanted.owner:
        found.append(or_(*(_owned(owner, viewer_id) for owner in wanted.owner)))
    if wanted.stage:
        found.append(or_(*(_at_stage(stage, now) for stage in wanted.stage)))
    if wanted.retry:
        found.append(or_(*(_retried(choice) for choice in wanted.retry)))
    found += _named(wanted, catalog)
    if wanted.hold is not None:
        found.append(Case.on_hold.is_(wanted.hold))
    if wanted.due:
        found += [Case.status == Status.OPEN.value, Case.on_hold.is_(False), Case.due_at <= wanted.due]
    if wanted.since:
        found.append(Case.opened_at >= wanted.since)
    if wanted.given:
        found += _given(viewer_id, wanted.given)
    if wanted.watched:
        found.append(Case.id.in_(select(CaseWatch.case_id).where(CaseWatch.user_id == viewer_id)))
    return found + _mentions(wanted.q)


def _named(wanted: QueueFilter, catalog: Catalog) -> list[Any]:
    """What is chosen by what it is called, by whom it is with, or by what causes it."""
    found: list[Any] = [_called(wanted.refs)] if wanted.refs else []
    if wanted.listed:
        found.append(listed(wanted.listed))
    found += [_states(catalog, each) for each in wanted.fact]
    if wanted.counterparty:
        found.append(or_(*(_with(name) for name in wanted.counterparty)))
    if wanted.alone:
        found.append(Case.parent_id.is_(None))
    return found if wanted.cause is None else [*found, Case.parent_id == wanted.cause]


def entities_of(wanted: QueueFilter, catalog: Catalog) -> list[str]:
    """The entities that are asked for, each with what is below it unless it is asked for alone."""
    asked = ({e[1:]} if e.startswith(ALONE) else catalog.below(e) for e in wanted.entity)
    return sorted(set[str]().union(*asked))


def _listed(wanted: QueueFilter, catalog: Catalog) -> list[Any]:
    """What is chosen from a list of codes that rows hold as they are."""
    entities = entities_of(wanted, catalog)
    buckets = [number for number, bucket in enumerate(AGING) if bucket.code in wanted.aging]
    chosen: tuple[tuple[Any, tuple[str, ...], Sequence[Any]], ...] = (
        (Case.queue, wanted.queue, wanted.queue),
        (Case.category, wanted.category, wanted.category),
        (Case.severity, wanted.severity, wanted.severity),
        (Case.entity, wanted.entity, entities),
        (Case.aging, wanted.aging, buckets),
        (Case.ball_in_court, wanted.ball, wanted.ball),
    )
    found: list[Any] = [column.in_(values) for column, asked, values in chosen if asked]
    return [*found, Case.on_hold.is_(True)] if wanted.ball else found


def _called(refs: Sequence[str]) -> ColumnElement[bool]:
    ids = [number for ref in refs if (number := public_id.decode(ref)) is not None]
    return referred(spellings(refs), ids)


def _states(catalog: Catalog, fact: str) -> ColumnElement[bool]:
    """Only what a category declares as shared is looked for."""
    name, _, value = fact.partition(":")
    declared = any(name in each.shared for each in catalog.categories.values())
    return stated(name) == value if declared else literal(False)


def _with(name: str) -> ColumnElement[bool]:
    return Case.counterparty.is_(None) if name == NOBODY else Case.counterparty == name


def _owned(owner: str, viewer_id: int) -> ColumnElement[bool]:
    if owner == NOBODY:
        return Case.owner_id.is_(None)
    number = viewer_id if owner == ME else int(owner) if owner.isdecimal() and len(owner) < 19 else -1
    return Case.owner_id == number


def _given(viewer_id: int, since: datetime) -> list[Any]:
    """What somebody, or a rule, has assigned to the viewer since then, and they still have."""
    told = select(Notice.case_id).where(
        Notice.user_id == viewer_id, Notice.kind == "assigned", Notice.created_at >= since
    )
    return [Case.owner_id == viewer_id, Case.id.in_(told)]


def _retried(choice: str) -> ColumnElement[bool]:
    """How its newest retry stands; an unknown choice fits nothing."""
    if choice == NEVER:
        return Case.retry_state.is_(None)
    states = RETRY.get(choice, ())
    return and_(Case.retry_state.is_not(None), Case.retry_state.in_(states)) if states else literal(False)


def _at_stage(stage: str, now: datetime) -> ColumnElement[bool]:
    """One stage as plain comparisons, so that an index on `due_at` can serve it."""
    running = and_(Case.status == Status.OPEN.value, Case.on_hold.is_(False))
    match stage:
        case Stage.BREACHED:
            return and_(running, Case.due_at <= now)
        case Stage.DUE_SOON:
            return and_(running, Case.due_at > now, Case.due_soon_at <= now)
        case Stage.ON_TRACK:
            return and_(running, Case.due_at > now, or_(Case.due_soon_at.is_(None), Case.due_soon_at > now))
        case Stage.PAUSED:
            return and_(Case.status == Status.OPEN.value, Case.on_hold.is_(True), Case.due_at.is_not(None))
        case Stage.STOPPED:
            return or_(Case.status != Status.OPEN.value, Case.due_at.is_(None))
        case _:
            return literal(False)


def _mentions(typed: str) -> list[ColumnElement[bool]]:
    """A public reference means that exception; all other words must be there. Nothing but signs finds nothing."""
    pieces = typed.split()
    if not pieces:
        return []
    ids = [number for piece in pieces if (number := public_id.decode(piece)) is not None]
    found: list[ColumnElement[bool]] = [Case.id == number for number in ids]
    if asked := phrases_of(typed):
        found.append(mentioned(asked))
    return found or [literal(False)]


def names_ids(typed: str) -> bool:
    """Whether a piece of it is a public reference, which is looked for beside the words."""
    return any(public_id.decode(piece) is not None for piece in typed.split())


def phrases_of(typed: str) -> tuple[Phrase, ...]:
    """What is looked for among the words; public references are no words."""
    return phrases(" ".join(piece for piece in typed.split() if public_id.decode(piece) is None))
