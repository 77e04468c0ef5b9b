"""Words that no list knows: looked for when a feed is read, and the rows with them kept from being judged by them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.match_keys import matched_columns
from exceptions_app.catalog.schema import Check, Feed
from exceptions_app.catalog.words import RecordColumn, compared_columns, words_known
from exceptions_app.records.known import OpenReject
from exceptions_app.records.mapping import FeedMapper
from exceptions_app.records.snapshot import RecordSnapshot
from exceptions_app.records.words import UnknownWord, rows_with
from exceptions_app.services import feed_words, runs

from .work import Work


def unknown(
    work: Work, con: DuckDBPyConnection, feed: Feed, run_id: int, mapper: FeedMapper
) -> list[UnknownWord] | None:
    """The unknown words in all that the feed has brought, the run's own rows included; None where nobody looked:
    nothing has changed, and no such word came.
    """
    if not words_known(work.runtime.catalog, feed):
        return None
    with work.reading() as session:
        again, unfinished = feed_words.look_again(session, feed.code, run_id), runs.unfinished(session)
    if not again and not mapper.words.unknown:
        return None
    return work.runtime.store.unknown_words(con, feed.code, run_id, unfinished)


def rows_held(
    con: DuckDBPyConnection,
    catalog: Catalog,
    checks: Iterable[Check],
    records: RecordSnapshot,
    feeds: Sequence[str],
) -> list[OpenReject]:
    """The current rows of these feeds with an unknown word, each with the checks that compare its column with words:
    they cannot say anything of it, as if the row had been refused.
    """
    if not feeds:
        return []
    compared: dict[RecordColumn, set[str]] = {}
    for check in checks:
        for one in compared_columns(check, catalog.record_types):
            compared.setdefault(one, set()).add(check.code)
    found: list[OpenReject] = []
    for code in feeds:
        feed = catalog.feeds[code]
        for column, known in words_known(catalog, feed).items():
            by = compared.get((feed.record_type, column))
            if by and feed.record_type in records.types:
                seen, types = records.types[feed.record_type], catalog.record_types
                names = matched_columns(catalog.checks.values(), types[feed.record_type], types)
                rows = rows_with(con, seen, feed, column, known, names)
                found += (
                    OpenReject(-1 - len(found) - place, code, None, row, checks=frozenset(by))
                    for place, row in enumerate(rows)
                )
    return found
