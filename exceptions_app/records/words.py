"""Words that no list knows, in columns of which the words are listed: seen at the door, counted in what is stored.

A row with one is stored as it came: the word may be right and the list too short. Knows no exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.problems import closest
from exceptions_app.catalog.schema import Feed
from exceptions_app.catalog.words import words_known
from exceptions_app.duck import literal, literals, quoted

from .reading import current_sql
from .snapshot import TypeSnapshot

SEVERAL = "*"
"""Instead of a word: the column holds more of them than are told one by one."""
_TOLD = 10
"""So many words of a column are told one by one."""
_LONGEST = 60
_KEPT = 1_000
_NAMED = 3


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word of a column that no list knows, and in how many current `rows` of the feed it stands. `shown`: how it is
    said; where the column holds too many, the first of them.
    """

    column: str
    word: str
    rows: int
    shown: str


class WordsSeen:
    """The unknown words of the pages that one run has mapped: per column, word -> rows."""

    def __init__(self, catalog: Catalog, feed: Feed) -> None:
        self._known = words_known(catalog, feed)
        self.unknown: dict[str, dict[str, int]] = {}

    def add(self, con: DuckDBPyConnection, table: str) -> None:
        """Look at the records of a page: at all columns at once, for mostly all words are known."""
        if not self._known:
            return
        asked = ", ".join(f"bool_or({unknown_sql(column, known)})" for column, known in self._known.items())
        [found] = con.execute(f"SELECT {asked} FROM {quoted(table)} WHERE NOT _deleted").fetchall()
        for (column, known), unknown in zip(self._known.items(), found, strict=True):
            if unknown:
                self._count(con, table, column, known)

    def _count(self, con: DuckDBPyConnection, table: str, column: str, known: Iterable[str]) -> None:
        rows = con.execute(
            f"SELECT {quoted(column)}, count(*) FROM {quoted(table)}"
            f" WHERE NOT _deleted AND {unknown_sql(column, known)} GROUP BY 1 ORDER BY 1"
        )
        counts = self.unknown.setdefault(column, {})
        for word, count in rows.fetchall():
            if word in counts or len(counts) < _KEPT:
                counts[word] = counts.get(word, 0) + count


def unknown_sql(column: str, known: Iterable[str], row: str = "") -> str:
    """SQL: whether a stored text is none of those known. An empty one is no word."""
    name = f"{row}{quoted(column)}"
    return f"({name} IS NOT NULL AND {name} NOT IN ({literals(sorted(known))}))"


def counted(con: DuckDBPyConnection, catalog: Catalog, feed: Feed, current: str) -> list[UnknownWord]:
    """The unknown words among a feed's current rows (`current`: a SELECT of them, with its feed as `_feed`)."""
    found = []
    for column, known in words_known(catalog, feed).items():
        rows = con.execute(
            f"SELECT {quoted(column)}, count(*), count(*) OVER (), sum(count(*)) OVER () FROM ({current})"
            f" WHERE _feed = {literal(feed.code)} AND {unknown_sql(column, known)}"
            f" GROUP BY 1 ORDER BY 1 LIMIT {_TOLD}"
        ).fetchall()
        words, total = (int(rows[0][2]), int(rows[0][3])) if rows else (0, 0)
        found += _told(column, {word: count for word, count, *_ in rows}, words, total)
    return found


def told(unknown: Mapping[str, Mapping[str, int]]) -> list[UnknownWord]:
    """Per column, word -> rows: word by word; of a column with too many, all of them as one."""
    return [
        one
        for column, counts in unknown.items()
        for one in _told(column, counts, len(counts), sum(counts.values()))
    ]


def _told(column: str, counts: Mapping[str, int], words: int, rows: int) -> list[UnknownWord]:
    if words <= _TOLD:
        return [UnknownWord(column, _cut(word), count, f"'{_cut(word)}'") for word, count in counts.items()]
    some = ", ".join(f"'{_cut(word)}'" for word in list(counts)[:_NAMED])
    return [UnknownWord(column, SEVERAL, rows, f"{some} and {words - _NAMED} others")]


def _cut(word: str) -> str:
    return word if len(word) <= _LONGEST else word[:_LONGEST] + "…"


def meant(catalog: Catalog, feed: Feed, one: UnknownWord) -> str:
    """Which words the column knows, or which of them may have been meant."""
    words = catalog.record_types[feed.record_type].columns[one.column].words
    near = "" if one.word == SEVERAL else closest(one.word, words)
    return f"may be meant: {near}" if near else f"known are {', '.join(words)}"


def rows_with(
    con: DuckDBPyConnection,
    seen: TypeSnapshot,
    feed: Feed,
    column: str,
    known: Iterable[str],
    names: Iterable[str],
) -> list[dict[str, str | None]]:
    """These columns, as text, of a feed's current rows that hold an unknown word in one `column`."""
    if seen.listing is None:
        return []
    layout = seen.layout
    names = list(dict.fromkeys([*layout.identity, *names]))
    columns = {name: layout.stored[name] for name in (*names, column, "_feed")}
    current = current_sql(layout, seen.listing, seen.runs, None, columns, unknown_sql(column, known, "r."))
    texts = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in names)
    found = con.execute(f"SELECT {texts} FROM ({current}) WHERE _feed = {literal(feed.code)}")
    return [dict(zip(names, values, strict=True)) for values in found.fetchall()]
