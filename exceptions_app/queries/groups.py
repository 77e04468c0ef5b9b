"""The queue in groups: by category, by supplier or person, by entity, by cause; each with its count and amount.

Bounded: at most `ROWS` exceptions are looked at and `MOST` groups are shown, and both are said where they are reached.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, func, null, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id
from exceptions_app.domain.money import from_e4
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.services.causes import figures
from exceptions_app.services.figures import said_of

from . import steering
from .filters import ALONE, NOBODY, QueueFilter
from .words import entity_name

MOST = 50
ROWS = 250_000
_COLUMNS: Mapping[str, InstrumentedAttribute[Any]] = {
    "category": Case.category,
    "counterparty": Case.counterparty,
    "entity": Case.entity,
    "cause": Case.parent_id,
}


@dataclass(frozen=True, slots=True)
class Group:
    """One group. `asked` are the arguments that restrict the queue to it; None where no filter does. `code` is what it
    is called in an address, `key` the same as an id of the page may have it.
    """

    code: str
    key: str
    title: str
    count: int
    amount: Decimal
    oldest: datetime
    asked: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Groups:
    """Largest first. `count` are all that were looked at; `more`: groups that are not shown; `capped`: the filter fits
    more exceptions than were looked at.
    """

    lines: tuple[Group, ...]
    count: int
    more: int
    capped: bool


def groups(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, by: str, now: datetime
) -> Groups:
    """What fits the filter, in groups. `by` is one of `queries.views.GROUPINGS`."""
    column = _COLUMNS[by]
    conditions = steering.conditions(session, viewer, catalog, wanted, now)
    fitting = select(column.label("code"), Case.reporting_amount_e4.label("worth"), Case.opened_at)
    rows = fitting.where(*conditions).limit(ROWS + 1).subquery().c
    counted = (
        select(
            rows.code.label("code"), func.count().label("number"), func.sum(func.abs(rows.worth)).label("worth"),
            func.min(rows.opened_at).label("oldest"), func.sum(rows.worth).label("net"),
        )
        .group_by(rows.code)
        .subquery()
    ).c  # fmt: skip
    told = select(*(counted[name] for name in _TOLD), *_about_cause(by, counted.code))
    found = session.execute(told.order_by(counted.number.desc(), counted.code)).all()
    total = sum(row.number for row in found)
    shown = found[:MOST]
    lines = tuple(
        Group(
            called := _called(by, code),
            sha256(called.encode()).hexdigest()[:12],
            _said(catalog, by, code, count, *about) if code is not None else _NONE[by],
            count,
            from_e4(int(worth or 0)),
            oldest,
            _asked(wanted, by, code),
        )
        for code, count, worth, oldest, *about in shown
    )
    return Groups(lines, min(total, ROWS), len(found) - len(shown), total > ROWS)


_NONE = {"counterparty": "Nobody named", "cause": "No known cause", "category": "", "entity": ""}


def _called(by: str, code: Any) -> str:
    if code is None:
        return NOBODY
    return public_id.encode(code) if by == "cause" else str(code)


def within(wanted: QueueFilter, by: str, code: str) -> QueueFilter:
    """The filter restricted to one group, by what it is called in an address."""
    if by == "cause":
        return QueueFilter.from_args(wanted.to_args() | ({"alone": "yes"} if code == NOBODY else {by: code}))
    return QueueFilter.from_args(wanted.to_args() | {by: [_value(by, code)]})


def _value(by: str, code: str) -> str:
    """What the filter asks for: of an entity only what is its own, as it is counted."""
    return ALONE + code if by == "entity" else code


def _asked(wanted: QueueFilter, by: str, code: Any) -> dict[str, Any] | None:
    args = wanted.to_args()
    if by == "cause":
        return args | ({"alone": "yes"} if code is None else {"cause": public_id.encode(code)})
    return args | {by: [NOBODY if code is None else _value(by, code)]}


_TOLD = ("code", "number", "worth", "oldest", "net")


def _about_cause(by: str, code: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """What a cause's sentence is made of; other groups have their title in the configuration."""
    if by != "cause":
        return [null().label("category"), null().label("facts")]
    cause = aliased(Case)
    return [
        select(column).where(cause.id == code).scalar_subquery() for column in (cause.category, cause.facts)
    ]


def _said(
    catalog: Catalog, by: str, code: Any, count: int, net: int | None, category: str | None, facts: str | None
) -> str:
    """What a group is called. A cause with the figures of the group: its own count what is not for everybody's eyes."""
    if by == "entity":
        return entity_name(catalog, code)
    if by == "cause":
        own = json.loads(facts or "{}") | figures(count, int(net or 0))
        return (
            said_of(catalog, category, own)
            if category and category in catalog.categories
            else public_id.encode(code)
        )
    known = catalog.categories.get(code) if by == "category" else None
    return known.title if known else str(code)
