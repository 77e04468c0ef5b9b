"""Runs a check over the views of one entity, of several at once, or of the whole network, in a DuckDB connection.

The connection holds a view `rec_<type>` per record type and a table `xw_<crosswalk>` per crosswalk; which
entity they show is the caller's doing. Compiled checks are kept per configuration, for all threads.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TypeVar

import duckdb

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import AllocationCheck, BalanceCheck, BaseCheck, ClusterCheck, MatchCheck
from exceptions_app.domain.discrepancy import Discrepancy

from .allocating import CompiledAllocation, compile_allocation
from .allowances import Allowances
from .balance import compile_balance
from .cells import Row
from .cluster_documents import CompiledCluster
from .cluster_kinds import compile_cluster
from .errors import CheckError
from .evidence import Reader
from .match import CompiledMatch, compile_match
from .parameters import RunParameters, bind
from .sides import Among


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one run found, before a primary exception per line is chosen.

    `compared`: keys that at least two sides know (one, where the check has one side), or documents, for
    duplicates. `matched`: those on which nothing was found.
    """

    discrepancies: list[Discrepancy]
    compared: int
    matched: int
    statement: str


Key = TypeVar("Key")
Value = TypeVar("Value")
Compiled = CompiledMatch | CompiledCluster
_COMPILED: dict[tuple[str, str], Compiled] = {}
_PARSED: dict[str, duckdb.Statement] = {}
_KEEPING = Lock()
_MOST_KEPT = 1024


def compile_check(
    check: BaseCheck, catalog: Catalog, among: Among | None = None, *, together: bool = False
) -> Compiled:
    """The statement of a check under a configuration; compiled once. `together`: over several entities, each by itself.
    Raises `CheckError`.
    """
    key = (catalog.digest, f"{together}{among}{check.model_dump_json()}")
    with _KEEPING:
        return _kept(_COMPILED, key, lambda: _compile(check, catalog, among, together))


def _compile(check: BaseCheck, catalog: Catalog, among: Among | None, together: bool) -> Compiled:
    if isinstance(check, AllocationCheck):
        return compile_allocation(check, catalog, together=together)
    if isinstance(check, BalanceCheck):
        return compile_balance(check, catalog, together=together)
    if isinstance(check, MatchCheck):
        return compile_match(check, catalog, among, together=together)
    if isinstance(check, ClusterCheck):
        return compile_cluster(check, catalog)
    raise CheckError("nothing runs a check of this kind", check.code)


def _parsed(con: duckdb.DuckDBPyConnection, statement: str) -> duckdb.Statement:
    """Parsed once, not in every entity: where entities are small that is a quarter of the work."""
    with _KEEPING:
        return _kept(_PARSED, statement, lambda: con.extract_statements(statement)[0])


def _kept(kept: dict[Key, Value], key: Key, make: Callable[[], Value]) -> Value:
    if key not in kept:
        if len(kept) >= _MOST_KEPT:
            kept.clear()
        kept[key] = make()
    return kept[key]


def run_check(
    con: duckdb.DuckDBPyConnection,
    check: BaseCheck,
    catalog: Catalog,
    entity: str | None,
    parameters: RunParameters,
    among: Among | None = None,
) -> CheckResult:
    """Run a check over what the views show: one entity's records for a match, the network's for duplicates. With
    `among` only the keys of its table are compared and counted.

    Raises `CheckError` where a side that must be there has no feed.
    """
    return begin_check(con, check, catalog, entity, parameters, among)()


def begin_check(
    con: duckdb.DuckDBPyConnection,
    check: BaseCheck,
    catalog: Catalog,
    entity: str | None,
    parameters: RunParameters,
    among: Among | None = None,
) -> Callable[[], CheckResult]:
    """`run_check` as far as the connection is needed; what it returns makes the evidence, in any thread."""
    compiled = compile_check(check, catalog, among)
    if not isinstance(compiled, CompiledCluster):
        return partial(_result, compiled, catalog, entity, parameters, _rows(con, compiled, parameters))
    found, compared = compiled.find(con, parameters)
    members = sum(json.loads(one.facts)["members"] for one in found)
    result = CheckResult(found, compared, compared - members, compiled.statement)
    return lambda: result


def run_together(
    con: duckdb.DuckDBPyConnection,
    check: BaseCheck,
    catalog: Catalog,
    entities: Collection[str],
    parameters: RunParameters,
    among: Among | None = None,
) -> dict[str, CheckResult]:
    """What `run_check` finds in each of several entities, in one statement over views that show all of them.

    `parameters` must bind alike in each. Raises `CheckError` where a side that must be there has no feed.
    """
    compiled = compile_check(check, catalog, among, together=True)
    if isinstance(compiled, CompiledCluster) or compiled.of_entity is None:
        raise CheckError("a check of this kind is not run for several entities", check.code)
    apart: dict[str, list[Row]] = defaultdict(list)
    for row in _rows(con, compiled, parameters):
        apart[row[compiled.of_entity]].append(row)
    return {each: _result(compiled, catalog, each, parameters, apart[each]) for each in entities}


def _rows(
    con: duckdb.DuckDBPyConnection, compiled: CompiledMatch, parameters: RunParameters
) -> Sequence[Row]:
    values = bind(compiled.parameters, compiled.check, parameters, compiled.lags)
    if isinstance(compiled, CompiledAllocation):
        compiled.prepare(con, values)
    return con.execute(_parsed(con, compiled.statement), values).fetchall()


def _result(
    compiled: CompiledMatch,
    catalog: Catalog,
    entity: str | None,
    parameters: RunParameters,
    rows: Sequence[Row],
) -> CheckResult:
    """The rows of one entity, or of the network, as discrepancies."""
    compared = sum(row[0] for row in rows if row[0] is not None)
    hits = [row for row in rows if row[0] is None]
    if not hits:
        return CheckResult([], compared, compared, compiled.statement)
    allowances = Allowances(compiled.check, catalog, entity, parameters.now)
    reader = Reader(compiled, entity, parameters, allowances or None)
    read = list(zip(hits, reader.read(hits), strict=True))
    wrong = sum(
        row[compiled.alike] for row, found_in in read if found_in and reader.known_to(row) >= compiled.enough
    )
    found = [one for _, found_in in read for one in found_in]
    return CheckResult(found, compared, compared - wrong, compiled.statement)
