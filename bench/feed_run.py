"""One run of a feed as the benchmarks of connectors need it: read, mapped, and landed in a store of its own."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

FETCHED = datetime(2026, 11, 22, tzinfo=UTC)


def runs_of(site: str, feed_code: str, *, store_them: bool = True) -> Callable[[], int]:
    """A function that runs the feed of a site (YAML) once and says how many rows it stored, or only read."""
    from exceptions_app.catalog.load import load_catalog
    from exceptions_app.connectors.registry import build_connector, connector_models
    from exceptions_app.duck import closing_session
    from exceptions_app.records.mapping import FeedMapper
    from exceptions_app.records.store import RecordStore

    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    (Path(folder.name) / "site.yaml").write_text(site, encoding="utf-8")
    catalog = load_catalog(Path(folder.name), connector_models())
    feed, numbers = catalog.feeds[feed_code], count(1)

    def run() -> int:
        number, landed = next(numbers), 0
        store = RecordStore(f"{folder.name}/{number}", catalog)
        source = build_connector(catalog.systems[feed.system], feed)
        with closing_session() as con:
            mapper = FeedMapper(con, catalog, feed.code, number, FETCHED)
            for part, page in enumerate(source.read(None)):
                if not store_them:
                    landed += len(page.rows)
                    continue
                batch = mapper.map(page.rows, page.problems)
                landed += store.land(feed.record_type, feed.code, number, part, batch.table)
        source.close()
        return landed

    return run
