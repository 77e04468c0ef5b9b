"""Keys that occur more than once in a run: identical repeats are dropped, contradictions rejected.

In a feed of changes another source time is another version of the record, and the newest wins. Whatever was
seen is kept in a table of the session, for the whole run: it also proves which keys the source still holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from duckdb import DuckDBPyConnection

from exceptions_app.duck import quoted, scalar

from .layout import Layout

_numbers = count(1)


@dataclass(frozen=True)
class Contradiction:
    """A row whose key came before with other content."""

    index: int
    position: str
    source_id: str | None
    first_position: str


class RunKeys:
    """The keys that one run has seen. `table` holds the identity's columns (but source_system) and
    bookkeeping.
    """

    def __init__(self, con: DuckDBPyConnection, layout: Layout, *, versions: bool) -> None:
        self._con = con
        self._key = [name for name in layout.identity if name != "source_system"]
        self._columns = ", ".join(map(quoted, self._key))
        self._versions = versions
        self._rows = 0
        self.table = f"seen_{layout.name}_{next(_numbers)}"
        kinds = ", ".join(f"{quoted(name)} {layout.stored[name]}" for name in self._key)
        con.execute(
            f"CREATE TEMP TABLE {quoted(self.table)} "
            f"({kinds}, _n BIGINT, _position VARCHAR, _content UBIGINT, _time TIMESTAMPTZ)"
        )

    def judge(self, content: list[str]) -> list[Contradiction]:
        """Judge `record_page` against itself and the run so far; leaves `kept_page(_i)` and returns
        contradictions.

        `content` names the columns whose values make two rows the same.
        """
        same = " AND ".join(f"p.{quoted(c)} = s.{quoted(c)}" for c in self._key)
        fields = ", ".join(map(quoted, content))
        time = "source_time" if self._versions else "NULL::TIMESTAMPTZ"
        candidates = (
            f"SELECT {self._columns}, _i + {self._rows} AS _n, _i, _position, source_id, "
            f"hash(row({fields})) AS _content, {time} AS _time FROM record_page "
            f"UNION ALL SELECT {self._columns}, _n, NULL, _position, NULL, _content, _time "
            f"FROM {quoted(self.table)} s SEMI JOIN record_page p ON {same} WHERE _content IS NOT NULL"
        )
        ranked = (
            "SELECT *, max({'t': _time, 'n': -_n, 'position': _position, 'content': _content}) OVER ("
            f"PARTITION BY {self._columns} ORDER BY _n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
            f") AS _newest FROM ({candidates})"
        )
        self._con.execute(
            "CREATE OR REPLACE TEMP TABLE judged_page AS SELECT * EXCLUDE (_newest), "
            "_newest.position AS first_position, CASE WHEN _newest IS NULL OR _time > _newest.t THEN 'keep' "
            "WHEN _time < _newest.t THEN 'older' WHEN _content = _newest.content THEN 'repeat' "
            f"ELSE 'contradiction' END AS verdict FROM ({ranked}) WHERE _i IS NOT NULL"
        )
        self._con.execute(
            f"INSERT INTO {quoted(self.table)} SELECT {self._columns}, _n, _position, _content, _time "
            "FROM judged_page WHERE verdict = 'keep'"
        )
        self._con.execute(
            "CREATE OR REPLACE TEMP TABLE kept_page AS SELECT _i FROM judged_page WHERE verdict = 'keep'"
        )
        self._rows += int(scalar(self._con, "SELECT coalesce(max(_i) + 1, 0) FROM record_page"))
        found = self._con.execute(
            "SELECT _i, _position, source_id, first_position FROM judged_page "
            "WHERE verdict = 'contradiction' ORDER BY _i"
        )
        return [Contradiction(*row) for row in found.fetchall()]

    def add_present(self, sql: str) -> int:
        """Note keys (a SELECT of the key's columns) as present at the source; how many were not whole."""
        whole = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in self._key)
        self._con.execute(
            f"INSERT INTO {quoted(self.table)} "
            f"SELECT {self._columns}, NULL, NULL, NULL, NULL FROM ({sql}) WHERE {whole}"
        )
        return int(scalar(self._con, f"SELECT count(*) FROM ({sql}) WHERE NOT ({whole})"))
