"""Which rows of a record type may have changed what is found since somebody looked: of what runs brought since, the
new versions and the old; and whatever a condition on its times names.

More rows than have changed do no harm: who probes a key in vain finds what was found before. What must not happen
is that one is left out: a row that was deleted, one whose key moved, one that is hidden by a newer version.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from exceptions_app.duck import literals, quoted, scalar

from .layout import empty_select
from .reading import UnfinishedRuns, every_sql
from .snapshot import TypeSnapshot


@dataclass(frozen=True, slots=True)
class Since:
    """What of a record type came to be seen after somebody looked. `folded`: it cannot be told from the base."""

    runs: frozenset[int]
    folded: bool


def since(one: TypeSnapshot, seen: UnfinishedRuns) -> Since:
    """The runs that are seen now and were not then."""
    folded = one.listing.folded if one.listing else 0
    lost = folded > seen.newest or any(run <= folded for run in seen.running)
    return Since(frozenset(run for run in one.runs if run in seen), lost)


def touched_sql(
    one: TypeSnapshot,
    runs: Collection[int],
    names: Collection[str],
    condition: str = "",
    *,
    base: bool = True,
) -> str:
    """A SELECT of these columns of every version of the rows that `runs` brought, and of rows `r` that `condition`
    names. Without `base` their versions there are left to `older_sql`.
    """
    columns = {n: kind for n, kind in one.layout.stored.items() if n in names}
    if one.listing is None:
        return empty_select(columns)
    layout, listing = one.layout, one.listing
    picked, parts = ", ".join(map(quoted, columns)), []
    if runs:
        brought = {**{n: layout.stored[n] for n in layout.identity}, **columns}
        parts.append(f"SELECT {picked} FROM ({every_sql(listing, runs, brought, base=False)})")
        older = set(one.runs) - set(runs)
        if moves(one, names) and (base or older):
            moved = f"({_identity(one)}) IN ({brought_sql(one, runs)})"
            found = every_sql(listing, older, brought, base=base, condition=moved)
            parts.append(f"SELECT {picked} FROM ({found})")
    if condition:
        timed = {n: kind for n, kind in layout.stored.items() if n in columns or quoted(n) in condition}
        found = every_sql(listing, one.runs, timed, condition=condition)
        parts.append(f"SELECT {picked} FROM ({found})")
    return f"SELECT DISTINCT * FROM ({' UNION ALL '.join(parts)})" if parts else empty_select(columns)


def moves(one: TypeSnapshot, names: Collection[str]) -> bool:
    """Whether another version of a row may say something else in these columns."""
    return not set(names) & one.layout.stored.keys() <= set(one.layout.identity)


def brought_sql(one: TypeSnapshot, runs: Collection[int]) -> str:
    """A SELECT of the identities of the rows that `runs` brought."""
    if one.listing is None:
        return empty_select({n: one.layout.stored[n] for n in one.layout.identity})
    identity = {n: one.layout.stored[n] for n in one.layout.identity}
    return f"SELECT {_identity(one)} FROM ({every_sql(one.listing, runs, identity, base=False)})"


def older_sql(one: TypeSnapshot, names: Collection[str], brought: str, picked: str = "") -> str:
    """A SELECT of these columns of the rows in the base whose identity is in the table `brought`; looked for in
    `picked`, which has rows of the base, where that is named.
    """
    columns = {n: kind for n, kind in one.layout.stored.items() if n in names}
    if one.listing is None:
        return empty_select(columns)
    here, listed = (
        f"({_identity(one)}) IN (SELECT {_identity(one)} FROM {brought})",
        ", ".join(map(quoted, columns)),
    )
    if picked:
        return f"SELECT {listed} FROM {picked} WHERE {here}"
    read = {**{n: one.layout.stored[n] for n in one.layout.identity}, **columns}
    return f"SELECT {listed} FROM ({every_sql(one.listing, (), read, condition=here)})"


def _identity(one: TypeSnapshot) -> str:
    return ", ".join(map(quoted, one.layout.identity))


def rows_of(con: DuckDBPyConnection, one: TypeSnapshot) -> int:
    """About how many rows the type has: versions that hide each other are counted twice."""
    if one.listing is None:
        return 0
    files = (*one.listing.base_of(None), *one.listing.changes)
    return int(scalar(con, f"SELECT count(*) FROM read_parquet([{literals(files)}])")) if files else 0
