"""Of references that were pasted, those that no exception of the viewer's has, whatever its state."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.domain import public_id
from exceptions_app.domain.search_terms import spellings
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models.search import referred

MOST = 5_000
"""So many exceptions are looked at: a pasted order has few lines."""


def not_found(session: Session, viewer: Viewer, references: Sequence[str]) -> list[str]:
    """In their order. One statement."""
    ids = [number for each in references if (number := public_id.decode(each)) is not None]
    fitting = select(Case.id, Case.reference).where(*visible(viewer), referred(spellings(references), ids))
    there: set[str | int] = set()
    for number, reference in session.execute(fitting.limit(MOST)):
        there |= {number, reference.upper(), *_beginnings(reference.upper())}
    return [each for each in references if each.upper() not in there and public_id.decode(each) not in there]


def _beginnings(reference: str) -> set[str]:
    """What stands before each slash: `PO-7` of `PO-7/1`."""
    parts = reference.split("/")
    return {"/".join(parts[:end]) for end in range(1, len(parts))}
