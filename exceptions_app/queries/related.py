"""What belongs to one exception: others of its transaction line, of the same order (or invoice, worker, supplier),
open ones with the same counterparty, its cause and what it causes.

Each list is short, found by an index, and costs the same whatever a counterparty has open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    literal_column,
    not_,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import MatchCheck
from exceptions_app.domain.lifecycle import Status
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models import User

from .additions import that_settled
from .causes import CauseLine, cause, is_cause
from .filter_sql import LIVE_SQL
from .rows import COLUMNS, CaseRow, RowMaker
from .words import inside

MOST = 8
LOOKED_AT, LOOKED_AT_BY_ALL = 200, 24
"""So many of a counterparty's live exceptions, the first due ones, are looked at for those that may be shown; fewer
for a viewer who may see every one.
"""
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
    follows: CauseLine | None
    """What it follows from as the viewer sees it, whether or not the cause is theirs; itself where it is a cause."""
    settled_by: int | None
    """The addition to the configuration that ended it by mending its cause, where the viewer may see that."""


def related(session: Session, viewer: Viewer, catalog: Catalog, case: Case, now: datetime) -> Related:
    """For an exception that the viewer sees; of the others only those that they may see, too. One statement, two
    more where there is a cause, one where an addition ended it.
    """
    prefix = document_of(case.line_key)
    about = {
        "line": case.line_key,
        "document": prefix,
        "counterparty": case.counterparty,
        "cause": case.parent_id,
    }
    about = {name: value for name, value in about.items() if value}
    given: dict[str, Any] = {
        "id": case.id,
        "past": prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "",
        **about,
    }
    postgres = session.get_bind().dialect.name == "postgresql"
    given["looked_at"] = LOOKED_AT if visible(viewer) else LOOKED_AT_BY_ALL
    maker = RowMaker(viewer, catalog, now)
    found: dict[str, list[CaseRow]] = {name: [] for name in (*_LISTS, "caused")}
    for row in session.execute(_statement(viewer, tuple(about), postgres), given):
        found[row.list_name].append(maker(row))
    return Related(
        line=tuple(found["line"]),
        same_document=tuple(found["document"]),
        document=_document(catalog, case),
        counterparty=tuple(found["counterparty"]),
        cause=next(iter(found["cause"]), None),
        caused=tuple(found["caused"]),
        follows=cause(session, viewer, catalog, case.parent_id or case.id)
        if case.parent_id or is_cause(catalog, case.category)
        else None,
        settled_by=that_settled(session, viewer, catalog, case),
    )


@lru_cache(maxsize=512)
def _statement(viewer: Viewer, about: tuple[str, ...], postgres: bool) -> Select[*tuple[Any, ...]]:
    """The first of each list by due time, all in one: `list_name` beside what a row is made of. Kept, because making
    it takes longer than what it asks.
    """
    mine = [Case.id != _said("id"), *visible(viewer)]
    lists = {"caused": [Case.parent_id == _said("id")]}
    lists |= {name: _LISTS[name](about, postgres) for name in about}
    parts = (
        select(literal_column(f"'{name}'").label("list_name"), Case.id)
        .where(*mine, *conditions)
        .order_by(Case.due_at, Case.id)
        .limit(MOST)
        .subquery()
        for name, conditions in lists.items()
    )
    each = union_all(*map(select, parts)).subquery()
    rows = select(*COLUMNS, each.c.list_name).join_from(each, Case, Case.id == each.c.id)
    return rows.outerjoin(User, User.id == Case.owner_id).order_by(Case.due_at, Case.id)


def _said(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=_KINDS[name].type)


def document_of(line_key: str | None) -> str:
    """What the keys of all lines of the same document begin with; empty where the line is the whole document."""
    parts = (line_key or "").split("|", _DOCUMENT_PARTS)
    return "|".join(parts[:_DOCUMENT_PARTS]) + "|" if len(parts) > _DOCUMENT_PARTS else ""


def _below(postgres: bool) -> list[ColumnElement[bool]]:
    """Lines whose key begins with that of the document, compared byte by byte so that the index serves it on either
    database.
    """
    least, less = ("~>=~", "~<~") if postgres else (">=", "<")
    key = Case.line_key.expression
    return [
        key.op(least, is_comparison=True)(_said("document")), key.op(less, is_comparison=True)(_said("past"))
    ]  # fmt: skip


def _of_document(_: tuple[str, ...], postgres: bool) -> list[ColumnElement[bool]]:
    return [*_below(postgres), Case.line_key != _said("line")]


def _with_counterparty(about: tuple[str, ...], postgres: bool) -> list[ColumnElement[bool]]:
    """Open ones of the same counterparty that are not of the same document, or line."""
    first = (
        select(Case.id)
        .where(Case.counterparty == _said("counterparty"), LIVE_SQL)
        .order_by(Case.due_at, Case.id)
        .limit(bindparam("looked_at"))
    )
    found = [Case.id.in_(first), Case.status == Status.OPEN.value]
    if "line" in about:
        inside = and_(*_below(postgres)) if "document" in about else Case.line_key == _said("line")
        found.append(or_(Case.line_key.is_(None), not_(inside)))
    return found


_KINDS: dict[str, InstrumentedAttribute[Any]] = {
    "id": Case.id, "line": Case.line_key, "document": Case.line_key, "past": Case.line_key,
    "counterparty": Case.counterparty, "cause": Case.parent_id,
}  # fmt: skip
_LISTS: dict[str, Callable[[tuple[str, ...], bool], list[ColumnElement[bool]]]] = {
    "line": lambda *_: [Case.line_key == _said("line")],
    "document": _of_document,
    "counterparty": _with_counterparty,
    "cause": lambda *_: [Case.id == _said("cause")],
}


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
