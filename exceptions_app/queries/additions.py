"""What people added to the configuration, as the pages show it: what it says, who, until when, whether it holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, sees_network
from exceptions_app.catalog.additions import Addition, ToleranceAddition, as_yaml, overlaid, read_addition
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.lifecycle import EndReason
from exceptions_app.models import CatalogAddition, ExceptionCase, User
from exceptions_app.services import additions


@dataclass(frozen=True, slots=True)
class AdditionLine:
    """`state`: in force, expired, withdrawn, or aside (`aside` says why the files overrule it)."""

    id: int
    kind: str
    summary: str
    reason: str
    asked_by: str
    approved_by: str
    created_at: datetime
    expires_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_by: str
    withdrawn_why: str
    state: str
    aside: str


def lines(session: Session, viewer: Viewer, base: Catalog, now: datetime) -> list[AdditionLine]:
    """Newest first; what concerns the whole network only for those who see all of it. `base`: what the files say."""
    found = [row for row in additions.all_of(session) if sees_addition(viewer, base, row)]
    people = {
        one for row in found for one in (row.asked_by_id, row.approved_by_id, row.withdrawn_by_id) if one
    }
    rows = session.execute(select(User.id, User.name).where(User.id.in_(people)))
    named = {row.id: row.name for row in rows}
    held = additions.in_force(session, now)
    why = dict(zip(held.ids, overlaid(base, held.additions)[1], strict=True))
    return [_line(row, named, why.get(row.id, ""), now) for row in found]


def sees_addition(viewer: Viewer, base: Catalog, row: CatalogAddition) -> bool:
    """Whether it concerns nothing that is not theirs."""
    return sees_network(viewer, base) or _within(viewer, row.payload)


def that_settled(session: Session, viewer: Viewer, base: Catalog, case: ExceptionCase) -> int | None:
    """The id of the addition that ended an exception by mending its cause; None where it did not end so, or where the
    addition is not theirs to see.
    """
    if case.end_reason != EndReason.FIXED_ONCE or case.resolved_at is None:
        return None
    one = CatalogAddition
    then = select(one).where(one.case_id == case.parent_id, one.created_at <= case.resolved_at)
    row = session.scalar(then.order_by(one.id.desc()).limit(1))
    return row.id if row is not None and sees_addition(viewer, base, row) else None


def exported(session: Session, now: datetime) -> str:
    """What is in force, as a file for the site's directory; empty text for nothing."""
    return as_yaml(additions.in_force(session, now).additions)


def _within(viewer: Viewer, payload: str) -> bool:
    """Whether an addition concerns only entities of the viewer."""
    try:
        addition: Addition = read_addition(payload)
    except ValidationError:
        return False
    if not isinstance(addition, ToleranceAddition) or viewer.entities is None:
        return False
    return bool(addition.scoped.entity) and viewer.entities >= set(addition.scoped.entity)


def _line(row: CatalogAddition, named: dict[int, str], aside: str, now: datetime) -> AdditionLine:
    def who(number: int | None) -> str:
        return named.get(number, "A former colleague") if number is not None else ""

    state = "in force"
    if row.withdrawn_at is not None:
        state = "withdrawn"
    elif row.expires_at is not None and row.expires_at <= now:
        state = "expired"
    elif aside:
        state = "aside"
    return AdditionLine(
        row.id, row.kind, row.summary, row.reason, who(row.asked_by_id), who(row.approved_by_id), row.created_at,
        row.expires_at, row.withdrawn_at, who(row.withdrawn_by_id), row.withdrawn_why or "", state, aside,
    )  # fmt: skip
