"""Which older versions the base has of rows that changed: what they said is probed too.

Most of them say the same lines as the newest, and were read with the rows near these: there they are looked for first,
and all of the base is searched for the rest only. Knows no checks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from duckdb import DuckDBPyConnection

from exceptions_app.duck import quoted, scalar
from exceptions_app.records.snapshot import RecordSnapshot
from exceptions_app.records.touched import brought_sql, older_sql

from .narrowed import PICKED, in_lanes

TOUCHED, _BROUGHT, _MISSED = "touched ", "brought ", "missed "


class OlderVersions:
    """Of some record types, of which `runs` brought rows. `columns`: what is read of each."""

    def __init__(
        self,
        con: DuckDBPyConnection,
        records: RecordSnapshot,
        runs: Mapping[str, Collection[int]],
        columns: Mapping[str, Collection[str]],
    ) -> None:
        self._con, self._records, self._runs, self._columns = con, records, runs, columns

    def keep(self, near: Collection[str]) -> list[str]:
        """Make them the touched rows of their types; the types of which there are any. `near`: types with a table of
        rows in the base, those near what is probed.
        """
        types: Sequence[str] = sorted(self._runs)
        found = in_lanes(self._con, types, lambda con, name: self._keep(con, name, name in near))
        return [name for name in types if found[name]]

    def _keep(self, con: DuckDBPyConnection, name: str, near: bool) -> bool:
        one, columns = self._records.types[name], self._columns[name]
        brought, touched = quoted(_BROUGHT + name), quoted(TOUCHED + name)
        con.execute(f"CREATE OR REPLACE TABLE {brought} AS {brought_sql(one, self._runs[name])}")
        missed = brought
        rows = older_sql(one, columns, brought, quoted(PICKED + name)) if near else ""
        if near:
            missed, same = quoted(_MISSED + name), ", ".join(map(quoted, one.layout.identity))
            con.execute(
                f"CREATE OR REPLACE TABLE {missed} AS"
                f" SELECT * FROM {brought} ANTI JOIN {quoted(PICKED + name)} USING ({same})"
            )
        if scalar(con, f"SELECT count(*) FROM {missed}"):
            rows += (" UNION ALL " if rows else "") + older_sql(one, columns, missed)
        if not rows:
            return False
        con.execute(f"CREATE OR REPLACE TABLE {touched} AS SELECT DISTINCT * FROM ({rows})")
        return bool(scalar(con, f"SELECT count(*) FROM {touched}"))
