"""Rows that somebody has before them, as they are now, in the order in which they stand there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, select, true
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models import User

from . import filter_sql
from .filters import QueueFilter
from .rows import COLUMNS, CaseRow, RowMaker


@dataclass(frozen=True, slots=True)
class Refreshed:
    """`moved`: ids of rows that no longer fit the filter; what may not be seen any more is in neither."""

    rows: list[CaseRow]
    moved: frozenset[int]


def refreshed(
    session: Session, viewer: Viewer, catalog: Catalog, wanted: QueueFilter, ids: Sequence[int], *, now: datetime
) -> Refreshed:  # fmt: skip
    """These exceptions, as far as the viewer sees them. Two statements, both by id."""
    by_id: Select[*tuple[Any, ...]] = (
        select(*COLUMNS).select_from(Case).outerjoin(User, User.id == Case.owner_id)
        .where(Case.id.in_(ids), *visible(viewer))
    )  # fmt: skip
    maker = RowMaker(viewer, catalog, now)
    found = {row.id: maker(row) for row in session.execute(by_id)}
    conditions = and_(true(), *filter_sql.conditions(wanted, catalog, viewer.user_id, now))
    fitting = select(Case.id).where(Case.id.in_(found), conditions)
    still = {row[0] for row in session.execute(fitting)} if found else set()
    return Refreshed([found[number] for number in ids if number in found], frozenset(found.keys() - still))
