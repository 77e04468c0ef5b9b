"""The rows of a queue as HTML. A row is written once as long as it says the same: a page, its refreshes and the pages
of colleagues share most of theirs. What a row says is its key, so nothing has to be told when something changes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from flask import current_app
from markupsafe import Markup, escape

from exceptions_app.access import Permission
from exceptions_app.queries.rows import CaseRow
from exceptions_app.runtime import runtime

from . import gate
from .addresses import case_url, note_url
from .queue_look import Looking

BETWEEN, ARGS = "<!--row-->", "<!--args-->"
"""Neither can come from data, which is escaped: where a row ends, and where the address of the filter belongs."""
Key = tuple[tuple[object, ...], CaseRow, bool]
"""Who looks and at which columns; what the row says; whether it has moved on."""
_KEPT = "tieout queue rows"
_MOST_KEPT = 4_096


def rows_html(rows: Sequence[CaseRow], seen: Looking, moved: Collection[int]) -> Markup:
    """`moved`: the ids of those that no longer fit the filter."""
    look = {
        "columns": seen.columns,
        "may_note": gate.allowed(Permission.WORK_CASES),
        "page_of": case_url(),
        "note_of": note_url(),
        "reporting_currency": runtime().catalog.site.reporting_currency,
    }
    shared = (*look.values(), gate.viewer().time_zone)
    keys = [(shared, row, row.id in moved) for row in rows]
    kept = _kept()
    found = {key: kept[key] for key in keys if key in kept}
    missing = [key for key in keys if key not in found]
    if missing:
        written = dict(zip(missing, _written(missing, look), strict=True))
        kept |= written
        found |= written
    html = "".join(found[key] for key in keys)
    return Markup(html.replace(ARGS, escape(seen.case_args)))  # noqa: S704 - made by a template


def _kept() -> dict[Key, str]:
    """What is kept for this application; forgotten when it is too much."""
    kept: dict[Key, str] = current_app.extensions.setdefault(_KEPT, {})
    if current_app.debug or len(kept) > _MOST_KEPT:
        kept = current_app.extensions[_KEPT] = {}
    return kept


def _written(keys: Sequence[Key], look: dict[str, Any]) -> list[str]:
    """All in one go: to begin a template costs as much as some rows."""
    rows = [(row, gone) for _, row, gone in keys]
    html = current_app.jinja_env.get_template("queues/_row.html").render(rows=rows, **look)
    return html.split(BETWEEN)[:-1]
