"""Additions to the configuration: which are in force, putting one in force, withdrawing it. Flushes, never commits.

What an addition may say is the catalog's business; who may ask and approve is `fix_once`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from weakref import WeakKeyDictionary

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from exceptions_app.catalog.additions import Addition, overlaid, read_addition
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import CatalogAddition

from . import configuration
from .audit import AuditTag, record_subject
from .context import ActionContext

SUBJECT = configuration.SUBJECT
_KEEPING = Lock()
_OVERLAID: WeakKeyDictionary[Catalog, tuple[tuple[int, ...], Catalog]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class InForce:
    """The additions that hold at an instant; `until`: when the first of them ends, None: never."""

    rows: tuple[tuple[int, str], ...] = ()
    until: datetime | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(number for number, _ in self.rows)

    @property
    def additions(self) -> list[Addition]:
        return [read_addition(payload) for _, payload in self.rows]


def in_force(session: Session, now: datetime) -> InForce:
    """One statement over a small index: additions are few, and those withdrawn are not in it."""
    one = CatalogAddition
    rows = session.execute(
        select(one.id, one.payload, one.expires_at)
        .where(one.withdrawn_at.is_(None), or_(one.expires_at.is_(None), one.expires_at > now))
        .order_by(one.id)
    ).all()
    ends = [row.expires_at for row in rows if row.expires_at is not None]
    return InForce(tuple((row.id, row.payload) for row in rows), min(ends, default=None))


def mending(session: Session, causes: Iterable[int | None], now: datetime) -> dict[int | None, str]:
    """Of these causes those that an addition in force mends: what the newest of them says."""
    wanted = {each for each in causes if each is not None}
    if not wanted:
        return {}
    one = CatalogAddition
    rows = session.execute(
        select(one.case_id, one.summary)
        .where(one.withdrawn_at.is_(None), or_(one.expires_at.is_(None), one.expires_at > now))
        .where(one.case_id.is_not(None))
        .order_by(one.id)
    )
    return {cause: f"Fix once: {summary}" for cause, summary in rows if cause in wanted}


def catalog_with(base: Catalog, held: InForce) -> Catalog:
    """The files' configuration with what is in force; worked out once per process and set of additions."""
    if not held.rows:
        return base
    with _KEEPING:
        known = _OVERLAID.get(base)
        if known is None or known[0] != held.ids:
            known = (held.ids, overlaid(base, held.additions)[0])
            _OVERLAID[base] = known
        return known[1]


def put_in_force(
    session: Session, ctx: ActionContext, base: Catalog, addition: Addition, *,
    summary: str, reason: str, asked_by: int, approved_by: int, expires_at: datetime | None, case_id: int | None,
) -> CatalogAddition:  # fmt: skip
    """One audited action: the addition, and the configuration that it makes, are there together."""
    row = CatalogAddition(
        kind=addition.kind,
        payload=addition.model_dump_json(exclude_defaults=False),
        summary=summary[:200],
        reason=reason,
        case_id=case_id,
        asked_by_id=asked_by,
        approved_by_id=approved_by,
        created_at=ctx.now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    after = {
        "addition": row.id, "summary": row.summary, "asked_by": asked_by, "approved_by": approved_by,
        "expires_at": expires_at, "payload": addition.model_dump(mode="json"),
    }  # fmt: skip
    _accept(session, ctx, base, AuditTag.ADDITION_APPLIED, after, reason)
    return row


def withdraw(
    session: Session, ctx: ActionContext, base: Catalog, row: CatalogAddition, *, by: int, why: str
) -> bool:
    """Take it out of force; False where it is already."""
    if row.withdrawn_at is not None:
        return False
    row.withdrawn_at, row.withdrawn_by_id, row.withdrawn_why = ctx.now, by, why[:2000]
    session.flush()
    _accept(
        session, ctx, base, AuditTag.ADDITION_WITHDRAWN, {"addition": row.id, "summary": row.summary}, why
    )
    return True


def _accept(
    session: Session, ctx: ActionContext, base: Catalog, tag: AuditTag, after: dict[str, object], why: str
) -> None:
    """The configuration as it is from now on becomes a snapshot, and the trail says who made it so."""
    catalog = catalog_with(base, in_force(session, ctx.now))
    snapshot = configuration.accept(session, catalog, str(ctx.actor), ctx.now)
    record_subject(
        session,
        SUBJECT,
        tag,
        actor=str(ctx.actor),
        at=ctx.now,
        correlation_id=ctx.correlation_id,
        config_snapshot_id=snapshot,
        after=after,
        why=why,
    )


def all_of(session: Session, limit: int = 200) -> Sequence[CatalogAddition]:
    """Every addition that was ever made, newest first."""
    return session.scalars(select(CatalogAddition).order_by(CatalogAddition.id.desc()).limit(limit)).all()
