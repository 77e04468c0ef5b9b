"""Runs checks over what is known, once as it is and once with a record in it that somebody wants to write.

A check for duplicates looks at what hangs together with the record, one that compares lines at the lines that the
record speaks of: neither needs the rest. Other checks are run as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.expressions import render
from exceptions_app.catalog.schema import Check, ClusterCheck, MatchCheck
from exceptions_app.config import Settings
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.duck import closing_session, literal, quoted
from exceptions_app.reconcile.cluster_documents import CompiledTwice, NearSql
from exceptions_app.reconcile.engine import compile_check, run_check
from exceptions_app.reconcile.near import NearIndex, Row, among_sql
from exceptions_app.reconcile.near_finding import NearFinder, identity_of
from exceptions_app.reconcile.parameters import RunParameters
from exceptions_app.reconcile.probing import Probing, probing_of
from exceptions_app.reconcile.sources import bare, canonical_select
from exceptions_app.reconcile.values import text_sql
from exceptions_app.records.candidate import Candidate
from exceptions_app.records.crosswalk import load_crosswalks
from exceptions_app.records.held import HELD_PREFIX, HeldRows, hold
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.records.reference import KEPT_PREFIX, added_rows_sql
from exceptions_app.records.snapshot import RecordSnapshot
from exceptions_app.records.store import VIEW_PREFIX, RecordStore

_NEAR = '"near records"'


def scope_of(check: Check, candidate: Candidate) -> str | None:
    """The entity that a check is run in; None: the network."""
    whole = not isinstance(check, MatchCheck) or check.scope == "network"
    return None if whole else candidate.entity


@contextmanager
def trying(
    settings: Settings,
    store: RecordStore,
    candidate: Candidate,
    checks: Sequence[Check],
    unfinished: UnfinishedRuns,
) -> Iterator[Trial]:
    """A session with the records that the checks read, all looked at together."""
    types = {candidate.record_type}.union(*(_types(check) for check in checks))
    with closing_session(settings.duck_memory, settings.duck_threads) as con:
        records = store.snapshot(con, sorted(types), unfinished)
        mine = records.types[candidate.record_type]
        held = hold(store.uri, candidate.catalog, mine, settings.duck_memory, settings.duck_threads)
        own = con if held is None else held.engine.cursor()
        try:
            if held is None:
                load_crosswalks(own, candidate.catalog)
            yield Trial(own, candidate, records, held, _whole(candidate, checks, held))
        finally:
            if own is not con:
                own.close()


def _types(check: Check) -> set[str]:
    if isinstance(check, ClusterCheck):
        return {check.record}
    lookups = {one.record for side in check.sides.values() for one in side.lookups.values()}
    return lookups | {side.record for side in check.sides.values()}


def _whole(candidate: Candidate, checks: Sequence[Check], held: HeldRows | None) -> set[str]:
    """The types of which a check will read every record, and more than once."""
    few = [check for check in checks if _lines(candidate, check) is not None]
    found = set[str]().union(*(_types(check) for check in checks if check not in few))
    return found | ({candidate.record_type} if held is None else set())


def _lines(candidate: Candidate, check: Check) -> Probing | None:
    """How the check is asked about some lines only; None where the record may change what is found on others."""
    if not isinstance(check, MatchCheck):
        return None
    lookups = {one.record for side in check.sides.values() for one in side.lookups.values()}
    probing = None if candidate.record_type in lookups else probing_of(check, candidate.catalog)
    return probing if isinstance(probing, Probing) else None


@dataclass(slots=True)
class Trial:
    """Views `rec_<type>` of the records of one scope; that of the candidate's type shows it, or does not."""

    con: DuckDBPyConnection
    candidate: Candidate
    records: RecordSnapshot
    held: HeldRows | None
    whole: Collection[str]

    def open(self, scope: str | None) -> None:
        """Show the records of an entity; of the network for None."""
        for name, one in self.records.types.items():
            held = self.held is not None and name == self.candidate.record_type
            added = "" if held else added_rows_sql(self.candidate.catalog, name)
            made = "TABLE" if added or name in self.whole else "VIEW"
            view, kept = quoted(VIEW_PREFIX + name), quoted(KEPT_PREFIX + name)
            rows = self._held_sql(scope) if held else one.current_sql(scope)
            self.con.execute(f"CREATE OR REPLACE TEMP {made} {kept} AS {rows}")
            if added:
                self.con.execute(f"INSERT INTO {kept} BY NAME {added}")
            self.con.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {kept}")  # noqa: S608 - quoted

    def _held_sql(self, scope: str | None) -> str:
        layout = self.records.types[self.candidate.record_type].layout
        of_entity = f" WHERE entity = {literal(scope)}" if layout.by_entity and scope is not None else ""
        return f"SELECT * FROM {quoted(HELD_PREFIX + layout.name)}{of_entity}"  # noqa: S608 - quoted

    def found(self, check: Check, parameters: RunParameters) -> list[Discrepancy]:
        """What is new or changed with the record in it. Raises `CheckError`."""
        compiled = compile_check(check, self.candidate.catalog)
        try:
            if isinstance(compiled, CompiledTwice):
                before, after = self._twice(compiled, parameters)
            else:
                before, after = self._compared(check, parameters)
        finally:
            self._show(self.candidate.records_sql(with_it=False))
        known = {(one.fingerprint, one.evidence_hash) for one in before}
        return [one for one in after if (one.fingerprint, one.evidence_hash) not in known]

    def _show(self, rows: str) -> None:
        view = quoted(VIEW_PREFIX + self.candidate.record_type)
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS {rows}")

    def _compared(
        self, check: Check, parameters: RunParameters
    ) -> tuple[list[Discrepancy], list[Discrepancy]]:
        """Without the record and with it; on its lines alone, where those are all that it can change."""
        catalog, entity = self.candidate.catalog, scope_of(check, self.candidate)
        probing = _lines(self.candidate, check)
        if probing is not None:
            self._list_lines(probing)
        among, found = None if probing is None else probing.among, []
        for with_it in (False, True):
            self._show(self.candidate.records_sql(with_it=with_it))
            found.append(run_check(self.con, check, catalog, entity, parameters, among).discrepancies)
        return found[0], found[1]

    def _list_lines(self, probing: Probing) -> None:
        """Make the table of the lines that the record speaks of, and the one that it would replace."""
        candidate, names = self.candidate, probing.among.columns
        columns = ", ".join(f"c{place} VARCHAR" for place in range(len(names)))
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(probing.among.table)} ({columns})")
        record = candidate.catalog.record_types[candidate.record_type]
        every = list(candidate.layout.visible)
        for with_it in (False, True):
            self._show(candidate.own_sql(every, with_it=with_it))
            for side in probing.sides.values():
                if side.record != candidate.record_type:
                    continue
                used = {name for key in names for _, name in side.key[key].columns}
                rows = canonical_select(candidate.catalog, record, used, side.systems)
                line = ", ".join(text_sql(render(side.key[n], bare), side.key[n].kind) for n in names)
                self.con.execute(
                    f"INSERT INTO {quoted(probing.among.table)} SELECT DISTINCT {line} FROM ({rows}) AS r"  # noqa: S608
                )

    def _twice(
        self, compiled: CompiledTwice, parameters: RunParameters
    ) -> tuple[list[Discrepancy], list[Discrepancy]]:
        """The clusters with the record's document, without it and with it."""
        columns = ("entity", *compiled.check.key)
        mine = self._rows(columns, with_it=True)
        touched = mine | self._rows(columns, with_it=False)
        found = []
        for with_it in (False, True):
            self._show(self.candidate.records_sql(with_it=with_it))
            if self.held is None or compiled.near is None:
                found.append(compiled.find(self.con, parameters, {identity_of(row) for row in mine})[0])
            else:
                narrow = partial(self._narrow, columns, with_it=with_it)
                indexes = partial(self._index, self.held)
                finder = NearFinder(self.con, indexes, narrow, touched if with_it else ())
                found.append(finder.find(compiled, compiled.near, mine, parameters))
        return found[0], found[1]

    def _rows(self, columns: Sequence[str], *, with_it: bool) -> set[Row]:
        texts = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in columns)
        own = self.candidate.own_sql(columns, with_it=with_it)
        return set(self.con.execute(f"SELECT DISTINCT {texts} FROM ({own})").fetchall())  # noqa: S608 - quoted

    def _narrow(self, columns: Sequence[str], rows: Collection[Row], *, with_it: bool) -> None:
        condition = among_sql([quoted(name) for name in columns], rows)
        records = self.candidate.records_sql(with_it=with_it)
        near = f"SELECT * FROM ({records}) WHERE {condition}"  # noqa: S608 - literals of ours
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {_NEAR} AS {near}")
        self._show(f"SELECT * FROM {_NEAR}")  # noqa: S608 - a name of ours

    def _index(self, held: HeldRows, compiled: CompiledTwice, near: NearSql) -> NearIndex:
        """Made when it is first asked for, over all that is held."""

        def make() -> NearIndex:
            with closing(held.engine.cursor()) as con:
                view = quoted(VIEW_PREFIX + self.candidate.record_type)
                con.execute(f"CREATE TEMP VIEW {view} AS {self._held_sql(None)}")
                return NearIndex(con, compiled, near, f"near {len(held.made)}")

        return held.derived(f"{compiled.check.code} {near}", make)
