"""What people have to do about retries: approve, decide whether something arrived, take care of what gave up.

Only of exceptions that the viewer may see; newest first, by keyset.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import wording
from exceptions_app.domain.money import from_e4
from exceptions_app.domain.retry import Sent
from exceptions_app.models import AuditEvent, Delivery, ExceptionCase
from exceptions_app.services.acting import WORDS, actor_name

from . import retry_words as words
from .deliveries import DeliveryLine, LineMaker, editors_of, gates, of_viewer, system_name
from .retry_edits import whys
from .words import zone_of

PAGE = 50
COUNT_LIMIT = 999
"""Counts in the tabs go no further: a page costs the same however much there is."""
_error_class: ColumnElement[str] = func.coalesce(Delivery.error_class, literal_column("'other'"))
_TODO = (Sent.AWAITING_APPROVAL, Sent.UNSURE, Sent.FAILED)


@dataclass(frozen=True, slots=True)
class ToDo:
    """How many wait for approval, need a decision, gave up: each counted up to `COUNT_LIMIT` + 1."""

    approvals: int
    decisions: int
    gave_up: int

    @staticmethod
    def said(count: int) -> str:
        return f"{COUNT_LIMIT}+" if count > COUNT_LIMIT else str(count)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One that waits for a second person, and why. `may` says whether this one is the viewer's to decide; else
    `why_not`.
    """

    line: DeliveryLine
    because: str
    may: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class Page:
    lines: tuple[DeliveryLine, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """What gave up at one system for one reason. `example` is what the system said of the newest ones."""

    system: str
    system_name: str
    error_class: str
    reason: str
    count: int
    example: str
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class GaveUp:
    """What a person looks at: `system` and `reason` are the filter, empty for all."""

    groups: tuple[Group, ...]
    page: Page
    count: int
    system: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Retries that gave up and are to be sent again or discarded: how many, worth how much, to which systems."""

    ids: tuple[int, ...]
    systems: tuple[tuple[str, int], ...]
    amount: str
    more: bool


def to_do(session: Session, viewer: Viewer) -> ToDo:
    """For the tabs. One statement."""

    def count(state: Sent) -> Select[int]:
        few = select(Delivery.id).where(Delivery.status == state.value).limit(COUNT_LIMIT + 1)
        if conditions := visible(viewer):
            few = few.join(ExceptionCase, ExceptionCase.id == Delivery.case_id).where(*conditions)
        return select(func.count()).select_from(few.subquery())

    row = session.execute(select(*(count(state).scalar_subquery() for state in _TODO))).one()
    return ToDo(*row)


def approvals(
    session: Session, viewer: Viewer, catalog: Catalog, *, now: datetime, before: int | None = None
) -> tuple[tuple[Waiting, ...], int | None]:
    """What waits for a second person, and the cursor of the next page. Five statements."""
    found = _page(session, viewer, catalog, now, before, Sent.AWAITING_APPROVAL)
    ids = [line.id for line in found.lines]
    editors, why = editors_of(session, ids), whys(session, catalog, ids)
    may_at_all = can(viewer, Permission.APPROVE_RETRY)

    def judged(line: DeliveryLine) -> Waiting:
        because = why.get(line.id, "")
        if not may_at_all:
            return Waiting(line, because, False, "A manager decides.")
        if viewer.user_id in editors[line.id]:
            return Waiting(line, because, False, "You asked for it or edited it: somebody else decides.")
        if line.hides_edit:
            return Waiting(line, because, False, "You may not see what was edited, and so not approve it.")
        return Waiting(line, because, True, "")

    return tuple(map(judged, found.lines)), found.next_before


def decisions(
    session: Session, viewer: Viewer, catalog: Catalog, *, now: datetime, before: int | None = None
) -> Page:
    """Those of which nobody knows whether they arrived. Two statements."""
    return _page(session, viewer, catalog, now, before, Sent.UNSURE)


def gave_up(
    session: Session, viewer: Viewer, catalog: Catalog, *, now: datetime, system: str = "", reason: str = "",
    before: int | None = None,
) -> GaveUp:  # fmt: skip
    """What gave up, by system and reason, and one page of it. Three statements."""
    d = Delivery
    grouped = (
        select(d.system, _error_class, func.count(), func.max(d.last_error), func.min(d.settled_at))
        .join(ExceptionCase, ExceptionCase.id == d.case_id)
        .where(*visible(viewer), d.status == Sent.FAILED.value)
        .group_by(d.system, _error_class)
        .order_by(func.count().desc(), d.system, _error_class)
    )
    groups = tuple(
        Group(
            code,
            system_name(catalog, code),
            error,
            words.error_class(error),
            count,
            said or "",
            since,
        )
        for code, error, count, said, since in session.execute(grouped)
    )
    wanted = _fitting(of_viewer(viewer), system, reason)
    page = _page(session, viewer, catalog, now, before, Sent.FAILED, wanted)
    fits = [g for g in groups if system in ("", g.system) and reason in ("", g.error_class)]
    return GaveUp(groups, page, sum(group.count for group in fits), system, reason)


def chosen(
    session: Session, viewer: Viewer, catalog: Catalog, *, ids: tuple[int, ...] | None, system: str, reason: str,
    most: int, upto: int | None = None,
) -> Chosen:  # fmt: skip
    """Those of `ids` (None: all that fit the filter, up to id `upto`) that gave up and are the viewer's, at most
    `most`. One statement.
    """
    columns = (Delivery.id, Delivery.system, ExceptionCase.reporting_amount_e4)
    wanted: Select[*tuple[Any, ...]] = (
        of_viewer(viewer).with_only_columns(*columns).where(Delivery.status == Sent.FAILED.value)
    )
    wanted = wanted.where(Delivery.id.in_(ids)) if ids is not None else _fitting(wanted, system, reason)
    if upto is not None:
        wanted = wanted.where(Delivery.id <= upto)
    rows = session.execute(wanted.order_by(Delivery.id.desc()).limit(most + 1)).all()
    more, rows = len(rows) > most, rows[:most]
    systems: dict[str, int] = {}
    for row in rows:
        name = system_name(catalog, row.system)
        systems[name] = systems.get(name, 0) + 1
    total = from_e4(sum(abs(row.reporting_amount_e4 or 0) for row in rows))
    amount = wording.money(total, catalog.site.reporting_currency)
    return Chosen(tuple(row.id for row in rows), tuple(sorted(systems.items())), amount, more)


def one(
    session: Session, viewer: Viewer, catalog: Catalog, delivery_id: int, *, now: datetime
) -> DeliveryLine | None:
    """One retry, if its exception is the viewer's to see. Two statements."""
    row = session.execute(of_viewer(viewer).where(Delivery.id == delivery_id)).first()
    return None if row is None else LineMaker(viewer, catalog, now, gates(session))(row)


def last_word(session: Session, viewer: Viewer, case_id: int, now: datetime) -> str:
    """Who did what last about the retries of an exception: for the person who came second."""
    newest = select(AuditEvent).where(AuditEvent.case_id == case_id, AuditEvent.tag.like("case:retry%"))
    event = session.scalar(newest.order_by(AuditEvent.id.desc()).limit(1))
    if event is None:
        return ""
    at = words.clock(event.at, now, zone_of(viewer.time_zone))
    said = dict(WORDS).get(event.tag, "changed it")
    return f"{actor_name(session, event.actor)} {said} ({at})."


def _page(
    session: Session, viewer: Viewer, catalog: Catalog, now: datetime, before: int | None, state: Sent,
    wanted: Select[*tuple[Any, ...]] | None = None,
) -> Page:  # fmt: skip
    if wanted is None:
        wanted = of_viewer(viewer)
    wanted = wanted.where(Delivery.status == state.value).order_by(Delivery.id.desc()).limit(PAGE + 1)
    if before is not None:
        wanted = wanted.where(Delivery.id < before)
    rows = session.execute(wanted).all()
    found = LineMaker(viewer, catalog, now, gates(session)).many(rows[:PAGE])
    return Page(tuple(found), found[-1].id if len(rows) > PAGE else None)


def _fitting(wanted: Select[*tuple[Any, ...]], system: str, reason: str) -> Select[*tuple[Any, ...]]:
    if system:
        wanted = wanted.where(Delivery.system == system)
    if reason:
        wanted = wanted.where(_error_class == reason)
    return wanted
