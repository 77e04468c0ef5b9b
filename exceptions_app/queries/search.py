"""What was searched for and not found: the part of an answer that a list of rows cannot show."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id
from exceptions_app.models import ExceptionCase as Case

from . import steering
from .filters import ANY, QueueFilter


def missing_refs(
    session: Session,
    viewer: Viewer,
    catalog: Catalog,
    wanted: QueueFilter,
    now: datetime,
    *,
    whatever_else: bool = False,
) -> tuple[str, ...]:
    """The pasted references that no row of the filter answers to, as pasted and in their order.

    `whatever_else`: those that none answers to that the viewer may see, whatever else the filter asks.
    """
    if not wanted.refs:
        return ()
    asked = QueueFilter(refs=wanted.refs, status=ANY) if whatever_else else wanted
    fitting = steering.conditions(session, viewer, catalog, asked, now)
    rows = session.execute(select(Case.id, Case.reference).where(*fitting)).all()
    ids, names = {row.id for row in rows}, {name for row in rows for name in _names(row.reference)}
    return tuple(
        ref for ref in wanted.refs if public_id.decode(ref) not in ids and not {ref, ref.upper()} & names
    )


def _names(reference: str) -> list[str]:
    """A reference and what stands before each of its slashes: an order's line answers to the order, too."""
    parts = reference.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
