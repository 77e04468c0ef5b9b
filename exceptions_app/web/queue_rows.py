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
Said = tuple[CaseRow, bool]
"""What a row says, and whether it has moved on."""
Written = dict[int, tuple[Said, str]]
"""By the hash of what is said, so that it is worked out once: it takes longer than finding the row."""
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
    kept = _kept((*look.values(), gate.viewer().time_zone))
    found: list[str] = []
    missing: list[tuple[int, int, Said]] = []
    for row in rows:
        said = (row, row.id in moved)
        number = hash(said)
        known = kept.get(number)
        if known is None or known[0] != said:
            missing.append((len(found), number, said))
        found.append("" if known is None else known[1])
    if missing:
        written = _written([said for _, _, said in missing], look)
        for (place, number, said), html in zip(missing, written, strict=True):
            found[place], kept[number] = html, (said, html)
    return Markup("".join(found).replace(ARGS, escape(seen.case_args)))  # noqa: S704 - made by a template


def _kept(look: tuple[object, ...]) -> Written:
    """What is kept of this application for who looks so; all is forgotten when it is too much."""
    kept: dict[tuple[object, ...], Written] = current_app.extensions.setdefault(_KEPT, {})
    if current_app.debug or sum(map(len, list(kept.values()))) > _MOST_KEPT:
        kept = current_app.extensions[_KEPT] = {}
    return kept.setdefault(look, {})


def _written(rows: Sequence[Said], look: dict[str, Any]) -> list[str]:
    """All in one go: to begin a template costs as much as some rows."""
    html = current_app.jinja_env.get_template("queues/_row.html").render(rows=rows, **look)
    return html.split(BETWEEN)[:-1]
