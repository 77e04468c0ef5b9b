"""Folds what statements have changed into the counters of exceptions. Knows nothing of what is counted.

One process at a time does it (the task's scope sees to that), so that no two wait for the same counter. Whoever reads
meanwhile sees a difference either folded or not, never twice and never not at all.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, delete, text
from sqlalchemy.orm import Session

from exceptions_app.models import CaseTally

from .bulk import is_postgres

KIND = "tally"
_KEY = "queue, entity, category, status, stage, aging"
_FOLD = text(
    f"WITH gone AS (DELETE FROM case_tally_delta RETURNING {_KEY}, count) "  # noqa: S608
    f"INSERT INTO case_tally ({_KEY}, count) SELECT {_KEY}, sum(count) FROM gone "
    f"GROUP BY {_KEY} ORDER BY {_KEY} "
    f"ON CONFLICT ({_KEY}) DO UPDATE SET count = case_tally.count + excluded.count"
)


def fold(session: Session) -> int:
    """Fold all differences that are there, and drop counters that are at nought; how many counters moved."""
    moved = 0
    if is_postgres(session):
        moved = cast("CursorResult[Any]", session.execute(_FOLD)).rowcount
    session.execute(delete(CaseTally).where(CaseTally.count == 0))
    return moved
