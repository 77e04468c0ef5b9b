"""One exception as its page shows it: the finding, the clock, the sides, what to do, and what belongs to
it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, may_waive, may_work_on
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Reason
from exceptions_app.domain.lifecycle import Action, Status, actions_from
from exceptions_app.domain.money import from_e4
from exceptions_app.models import ExceptionCase

from . import kept
from .chain import Document, chain
from .clock import ClockDetail, clock_detail
from .conversions import conversions
from .drafts import Letter, draft
from .not_confirmed import NotConfirmed, not_confirmed
from .record_links import RecordLink, record_links
from .related import Related, related
from .rows import CaseRow, RowMaker
from .sides import SideBySide, side_by_side
from .similar import Similar, similar
from .timeline import Happening, timeline
from .words import BALL, END, inside, said


@dataclass(frozen=True, slots=True)
class CaseDetail:
    """All that the page of one exception needs, masked and in words. `stored`: for what else is asked about it."""

    stored: kept.Stored
    row: CaseRow
    clock: ClockDetail
    whose_move: str
    hold_reason: str | None
    held_at: datetime | None
    waiver_expires_at: datetime | None
    confirmed_at: datetime | None
    breached_at: datetime | None
    first_seen_at: datetime
    cycle: int
    ended: str
    reporting_amount: Decimal | None
    cause: str
    guidance: tuple[str, ...]
    category_owner: str
    sides: SideBySide
    conversions: tuple[str, ...]
    chain: tuple[Document, ...]
    letter: Letter | None
    evidence_taken_at: datetime | None
    evidence_version: int
    also: tuple[str, ...]
    links: tuple[RecordLink, ...]
    happenings: tuple[Happening, ...]
    related: Related
    similar: Similar | None
    pinned: Happening | None
    may_see_record: bool
    reasons: tuple[Reason, ...]
    actions: frozenset[Action]
    zone: tzinfo
    comments: int
    not_confirmed: NotConfirmed | None


def detail(
    session: Session, viewer: Viewer, catalog: Catalog, case_id: int, *, now: datetime
) -> CaseDetail | None:
    """The exception, or None when there is none that the viewer may see."""
    stored = kept.stored(session, viewer, case_id)
    if stored is None:
        return None
    case, taken_at = stored.case, stored.evidence_taken_at
    maker = RowMaker(viewer, catalog, now)
    row = maker.made(case, stored.owner)
    found = json.loads(stored.evidence)
    category = catalog.categories.get(case.category)
    happenings = tuple(timeline(session, catalog, case, maker.zone, stored.kept))
    reasons = catalog.reasons(case.category) if category else list(catalog.common_reasons)
    read_on = taken_at.date() if taken_at else None
    sides = side_by_side(viewer, catalog, case.check_code, stored.evidence, case.currency, read_on)
    documents = chain(viewer, catalog, case.check_code, found, case.currency)
    links = record_links(viewer, catalog, case.check_code, json.loads(case.business_key), found)
    return CaseDetail(
        stored=stored,
        row=row,
        clock=clock_detail(
            session, catalog, case, row.stage, maker.calendar(case.sla_calendar), now, stored.kept
        ),
        whose_move=_whose_move(case, row, category.ball if category else "us"),
        hold_reason=case.hold_reason,
        held_at=case.held_at,
        waiver_expires_at=case.waiver_expires_at,
        confirmed_at=case.confirmed_at,
        breached_at=case.breached_at,
        first_seen_at=case.first_seen_at,
        cycle=case.cycle,
        ended=_ended(case, reasons),
        reporting_amount=None if case.reporting_amount_e4 is None else from_e4(case.reporting_amount_e4),
        cause=category.cause if category else "",
        guidance=tuple(category.guidance) if category else (),
        category_owner=category.owner if category else "",
        sides=sides,
        conversions=conversions(viewer, catalog, case, found, read_on),
        chain=documents,
        letter=draft(catalog, case),
        evidence_taken_at=taken_at,
        evidence_version=stored.evidence_version,
        also=tuple(_title(catalog, code) for code in json.loads(case.also or "[]")),
        links=tuple(link for link in links if link.url not in {document.url for document in documents}),
        happenings=happenings,
        related=related(session, viewer, catalog, case, now),
        similar=similar(session, viewer, catalog, case, {each.code: each.label for each in reasons}, maker),
        pinned=next((each for each in happenings if each.pinned), None),
        may_see_record=can(viewer, Permission.SEE_PAYLOAD) and taken_at is not None,
        reasons=tuple(reasons),
        actions=actions_for(viewer, catalog, case),
        zone=maker.zone,
        comments=sum(happening.comment_id is not None for happening in happenings),
        not_confirmed=not_confirmed(case, happenings, sides),
    )


def actions_for(viewer: Viewer, catalog: Catalog, case: ExceptionCase) -> frozenset[Action]:
    """What fits both the state of the exception and the person."""
    if not may_work_on(viewer, case):
        return frozenset()
    fitting = set(actions_from(Status(case.status)))
    fitting -= {Action.HOLD} if case.on_hold else {Action.RESUME}
    fitting -= {Action.CLAIM} if case.owner_id == viewer.user_id else set()
    if case.owner_id is None or not (
        case.owner_id == viewer.user_id or can(viewer, Permission.ASSIGN_OTHERS)
    ):
        fitting -= {Action.RELEASE}
    category = catalog.categories.get(case.category)
    if not may_waive(viewer, case, catalog) or (category is not None and not category.waivable):
        fitting -= {Action.WAIVE}
    if not can(viewer, Permission.ASSIGN_OTHERS):
        fitting -= {Action.ASSIGN}
    if not can(viewer, Permission.RETRY):
        fitting -= {Action.RETRY}
    return frozenset(a for a in fitting if a is not Action.ACCEPTED and not a.value.startswith("data_"))


def _whose_move(case: ExceptionCase, row: CaseRow, usual: str) -> str:
    if case.status != Status.OPEN:
        return (
            "The next run confirms it"
            if case.status == Status.AWAITING_CONFIRMATION
            else "Nobody's: it has ended"
        )
    if case.on_hold:
        return said(BALL, case.ball_in_court or "us")
    if row.owner:
        return row.owner
    whom = inside(said(BALL, usual))
    if usual == "us" or whom == inside(row.queue_name):
        return row.queue_name
    return f"{row.queue_name}; usually settled with {whom}"


def _ended(case: ExceptionCase, reasons: list[Reason]) -> str:
    if case.end_reason is None:
        return ""
    labels = {reason.code: reason.label for reason in reasons}
    return labels.get(case.end_reason) or END.get(case.end_reason) or case.end_reason.replace("_", " ")


def _title(catalog: Catalog, code: str) -> str:
    category = catalog.categories.get(code)
    return category.title if category else code
