"""Of what came about one record, in any order and any number of times, the newest counts: by the time at the source,
then the version, then the name of the event.

What was newest in earlier runs comes in, and is known for deleted records too. So the same events end in the same
records, however they were mixed, delayed and repeated on the way. Stores nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from arro3.core import Array, DataType, Table
from duckdb import DuckDBPyConnection

from exceptions_app.domain.instant import from_iso, iso
from exceptions_app.duck import quoted

from .layout import Layout
from .repeats import Contradiction

_BETWEEN = "chr(31)"


class ArrivedRow(Protocol):
    """What orders a row among others of its record."""

    @property
    def at(self) -> datetime: ...
    @property
    def version(self) -> int: ...
    @property
    def event(self) -> str: ...
    @property
    def correlation_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest change of one record that is known. `key` is its identity as text, `at` aware."""

    key: str
    at: datetime
    version: int
    event: str
    deleted: bool
    correlation_id: str


Known = Callable[[Sequence[str]], Sequence[Newest]]
"""Asked for the newest changes of these keys, as earlier runs left them."""


class ConvergingKeys:
    """In the place of `RunKeys`, for rows that say when and as which version they were written."""

    table = ""

    def __init__(self, con: DuckDBPyConnection, layout: Layout, known: Known) -> None:
        self._con, self._known = con, known
        key = [name for name in layout.identity if name != "source_system"]
        self._key = (
            f"concat_ws({_BETWEEN}, {', '.join(f'CAST(r.{quoted(name)} AS VARCHAR)' for name in key)})"
        )
        self._seen: dict[str, Newest] = {}
        self.landing: list[Newest] = []
        """What the page that was judged last changes, once it has landed."""

    def expect(self, rows: Sequence[ArrivedRow]) -> None:
        """The rows of the next page, by their number in it."""
        columns = {
            "_at": [iso(row.at) for row in rows],
            "_version": [str(row.version) for row in rows],
            "_event": [row.event for row in rows],
            "_correlation": [row.correlation_id for row in rows],
        }
        self._load("page_arrival", columns)

    def judge(self, content: list[str]) -> list[Contradiction]:  # noqa: ARG002 - content decides nothing here
        """Leaves `kept_page(_i)`: of each record the newest row of `record_page`, unless a newer one is known."""
        self._con.execute(
            f"CREATE OR REPLACE TEMP TABLE newest_page AS SELECT * FROM (SELECT r._i, {self._key} AS _key, r._deleted, "
            "CAST(a._at AS TIMESTAMPTZ) AS _when, CAST(a._version AS BIGINT) AS _number, a._event, a._correlation "
            "FROM record_page r JOIN page_arrival a ON a._n = r._i) "
            "QUALIFY row_number() OVER (PARTITION BY _key ORDER BY _when DESC, _number DESC, _event DESC, _i DESC) = 1"
        )
        found = self._con.execute(
            "SELECT _i, _key, strftime(_when, '%Y-%m-%dT%H:%M:%S.%f+00:00'), _number, _event, _deleted, _correlation "
            "FROM newest_page ORDER BY _i"
        ).fetchall()
        rows = {i: Newest(key, from_iso(at), int(v), e, bool(d), c) for i, key, at, v, e, d, c in found}
        unknown = [row.key for row in rows.values() if row.key not in self._seen]
        self._seen |= {newest.key: newest for newest in self._known(unknown)}
        kept = {i: row for i, row in rows.items() if not self._is_older(row)}
        self.landing = list(kept.values())
        self._seen |= {row.key: row for row in self.landing}
        self._load("kept_numbers", {"_kept": [str(i) for i in kept]})
        self._con.execute(
            "CREATE OR REPLACE TEMP TABLE kept_page AS SELECT CAST(_kept AS BIGINT) AS _i FROM kept_numbers"
        )
        return []

    def add_present(self, sql: str) -> int:  # noqa: ARG002 - events prove no absence
        return 0

    def _is_older(self, row: Newest) -> bool:
        seen = self._seen.get(row.key)
        return seen is not None and (row.at, row.version, row.event) < (seen.at, seen.version, seen.event)

    def _load(self, name: str, columns: dict[str, list[str]]) -> None:
        count = len(next(iter(columns.values())))
        arrays = [
            Array(range(count), DataType.int64()),
            *(Array(v, DataType.utf8()) for v in columns.values()),
        ]
        self._con.register("arrived", Table.from_arrays(arrays, names=["_n", *columns]))
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS SELECT * FROM arrived")
        self._con.unregister("arrived")
