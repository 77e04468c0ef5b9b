"""What belongs to one exception: others of its transaction line, of the same order (or invoice, worker, supplier),
open ones with the same counterparty, its cause and what it causes.

Each list is short, found by an index, and costs the same whatever a counterparty has open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, not_, or_, select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import MatchCheck
from exceptions_app.domain.lifecycle import Status
from exceptions_app.models import ExceptionCase as Case

from .cases import rows_where
from .filter_sql import LIVE_SQL
from .rows import CaseRow
from .words import inside

MOST = 8
LOOKED_AT = 200
"""So many of a counterparty's live exceptions, the first due ones, are looked at for those that may be shown."""
_DOCUMENT_PARTS = 3
"""Of a line's key: its type, the entity, and what the line is a line of."""


@dataclass(frozen=True, slots=True)
class Related:
    """`document` is what lines belong to, in words: order, invoice, worker."""

    line: tuple[CaseRow, ...]
    same_document: tuple[CaseRow, ...]
    document: str
    counterparty: tuple[CaseRow, ...]
    cause: CaseRow | None
    caused: tuple[CaseRow, ...]


def related(session: Session, viewer: Viewer, catalog: Catalog, case: Case, now: datetime) -> Related:
    """For an exception that the viewer sees; of the others only those that they may see, too. At most five
    statements.
    """

    def rows(conditions: list[ColumnElement[bool]], most: int = MOST) -> tuple[CaseRow, ...]:
        return tuple(rows_where(session, viewer, catalog, now, [Case.id != case.id, *conditions], most))

    line, prefix = case.line_key, document_of(case.line_key)
    cause = rows([Case.id == case.parent_id]) if case.parent_id is not None else ()
    return Related(
        line=rows([Case.line_key == line]) if line else (),
        same_document=rows([*_below(session, prefix), Case.line_key != line]) if prefix else (),
        document=_document(catalog, case),
        counterparty=rows(_with_counterparty(case, prefix)) if case.counterparty else (),
        cause=next(iter(cause), None),
        caused=rows([Case.parent_id == case.id]),
    )


def document_of(line_key: str | None) -> str:
    """What the keys of all lines of the same document begin with; empty where the line is the whole document."""
    parts = (line_key or "").split("|", _DOCUMENT_PARTS)
    return "|".join(parts[:_DOCUMENT_PARTS]) + "|" if len(parts) > _DOCUMENT_PARTS else ""


def _below(session: Session, prefix: str) -> list[ColumnElement[bool]]:
    """Lines whose key begins with it, compared byte by byte so that the index serves it on either database."""
    least, less = ("~>=~", "~<~") if session.get_bind().dialect.name == "postgresql" else (">=", "<")
    after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    key = Case.line_key.expression
    return [key.op(least, is_comparison=True)(prefix), key.op(less, is_comparison=True)(after)]


def _with_counterparty(case: Case, prefix: str) -> list[ColumnElement[bool]]:
    """Open ones of the same counterparty that are not of the same document."""
    first = (
        select(Case.id)
        .where(Case.counterparty == case.counterparty, LIVE_SQL)
        .order_by(Case.due_at, Case.id)
        .limit(LOOKED_AT)
    )
    elsewhere = (
        not_(Case.line_key.startswith(prefix, autoescape=True)) if prefix else Case.line_key != case.line_key
    )
    return [
        Case.id.in_(first),
        Case.status == Status.OPEN.value,
        or_(Case.line_key.is_(None), elsewhere),
    ]


def _document(catalog: Catalog, case: Case) -> str:
    """What the first part of a line's key is called where its check says so: order, invoice, worker."""
    check = catalog.checks.get(case.check_code)
    if not isinstance(check, MatchCheck):
        return "document"
    name = (check.line or check.key)[0]
    for side in check.sides.values():
        column = catalog.record_types[side.record].columns.get(side.key.get(name, name))
        if column is not None and column.label:
            return inside(column.label)
    return inside(name.replace("_", " ").capitalize())
