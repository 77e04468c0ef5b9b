"""The current state of a record type as SQL over the files of one version: base and changes merged on read.

Current = base without the keys that changed, plus the newest change per key, less tombstones. Changes of runs
that are not finished do not exist for a reader. Knows SQL only; who opens the files and which runs are
finished comes in.
"""

from __future__ import annotations

from collections.abc import Collection, Container
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from exceptions_app.duck import literals, quoted

from .layout import Layout, empty_select, part_of
from .table import Listing

Scope = str | Collection[str] | None
"""One entity, several, or the whole network."""


@dataclass(frozen=True)
class UnfinishedRuns(Container[int]):
    """The runs a reader must not see: those that were running or failed, and any begun after it looked.

    `newest` is the newest run id at the time the states were read; read them *before* opening the store.
    """

    newest: int
    running: frozenset[int] = frozenset()

    def __contains__(self, run: object) -> bool:
        return isinstance(run, int) and (run > self.newest or run in self.running)


def files_sql(files: Collection[str], columns: dict[str, str]) -> str:
    """A SELECT of exactly these columns; one that no file holds yet is NULL, and files that are not there are
    no rows.
    """
    if not files:
        return empty_select(columns)
    names = ", ".join(map(quoted, columns))
    scan = f"read_parquet([{literals(files)}], hive_partitioning = false, union_by_name = true)"
    return f"SELECT {names} FROM (SELECT * FROM {scan} UNION ALL BY NAME ({empty_select(columns)}))"


def runs_present(con: DuckDBPyConnection, listing: Listing) -> list[int]:
    """The runs that have rows among the changes, in order."""
    if not listing.changes:
        return []
    rows = con.execute(
        f"SELECT DISTINCT run_id FROM ({files_sql(listing.changes, {'run_id': 'BIGINT'})}) ORDER BY 1"
    )
    return [run for (run,) in rows.fetchall()]


def finished_runs(con: DuckDBPyConnection, listing: Listing, unfinished: Container[int]) -> list[int]:
    """The runs among the changes that a reader may see."""
    return [run for run in runs_present(con, listing) if run not in unfinished]


def current_sql(
    layout: Layout,
    listing: Listing,
    runs: Collection[int],
    scope: Scope,
    columns: dict[str, str],
    among: str = "",
    picked: str = "",
) -> str:
    """A SELECT of the current rows with these columns; of one entity, of several, or of the whole network for None.

    `among` is a condition on a row `r`. It is asked of base and changes before one hides the other, so that what it
    leaves out costs no join. `picked` is a table of what `base_sql` says for it, where that was asked before.
    """
    names = ", ".join(map(quoted, columns))
    base = f"SELECT * FROM {picked}" if picked else base_sql(layout, listing, scope, columns, among)
    if not listing.changes or not runs:
        return f"SELECT {names} FROM ({base})"
    newest = newest_sql(layout, listing, runs, _entities(layout, scope), columns)
    same = " AND ".join(f"b.{quoted(c)} = c.{quoted(c)}" for c in layout.identity)
    # Materialized: the engine would rather let all of the base through the anti-join first, every column of it.
    few = f", few AS MATERIALIZED ({base})" if among and not picked else ""
    base = "FROM few" if few else base
    return (
        f"WITH newest AS ({newest}){few} "
        f"SELECT {names} FROM ({base}) b ANTI JOIN newest c ON {same} "
        f"UNION ALL SELECT {names} FROM newest AS r WHERE NOT _deleted{f' AND ({among})' if among else ''}"
    )


def base_sql(layout: Layout, listing: Listing, scope: Scope, columns: dict[str, str], among: str = "") -> str:
    """A SELECT of the base's rows with these columns and those of the identity, whether a change hides them or not."""
    entities = _entities(layout, scope)
    if not layout.by_entity:
        files = listing.base_of(part_of(None))
    elif entities is None:
        files = listing.base_of(None)
    else:
        files = tuple(file for each in entities for file in listing.base_of(part_of(each)))
    where = f" AS r WHERE {among}" if among else ""
    return f"SELECT * FROM ({files_sql(files, _read(layout, columns))}){where}"


def every_sql(
    listing: Listing,
    runs: Collection[int],
    columns: dict[str, str],
    *,
    base: bool = True,
    condition: str = "",
) -> str:
    """A SELECT of whatever is stored of the network: rows of the base, and every version that these runs brought,
    tombstones too. `condition` is on a row `r`.
    """
    where = f" WHERE {condition}" if condition else ""
    parts = [f"SELECT * FROM ({files_sql(listing.base_of(None), columns)}) AS r{where}"] if base else []
    if listing.changes and runs:
        of_runs = files_sql(listing.changes, {**columns, "run_id": "BIGINT"})
        names = ", ".join(map(quoted, columns))
        found = f"SELECT {names} FROM ({of_runs}) WHERE run_id IN ({literals(sorted(runs))})"
        parts.append(f"SELECT * FROM ({found}) AS r{where}")
    return " UNION ALL ".join(parts) or empty_select(columns)


def newest_sql(
    layout: Layout,
    listing: Listing,
    runs: Collection[int],
    entities: Collection[str] | None,
    columns: dict[str, str],
) -> str:
    """A SELECT of the newest change per key, tombstones included (column `_deleted`)."""
    wanted = {
        **_read(layout, columns),
        **{name: layout.stored[name] for name in ("run_id", "_seq", "_deleted")},
    }
    where = f"run_id IN ({literals(runs)})" + (
        f" AND entity IN ({literals(entities)})" if entities is not None else ""
    )
    key = ", ".join(map(quoted, layout.identity))
    return (
        f"SELECT * FROM ({files_sql(listing.changes, wanted)}) WHERE {where} "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY run_id DESC, _seq DESC) = 1"
    )


def _entities(layout: Layout, scope: Scope) -> Collection[str] | None:
    """Those that are asked for; None: all, or the type knows none."""
    if not layout.by_entity:
        return None
    return [scope] if isinstance(scope, str) else scope


def _read(layout: Layout, columns: dict[str, str]) -> dict[str, str]:
    return {**{name: layout.stored[name] for name in layout.identity}, **columns}
