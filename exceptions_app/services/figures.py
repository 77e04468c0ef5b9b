"""Figures in the sentence of an exception whose evidence stays the same: how many follow from it, how many rows it is
about. Writes nothing else of it; flushes, never commits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import wording
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.models import ExceptionCase

from .bulk import in_batches
from .context import ActionContext
from .placing import clean


def tell_figures(session: Session, ctx: ActionContext, found: Iterable[Discrepancy]) -> None:
    """What is counted comes and goes with every run: the sentence says so, the evidence is the same."""
    by_print = {one.fingerprint: one for one in found}
    for batch in in_batches(by_print):
        rows = select(ExceptionCase.id, ExceptionCase.fingerprint, ExceptionCase.facts)
        for case_id, print_, before in session.execute(
            rows.where(ExceptionCase.fingerprint.in_(batch))
        ).all():
            one = by_print[print_]
            if before != clean(one.facts):
                said = said_of(ctx.catalog, one.category, json.loads(one.facts))
                session.execute(
                    update(ExceptionCase)
                    .where(ExceptionCase.id == case_id)
                    .values(facts=clean(one.facts), sentence=clean(said))
                )


def said_of(catalog: Catalog, category: str, facts: Mapping[str, Any]) -> str:
    """Facts in the words of their category."""
    return wording.render(catalog.categories[category].sentence, facts, catalog.site.reporting_currency)
