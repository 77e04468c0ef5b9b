"""Tries a changed check before it is put in force: what it would open and clear now, and would have on days before.

What is tried is a piece of configuration, laid over the site's files; it is judged as they are. Nothing is taken in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from exceptions_app.catalog.additions import overlaid
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import CatalogError, load_catalog
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.instant import iso, utc_now
from exceptions_app.domain.wording import plural
from exceptions_app.records.errors import AsOfError
from exceptions_app.services import fix_once
from exceptions_app.services.openings import told_openings

from . import twice
from .twice import Looking
from .work import Work

MOST_DAYS = 30


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `try` tasks; payload `{"text": YAML, "days": so many days back}`."""
    directory = work.runtime.settings.catalog_dir
    try:
        after = candidate(work, directory if directory.is_dir() else None, str(work.payload["text"]))
    except CatalogError as error:
        return {"refused": [str(problem) for problem in error.problems]}
    days = min(int(work.payload.get("days") or 0), MOST_DAYS)
    work.progress(0, 2 + days, "comparing the newest records twice")
    found = try_out(work, after)
    for day, told in enumerate(_days_before(work, after, found["flows"], days, work.runtime.catalog), 1):
        work.progress(1 + day, 2 + days, f"comparing the records of {plural(day, 'day')} ago twice")
        found["days"].append(told)
    return found


def candidate(look: Looking, directory: Path | None, text: str = "") -> Catalog:
    """The configuration of a directory with `text` laid over it, and with what people have added to the one in
    force. Raises `CatalogError` with every problem.
    """
    files = load_catalog(directory, connector_models(), text)
    return overlaid(files, look.runtime.additions.additions)[0]


def try_out(look: Looking, after: Catalog) -> dict[str, Any]:
    """What would clear, open and change now, and which flows were compared; `refused` where nothing would."""
    now = look.runtime.catalog
    flows = fix_once.affected_flows(now, after)
    if not flows:
        return {"refused": ["it changes nothing that any check finds"], "flows": [], "days": []}
    before, then = twice.both(look, now, after, flows)
    told = twice.told(look, after, twice.difference(before, then, after))
    return {"flows": flows, "days": [], "digest": after.digest, **told}


def days_before(
    look: Looking, after: Catalog, flows: list[str], days: int, before: Catalog
) -> list[dict[str, Any]]:
    """What would have been found fewer and more than `before` on each of the last days at this hour, yesterday
    first.
    """
    return list(_days_before(look, after, flows, min(days, MOST_DAYS), before))


def _days_before(
    look: Looking, after: Catalog, flows: list[str], days: int, before: Catalog
) -> Iterator[dict[str, Any]]:
    """Ends with the first day of which the records were not kept."""
    now = utc_now()
    for day in range(1, days + 1) if flows else ():
        at = now - timedelta(days=day)
        try:
            was, would = twice.both(look, before, after, flows, at)
        except (AsOfError, duckdb.IOException) as error:
            yield {"at": iso(at), "missing": str(error)}
            return
        differs = twice.difference(was, would, after)
        fewer, more = told_openings(after, differs.gone), told_openings(after, differs.new)
        yield {
            "at": iso(at),
            "missing": "",
            "found": len(was.rows),
            "fewer": fewer["count"],
            "fewer_e4": fewer["worth_e4"],
            "more": more["count"],
            "more_e4": more["worth_e4"],
            "partial": sorted(differs.partial),
        }
