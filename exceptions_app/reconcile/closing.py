"""Until when the books are closed for exceptions of a category, as the cut-offs of the configuration say."""

from __future__ import annotations

from datetime import datetime

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import cutoffs


def closed_through(catalog: Catalog, category: str, entity: str | None, at: datetime) -> datetime | None:
    """By the close cut-offs that concern all exceptions of a category in an entity (None: over the network); the
    latest of them whose day has begun at `at`. None before the first.
    """
    declared = catalog.categories.get(category)
    path = {entity, *catalog.ancestors(entity)} if entity is not None else set[str]()
    found = [
        cutoffs.Schedule(each, catalog.calendar(each.calendar)).closed_through(at)
        for each in catalog.cutoffs
        if each.kind == "close"
        and not each.fact
        and cutoffs.fits(each, category, path, declared.queue if declared else None)
    ]
    return max((through for through in found if through is not None), default=None)
