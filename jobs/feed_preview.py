"""Shows what a feed would bring: its first rows, raw and mapped, with what would be rejected.

The source is read from the beginning as a run would read it, and left as it is: nothing is stored, no watermark
moves, no file is put away, nothing is acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from exceptions_app.connectors.base import Connector, FeedContentError, RawRow, RowProblem, TransportError
from exceptions_app.connectors.files.connector import FilesConnector
from exceptions_app.connectors.registry import build_connector
from exceptions_app.domain.instant import utc_now
from exceptions_app.duck import closing_session
from exceptions_app.records.errors import RecordError
from exceptions_app.records.previewing import preview_rows, shape_of
from exceptions_app.records.raw import text_of
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.runtime import Runtime
from exceptions_app.services import runs

from .work import Work

ROWS = 20
MOST = 200


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `feed_preview` tasks; payload `{"feed": code}`. The result is masked: it may be shown."""
    work.progress(0, 1, "asking the source for its first rows")
    with work.reading() as session:
        unfinished = runs.unfinished(session)
    return preview(work.runtime, str(work.payload["feed"]), unfinished)


def preview(
    runtime: Runtime, feed_code: str, unfinished: UnfinishedRuns, rows: int = ROWS, *, plain: bool = False
) -> dict[str, Any]:
    """`fields`, `columns`, `rows` and `words` as `records.previewing.Shown` has them, and `error`: what broke, in words
    that say what to change; `note`: why there are none. `more`: there may be further rows.
    """
    settings, catalog, store = runtime.settings, runtime.catalog, runtime.store
    feed = catalog.feeds[feed_code]
    found: dict[str, Any] = {
        "feed": feed_code,
        "fields": [],
        "columns": [],
        "rows": [],
        "words": [],
        "error": "",
        "note": "",
        "more": False,
    }
    raw: list[RawRow] = []
    problems: list[RowProblem] = []
    connector: Connector | None = None
    try:
        connector = build_connector(catalog.systems[feed.system], feed)
        found["more"] = _first(connector, rows, raw, problems)
        if not raw and not problems and isinstance(connector, FilesConnector):
            found["note"] = connector.nothing_found()
    except (TransportError, FeedContentError) as error:
        found["error"] = str(error)
    finally:
        if connector is not None:
            connector.close()
    try:
        with closing_session(settings.duck_memory, settings.duck_threads) as con:
            shown = preview_rows(
                con, catalog, feed_code, raw, problems, utc_now(), plain=plain,
                look_ups=lambda: store.keep_look_ups(con, feed_code, unfinished),
            )  # fmt: skip
        found |= asdict(shown)
    except RecordError as error:
        found["error"] = "; ".join(filter(None, (found["error"], str(error))))
        found["rows"] = [_unmapped(row) for row in raw]
    return found


def _first(connector: Connector, wanted: int, rows: list[RawRow], problems: list[RowProblem]) -> bool:
    """Take the first rows; whether reading stopped there."""
    pages = connector.read(None)
    for page in pages:
        left = wanted - len(rows) - len(problems)
        rows += page.rows[:left]
        left = wanted - len(rows) - len(problems)
        problems += page.problems[:left]
        if len(rows) + len(problems) >= wanted:
            return True
    return False


def _unmapped(row: RawRow) -> dict[str, Any]:
    """Without a mapping nothing says how sensitive a value is: only what the fields are called and how they look."""
    texts = {name: text_of(value) for name, value in row.values.items()}
    raw = {name: None if text is None else shape_of(text) for name, text in texts.items()}
    return {"position": row.position, "outcome": "unmapped", "reason": "", "raw": raw, "mapped": {}}
