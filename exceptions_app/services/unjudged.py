"""Leaves alone the exceptions on whose keys nothing can be said now: a row of theirs was rejected."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from exceptions_app.models import CaseEvidence, ExceptionCase

from .bulk import in_batches
from .intake_facts import CHUNK, RunFacts


def judged(session: Session, run: RunFacts, ids: Sequence[int]) -> list[int]:
    """Of these exceptions, those that this run may judge. Asks nothing where no row was rejected."""
    if run.unjudged is None:
        return list(ids)
    case, newest = ExceptionCase, CaseEvidence
    current = and_(newest.case_id == case.id, newest.version == case.evidence_version)
    found: list[int] = []
    for batch in in_batches(ids, CHUNK):
        rows = (
            select(case.id, case.entity, case.business_key, newest.evidence)
            .outerjoin(newest, current)
            .where(case.id.in_(batch))
            .order_by(case.id)
        )
        for case_id, entity, business_key, evidence in session.execute(rows):
            if not run.unjudged(entity, business_key, evidence or ""):
                found.append(case_id)
    return found
