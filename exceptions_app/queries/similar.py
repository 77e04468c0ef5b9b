"""Similar exceptions that were resolved before: how, by which reason, how long it took.

Of the same category with the same counterparty; where those are too few to learn from, of the same category in the
same entity. Of these, those that share what the category declares as shared, such as the item, are told apart and come
first. Read from the newest end of an index, so the cost does not grow with the history.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, select, text
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id
from exceptions_app.domain.clock import business_between
from exceptions_app.domain.lifecycle import EndReason
from exceptions_app.models import ExceptionCase as Case

from .rows import RowMaker
from .words import END, entity_name, span_in_words

LOOKED_AT = 30
"""The newest ones that ended are looked at."""
ENOUGH = 3
SHOWN = 3
_ENDED = text("exception_case.status = 'resolved'")
"""Written out: a partial index serves only a query that repeats its condition."""
_NOT_SOLVED = frozenset({EndReason.SUPERSEDED, EndReason.LEFT_WINDOW, EndReason.RULE_CHANGED})
"""Ends from which nobody learns how to resolve anything."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which they ended: how often, and half of them within `took` of business time."""

    label: str
    count: int
    took: str


@dataclass(frozen=True, slots=True)
class Before:
    """One of the newest: its reference, how and when it ended, how long it took."""

    reference: str
    business_reference: str
    label: str
    ended_at: datetime
    took: str


@dataclass(frozen=True, slots=True)
class Similar:
    """`count` of the newest `LOOKED_AT` are visible and were solved; `capped`: there were more before. `alike`: how
    many of them share more, with what it is in words.
    """

    shared: str
    count: int
    capped: bool
    took: str
    ways: tuple[Way, ...]
    newest: tuple[Before, ...]
    alike: tuple[tuple[int, str], ...] = ()


def similar(
    session: Session, viewer: Viewer, catalog: Catalog, case: Case, reasons: dict[str, str], maker: RowMaker
) -> Similar | None:
    """None where nothing similar was resolved before. `reasons`: code -> label, of the category. At most two
    statements.
    """
    found: list[Any] = []
    shared = ""
    if case.counterparty:
        shared = f"with {case.counterparty}"
        found = _ended(session, viewer, case, "counterparty")
    if len(found) < ENOUGH:
        wider = _ended(session, viewer, case, "entity")
        if len(wider) > len(found):
            shared, found = f"in {entity_name(catalog, case.entity)}", wider
    if not found:
        return None
    more = list(_sharing(catalog, case, found))
    close = {row.id for _, rows in more for row in rows}
    found = sorted(found, key=lambda row: row.id not in close)
    return replace(
        _told(found, shared, reasons, maker), alike=tuple((len(rows), said) for said, rows in more)
    )


def _sharing(catalog: Catalog, case: Case, found: Sequence[Any]) -> Iterator[tuple[str, list[Any]]]:
    """What the category declares as shared and this one states: in words, with those that state the same."""
    category = catalog.categories.get(case.category)
    own = _stated(case) if category is not None and category.shared else {}
    for name, said in category.shared.items() if category is not None else ():
        same = [row for row in found if own.get(name) is not None and _stated(row).get(name) == own[name]]
        if same and len(same) < len(found):
            yield said.replace("{value}", str(own[name])), same


def _stated(row: Any) -> dict[str, Any]:
    return {**json.loads(row.business_key or "{}"), **json.loads(row.facts or "{}")}


def _ended(session: Session, viewer: Viewer, case: Case, same: str) -> list[Any]:
    given = {"id": case.id, "category": case.category, "same": getattr(case, same)}
    return list(session.execute(_statement(viewer, same), given))


@lru_cache(maxsize=512)
def _statement(viewer: Viewer, same: str) -> Select[*tuple[Any, ...]]:
    """Of the category, with the same value of a column; kept, because making it takes longer than what it asks."""
    newest = (
        select(Case.id)
        .where(
            _ENDED,
            Case.category == bindparam("category"),
            getattr(Case, same) == bindparam("same"),
            Case.resolved_at.is_not(None),
        )
        .order_by(Case.resolved_at.desc())
        .limit(LOOKED_AT)
    )
    columns = (
        *(Case.id, Case.reference, Case.end_reason, Case.ended_by),
        *(Case.opened_at, Case.resolved_at, Case.sla_calendar, Case.business_key, Case.facts),
    )
    rows = select(*columns).where(
        Case.id.in_(newest), Case.id != bindparam("id"), Case.end_reason.not_in(_NOT_SOLVED), *visible(viewer)
    )
    return rows.order_by(Case.resolved_at.desc(), Case.id.desc())


def _told(found: Sequence[Row[Any]], shared: str, reasons: dict[str, str], maker: RowMaker) -> Similar:
    took = [
        business_between(row.opened_at, row.resolved_at, maker.calendar(row.sla_calendar)) for row in found
    ]
    calendar = maker.calendar(found[0].sla_calendar)
    labels = [_label(row, reasons) for row in found]
    by_way: dict[str, list[timedelta]] = defaultdict(list)
    for label, time in zip(labels, took, strict=True):
        by_way[label].append(time)
    ways = sorted(by_way.items(), key=lambda way: -len(way[1]))
    return Similar(
        shared=shared,
        count=len(found),
        capped=len(found) >= LOOKED_AT - 1,
        took=span_in_words(_middle(took), calendar),
        ways=tuple(Way(label, len(times), span_in_words(_middle(times), calendar)) for label, times in ways),
        newest=tuple(
            Before(
                public_id.encode(row.id), row.reference, label, row.resolved_at, span_in_words(time, calendar)
            )
            for row, label, time in list(zip(found, labels, took, strict=True))[:SHOWN]
        ),
    )


def _middle(times: Sequence[timedelta]) -> timedelta:
    """The median; of two in the middle the longer one, so that it is a time that one of them took."""
    return sorted(times)[len(times) // 2]


def _label(row: Row[Any], reasons: dict[str, str]) -> str:
    label = reasons.get(row.end_reason) or END.get(row.end_reason) or row.end_reason.replace("_", " ")
    return label[0].upper() + label[1:]
