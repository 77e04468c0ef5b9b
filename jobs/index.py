"""Gives words to exceptions that search does not know yet: those of a large intake, or from before there was search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exceptions_app.services import search_index

from .work import Work


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `index` tasks: newest first, in portions, each committed, until all have words."""
    indexed = 0
    while True:
        with work.transaction() as session:
            portion = search_index.catch_up(session, work.runtime.catalog)
        indexed += portion
        if portion < search_index.PORTION:
            return {"indexed": indexed}
        work.progress(indexed, None, f"{indexed:,} exceptions indexed")
